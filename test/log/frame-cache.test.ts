import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameCache } from '../../src/log/frame-cache.ts';
import type { Frame } from '../../src/log/frame.ts';
import { enqueued, frameOf } from '../support/log.ts';

function frame(sequence: number, size: number): Frame {
  const { frame } = frameOf([enqueued(0)], { sequence });
  return { ...frame, bytes: Buffer.alloc(size) };
}

function kept(cache: FrameCache): number[] {
  return Array.from({ length: 20 }, (_, n) => n).filter((sequence) => cache.get(sequence) !== undefined);
}

describe('the cache of frames', () => {
  test('keeps the frames put in last, up to its bytes', () => {
    const cache = new FrameCache(100_000);
    for (let n = 1; n <= 15; n++) cache.put(frame(n, 30_000));
    assert.deepEqual(kept(cache), [13, 14, 15]);
    cache.put(frame(16, 5_000));
    assert.deepEqual(kept(cache), [13, 14, 15, 16]);
  });

  test('gives back the frame that was put in', () => {
    const cache = new FrameCache(100_000);
    const given = frame(3, 10_000);
    cache.put(given);
    assert.equal(cache.get(3), given);
    assert.equal(cache.get(4), undefined);
  });

  test('keeps the newest frame even if it alone is too large, and nothing beside it', () => {
    const cache = new FrameCache(100_000);
    cache.put(frame(1, 40_000));
    cache.put(frame(2, 500_000));
    assert.deepEqual(kept(cache), [2]);
    cache.put(frame(3, 40_000));
    assert.deepEqual(kept(cache), [3]);
  });

  test('counts a frame that is put in again once, and as the newest', () => {
    const cache = new FrameCache(100_000);
    for (const n of [1, 2, 3]) cache.put(frame(n, 30_000));
    for (let again = 0; again < 10; again++) cache.put(frame(1, 30_000));
    cache.put(frame(4, 30_000));
    assert.deepEqual(kept(cache), [1, 3, 4]);
    for (const n of [5, 6, 7, 8, 9]) cache.put(frame(n, 30_000));
    assert.deepEqual(kept(cache), [7, 8, 9], 'it has one turn, as the others have');
  });

  test('keeps what just fits', () => {
    const cache = new FrameCache(2 * (30_000 + 512));
    for (const n of [1, 2]) cache.put(frame(n, 30_000));
    assert.deepEqual(kept(cache), [1, 2]);
    cache.put(frame(2, 30_001));
    assert.deepEqual(kept(cache), [2]);
  });

  test('lets a frame stay that was asked for since its last turn, once for each turn', () => {
    const cache = new FrameCache(100_000);
    for (const n of [1, 2, 3]) cache.put(frame(n, 30_000));
    assert.ok(cache.get(1));
    for (const n of [4, 5]) cache.put(frame(n, 30_000));
    assert.deepEqual(kept(cache), [1, 4, 5]);
    for (const n of [6, 7, 8]) cache.put(frame(n, 30_000));
    assert.deepEqual(kept(cache), [6, 7, 8], 'all were wanted, so all had their turn');
  });

  test('has as many turns as frames, however many go through it', () => {
    const cache = new FrameCache(100_000);
    for (let n = 1; n <= 5_000; n++) {
      cache.put(frame(n, 30_000));
      if (n % 100 > 0) continue;
      for (let last = n - 2; last <= n; last++) assert.ok(cache.get(last));
      assert.equal(cache.get(n - 3), undefined);
    }
  });

  test('of no bytes keeps one frame, so that what was just read can be used', () => {
    const cache = new FrameCache(0);
    cache.put(frame(1, 30_000));
    cache.put(frame(2, 30_000));
    assert.deepEqual(kept(cache), [2]);
  });

  test('counts what a frame takes beside its bytes, which is more than a small one has', () => {
    const cache = new FrameCache(100_000);
    for (let n = 1; n <= 1_000; n++) cache.put(frame(n, 100));
    assert.ok(cache.get(1_000 - 100));
    assert.equal(cache.get(1_000 - 200), undefined);
  });
});
