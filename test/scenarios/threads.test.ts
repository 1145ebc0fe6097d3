// Jobs on threads, through the whole engine: real LevelDB, real threads, the real clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type Engine, type JobView, type OpenOptions } from '../../src/index.ts';
import { openTestEngine, seen } from '../support/engine.ts';

function onThread<Payload>(name: string, type = name) {
  return defineJob<Payload, unknown>({
    type,
    worker: new URL(`../support/handlers/${name}.js`, import.meta.url),
    retry: { attempts: 1 },
  });
}

const lives = onThread<{ readonly way: string; readonly n?: number }>('lives');
const breaks = onThread<string>('breaks');
const throws = onThread<{ readonly what: string; readonly how: string }>('throws');
const stops = onThread<string>('stops');
const echo = onThread<unknown>('echo');
const child = defineJob({ type: 'child', run: (what: string) => what });

const OPTIONS: OpenOptions = { jobs: [lives, breaks, throws, stops, echo, child], threads: 2, grace: 100 };

/** Waits until a job on a thread has reported progress: its handler is in the midst of it. */
async function inTheMidst(jobs: Engine, id: string): Promise<JobView> {
  await seen(jobs, id, 'started');
  for (;;) {
    const view = await jobs.get(id);
    if (view?.progress !== undefined) return view;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a handler on a thread has the facts of its job, and its result comes back', async (t) => {
  const { jobs } = await openTestEngine(t, OPTIONS);
  const before = Date.now();
  const job = await jobs.enqueue(lives, { way: 'tells what it sees' }, { priority: 3, queue: 'q', id: 'one' });
  const result = (await job.result()) as { job: Record<string, number> };
  const { createdAt = 0, scheduledFor, ...facts } = result.job;
  assert.ok(createdAt >= before && createdAt <= Date.now());
  assert.equal(scheduledFor, createdAt);
  assert.deepEqual(
    { ...result, job: facts },
    {
      job: { id: 'one', type: 'lives', queue: 'q', priority: 3, attempt: 1, maxAttempts: 1 },
      checkpoint: null,
      results: {},
      aborted: false,
    },
  );
});

test('killed after it saved 3 of 5, a job on a thread goes on from 3', async (t) => {
  const site = await openTestEngine(t, OPTIONS);
  const { id } = await site.jobs.enqueue(lives, { way: 'counts to five, and hangs at three the first time' });
  await inTheMidst(site.jobs, id);
  const jobs = await site.kill();
  assert.deepEqual(await jobs.wait(id), { from: 5, done: [4, 5] });
  const view = await jobs.get(id);
  assert.deepEqual([view?.checkpoint, view?.crashes, view?.attempts], [5, 1, 0]);
});

test('a running job on a thread is asked to stop, may save, and is cancelled', async (t) => {
  const { jobs } = await openTestEngine(t, { ...OPTIONS, grace: '20s' });
  const { id } = await jobs.enqueue(lives, { way: 'waits to be asked' });
  await inTheMidst(jobs, id);
  assert.equal(await jobs.cancel(id, 'enough'), true);
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
  assert.equal((await jobs.get(id))?.checkpoint, 'the last word');
});

test('one that ignores it is killed after the grace, its slot is free again, and the next job finds a new thread', async (t) => {
  const { jobs } = await openTestEngine(t, { ...OPTIONS, threads: 1 });
  const { id } = await jobs.enqueue(lives, { way: 'ignores everything' });
  await inTheMidst(jobs, id);
  const next = await jobs.enqueue(echo, 'next');
  assert.equal(await jobs.cancel(id), true);
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.equal(await next.result(), 'next');
});

test('a loop that never awaits sees the cancel in its signal', async (t) => {
  const { jobs } = await openTestEngine(t, { ...OPTIONS, grace: '20s' });
  const { id } = await jobs.enqueue(stops, 'loops');
  await inTheMidst(jobs, id);
  await jobs.cancel(id, 'enough');
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
});

