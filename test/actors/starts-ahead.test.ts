// How many attempts should lie ready for a thread: none before anything is known, and as many as last for about the gap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_READY, StartsAhead } from '../../src/actors/starts-ahead.ts';

function after(...ms: readonly number[]): StartsAhead {
  const ahead = new StartsAhead();
  for (const each of ms) ahead.ran(each);
  return ahead;
}

test('nothing lies ready before a handler has run', () => {
  assert.equal(after().perThread, 0);
});

test('what lies ready lasts for about two milliseconds, and is one at least', () => {
  const expected: readonly (readonly [ms: number, ready: number])[] = [
    ...([
      [0, MOST_READY],
      [0.1, MOST_READY],
      [0.125, 16],
      [0.5, 4],
      [1, 2],
      [2, 1],
      [20, 1],
      [50, 1],
    ] as const),
    ...([
      [50.1, 0],
      [5_000, 0],
    ] as const),
  ];
  for (const [ms, ready] of expected) assert.equal(after(ms).perThread, ready, `${ms} ms`);
});

test('a thread cannot say that a handler ran for less than no time', () => {
  assert.equal(after(-1).perThread, MOST_READY);
});

test('it follows the times that handlers take, and forgets one that was long', () => {
  const ahead = after(...Array.from({ length: 50 }, () => 0.1));
  ahead.ran(5_000);
  assert.equal(ahead.perThread, 0);
  for (let n = 0; n < 30; n++) ahead.ran(0.1);
  assert.ok(ahead.perThread > 0);
});

test('when something has lain ready for too long nothing more does, until handlers are quick again', () => {
  const ahead = after(1);
  ahead.waitedTooLong();
  assert.equal(ahead.perThread, 0);
  for (let n = 0; n < 10; n++) ahead.ran(1);
  assert.equal(ahead.perThread, 1);
  const slow = after(5_000);
  slow.waitedTooLong();
  slow.ran(1);
  assert.equal(slow.perThread, 0, 'it was known to be slower');
});
