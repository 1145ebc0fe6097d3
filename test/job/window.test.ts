import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Window } from '../../src/job/window.ts';

const PER_MS = 100;

test('no stretch of time of that length holds more starts than the limit, and none is refused that would fit', () => {
  const act = fc.record({ passes: fc.nat(60), asks: fc.nat(4), late: fc.nat(5), fails: fc.nat(9) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(act, { maxLength: 40 }), (limit, acts) => {
      const window = new Window({ limit, perMs: PER_MS });
      const starts: number[] = [];
      let now = 0;
      for (const { passes, asks, late, fails } of acts) {
        now += passes;
        for (let n = 0; n < asks; n++) {
          const at = window.nextAt(now);
          const inWindow = starts.filter((start) => start > now - PER_MS);
          assert.equal(at === 0, inWindow.length < limit);
          // The moment it names is the first at which there is room.
          if (at > 0) assert.equal(at, (inWindow[inWindow.length - limit] as number) + PER_MS);
          if (at > 0) continue;
          window.promise();
          if (fails === 0) window.breakPromise();
          else {
            now += late;
            window.keepPromise(now);
            starts.push(now);
          }
        }
      }
      for (const [n, start] of starts.entries()) {
        const beyond = starts[n + limit];
        assert.ok(beyond === undefined || beyond >= start + PER_MS);
      }
    }),
    { numRuns: 10_000 },
  );
});

test('starts that were promised count before they are recorded', () => {
  const window = new Window({ limit: 2, perMs: PER_MS });
  window.promise();
  window.promise();
  assert.equal(window.nextAt(0), PER_MS);
  window.keepPromise(7);
  window.breakPromise();
  assert.equal(window.nextAt(10), 0);
  window.promise();
  assert.equal(window.nextAt(10), 7 + PER_MS);
});

test('what nobody used is not saved up', () => {
  const window = new Window({ limit: 3, perMs: PER_MS });
  const burst = (now: number): number => {
    let count = 0;
    for (; window.nextAt(now) === 0; count++) window.note(now);
    return count;
  };
  assert.deepEqual(
    [burst(0), burst(PER_MS - 1), burst(1e9), burst(1e9 + PER_MS - 1), burst(1e9 + PER_MS)],
    [3, 0, 3, 0, 3],
  );
});

test('a clock that is set back holds nothing up for longer than the window', () => {
  const window = new Window({ limit: 1, perMs: PER_MS });
  window.note(1_000_000);
  assert.equal(window.nextAt(500), 500 + PER_MS);
  assert.equal(window.nextAt(500 + PER_MS), 0);
});

test('a limit that is lowered holds for the starts that were', () => {
  const window = new Window({ limit: 5, perMs: PER_MS });
  for (let at = 0; at < 5; at++) window.note(at);
  window.rate = { limit: 2, perMs: PER_MS };
  assert.equal(window.nextAt(10), 3 + PER_MS);
});

test('a clock that is set back after some starts were forgotten keeps the others', () => {
  const window = new Window({ limit: 1, perMs: PER_MS });
  window.note(0);
  window.note(1_000);
  assert.deepEqual(window.moments(1_000), [1_000]);
  assert.equal(window.nextAt(500), 500 + PER_MS);
  assert.deepEqual(window.moments(500), [500]);
});

test('it is empty when nothing is promised and all starts are long ago', () => {
  const window = new Window({ limit: 3, perMs: PER_MS });
  assert.ok(window.isEmpty(0) && !window.hasPromised);
  window.promise();
  assert.ok(!window.isEmpty(0) && window.hasPromised);
  window.breakPromise();
  assert.ok(window.isEmpty(0) && !window.hasPromised);
  window.note(10);
  assert.deepEqual([window.isEmpty(10), window.isEmpty(9 + PER_MS), window.isEmpty(10 + PER_MS)], [false, false, true]);
});

test('a start from before there was a limit is noted without a promise', () => {
  const window = new Window({ limit: 1, perMs: PER_MS });
  window.keepPromise(5);
  assert.deepEqual([window.hasPromised, window.nextAt(6)], [false, 5 + PER_MS]);
  window.promise();
  assert.ok(window.hasPromised);
});

test('only the starts of the last stretch are remembered, few or many', () => {
  for (const count of [10, 65, 130, 1_000]) {
    const window = new Window({ limit: 1e6, perMs: 5 });
    for (let at = 0; at < count; at++) window.note(at);
    const newest = [5, 4, 3, 2, 1].map((back) => count - back);
    assert.deepEqual(window.moments(count - 1), newest);
    assert.deepEqual(window.moments(count - 1), newest, 'asked again');
    window.rate = { limit: 1, perMs: 5 };
    assert.equal(window.nextAt(count - 1), count - 1 + 5);
  }
});

test('a start may be noted if it was promised, or if there is room', () => {
  const window = new Window({ limit: 1, perMs: PER_MS });
  assert.ok(window.allows(0));
  window.note(0);
  assert.ok(!window.allows(PER_MS - 1) && window.allows(PER_MS));
  window.promise();
  assert.ok(window.allows(1), 'what was promised is kept');
});

test('what was promised by one rate is asked for again when there is another', () => {
  const window = new Window({ limit: 2, perMs: PER_MS });
  assert.deepEqual(window.rate, { limit: 2, perMs: PER_MS });
  window.promise();
  window.rate = { limit: 1, perMs: 7 };
  assert.deepEqual([window.rate, window.hasPromised, window.nextAt(0)], [{ limit: 1, perMs: 7 }, false, 0]);
});

test('starts that are noted while the clock goes back a little do not run backwards', () => {
  const window = new Window({ limit: 9, perMs: PER_MS });
  for (const at of [10, 5, 20]) window.note(at);
  assert.deepEqual(window.moments(20), [10, 10, 20]);
  assert.deepEqual(window.moments(10 + PER_MS), [20]);
});

test('few starts that were forgotten do not come again', () => {
  const window = new Window({ limit: 9, perMs: PER_MS });
  for (const at of [0, 200, 210, 220]) window.note(at);
  assert.deepEqual(window.moments(220), [200, 210, 220]);
  window.note(230);
  assert.deepEqual(
    [window.moments(230), window.moments(305)],
    [
      [200, 210, 220, 230],
      [210, 220, 230],
    ],
  );
  assert.equal(window.isEmpty(305), false);
});

test('a clock that is set back to the moment of the newest start changes nothing', () => {
  const window = new Window({ limit: 9, perMs: PER_MS });
  for (const at of [10, 20]) window.note(at);
  assert.deepEqual(window.moments(20), [10, 20]);
  assert.deepEqual(window.moments(15), [5, 15], 'they keep their distances');
  assert.deepEqual(window.moments(16), [5, 15], 'and are not moved again');
});