test('a timeout ends a handler that loops for ever, as a failed attempt that may be tried again', async (t) => {
  const { jobs } = await openTestEngine(t, OPTIONS);
  const { id } = await jobs.enqueue(
    lives,
    { way: 'ignores everything' },
    { timeout: 50, retry: { attempts: 2, backoff: constant(0) } },
  );
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_FAILED', reason: 'exhausted' });
  const view = await jobs.get(id);
  assert.deepEqual(
    view?.errors.map(({ code }) => code),
    ['HOLDFAST_ATTEMPT_TIMEOUT', 'HOLDFAST_ATTEMPT_TIMEOUT'],
  );
  assert.equal(await (await jobs.enqueue(echo, 'after')).result(), 'after');
});

test('extend on a thread moves the timeout', async (t) => {
  const { jobs } = await openTestEngine(t, OPTIONS);
  const job = await jobs.enqueue(lives, { way: 'extends and takes its time', n: 1_300 }, { timeout: '1s' });
  assert.equal(await job.result(), 'in time');
});

test('the time to load a module is not taken from the timeout of the attempt', async (t) => {
  const slow = onThread('slow-to-load');
  const { jobs } = await openTestEngine(t, { ...OPTIONS, jobs: [slow] });
  const job = await jobs.enqueue(slow, undefined, { timeout: 300 });
  assert.equal(await job.result(), 'loaded');
});

for (const [way, code] of [
  ['exits with 0', 'HOLDFAST_THREAD_LOST'],
  ['throws where nobody catches', undefined],
  ['rejects where nobody awaits', undefined],
] as const) {
  test(`a handler that ${way} has failed, and the host and the jobs beside and behind it are not touched`, async (t) => {
    const { jobs } = await openTestEngine(t, { ...OPTIONS, threads: 2 });
    const beside = await jobs.enqueueAll(Array.from({ length: 4 }, (_, n) => [echo, n] as const));
    const bad = await jobs.enqueue(breaks, way);
    const behind = await jobs.enqueueAll(Array.from({ length: 4 }, (_, n) => [echo, n] as const));
    await assert.rejects(bad.result(), (error: Error) => {
      assert.equal((error.cause as { code?: string }).code, code);
      return true;
    });
    assert.deepEqual(await Promise.all([...beside, ...behind].map((job) => job.result())), [0, 1, 2, 3, 0, 1, 2, 3]);
  });
}

test('what a handler throws on a thread decides as it does inline', async (t) => {
  const { jobs } = await openTestEngine(t, OPTIONS);
  const expected: Readonly<
    Record<string, readonly [state: string, reason: string | undefined, code: string | undefined]>
  > = {
    null: ['dead', 'exhausted', undefined],
    custom: ['dead', 'exhausted', 'E_ODD'],
    terminate: ['dead', 'terminated', 'HOLDFAST_TERMINATE'],
    retryable: ['waiting', undefined, 'HOLDFAST_RETRYABLE'],
    snooze: ['waiting', undefined, undefined],
  };
  for (const [what, [state, reason, code]] of Object.entries(expected)) {
    const attempts = what === 'retryable' ? 2 : 1;
    const { id } = await jobs.enqueue(throws, { what, how: 'throw' }, { retry: { attempts } });
    await seen(jobs, id, what === 'retryable' ? 'failed' : what === 'snooze' ? 'snoozed' : 'died');
    const view = await jobs.get(id);
    assert.deepEqual([view?.state, view?.reason, view?.errors[0]?.code], [state, reason, code], what);
    if (what === 'retryable') assert.ok((view?.dueAt ?? 0) > Date.now() + 290_000, 'in five minutes, as it said');
  }
});

test('a result that cannot be stored is a failed attempt on a thread too', async (t) => {
  const { jobs } = await openTestEngine(t, OPTIONS);
  await assert.rejects(
    (await jobs.enqueue(lives, { way: 'returns what cannot be stored' })).result(),
    (error: Error) => {
      assert.equal((error.cause as { code?: string }).code, 'HOLDFAST_INVALID_RESULT');
      return true;
    },
  );
});

