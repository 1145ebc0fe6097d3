import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { packUlid, unpackUlid } from '../../src/job/id.ts';
import { Ids } from '../../src/job/ids.ts';

/** The hash of an id that is not a ULID (FNV-1a), written out again to find ids that collide. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const letter of id) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

function ulidOf(...words: [number, number, number, number]): string {
  return unpackUlid(Uint32Array.from(words), 0);
}

/** Pairs of words with one hash, known from lists of FNV-1a collisions. */
const COLLIDING = ['costarring', 'liquid', 'declinate', 'macallums', 'altarage', 'zinke', 'altarages', 'zinkes'];
/** ULIDs that stand under the same hash: only words 1 and 3 go into it. */
const NEIGHBOURS = Array.from({ length: 8 }, (_, n) => ulidOf(n, 7, n * 99, 5));
/** ULIDs whose words are what is kept for an id of the same hash that is no ULID. */
const LOOKALIKES = [...new Set(COLLIDING.map(hashOf))].map((hash) => ulidOf(hash, hash, hash, hash));

const ids = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...COLLIDING, ...NEIGHBOURS, ...LOOKALIKES) },
  { weight: 3, arbitrary: fc.nat({ max: 150 }).map((n) => ulidOf(n % 3, n % 7, n, n * 2_654_435_761)) },
  { weight: 3, arbitrary: fc.nat({ max: 150 }).map((n) => `job:${n}`) },
  { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_.:@-]{1,128}$/) },
);
const slots = fc.nat({ max: 200 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), slot: slots, id: ids }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), slot: slots }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('find' as const), id: ids }) },
);

describe('ids', () => {
  test('are told apart by each of their words, wherever they stand in the index', () => {
    for (const word of [0, 1, 2, 3]) {
      const known = new Ids();
      // Neighbours in the index are compared with one another, since it is filled as far as it may be.
      const all = Array.from({ length: 3_000 }, (_, n) => {
        const words: [number, number, number, number] = [1, 2, 3, 4];
        words[word] = n;
        return ulidOf(...words);
      });
      for (const [slot, id] of all.slice(0, word % 2 === 0 ? 300 : undefined).entries()) known.set(slot, id);
      for (const [slot, id] of all.slice(0, known.size).entries()) assert.equal(known.find(id), slot);
      assert.equal(known.find(ulidOf(1, 2, 3, 5_000_000)), -1);
    }
  });

  test('do what two Maps would do, with ids that collide among them', () => {
    let steps = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300, size: 'max' }), (script) => {
        const stored = new Ids();
        const slotOf = new Map<string, number>();
        const idOf = new Map<number, string>();
        for (const next of script) {
          steps++;
          if (next.kind === 'find') {
            assert.equal(stored.find(next.id), slotOf.get(next.id) ?? -1);
          } else if (next.kind === 'delete') {
            const id = idOf.get(next.slot);
            if (id === undefined) continue;
            stored.delete(next.slot);
            slotOf.delete(id);
            idOf.delete(next.slot);
          } else if (!slotOf.has(next.id) && !idOf.has(next.slot)) {
            stored.set(next.slot, next.id);
            slotOf.set(next.id, next.slot);
            idOf.set(next.slot, next.id);
          }
          assert.equal(stored.size, slotOf.size);
        }
        for (const [id, slot] of slotOf) {
          assert.equal(stored.find(id), slot);
          assert.equal(stored.of(slot), id);
          assert.equal(stored.isUlid(slot), packUlid(id, new Uint32Array(4), 0));
        }
        for (const id of [...COLLIDING, ...NEIGHBOURS, ...LOOKALIKES])
          assert.equal(stored.find(id), slotOf.get(id) ?? -1);
      }),
      { numRuns: 150 },
    );
    assert.ok(steps >= 10_000, `only ${steps} steps were tried`);
  });

  test('of one hash are told apart, and stay found when one of them is forgotten', () => {
    for (let n = 0; n < COLLIDING.length; n += 2) {
      assert.equal(hashOf(COLLIDING[n] as string), hashOf(COLLIDING[n + 1] as string), 'they do collide');
    }
    const all = [...COLLIDING, ...LOOKALIKES, ...NEIGHBOURS];
    for (const forgotten of all.keys()) {
      const stored = new Ids();
      for (const [slot, id] of all.entries()) stored.set(slot, id);
      stored.delete(forgotten);
      for (const [slot, id] of all.entries())
        assert.equal(stored.find(id), slot === forgotten ? -1 : slot, `${id} of ${forgotten}`);
    }
  });

  test('may be forgotten in any order where their places run on beyond the end of the index', () => {
    // All in one run of places: whoever leaves must not cut off those behind.
    const all = Array.from({ length: 60 }, (_, n) => ulidOf(n, 0, 0, 0));
    for (const stride of [1, 7, 11, 13, 59]) {
      const stored = new Ids();
      for (const [slot, id] of all.entries()) stored.set(slot, id);
      for (let n = 0, slot = 0; n < all.length; n++, slot = (slot + stride) % all.length) {
        stored.delete(slot);
        const gone = new Set(Array.from({ length: n + 1 }, (_, m) => (m * stride) % all.length));
        for (const [other, id] of all.entries()) assert.equal(stored.find(id), gone.has(other) ? -1 : other);
      }
      assert.equal(stored.size, 0);
    }
  });

  test('give a slot another id after the one before was forgotten, of the other sort too', () => {
    const stored = new Ids();
    const [ulid, other] = [ulidOf(1, 2, 3, 4), ulidOf(5, 6, 7, 8)];
    for (const id of ['a', ulid, 'b', 'c', other]) {
      stored.set(3, id);
      assert.equal(stored.of(3), id);
      assert.equal(stored.find(id), 3);
      stored.delete(3);
      assert.equal(stored.find(id), -1);
    }
  });

  test('come back as they were for a hundred thousand of both sorts, and grow by themselves', () => {
    const stored = new Ids();
    const idAt = (slot: number): string =>
      slot % 3 === 0 ? `order:${slot}` : ulidOf(slot, slot >>> 3, slot * 17, slot * 31);
    for (let slot = 0; slot < 100_000; slot++) stored.set(slot, idAt(slot));
    for (let slot = 0; slot < 100_000; slot += 2) stored.delete(slot);
    for (let slot = 0; slot < 100_000; slot++) assert.equal(stored.find(idAt(slot)), slot % 2 === 0 ? -1 : slot);
    assert.equal(stored.size, 50_000);
  });

  test('that are ULIDs give their words to the log as they are', () => {
    const stored = new Ids();
    stored.set(0, 'custom');
    stored.set(1, ulidOf(11, 22, 33, 44));
    assert.deepEqual(
      [0, 1, 2, 3].map((n) => stored.word(1, n)),
      [11, 22, 33, 44],
    );
    assert.ok(stored.isUlid(1) && !stored.isUlid(0));
  });

  test('that only look like ULIDs are kept as they were given', () => {
    const stored = new Ids();
    const odd = [
      '01hzzzzzzzzzzzzzzzzzzzzzzz',
      '81HZZZZZZZZZZZZZZZZZZZZZZZ',
      '01HIZZZZZZZZZZZZZZZZZZZZZZ',
      '__proto__',
      'constructor',
    ];
    for (const [slot, id] of odd.entries()) stored.set(slot, id);
    for (const [slot, id] of odd.entries()) {
      assert.equal(stored.of(slot), id);
      assert.equal(stored.find(id), slot);
    }
    assert.equal(stored.find('01HZZZZZZZZZZZZZZZZZZZZZZZ'), -1);
  });
});
