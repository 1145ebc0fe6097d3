import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newestAfter } from '../../src/log/store.ts';

const frame = (sequence: number) => ({ sequence, bytes: new Uint8Array() });

test('a batch of frames is one behind the other, and the newest is known after it', () => {
  assert.equal(newestAfter([], undefined, 7), 7);
  assert.equal(newestAfter([frame(8), frame(9), frame(20)], undefined, 7), 20);
  assert.equal(newestAfter([frame(8)], { from: 1, below: 1 }, 7), 8);
  assert.equal(newestAfter([], { from: 3, below: 8 }, 7), 7);
});

test('a frame that is not newer than all others is refused, with what was expected', () => {
  for (const frames of [[7], [6], [8, 8], [8.5], [Number.NaN], [2 ** 53]]) {
    assert.throws(() => newestAfter(frames.map(frame), undefined, 7), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
      field: 'sequence',
      message: new RegExp(`a whole number above ${frames.length === 2 ? 8 : 7}`),
    });
  }
});

test('frames that are no range cannot be dropped', () => {
  for (const [from, below] of [
    [0, 3],
    [4, 3],
    [1.5, 3],
    [1, 3.5],
    [1, Number.NaN],
  ] as const) {
    assert.throws(() => newestAfter([], { from, below }, 7), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
      field: 'drop',
      message: new RegExp(`whole numbers, from 1 and not above below.*from ${from} below ${below}`),
    });
  }
});
