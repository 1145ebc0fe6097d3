// Which handler serves which type, and what is wrapped around it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { defineJob, RetryableError, type AnyJobDefinition, type JobContext, type Middleware } from '../../src/index.ts';
import { openTest, type TestOptions } from '../../src/testing.ts';
import { openMovedEngine } from '../support/engine.ts';
import { handler } from '../support/threads.ts';

/** A definition that tells who served. */
const serves = (type: string): AnyJobDefinition =>
  defineJob<unknown, string>({ type, run: (_payload, { job }) => `${type} served ${job.type}` });

async function opened(t: TestContext, options: TestOptions) {
  const jobs = await openTest(options);
  t.after(() => jobs.close());
  return jobs;
}

const ROUTES: Readonly<Record<string, string | undefined>> = {
  'email:welcome': 'email:welcome',
  'email:welcome:again': 'email:*',
  'email:': 'email:*',
  'email:new': 'email:n*',
  'email:new:user': 'email:new:*',
  'email:news': 'email:n*',
  emails: 'em*',
  em: 'em*',
  'Email:welcome': '*',
  sms: '*',
};

test('the exact type is served first, then the longest prefix, then the catch-all, in whatever order they came', async (t) => {
  const types = ['*', 'em*', 'email:*', 'email:n*', 'email:new:*', 'email:welcome'];
  for (const order of [types, [...types].reverse()]) {
    const jobs = await opened(t, { jobs: order.map(serves), mode: 'sync' });
    for (const [type, expected] of Object.entries(ROUTES)) {
      const job = await jobs.enqueue(type);
      assert.equal(await job.result(), `${expected} served ${type}`);
    }
  }
});

test('a second definition of a type, a prefix or the catch-all is refused at the call', async (t) => {
  for (const type of ['a', 'a*', '*']) {
    await assert.rejects(openTest({ jobs: [serves(type), serves(type)] }), { code: 'HOLDFAST_DUPLICATE_HANDLER' });
    const jobs = await opened(t, { jobs: [serves(type)] });
    assert.throws(() => jobs.register(serves('other'), serves(type)), {
      code: 'HOLDFAST_DUPLICATE_HANDLER',
    });
  }
});

test('a job without a handler waits as held, uses no attempt, and runs once one is registered, over a restart', async (t) => {
  const site = await openMovedEngine(t, { jobs: [serves('known')], concurrency: 1 });
  const { id } = await site.jobs.enqueue('later:one', { n: 1 });
  const known = await site.jobs.enqueue('known');
  assert.equal(await site.drive(known.result()), 'known served known', 'it holds up nobody');
  await site.clock.pass(86_400_000);
  const { face, starts, attempts } = (await site.jobs.get(id)) ?? {};
  assert.deepEqual({ face, starts, attempts }, { face: 'held', starts: 0, attempts: 0 });
  const jobs = await site.restart();
  assert.equal((await jobs.get(id))?.face, 'held');
  jobs.register(serves('later:*'));
  assert.equal(await site.drive(jobs.wait(id)), 'later:* served later:one');
});

test('where that is asked for, a job that nobody serves dies when it is due, and not before', async (t) => {
  const site = await openMovedEngine(t, { jobs: [serves('known')], unknownTypes: 'die' });
  const { id } = await site.jobs.enqueue('unknown', {}, { delay: '1h' });
  await site.clock.pass(3_599_000);
  assert.equal((await site.jobs.get(id))?.state, 'waiting');
  await site.clock.pass(1_000);
  await assert.rejects(site.jobs.wait(id), { reason: 'terminated', message: /Nobody serves jobs of the type unknown/ });
});

/** Middleware that writes down when it goes in and out. */
const traced = (name: string, trace: string[]): Middleware => {
  return async (_payload, _context, next) => {
    trace.push(`${name} in`);
    try {
      return await next();
    } finally {
      trace.push(`${name} out`);
    }
  };
};

test("middleware lies around the handler: the engine's outside the type's, the first one outermost", async (t) => {
  const trace: string[] = [];
  const job = defineJob({
    type: 'job',
    use: [traced('type 1', trace), traced('type 2', trace)],
    run: () => void trace.push('handler'),
  });
  const jobs = await opened(t, { jobs: [job], use: [traced('engine', trace)], mode: 'sync' });
  jobs.use(traced('late', trace));
  await jobs.enqueue(job);
  const ways = ['engine in', 'late in', 'type 1 in', 'type 2 in', 'handler'];
  assert.deepEqual(trace, [...ways, 'type 2 out', 'type 1 out', 'late out', 'engine out']);
});

