// Attempts fail: how many there are, and how far apart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, exponential, type BackoffOption, type RetryOptions } from '../../src/index.ts';
import { openMovedEngine, seen, storyOf } from '../support/engine.ts';

const LEVELS: Readonly<
  Record<string, { job?: number; type?: number; queue?: number; engine?: number; expected: number }>
> = {
  'by default': { expected: 10 },
  'for the engine': { engine: 4, expected: 4 },
  'for the queue, over the engine': { engine: 4, queue: 3, expected: 3 },
  'for the type, over the queue': { engine: 4, queue: 3, type: 5, expected: 5 },
  'for the job, over all': { engine: 4, queue: 3, type: 5, job: 2, expected: 2 },
};
for (const [where, { job: own, type, queue, engine, expected }] of Object.entries(LEVELS)) {
  test(`the number of attempts that is said ${where} is the number of starts, and the last failure is the death`, async (t) => {
    const attempts = (count: number | undefined): { retry?: RetryOptions } =>
      count === undefined ? {} : { retry: { attempts: count } };
    const seenAttempts: number[][] = [];
    const job = defineJob({
      type: 'fails',
      queue: 'q',
      ...attempts(type),
      run(_: undefined, { job: { attempt, maxAttempts } }) {
        seenAttempts.push([attempt, maxAttempts]);
        throw new Error(`failure ${attempt}`);
      },
    });
    const site = await openMovedEngine(t, { jobs: [job], ...attempts(engine), queues: { q: attempts(queue) } });
    const { id } = await site.jobs.enqueue(job, undefined, attempts(own));
    assert.equal((await site.jobs.get(id))?.maxAttempts, expected);
    await site.clock.passUntil(() => seenAttempts.length === expected - 1);
    assert.equal((await site.jobs.get(id))?.state, 'waiting');
    await site.clock.passUntil(() => seenAttempts.length === expected);
    await site.clock.pass(86_400_000 - 1);
    await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_FAILED', reason: 'exhausted' });
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.state, view?.attempts, view?.starts], ['dead', expected, expected]);
    assert.deepEqual(
      seenAttempts,
      Array.from({ length: expected }, (_, n) => [n + 1, expected]),
    );
    assert.equal((await storyOf(site.jobs, id)).filter((kind) => kind === 'started').length, expected);
  });
}

const BACKOFFS: readonly (readonly [what: string, backoff: BackoffOption, delays: readonly number[]])[] = [
  ['constant', constant('7s'), [7_000, 7_000, 7_000, 7_000]],
  ['a list, whose last delay goes on', ['1s', 500, '2m'], [1_000, 500, 120_000, 120_000]],
  ['exponential without jitter', exponential({ jitter: 0 }), [1_000, 1_600, 2_560, 4_096]],
  ['exponential with a cap', exponential({ jitter: 0, max: '2s' }), [1_000, 1_600, 2_000, 2_000]],
  [
    'a function of the attempt and the error',
    (n: number, { message }: { message: string }) => n * message.length,
    [4, 8, 12, 16],
  ],
];
for (const [what, backoff, delays] of BACKOFFS) {
  test(`attempts are as far apart as the backoff says: ${what}`, async (t) => {
    const moments: number[] = [];
    const job = defineJob({
      type: 'fails',
      retry: { attempts: 5, backoff },
      run() {
        moments.push(site.clock.now());
        throw new Error('four');
      },
    });
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const failed = await seen(site.jobs, id, 'failed');
    assert.equal(failed.dueAt, (moments[0] as number) + (delays[0] as number));
    assert.equal((await site.jobs.get(id))?.face, 'retrying');
    await site.clock.passUntil(() => moments.length === 5);
    assert.deepEqual(
      moments.slice(1).map((at, n) => at - (moments[n] as number)),
      delays,
    );
  });
}

test('the default backoff stays within its bounds, each time', async (t) => {
  const moments: number[] = [];
  const job = defineJob({
    type: 'fails',
    retry: { attempts: 20 },
    run() {
      moments.push(site.clock.now());
      throw new Error('no');
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  await site.jobs.enqueue(job);
  await site.clock.passUntil(() => moments.length === 20);
  for (const [n, at] of moments.slice(1).entries()) {
    const delay = at - (moments[n] as number);
    const base = Math.min(1_000 * 1.6 ** n, 900_000 / 1.2);
    assert.ok(delay >= Math.floor(base) && delay <= Math.ceil(base * 1.2), `delay ${n + 1} was ${delay} ms`);
  }
});

test('a backoff that fails costs no job: the default takes its place', async (t) => {
  const backoffs: BackoffOption[] = [
    () => {
      throw new Error('bug');
    },
    () => NaN,
    () => -5,
    (() => Promise.reject(new Error('async'))) as never,
    () => 'soon' as never,
  ];
  let starts = 0;
  const jobs = backoffs.map((backoff, n) =>
    defineJob({
      type: `fails${n}`,
      retry: { attempts: 2, backoff },
      run() {
        starts++;
        throw new Error('no');
      },
    }),
  );
  const site = await openMovedEngine(t, { jobs });
  for (const job of jobs) await site.jobs.enqueue(job);
  await site.clock.pass(1_200);
  assert.equal(starts, 2 * backoffs.length);
});

test('a retry waits its time over a restart and a kill', async (t) => {
  let starts = 0;
  const job = defineJob({
    type: 'fails',
    retry: { attempts: 3, backoff: constant('1h') },
    run() {
      starts++;
      throw new Error('no');
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await seen(site.jobs, id, 'failed');
  await site.restart();
  await site.clock.pass(1_800_000);
  await site.kill();
  await site.clock.pass(1_799_999);
  assert.equal(starts, 1);
  await site.clock.pass(1);
  assert.equal(starts, 2);
  assert.deepEqual((await site.jobs.get(id))?.errors.length, 2);
});

test('what is said for one job is stored with it: an endless number of attempts, no timeout, delays of its own', async (t) => {
  const moments: number[] = [];
  const job = defineJob({
    type: 'fails',
    run() {
      moments.push(site.clock.now());
      throw new Error('no');
    },
  });
  const site = await openMovedEngine(t, { jobs: [] });
  const { id } = await site.jobs.enqueue(job, undefined, {
    timeout: 'none',
    retry: { attempts: Infinity, backoff: ['1s', '3s'], mode: 'all' },
  });
  await site.restart();
  await site.kill({ jobs: [job] });
  await site.clock.pass(100_000);
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.maxAttempts, view?.timeoutMs, view?.state], [Infinity, Infinity, 'waiting']);
  const [first = 0, second = 0, third = 0, fourth = 0] = moments;
  assert.deepEqual([second - first, third - second, fourth - third], [1_000, 3_000, 3_000]);
  assert.equal(moments.length, 35);
});
