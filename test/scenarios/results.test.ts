// What comes of a job: its result, for whoever asks and whenever, and what can be read of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, TerminateError, type JobContext } from '../../src/index.ts';
import { latch, openMovedEngine, seen } from '../support/engine.ts';

const returns = defineJob({ type: 'returns', run: (value: unknown) => value });
const dies = defineJob({
  type: 'dies',
  run: () => Promise.reject(new TerminateError('no use', { cause: new RangeError('too far') })),
});

test('a result is what the handler returned: any JSON, and undefined for nothing', async (t) => {
  const site = await openMovedEngine(t, { jobs: [returns] });
  const values = [
    undefined,
    null,
    0,
    '',
    false,
    [],
    {},
    { a: [{ b: null }] },
    'ключ 🔑',
    '__proto__',
    1e300,
    { toJSON: 1 },
  ];
  for (const value of values) {
    const job = await site.jobs.enqueue(returns, value);
    assert.deepEqual(await job.result(), value);
    assert.deepEqual((await site.jobs.get(job.id))?.result, value);
  }
  const jobs = await site.restart();
  const { jobs: stored } = await jobs.list();
  assert.deepEqual(await Promise.all(stored.map(({ id }) => jobs.wait(id))), values);
});

test('everybody who waits gets the result, before and after the end, and each his own copy', async (t) => {
  const end = latch<{ n: number }>();
  const job = defineJob({ type: 'late', run: () => end.promise });
  const site = await openMovedEngine(t, { jobs: [job] });
  const handle = await site.jobs.enqueue(job);
  const early = [handle.result(), handle.result(), site.jobs.wait(handle.id)];
  end.open({ n: 1 });
  const results = await Promise.all([...early, handle.result()]);
  for (const result of results) assert.deepEqual(result, { n: 1 });
  assert.equal(new Set(results).size, 4);
});

test('a dead job rejects with its last error, before and after the end and a restart', async (t) => {
  const site = await openMovedEngine(t, { jobs: [dies] });
  const { id } = await site.jobs.enqueue(dies);
  for (let n = 0; n < 3; n++) {
    await assert.rejects(site.jobs.wait(id), (error: Error & { code?: string; reason?: string; id?: string }) => {
      assert.deepEqual([error.code, error.reason, error.id], ['HOLDFAST_JOB_FAILED', 'terminated', id]);
      assert.match(error.message, /no use/);
      const cause = error.cause as Error;
      assert.deepEqual([cause.message, cause instanceof Error], ['no use', true]);
      assert.equal((cause.cause as Error).name, 'RangeError');
      return true;
    });
    if (n === 1) await site.restart();
  }
});

test('a job that is forgotten is not found: neither its result nor itself', async (t) => {
  const site = await openMovedEngine(t, { jobs: [returns], keep: { completed: { count: 0 } } });
  const end = latch();
  const late = defineJob({ type: 'late', run: () => end.promise.then(() => 'in time') });
  await site.restart({ jobs: [returns, late], keep: { completed: { count: 0 } } });
  const waited = await site.jobs.enqueue(late);
  const result = waited.result();
  end.open();
  assert.equal(await result, 'in time', 'who waited for it gets it all the same');
  await assert.rejects(waited.result(), { code: 'HOLDFAST_JOB_NOT_FOUND', id: waited.id });
  assert.equal(await site.jobs.get(waited.id), undefined);
  await assert.rejects(site.jobs.wait('never-was'), { code: 'HOLDFAST_JOB_NOT_FOUND' });
});

test('the end of the engine ends every wait with a code, and a job that ends while it drains is a result', async (t) => {
  const end = latch<string>();
  const job = defineJob({ type: 'late', run: () => end.promise });
  const site = await openMovedEngine(t, { jobs: [job] });
  const running = await site.jobs.enqueue(job);
  const waiting = await site.jobs.enqueue('nobody');
  const results = Promise.allSettled([running.result(), waiting.result()]);
  const closed = site.jobs.close({ drain: '1m' });
  end.open('drained');
  await closed;
  const [first, second] = await results;
  assert.deepEqual(first, { status: 'fulfilled', value: 'drained' });
  assert.equal(second.status, 'rejected');
  assert.equal((second.reason as { code: string }).code, 'HOLDFAST_CLOSED');
});

