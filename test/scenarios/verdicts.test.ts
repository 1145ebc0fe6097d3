// What a handler throws or returns decides what becomes of its job, and harms nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, RetryableError, SnoozeError, TerminateError } from '../../src/index.ts';
import { openMovedEngine, openTestEngine } from '../support/engine.ts';

const verdicts: readonly (readonly [
  what: string,
  mode: 'all' | 'retryable',
  error: () => unknown,
  expected: { state: string; reason?: string; dueInMs?: number; attempts?: number; snoozes?: number },
])[] = [
  ['any error is tried again', 'all', () => new Error('x'), { state: 'waiting', dueInMs: 1_000, attempts: 1 }],
  ['any error is the end', 'retryable', () => new Error('x'), { state: 'dead', reason: 'terminated', attempts: 1 }],
  ['a RetryableError is tried again', 'retryable', () => new RetryableError('x'), { state: 'waiting', dueInMs: 1_000 }],
  [
    'a RetryableError says when',
    'retryable',
    () => new RetryableError('x', { retryAfter: '5m' }),
    { state: 'waiting', dueInMs: 300_000, attempts: 1 },
  ],
  [
    'a RetryableError is known through its wrapping',
    'retryable',
    () => new Error('outer', { cause: new Error('middle', { cause: new RetryableError('x', { retryAfter: 7 }) }) }),
    { state: 'waiting', dueInMs: 7 },
  ],
  [
    'a TerminateError is the end',
    'all',
    () => new TerminateError('x'),
    { state: 'dead', reason: 'terminated', attempts: 1 },
  ],
  [
    'a TerminateError is known through its wrapping',
    'all',
    () => new Error('outer', { cause: new TerminateError('x') }),
    { state: 'dead', reason: 'terminated' },
  ],
  [
    'a SnoozeError costs no attempt',
    'all',
    () => new SnoozeError('2m'),
    { state: 'waiting', dueInMs: 120_000, attempts: 0, snoozes: 1 },
  ],
  [
    'an error is known by its code',
    'retryable',
    () => ({ code: 'HOLDFAST_RETRYABLE', retryAfterMs: 3 }),
    { state: 'waiting', dueInMs: 3 },
  ],
  ['null is an error', 'all', () => null, { state: 'waiting', dueInMs: 1_000, attempts: 1 }],
  ['undefined is an error', 'all', () => undefined, { state: 'waiting', dueInMs: 1_000, attempts: 1 }],
];
for (const [what, mode, error, expected] of verdicts) {
  test(`${what} (mode ${mode})`, async (t) => {
    const job = defineJob({
      type: 'throws',
      retry: { mode, backoff: constant('1s') },
      run() {
        throw error();
      },
    });
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    await site.clock.settle();
    const view = await site.jobs.get(id);
    const { state, reason, attempts, snoozes, dueAt } = view ?? {};
    const dueInMs = dueAt === undefined ? undefined : dueAt - site.clock.now();
    const all = { state, reason, attempts, snoozes, dueInMs };
    for (const [key, value] of Object.entries(expected)) assert.equal(all[key as 'state'], value, key);
    if (state === 'dead') await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_FAILED', reason });
  });
}

test('snoozes are bounded: the one too many is a failed attempt', async (t) => {
  let starts = 0;
  const job = defineJob({
    type: 'snoozes',
    retry: { attempts: 1 },
    run() {
      starts++;
      throw new SnoozeError('1s');
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(200_000);
  assert.equal(starts, 101);
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.state, view?.snoozes, view?.attempts], ['dead', 100, 1]);
});

const endless: unknown[] = [];
endless.push(endless);
const NOT_STORABLE: readonly (readonly [what: string, result: unknown, path: string])[] = [
  ['a Map', { rows: [new Map()] }, 'result.rows[0]'],
  ['a bigint', 1n, 'result'],
  ['a function', { done: () => 1 }, 'result.done'],
  ['NaN', [1, NaN], 'result[1]'],
  ['a cycle', endless, 'result[0]'],
  ['too many bytes', 'x'.repeat(2 ** 20), 'result'],
];
for (const [what, result, path] of NOT_STORABLE) {
  for (const isLater of [false, true]) {
    test(`a result that cannot be stored (${what}, ${isLater ? 'as a promise' : 'at once'}) is a failed attempt`, async (t) => {
      const job = defineJob({
        type: 'returns',
        retry: { attempts: 1 },
        run: () => (isLater ? Promise.resolve(result) : result),
      });
      const site = await openMovedEngine(t, { jobs: [job] });
      const { id } = await site.jobs.enqueue(job);
      await assert.rejects(site.jobs.wait(id), (error: Error) => {
        const cause = error.cause as Error & { code?: string };
        assert.equal(cause.code, 'HOLDFAST_INVALID_RESULT');
        assert.ok(cause.message.startsWith(path), cause.message);
        return true;
      });
    });
  }
}

test('what handlers throw never reaches the host, and the jobs beside them are not touched', async (t) => {
  const strange: unknown[] = [
    null,
    undefined,
    0,
    '',
    Symbol('s'),
    10n,
    () => 1,
    Object.create(null),
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
        getPrototypeOf: () => {
          throw new Error('trap');
        },
      },
    ),
    Object.freeze(new Error('frozen')),
    Object.assign(new Error('x'.repeat(100_000)), { stack: 5, code: {}, cause: endless }),
    { then: 1 },
  ];
  const job = defineJob({
    type: 'throws',
    retry: { attempts: 1 },
    run(n: number) {
      throw strange[n];
    },
  });
  const rejects = defineJob({
    type: 'rejects',
    retry: { attempts: 1 },
    run: (n: number) => Promise.reject(strange[n] as Error),
  });
  const works = defineJob({ type: 'works', run: (n: number) => n });
  const site = await openTestEngine(t, { jobs: [job, rejects, works] });
  const all = strange.map(async (_, n) => {
    const [thrown, rejected, done] = await site.jobs.enqueueAll([
      [job, n],
      [rejects, n],
      [works, n],
    ]);
    await assert.rejects(thrown.result(), { code: 'HOLDFAST_JOB_FAILED', reason: 'exhausted' }, `thrown ${n}`);
    await assert.rejects(rejected.result(), { code: 'HOLDFAST_JOB_FAILED', reason: 'exhausted' }, `rejected ${n}`);
    assert.equal(await done.result(), n);
  });
  await Promise.all(all);
});

test('the newest ten errors are kept with their moments and starts, over a restart too', async (t) => {
  const job = defineJob({
    type: 'fails',
    retry: { attempts: 15, backoff: constant('1s') },
    run(_: undefined, { job: { attempt } }) {
      throw Object.assign(new RangeError(`failure ${attempt}`, { cause: new Error('below') }), { code: 'E_OWN' });
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const startedAt = site.clock.now();
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(20_000);
  const view = await site.jobs.get(id);
  assert.deepEqual(
    view?.errors.map(({ name, message, code, at, start, cause }) => [
      name,
      message,
      code,
      at - startedAt,
      start,
      cause?.message,
    ]),
    Array.from({ length: 10 }, (_, n) => ['RangeError', `failure ${n + 6}`, 'E_OWN', (n + 5) * 1_000, n + 6, 'below']),
  );
  assert.deepEqual(await (await site.restart()).get(id), view);
});
