import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_NAMES } from '../../src/job/names.ts';
import { openMovedEngine } from '../support/engine.ts';

test('one type name more than an engine can tell apart is refused, and the engine goes on', async (t) => {
  const site = await openMovedEngine(t);
  const all = Array.from({ length: MOST_NAMES }, (_, n) => [`type:${n}`] as const);
  await site.jobs.enqueueAll(all.slice(1));
  const refusal = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'type', message: /at most 65535 different names/ };
  await assert.rejects(site.jobs.enqueueAll([['type:7'], ['type:0'], ['one:more']]), refusal);
  const { jobs } = await site.jobs.list({ type: 'type:0' });
  assert.deepEqual(jobs, [], 'nothing of a refused group is stored');
  await site.jobs.enqueue('type:0', undefined);
  await assert.rejects(site.jobs.enqueue('one:more', undefined), refusal);
  await site.jobs.enqueue('type:0', undefined);
});

test('slots are kept for no queue that no number is left for, at the door and of the options', async (t) => {
  const site = await openMovedEngine(t);
  await site.jobs.enqueueAll(
    Array.from({ length: MOST_NAMES }, (_, n) => ['work', n, { queue: `queue-${n}` }] as const),
  );
  const refusal = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'queue', message: /at most 65535 different names/ };
  await assert.rejects(site.jobs.configureQueue('one-more', { minimum: 1 }), refusal);
  await site.jobs.configureQueue('queue-7', { minimum: 1 });
  const jobs = await site.kill({ queues: { 'one-more': { minimum: 1 } } });
  await assert.rejects(jobs.enqueue('work', undefined, { queue: 'one-more' }), refusal);
  assert.equal((await jobs.counts()).waiting, MOST_NAMES);
});
