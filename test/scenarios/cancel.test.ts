// Cancelled is cancelled: a job that waits never starts, one that runs is asked, and then made to end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type JobContext, type JobDefinition, type JobOptions } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, seen, storyOf, type Latch } from '../support/engine.ts';

let starts = 0;
const counts = defineJob({ type: 'counts', run: () => void starts++ });

const WAITING: readonly (readonly [what: string, type: string, options: JobOptions])[] = [
  ['that nobody can run', 'nobody', {}],
  ['that is due later', 'counts', { delay: '1h' }],
];
for (const [what, type, options] of WAITING) {
  test(`a job ${what} never starts once it is cancelled, nor after a restart`, async (t) => {
    starts = 0;
    const site = await openMovedEngine(t, { jobs: [] });
    const job = await site.jobs.enqueue(type, undefined, options);
    const result = assert.rejects(job.result(), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'album closed' });
    assert.equal(await site.jobs.cancel(job.id, 'album closed'), true);
    await result;
    const { state, reason, finishedAt } = (await site.jobs.get(job.id)) ?? {};
    assert.deepEqual(
      { state, reason, finishedAt },
      { state: 'cancelled', reason: 'album closed', finishedAt: site.clock.now() },
    );
    const nobodyNow = defineJob({ type: 'nobody', run: () => void starts++ });
    const jobs = await site.kill({ jobs: [counts, nobodyNow], keep: { cancelled: { age: 'forever' } } });
    await site.clock.pass(86_400_000);
    assert.equal(starts, 0);
    await assert.rejects(jobs.wait(job.id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'album closed' });
  });
}

test('a job that waits for a slot never starts once it is cancelled', async (t) => {
  starts = 0;
  const stay = latch();
  const blocks = defineJob({ type: 'blocks', run: () => stay.promise });
  const site = await openMovedEngine(t, { jobs: [blocks, counts], concurrency: 1 });
  await site.jobs.enqueue(blocks);
  const job = await site.jobs.enqueue(counts);
  assert.equal(await site.jobs.cancel(job.id), true);
  stay.open();
  await assert.rejects(job.result(), { code: 'HOLDFAST_JOB_CANCELLED', reason: undefined });
  await site.clock.settle();
  assert.equal(starts, 0);
});

test('a job that waits for its next attempt never starts once it is cancelled', async (t) => {
  let attempts = 0;
  const fails = defineJob({
    type: 'fails',
    retry: { backoff: constant('1m') },
    run() {
      attempts++;
      throw new Error('no');
    },
  });
  const site = await openMovedEngine(t, { jobs: [fails] });
  const job = await site.jobs.enqueue(fails);
  await seen(site.jobs, job.id, 'failed');
  assert.equal(await site.jobs.cancel(job.id), true);
  await site.clock.pass(86_400_000 - 1);
  assert.equal(attempts, 1);
  assert.equal((await site.jobs.get(job.id))?.errors[0]?.message, 'no');
});

