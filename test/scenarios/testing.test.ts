// `holdfast/testing`, put to the tests that its users would write.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { constant, defineJob, SnoozeError, type JobView } from '../../src/index.ts';
import { openTest, type TestEngine, type TestOptions } from '../../src/testing.ts';
import { handler } from '../support/threads.ts';

const sent: string[] = [];
const welcome = defineJob({
  type: 'email:welcome',
  queue: 'email',
  run: ({ to }: { readonly to: string; readonly lang?: string }) => {
    sent.push(to);
    return { greeted: to };
  },
});
const flaky = defineJob({
  type: 'flaky',
  retry: { attempts: 4, backoff: constant('1h') },
  run(_: undefined, { job }) {
    if (job.attempt < 3) throw new Error(`attempt ${job.attempt}`);
    return job.attempt;
  },
});

async function opened(t: TestContext, options: TestOptions = {}): Promise<TestEngine> {
  sent.length = 0;
  const jobs = await openTest({ jobs: [welcome, flaky], ...options });
  t.after(() => jobs.close());
  return jobs;
}

test('nothing runs before a test says so, and then all that is due does', async (t) => {
  const jobs = await opened(t);
  const { id } = await jobs.enqueue(welcome, { to: 'ada' });
  await jobs.enqueue(welcome, { to: 'bob' }, { delay: '1s' });
  assert.equal((await jobs.get(id))?.face, 'ready');
  assert.deepEqual(sent, []);
  await jobs.drain();
  assert.deepEqual(sent, ['ada']);
  assert.deepEqual((await jobs.get(id))?.result, { greeted: 'ada' });
  await jobs.enqueue(welcome, { to: 'cy' });
  assert.deepEqual(sent, ['ada'], 'and afterwards nothing runs again');
});

test('a drain runs what its jobs enqueue, and what fails with no delay', async (t) => {
  const seen: number[] = [];
  const chain = defineJob<number>({
    type: 'chain',
    retry: { attempts: 2, backoff: constant(0) },
    async run(n, { enqueue, job }) {
      seen.push(n);
      if (job.attempt === 1) throw new Error('once');
      if (n < 3) await enqueue('chain', n + 1, { atEnd: n === 2 });
    },
  });
  const jobs = await opened(t, { jobs: [chain] });
  await jobs.enqueue(chain, 1);
  await jobs.drain();
  assert.deepEqual(seen, [1, 1, 2, 2, 3, 3]);
});

test('time stands still but for what the test lets pass, and each attempt has its own moment', async (t) => {
  const jobs = await opened(t, { startAt: '2026-03-01T12:00:00Z' });
  const noon = Date.parse('2026-03-01T12:00:00Z');
  assert.equal(jobs.now, noon);
  const { id } = await jobs.enqueue(flaky);
  await jobs.drain();
  assert.equal(jobs.now, noon);
  await jobs.advance('90m');
  assert.equal(jobs.now, noon + 90 * 60_000);
  assert.equal((await jobs.get(id))?.face, 'retrying');
  await jobs.advance('30m');
  const view = await jobs.get(id);
  assert.deepEqual([view?.result, view?.startedAt, view?.attempts], [3, noon + 2 * 3_600_000, 2]);
});

test('a year of snoozes takes no time', async (t) => {
  let count = 0;
  const daily = defineJob({
    type: 'daily',
    run: () => {
      if (++count <= 90) throw new SnoozeError('4 days');
    },
  });
  const jobs = await opened(t, { jobs: [daily] });
  const { id } = await jobs.enqueue(daily);
  await jobs.advance('365 days');
  assert.equal((await jobs.get(id))?.snoozes, 90);
  await jobs.wait(id);
});

test('a drain waits for work of the real world', async (t) => {
  const reads = defineJob({ type: 'reads', run: async () => (await readFile(new URL(import.meta.url))).length });
  const computes = defineJob<string, string>({ type: 'computes', worker: new URL(handler('echo.js')) });
  const jobs = await opened(t, { jobs: [reads, computes], threads: 1 });
  const handles = await jobs.enqueueAll([[reads], [computes, 'a'], [computes, 'b']]);
  await jobs.drain();
  const results = await Promise.all(handles.map(({ id }) => jobs.get(id)));
  assert.ok(Number(results[0]?.result) > 100);
  assert.deepEqual(
    results.slice(1).map((view) => view?.result),
    ['a', 'b'],
  );
});

test('a timeout can be met under a running handler', async (t) => {
  const stuck = defineJob({
    type: 'stuck',
    timeout: '1h',
    retry: { attempts: 1 },
    run: (_: undefined, { signal }) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  });
  const jobs = await opened(t, { jobs: [stuck] });
  const { id } = await jobs.enqueue(stuck);
  const drained = jobs.drain();
  await jobs.advance('59m', { running: 'leave' });
  assert.equal((await jobs.get(id))?.state, 'running');
  await jobs.advance('1m', { running: 'leave' });
  await drained;
  assert.equal((await jobs.get(id))?.errors[0]?.code, 'HOLDFAST_ATTEMPT_TIMEOUT');
});

