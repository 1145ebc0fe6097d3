import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeTime, isValid, monotonicFactory } from 'ulid';
import { createUlids, packUlid, unpackUlid } from '../../src/job/id.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const NOW = Date.UTC(2026, 0, 1);
const LAST_MOMENT = 2 ** 48 - 1;
const HIGHEST = `7${'Z'.repeat(25)}`;

const ulid = fc
  .tuple(fc.constantFrom(...'01234567'), fc.array(fc.constantFrom(...ALPHABET), { minLength: 25, maxLength: 25 }))
  .map(([first, rest]) => first + rest.join(''));

/** A generator whose clock the test sets, and dice that always throw the same. */
function ulids(last?: string, random: () => number = () => 0.5) {
  const clock = { now: NOW };
  return { clock, next: createUlids({ now: () => clock.now, random }, last) };
}

function assertRising(ids: readonly string[]): void {
  for (const [index, id] of ids.entries()) {
    const before = ids[index - 1];
    assert.ok(before === undefined || before < id, `${before} comes before ${id}`);
  }
}

/** The differences between neighbours, as numbers of 130 bits. */
function stepsOf(ids: readonly string[]): bigint[] {
  const numbers = ids.map((id) =>
    Array.from(id).reduce((sum, letter) => sum * 32n + BigInt(ALPHABET.indexOf(letter)), 0n),
  );
  return numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0n));
}

describe('a ULID', () => {
  test('is one to the package `ulid` too, and tells its time', () => {
    const { next } = ulids(undefined, Math.random);
    const id = next();
    assert.ok(isValid(id));
    assert.equal(decodeTime(id), NOW);
  });

  test('has all its bits from the time and the dice', () => {
    assert.equal(createUlids({ now: () => 0, random: () => 0 })(), '0'.repeat(26));
    assert.equal(createUlids({ now: () => LAST_MOMENT, random: () => 1 - 2 ** -53 })(), HIGHEST);
  });

  test('within one millisecond is the one before plus 1, as it is with the package `ulid`', () => {
    const { next } = ulids();
    const ids = Array.from({ length: 1_000 }, next);
    assertRising(ids);
    assert.deepEqual(stepsOf(ids), Array(999).fill(1n));
    const theirs = monotonicFactory(() => 0.5);
    assert.deepEqual(stepsOf(Array.from({ length: 1_000 }, () => theirs(NOW))), stepsOf(ids));
  });

  test('in a new millisecond is thrown anew', () => {
    let throws = 0;
    const { next, clock } = ulids(undefined, () => (throws++, 0.25));
    next();
    const first = throws;
    next();
    assert.equal(throws, first);
    clock.now++;
    next();
    assert.equal(throws, 2 * first);
  });

  test('sorts after the one before when the clock is set back', () => {
    const { next, clock } = ulids();
    const ids = [next()];
    for (const back of [1, 1_000, 86_400_000, NOW]) {
      clock.now = NOW - back;
      ids.push(next(), next());
    }
    clock.now = NOW + 1;
    ids.push(next());
    assertRising(ids);
  });

  test('sorts after the last one of the run before, also with the clock set back', () => {
    const before = ulids();
    const last = [before.next(), before.next(), before.next()].at(-1);
    for (const shift of [-86_400_000, -1, 0, 1]) {
      const after = ulids(last);
      after.clock.now = NOW + shift;
      assertRising([last ?? '', after.next(), after.next()]);
    }
  });

  test('sorts after the one before through any walk of the clock and any number of restarts', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -5_000, max: 5_000 }), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (walk, dice) => {
        let now = NOW;
        let next = createUlids({ now: () => now, random: () => dice });
        const ids: string[] = [];
        for (const [shift, restarts] of walk) {
          now += shift;
          if (restarts) next = createUlids({ now: () => now, random: () => dice }, ids.at(-1));
          ids.push(next());
        }
        assertRising(ids);
        assert.ok(ids.every((id) => isValid(id)));
      }),
    );
  });

  test('borrows from the next millisecond when all 80 bits are used up, and does not give it out again', () => {
    let dice = 1 - 2 ** -53;
    const { next, clock } = ulids(undefined, () => dice);
    const [last, first] = [next(), next()];
    assert.equal(last.slice(10), 'Z'.repeat(16));
    assert.equal(first.slice(10), '0'.repeat(16));
    assert.equal(decodeTime(first), NOW + 1);
    dice = 0;
    clock.now = NOW + 1;
    assertRising([last, first, next()]);
  });

  test('goes on from a carry through every word', () => {
    for (const tail of ['Z'.repeat(6), 'Z'.repeat(13), 'Z'.repeat(19), 'Z'.repeat(22)]) {
      const last = '0'.repeat(26 - tail.length) + tail;
      const { next, clock } = ulids(last);
      clock.now = -1;
      assert.equal(next(), `${'0'.repeat(25 - tail.length)}1${'0'.repeat(tail.length)}`);
    }
  });

  test('is not poisoned by a time that is none', () => {
    for (const nonsense of [NaN, Infinity, -Infinity, LAST_MOMENT + 1, -1]) {
      const { next, clock } = ulids();
      const ids = [next()];
      clock.now = nonsense;
      ids.push(next(), next());
      clock.now = NOW + 1;
      ids.push(next());
      assertRising(ids);
      assert.equal(decodeTime(ids[3] ?? ''), NOW + 1);

      const from = ulids();
      from.clock.now = nonsense;
      const first = from.next();
      assert.notEqual(first.slice(10), `${'0'.repeat(15)}1`, 'the dice are thrown all the same');
      from.clock.now = NOW;
      const second = from.next();
      assertRising([first, second]);
      assert.equal(decodeTime(second), NOW);
    }
  });

  test('is not poisoned by a last id that is none, nor by dice that throw too high', () => {
    for (const last of ['', 'import:42', '8'.repeat(26), 'i'.repeat(26), `${HIGHEST}Z`]) {
      assert.equal(decodeTime(ulids(last).next()), NOW);
    }
    assert.equal(decodeTime(ulids(undefined, () => 1).next()), NOW);
    assert.equal(decodeTime(ulids(undefined, () => NaN).next()), NOW);
  });

  test('starts again from the present when there is no higher one', () => {
    assert.equal(decodeTime(ulids(HIGHEST).next()), NOW);
  });
});

