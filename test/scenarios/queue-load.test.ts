// No limit is exceeded and nobody waits longer than is stated, with many queues and keys at once; `queue-load.ts` by itself
// does the same with a hundred thousand jobs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueLoad } from './queue-load.ts';

test('with 50 queues and 500 keys no limit is exceeded, and every queue and key has its turn in time', async () => {
  const { fullest, fastest, queueWait, keyWait } = await queueLoad(5_000);
  for (const [what, share] of Object.entries(fullest)) assert.ok(share <= 1, `${what}: ${share}`);
  assert.equal(fullest.engine, 1, 'the engine was full at some time');
  assert.ok(fastest <= 1, `${fastest} of a rate`);
  assert.ok(queueWait[0] <= queueWait[1], `${queueWait[0]} starts of other queues`);
  assert.ok(keyWait[0] <= keyWait[1], `${keyWait[0]} starts of other keys`);
});
