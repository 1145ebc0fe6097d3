import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MemoryFrames, openMemoryStore } from '../../src/log/memory-store.ts';
import { frame, numbers, storeLaws } from './store-laws.ts';

storeLaws('a store in memory', async () => {
  const frames: MemoryFrames = new Map();
  return async () => openMemoryStore(frames);
});

test('a store in memory forgets when its frames are not handed on', async () => {
  const store = openMemoryStore();
  await store.write([frame(1)], undefined);
  await store.close();
  assert.deepEqual(await numbers(openMemoryStore().scan()), []);
});

test('a store in memory never answers in the same turn, so code cannot come to rely on it', async () => {
  const store = openMemoryStore();
  const order: string[] = [];
  const written = store.write([frame(1)], undefined).then(() => order.push('written'));
  const read = store.read(1).then(() => order.push('read'));
  order.push('called');
  await Promise.all([written, read]);
  assert.equal(order[0], 'called');
  await store.close();
});