describe('packing a ULID', () => {
  const target = new Uint32Array(8);

  test('and unpacking it gives it back', () => {
    fc.assert(
      fc.property(ulid, fc.nat({ max: 4 }), (id, offset) => {
        assert.equal(packUlid(id, target, offset), true);
        assert.equal(unpackUlid(target, offset), id);
      }),
    );
  });

  test('and packing what was unpacked gives the bits back', () => {
    const words = fc.uint32Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(words, (bits) => {
        assert.equal(packUlid(unpackUlid(bits, 0), target, 2), true);
        assert.deepEqual(target.slice(2, 6), bits);
      }),
    );
  });

  test('keeps the order', () => {
    fc.assert(
      fc.property(ulid, ulid, (left, right) => {
        const words = new Uint32Array(8);
        packUlid(left, words, 0);
        packUlid(right, words, 4);
        const differs = [0, 1, 2, 3].find((at) => words[at] !== words[at + 4]);
        const order = differs === undefined ? 0 : (words[differs] ?? 0) < (words[differs + 4] ?? 0) ? -1 : 1;
        assert.equal(order, left === right ? 0 : left < right ? -1 : 1);
      }),
    );
  });

  test('has the bits where the specification has them', () => {
    packUlid('00000000010000000000000000', target, 0);
    assert.deepEqual([...target.slice(0, 4)], [0, 0x10000, 0, 0]);
    packUlid('00000000000000000000000001', target, 0);
    assert.deepEqual([...target.slice(0, 4)], [0, 0, 0, 1]);
    packUlid(HIGHEST, target, 0);
    assert.deepEqual([...target.slice(0, 4)], Array(4).fill(0xffff_ffff));
  });

  test('takes every letter at every place and refuses every other character there', () => {
    const id = '01ARYZ6S41TSV4RRFFQ69G5FAV';
    for (let at = 0; at < 26; at++) {
      for (let code = 0; code < 0x250; code++) {
        const letter = String.fromCharCode(code);
        const candidate = id.slice(0, at) + letter + id.slice(at + 1);
        const isOne = ALPHABET.includes(letter) && (at > 0 || letter <= '7');
        assert.equal(packUlid(candidate, target, 0), isOne, candidate);
        if (isOne) assert.equal(unpackUlid(target, 0), candidate);
      }
    }
  });

  test('refuses what would not come back as it is, and writes nothing', () => {
    const untouched = new Uint32Array([1, 2, 3, 4]);
    const refused = [
      '',
      'A',
      HIGHEST.toLowerCase(),
      HIGHEST.slice(1),
      `${HIGHEST}0`,
      `8${'0'.repeat(25)}`,
      '😀'.repeat(13),
    ];
    for (const id of refused) assert.equal(packUlid(id, untouched, 0), false, id);
    assert.deepEqual([...untouched], [1, 2, 3, 4]);
  });

  test('never takes what it does not give back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 26, maxLength: 26, unit: 'binary' }), (id) => {
        if (packUlid(id, target, 0)) assert.equal(unpackUlid(target, 0), id);
      }),
    );
  });
});
