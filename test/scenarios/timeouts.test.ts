// An attempt that takes too long: the signal, the grace, and then it is over, whether its handler agrees or not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type Duration, type JobContext, type OpenOptions } from '../../src/index.ts';
import { latch, openMovedEngine } from '../support/engine.ts';

type Timeout = Duration | 'none';
const LEVELS: Readonly<
  Record<string, { job?: Timeout; type?: Timeout; queue?: Timeout; engine?: Timeout; expectedMs: number }>
> = {
  'by default': { expectedMs: 3_600_000 },
  'for the engine': { engine: '40s', expectedMs: 40_000 },
  'for the queue, over the engine': { engine: '40s', queue: '3s', expectedMs: 3_000 },
  'for the type, over the queue': { engine: '40s', queue: '3s', type: '50s', expectedMs: 50_000 },
  'for the job, over all': { engine: '40s', queue: '3s', type: 'none', job: 250, expectedMs: 250 },
};
for (const [where, { job: own, type, queue, engine, expectedMs }] of Object.entries(LEVELS)) {
  test(`the timeout that is said ${where} is the one that holds`, async (t) => {
    const timeout = (value: Timeout | undefined): { timeout?: Timeout } =>
      value === undefined ? {} : { timeout: value };
    const aborts: number[] = [];
    const job = defineJob({
      type: 'slow',
      queue: 'q',
      ...timeout(type),
      retry: { attempts: 2, backoff: constant('1m') },
      run: (_: undefined, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborts.push(site.clock.now());
            reject(signal.reason as Error);
          });
        }),
    });
    const site = await openMovedEngine(t, { jobs: [job], ...timeout(engine), queues: { q: timeout(queue) } });
    const begunAt = site.clock.now();
    const { id } = await site.jobs.enqueue(job, undefined, timeout(own));
    assert.equal((await site.jobs.get(id))?.timeoutMs, expectedMs);
    await site.drive(assert.rejects(site.jobs.wait(id), { reason: 'exhausted' }));
    assert.deepEqual(aborts, [begunAt + expectedMs, begunAt + 2 * expectedMs + 60_000]);
    const errors = (await site.jobs.get(id))?.errors ?? [];
    assert.deepEqual(
      errors.map(({ code, message }) => [code, message]),
      Array.from({ length: 2 }, () => [
        'HOLDFAST_ATTEMPT_TIMEOUT',
        `The attempt took longer than its timeout of ${expectedMs} ms.`,
      ]),
    );
  });
}

/** A handler that ends when the test says so. */
function handled(options: Pick<OpenOptions, 'timeout'> = {}) {
  const contexts: JobContext[] = [];
  const ends = Array.from({ length: 5 }, () => latch<string>());
  const job = defineJob({
    type: 'handled',
    timeout: options.timeout ?? '10s',
    retry: { attempts: 2, backoff: constant('1m') },
    run(_: undefined, ctx) {
      contexts.push(ctx);
      return (ends[contexts.length - 1] as (typeof ends)[0]).promise;
    },
  });
  return { job, contexts, ends };
}

test('an attempt without a timeout may take a year', async (t) => {
  const { job, ends } = handled({ timeout: 'none' });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(365 * 86_400_000);
  ends[0]?.open('at last');
  assert.equal(await site.jobs.wait(id), 'at last');
});

test('a result after the timeout but within the grace is a failed attempt all the same', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s' });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(10_000);
  const signal = contexts[0]?.signal;
  assert.equal(signal?.aborted, true);
  assert.equal((signal.reason as { code: string }).code, 'HOLDFAST_ATTEMPT_TIMEOUT');
  ends[0]?.open('too late');
  await site.clock.settle();
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.state, view?.attempts, view?.result], ['waiting', 1, undefined]);
  assert.equal(view?.errors[0]?.code, 'HOLDFAST_ATTEMPT_TIMEOUT');
});

test('a handler that ignores its timeout has failed after the grace, and the next attempt waits for its own time', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s', concurrency: 2 });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(14_999);
  assert.equal((await site.jobs.get(id))?.state, 'running');
  await site.clock.pass(1);
  assert.equal((await site.jobs.get(id))?.state, 'waiting');
  await site.clock.pass(60_000);
  assert.equal(contexts.length, 2);
  ends[1]?.open('second');
  assert.equal(await site.jobs.wait(id), 'second');
  ends[0]?.open('first');
  await site.clock.settle();
  assert.equal((await site.jobs.get(id))?.result, 'second');
});

test('extend moves the timeout, each time from now', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  for (let n = 0; n < 5; n++) {
    await site.clock.pass(9_000);
    await contexts[0]?.extend(10_000);
  }
  assert.equal(contexts[0]?.signal.aborted, false);
  await contexts[0].extend(1_000);
  await site.clock.pass(999);
  assert.equal(contexts[0].signal.aborted, false);
  await site.clock.pass(1);
  assert.equal(contexts[0].signal.aborted, true);
  await contexts[0].extend(60_000);
  await site.clock.pass(5_000);
  assert.equal((await site.jobs.get(id))?.attempts, 1, 'once the signal is out it is too late');
  ends[0]?.open('');
});

test('extend takes milliseconds above 0 and nothing else', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  await site.jobs.enqueue(job);
  await site.clock.settle();
  for (const ms of [0, -1, NaN, Infinity, '5m', undefined]) {
    await assert.rejects((contexts[0] as JobContext).extend(ms as number), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
      field: 'extend',
    });
  }
  ends[0]?.open('');
});

test('a timeout counts time that passes, not what the wall clock says', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  await site.jobs.enqueue(job);
  await site.clock.settle();
  site.clock.jump(86_400_000);
  await site.clock.settle();
  site.clock.jump(-2 * 86_400_000);
  await site.clock.pass(9_999);
  assert.equal(contexts[0]?.signal.aborted, false);
  await site.clock.pass(1);
  assert.equal(contexts[0].signal.aborted, true);
  ends[0]?.open('');
});

test('a job that is cancelled while its timeout runs out keeps the first reason to stop', async (t) => {
  const { job, contexts, ends } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s' });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(10_000);
  assert.equal(await site.jobs.cancel(id, 'enough'), true);
  assert.equal((contexts[0]?.signal.reason as { code: string }).code, 'HOLDFAST_ATTEMPT_TIMEOUT');
  ends[0]?.open('');
  await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
});
