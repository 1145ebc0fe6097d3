// What is said for a job, its type, its queue and the engine: the most specific word counts, each value for itself, and
// `get` shows what holds. Attempts are held against their number at n−1, n and n+1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, RetryableError, type JobView, type RetryOptions } from '../../src/index.ts';
import { openMovedEngine } from '../support/engine.ts';

const LEVELS = ['job', 'type', 'queue', 'engine'] as const;
type Level = (typeof LEVELS)[number];
interface Said {
  readonly timeout: number;
  readonly retry: Required<RetryOptions>;
}

/** What each level says, if it says anything; all of it different. */
const SAYS: Readonly<Record<Level, Said>> = {
  job: { timeout: 11_000, retry: { attempts: 2, backoff: constant(101), mode: 'retryable' } },
  type: { timeout: 12_000, retry: { attempts: 3, backoff: constant(102), mode: 'all' } },
  queue: { timeout: 13_000, retry: { attempts: 4, backoff: constant(103), mode: 'retryable' } },
  engine: { timeout: 14_000, retry: { attempts: 5, backoff: constant(104), mode: 'all' } },
};
const VALUES = ['timeout', 'attempts', 'backoff', 'mode'] as const;
const BY_DEFAULT = { timeoutMs: 3_600_000, maxAttempts: 10, retryMode: 'all' } as const;

/** What a level says about these values alone. */
function part(level: Level, values: readonly string[]): { timeout?: number; retry?: RetryOptions } {
  const { timeout, retry } = SAYS[level];
  const chosen = Object.fromEntries(Object.entries(retry).filter(([name]) => values.includes(name)));
  return {
    ...(values.includes('timeout') ? { timeout } : {}),
    ...(Object.keys(chosen).length > 0 ? { retry: chosen } : {}),
  };
}

for (const value of VALUES) {
  test(`${value}: of any levels that say something the most specific one is shown, over a restart too`, async (t) => {
    for (let who = 0; who < 2 ** LEVELS.length; who++) {
      const speaking = LEVELS.filter((_, n) => (who & (1 << n)) !== 0);
      const said = (level: Level): ReturnType<typeof part> => (speaking.includes(level) ? part(level, [value]) : {});
      const job = defineJob({ type: 'job', queue: 'q', ...said('type'), run: () => assert.fail('never') });
      const options = { queues: { q: said('queue') }, ...said('engine') };
      const site = await openMovedEngine(t, { jobs: [job], ...options });
      const { id } = await site.jobs.enqueue(job, undefined, { delay: '1h', ...said('job') });
      const view = await site.jobs.get(id);
      assert.deepEqual(shown(view, value), expected(speaking[0], value), `said by ${speaking.join(', ') || 'nobody'}`);
      const jobs = await site.restart();
      assert.deepEqual(await jobs.get(id), view);
      await site.close();
    }
  });
}

function shown(view: JobView | undefined, value: (typeof VALUES)[number]): unknown {
  switch (value) {
    case 'timeout':
      return view?.timeoutMs;
    case 'attempts':
      return view?.maxAttempts;
    case 'backoff':
      return view?.backoff;
    case 'mode':
      return view?.retryMode;
  }
}

function expected(level: Level | undefined, value: (typeof VALUES)[number]): unknown {
  if (level !== undefined) return value === 'timeout' ? SAYS[level].timeout : SAYS[level].retry[value];
  if (value === 'backoff')
    return { kind: 'exponential', multiplier: 1.6, initialMs: 1_000, maxMs: 900_000, jitter: 0.2 };
  return value === 'timeout'
    ? BY_DEFAULT.timeoutMs
    : value === 'attempts'
      ? BY_DEFAULT.maxAttempts
      : BY_DEFAULT.retryMode;
}

test('a backoff that is code is shown as such', async (t) => {
  const job = defineJob({ type: 'job', retry: { backoff: () => 5 }, run: () => 1 });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job, undefined, { delay: '1h' });
  assert.equal((await site.jobs.get(id))?.backoff, 'function');
});

for (const level of LEVELS) {
  const { attempts, backoff } = SAYS[level].retry;
  test(`${attempts} attempts, said for the ${level}: waiting after one less, dead after the last, never one more`, async (t) => {
    const starts: number[] = [];
    const said = (other: Level): ReturnType<typeof part> =>
      LEVELS.indexOf(other) >= LEVELS.indexOf(level) ? part(other, ['attempts', 'backoff']) : {};
    const job = defineJob({
      type: 'job',
      queue: 'q',
      ...said('type'),
      run() {
        starts.push(site.clock.now());
        throw new RetryableError('again');
      },
    });
    const site = await openMovedEngine(t, { jobs: [job], queues: { q: said('queue') }, ...said('engine') });
    const { id } = await site.jobs.enqueue(job, undefined, said('job'));
    const delayMs = (backoff as { readonly delayMs: number }).delayMs;
    // Each attempt in a life of its own: what was counted is on the disk.
    for (let n = 1; n < attempts; n++) {
      await site.clock.passUntil(() => starts.length === n);
      const view = await site.jobs.get(id);
      assert.deepEqual([view?.state, view?.attempts, view?.face], ['waiting', n, 'retrying']);
      await (n % 2 === 0 ? site.restart() : site.kill());
    }
    await site.clock.passUntil(() => starts.length === attempts);
    await site.clock.pass(86_400_000);
    const view = await site.jobs.get(id);
    assert.deepEqual(
      [view?.state, view?.reason, view?.attempts, view?.starts],
      ['dead', 'exhausted', attempts, attempts],
    );
    assert.deepEqual([starts.length, view?.errors.length], [attempts, attempts]);
    const gaps = starts.slice(1).map((at, n) => at - (starts[n] as number));
    assert.deepEqual(
      gaps,
      Array.from({ length: attempts - 1 }, () => delayMs),
    );
  });
}

test('a deadline is the latest start: past it the job dies as expired and its handler is not called, over a restart too', async (t) => {
  let calls = 0;
  const job = defineJob({
    type: 'job',
    retry: { backoff: constant('2h') },
    run: () => (calls++, assert.fail('again')),
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const deadline = site.clock.now() + 3_600_000;
  const late = await site.jobs.enqueue(job, undefined, { runAt: deadline + 1, deadline });
  const retried = await site.jobs.enqueue(job, undefined, { deadline });
  await site.clock.passUntil(() => calls === 1);
  assert.equal((await site.jobs.get(retried.id))?.deadlineAt, deadline);
  const jobs = await site.restart();
  await site.drive(Promise.allSettled([late, retried].map(({ id }) => jobs.wait(id))));
  const reasons = await Promise.all([late, retried].map(async ({ id }) => (await jobs.get(id))?.reason));
  assert.deepEqual(reasons, ['expired', 'expired']);
  assert.equal(calls, 1);
  assert.equal((await jobs.get(late.id))?.starts, 0);
});