test('a test that ends in the middle of a job can close all the same', async (t) => {
  const endless = defineJob({ type: 'endless', run: () => new Promise<void>(() => undefined) });
  const jobs = await opened(t, { jobs: [endless] });
  await jobs.enqueue(endless);
  const drained = assert.rejects(jobs.drain(), { code: 'HOLDFAST_CLOSED' });
  await jobs.advance('1s', { running: 'leave' });
  const report = await jobs.close();
  assert.equal(report.abandoned, 1);
  await drained;
});

test('what was enqueued can be asserted by any part of it', async (t) => {
  const jobs = await opened(t);
  await jobs.enqueue(welcome, { to: 'ada', lang: 'en' }, { priority: 3 });
  await jobs.enqueue(welcome, { to: 'bob' }, { delay: '5m' });
  const [found, ...more] = await jobs.assertEnqueued(welcome, { payload: { to: 'ada' }, queue: 'email', priority: 3 });
  assert.deepEqual([found?.payload, more.length], [{ to: 'ada', lang: 'en' }, 0]);
  await jobs.assertEnqueued(welcome, {}, { count: 2 });
  await jobs.assertEnqueued(welcome, { face: 'scheduled', dueAt: jobs.now + 300_000 }, { count: 1 });
  await jobs.assertEnqueued('email:welcome');
  await jobs.assertNotEnqueued(flaky);
  await jobs.assertNotEnqueued(welcome, { payload: { to: 'cy' } });
  await assert.rejects(jobs.assertEnqueued(welcome, { payload: { to: 'cy' } }), {
    name: 'AssertionError',
    message: /^Expected at least one, found 0 of email:welcome with .*cy.*There are 2:\n.*ada.*\n.*scheduled.*bob/s,
  });
  await assert.rejects(jobs.assertEnqueued(welcome, {}, { count: 3 }), /^AssertionError.*Expected 3, found 2 of/s);
  await assert.rejects(jobs.assertNotEnqueued(welcome, { queue: 'email' }), /Expected none, found 2 of email:welcome/);
  await jobs.drain();
  const views: Array<JobView<{ readonly to: string }, { readonly greeted: string }>> = await jobs.enqueued(welcome);
  assert.deepEqual(
    views.map(({ payload, result }) => [payload?.to, result?.greeted]),
    [
      ['ada', 'ada'],
      ['bob', undefined],
    ],
  );
  assert.equal((await jobs.enqueued()).length, 2);
});

test('in the synchronous mode a job has run when it is enqueued', async (t) => {
  const outer = defineJob({
    type: 'outer',
    // The engine of the app itself, as code under test would call it.
    run: async () => (await jobs.enqueue(welcome, { to: 'inner' })).id,
  });
  const jobs: TestEngine = await opened(t, { jobs: [welcome, flaky, outer], mode: 'sync' });
  await jobs.enqueue(welcome, { to: 'ada' });
  assert.deepEqual(sent, ['ada']);
  await jobs.enqueueAll([
    [welcome, { to: 'bob' }],
    [welcome, { to: 'later' }, { delay: 1 }],
  ]);
  await jobs.enqueueGraph({ one: [welcome, { to: 'cy' }], two: [flaky, undefined, { after: ['one'] }] });
  const { id } = await jobs.enqueue(outer);
  assert.equal((await jobs.get(id))?.state, 'completed');
  assert.deepEqual(sent, ['ada', 'bob', 'cy', 'inner']);
  const failed = await jobs.enqueue(flaky);
  assert.deepEqual((await jobs.get(failed.id))?.errors.length, 1, 'its first attempt, and no other one');
  await jobs.advance('2h');
  assert.equal(await failed.result(), 3);
  assert.ok(sent.includes('later'));
  await jobs.enqueue('nobody:serves', {});
});

test('the same seed gives the same story', async () => {
  const jitter = defineJob({ type: 'jitter', retry: { attempts: 5 }, run: () => Promise.reject(new Error('again')) });
  const story = async (seed: number): Promise<unknown[]> => {
    const jobs = await openTest({ jobs: [jitter], seed });
    await jobs.enqueue(jitter);
    await jobs.advance('1h');
    const [view] = await jobs.enqueued();
    await jobs.close();
    return [view?.id, ...(view?.errors ?? []).map(({ at }) => at)];
  };
  assert.deepEqual(await story(7), await story(7));
  assert.notDeepEqual(await story(7), await story(8));
});

test('what is wrong with its options is told', async (t) => {
  await assert.rejects(openTest({ mode: 'later' as never }), { field: 'mode' });
  await assert.rejects(openTest({ startAt: 'noon' }), { field: 'startAt' });
  await assert.rejects(openTest({ seed: -1 }), { field: 'seed' });
  const jobs = await opened(t);
  await assert.rejects(jobs.advance('soon' as never), { field: 'by' });
  await assert.rejects(jobs.assertEnqueued(welcome, 5 as never), { field: 'expected' });
});