test('a job in all its parts is what get gives, and the same after a restart', async (t) => {
  const job = defineJob({
    type: 'whole',
    queue: 'q',
    retry: { attempts: 3, backoff: constant('1m') },
    timeout: '20s',
    async run(payload: { readonly n: number }, ctx) {
      ctx.log.info({ n: payload.n }, 'begun %s', 'well');
      ctx.progress({ done: 1, of: 2 });
      await ctx.save({ at: payload.n });
      if (ctx.job.attempt === 1) throw new Error('once');
      ctx.progress(1);
      return { done: true };
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const createdAt = site.clock.now();
  const { id } = await site.jobs.enqueue(job, { n: 7 }, { priority: 2, delay: '1m' });
  await site.clock.pass(120_000);
  const { errors = [], ...view } = (await site.jobs.get(id)) ?? {};
  assert.deepEqual(view, {
    id,
    type: 'whole',
    queue: 'q',
    state: 'completed',
    priority: 2,
    payload: { n: 7 },
    attempts: 1,
    maxAttempts: 3,
    backoff: { kind: 'constant', delayMs: 60_000 },
    retryMode: 'all',
    timeoutMs: 20_000,
    starts: 2,
    crashes: 0,
    interrupts: 0,
    snoozes: 0,
    createdAt,
    startedAt: createdAt + 120_000,
    finishedAt: createdAt + 120_000,
    progress: 1,
    log: [{ at: createdAt + 120_000, level: 'info', message: 'begun well', fields: { n: 7 } }],
    checkpoint: { at: 7 },
    result: { done: true },
  });
  assert.deepEqual([errors.length, errors[0]?.message, errors[0]?.at], [1, 'once', createdAt + 60_000]);
  const before = await site.jobs.get(id);
  assert.deepEqual(await (await site.restart()).get(id), before);
  assert.deepEqual(await (await site.kill()).get(id), before);
});

test('progress and log are seen from outside while the job runs, and kept when its attempt ends', async (t) => {
  const context = latch<JobContext>();
  const end = latch();
  const job = defineJob({
    type: 'reports',
    async run(_: undefined, ctx) {
      context.open(ctx);
      await end.promise;
      throw new Error('no');
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  const ctx = await context.promise;
  for (let n = 0; n <= 100; n++) ctx.progress(n / 100);
  for (let n = 0; n < 150; n++) ctx.log.warn(`line ${n}`);
  const view = await site.jobs.get(id);
  assert.equal(view?.progress, 1);
  assert.equal(view.log?.length, 100);
  assert.deepEqual([view.log[0]?.message, view.log.at(-1)?.message], ['line 50', 'line 149']);
  end.open();
  await seen(site.jobs, id, 'failed');
  const after = await (await site.restart({ jobs: [] })).get(id);
  assert.deepEqual([after?.progress, after?.log], [1, view.log]);
});

for (const [what, progress] of [
  ['a Date', new Date(0)],
  ['NaN', NaN],
  ['5,000 bytes', 'x'.repeat(5_000)],
  ['undefined', undefined],
]) {
  test(`progress that cannot be stored (${String(what)}) is refused where it is reported`, async (t) => {
    const job = defineJob({
      type: 'reports',
      run(_: undefined, ctx) {
        assert.throws(() => ctx.progress(progress as number), { code: 'HOLDFAST_INVALID_RESULT' });
        return 'went on';
      },
    });
    const site = await openMovedEngine(t, { jobs: [job] });
    assert.equal(await (await site.jobs.enqueue(job)).result(), 'went on');
  });
}

test('list filters before it counts, and its pages join without gap or repetition', async (t) => {
  const site = await openMovedEngine(t, { jobs: [returns, dies] });
  const ids: string[] = [];
  for (let n = 0; n < 30; n++) {
    const { id } = await site.jobs.enqueue(n % 3 === 0 ? 'returns' : 'nobody', n, {
      queue: n % 2 === 0 ? 'even' : 'odd',
    });
    ids.push(id);
  }
  await site.jobs.cancel(ids[1] as string);
  await (await site.jobs.enqueue(dies)).result().catch(() => undefined);
  const find = async (filter: Parameters<typeof site.jobs.list>[0]): Promise<number[]> => {
    const found: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await site.jobs.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
      assert.ok(page.jobs.length <= (filter?.limit ?? 200));
      found.push(...page.jobs.map(({ id }) => ids.indexOf(id)));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  };
  const all = Array.from({ length: 30 }, (_, n) => n);
  assert.deepEqual(await find({ limit: 7 }), [...all, -1]);
  assert.deepEqual(
    await find({ type: 'returns', limit: 3 }),
    all.filter((n) => n % 3 === 0),
  );
  assert.deepEqual(
    await find({ queue: 'odd', limit: 1 }),
    all.filter((n) => n % 2 === 1),
  );
  assert.deepEqual(
    await find({ state: 'completed', queue: 'even' }),
    all.filter((n) => n % 6 === 0),
  );
  assert.deepEqual(await find({ state: 'cancelled' }), [1]);
  assert.deepEqual(await find({ state: 'dead' }), [-1]);
  assert.deepEqual(await find({ state: 'running' }), []);
  assert.deepEqual(await find({ type: 'never-seen' }), []);
  assert.deepEqual(await find({ queue: 'never-seen' }), []);
  await site.restart({ jobs: [] });
  assert.deepEqual(
    await find({ type: 'returns', limit: 4 }),
    all.filter((n) => n % 3 === 0),
  );
});