test('middleware may look at a result, replace it, answer itself, or call next twice', async (t) => {
  let calls = 0;
  const counted = defineJob<number, number>({
    type: 'counted',
    use: [
      async (n, _context, next) => {
        if (n === 0) return 'answered';
        if (n === 1) return (await next()) * 100;
        const first = await next();
        return first + (await next());
      },
    ],
    run: (n) => (calls++, n),
  });
  const jobs = await opened(t, { jobs: [counted], mode: 'sync' });
  const results: unknown[] = [];
  for (const n of [0, 1, 2]) results.push(await (await jobs.enqueue(counted, n)).result());
  assert.deepEqual([results, calls], [['answered', 100, 4], 3]);
});

test('what middleware throws is the failure of the attempt, also as the verdict that it is', async (t) => {
  const refuses = defineJob<string>({
    type: 'refuses',
    retry: { attempts: 2, mode: 'retryable' },
    use: [
      (how) => {
        if (how === 'plain') throw new TypeError('refused');
        throw new RetryableError('busy', { retryAfter: '1h' });
      },
    ],
    run: () => assert.fail('it is never called'),
  });
  const jobs = await opened(t, { jobs: [refuses], mode: 'sync' });
  const plain = await jobs.enqueue(refuses, 'plain');
  assert.equal((await jobs.get(plain.id))?.reason, 'terminated');
  const retried = await jobs.enqueue(refuses, 'later');
  assert.equal((await jobs.get(retried.id))?.dueAt, jobs.now + 3_600_000);
});

test('middleware around a thread gets the typed result of next, once per attempt, and typed errors', async (t) => {
  const seen: unknown[] = [];
  let contexts: JobContext[] = [];
  const echo = defineJob<{ readonly n: number }, { readonly n: number }>({
    type: 'echo',
    worker: new URL(handler('echo.js')),
    use: [
      async (payload, context, next) => {
        contexts.push(context);
        const { n } = await next();
        seen.push(['back', payload.n, n, context.job.attempt]);
        return { n: n + 1 };
      },
    ],
  });
  const throws = defineJob<unknown>({
    type: 'throws',
    retry: { attempts: 2, mode: 'retryable' },
    worker: new URL(handler('throws.js')),
    use: [
      async (_payload, { job }, next) => {
        try {
          return await next();
        } catch (error) {
          const { name, code } = error as { name: string; code?: string };
          seen.push([error instanceof Error, name, code, job.attempt]);
          throw error;
        }
      },
    ],
  });
  const jobs = await opened(t, { jobs: [echo, throws], threads: 1, mode: 'sync' });
  assert.deepEqual(await (await jobs.enqueue(echo, { n: 1 })).result(), { n: 2 });
  assert.deepEqual(seen.splice(0), [['back', 1, 1, 1]]);
  contexts = [];
  const { id } = await jobs.enqueue(throws, { what: 'retryable', how: 'throw' });
  await jobs.advance('5m');
  assert.equal((await jobs.get(id))?.reason, 'exhausted');
  assert.deepEqual(seen, [
    [true, 'RetryableError', 'HOLDFAST_RETRYABLE', 1],
    [true, 'RetryableError', 'HOLDFAST_RETRYABLE', 2],
  ]);
});

test('middleware that is added while an attempt runs is not around that one', async (t) => {
  const trace: string[] = [];
  let begun: () => void = () => undefined;
  let go: () => void = () => undefined;
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const waits = new Promise<void>((resolve) => (go = resolve));
  const job = defineJob({ type: 'job', run: () => (begun(), waits) });
  const site = await openMovedEngine(t, { jobs: [job] });
  const first = await site.jobs.enqueue(job);
  await hasBegun;
  site.jobs.use(traced('late', trace));
  go();
  await first.result();
  assert.deepEqual(trace, []);
  await (await site.jobs.enqueue(job)).result();
  assert.deepEqual(trace, ['late in', 'late out']);
});

test('what is no middleware is refused', async (t) => {
  const jobs = await opened(t, {});
  assert.throws(() => jobs.use(5 as never), { field: 'use' });
  assert.throws(() => defineJob({ type: 'a', run: () => 1, use: [null] as never }), { field: "use of 'a'" });
  await assert.rejects(openTest({ use: 'log' as never }), { field: 'use' });
});
