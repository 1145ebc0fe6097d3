// A slot is used again when its job is forgotten. Nothing of the old job may be left where the new one could be taken for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob } from '../../src/index.ts';
import { openMovedEngine } from '../support/engine.ts';

const HOUR_MS = 3_600_000;

/** A job type whose handlers run until they are let go. */
function gated() {
  const runs: string[] = [];
  const gates = new Map<string, () => void>();
  const job = defineJob({
    type: 'gated',
    run(name: string) {
      runs.push(name);
      return new Promise<void>((resolve) => gates.set(name, resolve));
    },
  });
  return { job, runs, letGo: (name: string) => gates.get(name)?.() };
}

test('a delayed job in the slot of one that was cancelled while it waited is not started in its place', async (t) => {
  // Retention and the queues once shared one table of heap places: a waiting job that was cancelled went into the heap
  // of the finished before it had left the heap of the ready, where it then could not be found any more.
  const { job, runs, letGo } = gated();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1, keep: { cancelled: { count: 0 } } });
  await site.jobs.enqueue(job, 'runs');
  await site.jobs.enqueue(job, 'first in line');
  const { id } = await site.jobs.enqueue(job, 'is cancelled');
  await site.jobs.cancel(id);
  await site.clock.settle();
  assert.equal(await site.jobs.get(id), undefined, 'it is forgotten, and its slot free');
  await site.jobs.enqueue(job, 'is due later', { delay: HOUR_MS });
  letGo('runs');
  await site.clock.settle();
  letGo('first in line');
  await site.clock.settle();
  assert.deepEqual(runs, ['runs', 'first in line']);
  await site.clock.pass(HOUR_MS);
  assert.deepEqual(runs, ['runs', 'first in line', 'is due later']);
  letGo('is due later');
});

test('jobs cancelled while they wait leave the queue in order for those that stay', async (t) => {
  const { job, runs, letGo } = gated();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1 });
  const names = Array.from({ length: 40 }, (_, n) => `${n}`);
  const handles = new Map<string, string>();
  for (const name of names) handles.set(name, (await site.jobs.enqueue(job, name, { priority: Number(name) % 3 })).id);
  const cancelled = names.filter((name) => Number(name) % 4 === 1);
  for (const name of cancelled) await site.jobs.cancel(handles.get(name) as string);
  const rest = names.slice(1).filter((name) => !cancelled.includes(name));
  rest.sort((a, b) => (Number(b) % 3) - (Number(a) % 3) || Number(a) - Number(b));
  for (const name of ['0', ...rest]) {
    assert.equal(runs.at(-1), name);
    letGo(name);
    await site.clock.settle();
  }
  assert.equal(runs.length, rest.length + 1);
});