test('a cancel in the moment of the acceptance is before the start, or the handler sees it', async (t) => {
  for (const isAwaited of [true, false]) {
    const job = defineJob({ type: 'polite', run: (_: undefined, { signal }) => untilAborted(signal) });
    const site = await openTestEngine(t, { jobs: [job] });
    const accepted = site.jobs.enqueue(job, undefined, { id: 'one' });
    if (isAwaited) await accepted;
    assert.equal(await site.jobs.cancel('one'), true);
    await assert.rejects((await accepted).result(), { code: 'HOLDFAST_JOB_CANCELLED' });
  }
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

interface Handled {
  readonly begun: Latch<JobContext>;
  readonly end: Latch<unknown>;
}

/** A job whose handler the test ends by hand. */
function handled(): Handled & { readonly job: JobDefinition<undefined, unknown> } {
  const begun = latch<JobContext>();
  const end = latch<unknown>();
  const job = defineJob<undefined, unknown>({
    type: 'handled',
    async run(_, ctx) {
      begun.open(ctx);
      const outcome = await end.promise;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
  return { job, begun, end };
}

const ENDS: readonly (readonly [how: string, end: unknown])[] = [
  ['returns', 'a result'],
  ['throws what it saw', new Error('stopped')],
];
for (const [how, outcome] of ENDS) {
  test(`a running job is asked with the reason, and is cancelled when its handler ${how}`, async (t) => {
    const { job, begun, end } = handled();
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const { signal } = await begun.promise;
    assert.equal(signal.aborted, false);
    const result = assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
    assert.equal(await site.jobs.cancel(id, 'enough'), true);
    assert.equal((await site.jobs.get(id))?.isCancelling, true);
    await site.clock.settle();
    assert.equal(signal.aborted, true);
    assert.equal((signal.reason as { code: string }).code, 'HOLDFAST_JOB_CANCELLED');
    assert.equal((signal.reason as { reason: string }).reason, 'enough');
    end.open(outcome);
    await result;
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.state, view?.reason, view?.result, view?.attempts], ['cancelled', 'enough', undefined, 0]);
    assert.deepEqual(await storyOf(site.jobs, id), ['enqueued', 'started', 'cancelling', 'cancelled']);
    assert.deepEqual(await (await site.restart()).get(id), view);
  });
}

test('a cancel is idempotent: the first reason stands, and an ended job is left as it is', async (t) => {
  const { job, begun, end } = handled();
  const site = await openMovedEngine(t, { jobs: [job, counts] });
  const { id } = await site.jobs.enqueue(job);
  const { signal } = await begun.promise;
  assert.deepEqual(await Promise.all([site.jobs.cancel(id, 'first'), site.jobs.cancel(id, 'second')]), [true, true]);
  await site.clock.settle();
  assert.equal((signal.reason as { reason: string }).reason, 'first');
  end.open(undefined);
  await assert.rejects(site.jobs.wait(id), { reason: 'first' });
  assert.equal(await site.jobs.cancel(id, 'third'), true);
  assert.equal((await site.jobs.get(id))?.reason, 'first');
  const done = await site.jobs.enqueue(counts);
  await done.result();
  assert.equal(await site.jobs.cancel(done.id), false);
  assert.equal((await site.jobs.get(done.id))?.state, 'completed');
});

test('a cancel of a job that never was is refused', async (t) => {
  const site = await openMovedEngine(t);
  await assert.rejects(site.jobs.cancel('nothing'), { code: 'HOLDFAST_JOB_NOT_FOUND', id: 'nothing' });
});

test('an inline handler that ignores its signal is given up after the grace, and what it does later counts for nothing', async (t) => {
  const { job, begun, end } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '10s' });
  const { id } = await site.jobs.enqueue(job);
  const { save, enqueue } = await begun.promise;
  await site.jobs.cancel(id, 'enough');
  await site.clock.pass(9_999);
  assert.equal((await site.jobs.get(id))?.state, 'running');
  await site.clock.pass(1);
  assert.equal((await site.jobs.get(id))?.state, 'cancelled');
  await assert.rejects(save(1), { code: 'HOLDFAST_ATTEMPT_ENDED' });
  await assert.rejects(enqueue('other'), { code: 'HOLDFAST_ATTEMPT_ENDED' });
  end.open('too late');
  await site.clock.settle();
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.state, view?.reason, view?.result], ['cancelled', 'enough', undefined]);
  assert.deepEqual(await storyOf(site.jobs, id), ['enqueued', 'started', 'cancelling', 'cancelled']);
});

test('a checkpoint can still be saved between the signal and the end', async (t) => {
  const { job, begun, end } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  const { save } = await begun.promise;
  await site.jobs.cancel(id);
  await save({ done: 3 });
  end.open(undefined);
  await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.deepEqual((await site.jobs.get(id))?.checkpoint, { done: 3 });
});

test('a cancel that was accepted is carried out though the process is killed before the handler ends', async (t) => {
  const { job, begun } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await begun.promise;
  await site.jobs.cancel(id, 'enough');
  starts = 0;
  const again = defineJob({ type: 'handled', run: () => void starts++ });
  const jobs = await site.kill({ jobs: [again] });
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
  assert.equal(starts, 0);
  assert.equal((await jobs.get(id))?.crashes, 0);
});

test('a cancel that was never accepted is not carried out after a kill', async (t) => {
  const { job, begun } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await begun.promise;
  site.gate.hold();
  site.jobs.cancel(id).catch(() => undefined);
  await site.gate.arrival();
  const jobs = await site.kill({ jobs: [defineJob({ type: 'handled', run: () => 'ran again' })] });
  assert.equal(await jobs.wait(id), 'ran again');
});

test('those who wait for a running job hear of its cancellation, and why, though it is forgotten at once', async (t) => {
  const { job, begun, end } = handled();
  const site = await openMovedEngine(t, { jobs: [job], keep: { cancelled: { count: 0 } } });
  const { id } = await site.jobs.enqueue(job);
  await begun.promise;
  const result = assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
  await site.jobs.cancel(id, 'enough');
  end.open(undefined);
  await result;
  assert.equal(await site.jobs.get(id), undefined);
});

test('a job that is cancelled while its records are still being read never reaches its handler', async (t) => {
  starts = 0;
  // Nothing is kept in memory, so that each start has to read.
  const options = { jobs: [counts], cacheBytes: 0 };
  const site = await openTestEngine(t, options);
  for (let n = 0; n < 10; n++) {
    const filler = site.jobs.enqueueAll(Array.from({ length: 5 }, () => ['nobody', 'x'.repeat(40_000)] as const));
    const job = await site.jobs.enqueue(counts, undefined, { id: `n${n}` });
    const cancelled = site.jobs.cancel(`n${n}`, 'enough');
    const outcome = await job.result().then(
      () => 'completed',
      (error: unknown) => (error as { code: string }).code,
    );
    const isCancelled = await cancelled;
    assert.equal(outcome, isCancelled ? 'HOLDFAST_JOB_CANCELLED' : 'completed');
    await filler;
  }
});