test('a module that cannot be loaded is a named error of the job', async (t) => {
  const missing = onThread('no-such-module');
  const throwing = onThread('fails-to-load');
  const empty = onThread('exports-nothing');
  const { jobs } = await openTestEngine(t, { ...OPTIONS, jobs: [missing, throwing, empty, echo] });
  for (const job of [missing, throwing, empty]) {
    await assert.rejects((await jobs.enqueue(job)).result(), (error: Error) => {
      const cause = error.cause as Error & { code?: string };
      assert.equal(cause.code, 'HOLDFAST_HANDLER_LOAD');
      assert.ok(cause.message.includes(`${job.type}.js`), cause.message);
      return true;
    });
  }
  assert.equal(await (await jobs.enqueue(echo, 'fine')).result(), 'fine');
});

test('modules of either kind run: ESM and CommonJS, by URL and by path', async (t) => {
  const esm = onThread('echo', 'esm');
  const path = new URL('../support/handlers/commonjs.cjs', import.meta.url).pathname;
  const cjs = defineJob<number, unknown>({ type: 'cjs', worker: path });
  const { jobs } = await openTestEngine(t, { ...OPTIONS, jobs: [esm, cjs] });
  assert.equal(await (await jobs.enqueue(esm, 1)).result(), 1);
  assert.deepEqual(await (await jobs.enqueue(cjs, 2)).result(), { commonjs: 2 });
});

test('a handler on a thread enqueues at once, and together with its end exactly if it completes', async (t) => {
  for (const way of ['enqueues a child now and one at its end', 'enqueues and fails']) {
    const { jobs } = await openTestEngine(t, OPTIONS);
    const parent = await jobs.enqueue(lives, { way });
    const isCompleted = await parent.result().then(
      () => true,
      () => false,
    );
    assert.equal(isCompleted, way !== 'enqueues and fails');
    assert.equal(await jobs.wait('now'), 'now');
    if (isCompleted) assert.equal(await jobs.wait('at-the-end'), 'at the end');
    else assert.equal(await jobs.get('at-the-end'), undefined);
  }
});

test('a close asks what runs on threads, kills what ignores it, and both run again', async (t) => {
  const site = await openTestEngine(t, { ...OPTIONS, grace: '2s' });
  const polite = await site.jobs.enqueue(lives, { way: 'waits to be asked' });
  const deaf = await site.jobs.enqueue(lives, { way: 'ignores everything' });
  await inTheMidst(site.jobs, polite.id);
  await inTheMidst(site.jobs, deaf.id);
  const report = await site.jobs.close({ drain: 0 });
  assert.deepEqual([report.interrupted, report.completed, report.abandoned], [2, 0, 0]);
  const jobs = await site.restart({ ...OPTIONS, jobs: [] });
  for (const { id } of [polite, deaf]) {
    const view = await jobs.get(id);
    assert.deepEqual([view?.state, view?.attempts, view?.interrupts, view?.crashes], ['waiting', 0, 1, 0]);
  }
  assert.equal((await jobs.get(polite.id))?.checkpoint, 'the last word');
});

test('no more threads than allowed are busy, dying ones counted, and inline jobs do not wait for them', async (t) => {
  const { jobs } = await openTestEngine(t, { ...OPTIONS, threads: 1, grace: 200 });
  const deaf = await jobs.enqueue(lives, { way: 'ignores everything' }, { timeout: 20 });
  const waiting = await jobs.enqueueAll(Array.from({ length: 3 }, (_, n) => [echo, n] as const));
  const inline = await jobs.enqueue(child, 'inline');
  assert.equal(await inline.result(), 'inline');
  const running = await jobs.list({ state: 'running' });
  assert.deepEqual(
    running.jobs.map(({ id }) => id),
    [deaf.id],
  );
  assert.deepEqual(await Promise.all(waiting.map((job) => job.result())), [0, 1, 2]);
  await assert.rejects(deaf.result(), { reason: 'exhausted' });
});
