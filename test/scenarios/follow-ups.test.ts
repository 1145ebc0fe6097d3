// A handler enqueues further jobs: at once, or together with its own end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, TerminateError, type JobContext } from '../../src/index.ts';
import { latch, openMovedEngine, seen } from '../support/engine.ts';

const child = defineJob({ type: 'child', run: (n: number) => n * 2 });

test('a job that is enqueued by a handler is durable when its id is given', async (t) => {
  const context = latch<JobContext>();
  const parent = defineJob({
    type: 'parent',
    async run(_: undefined, ctx) {
      context.open(ctx);
      await latch().promise;
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent] });
  await site.jobs.enqueue(parent);
  const ctx = await context.promise;
  const id = await ctx.enqueue(child, 21);
  const named = await ctx.enqueue('child', 1, { id: 'named', priority: 5, delay: '1h' });
  assert.equal(named, 'named');
  await assert.rejects(ctx.enqueue('child', 1, { id: 'named' }), { code: 'HOLDFAST_JOB_EXISTS' });
  assert.equal(await ctx.enqueue('child', 1, { id: 'named', ifExists: 'return' }), 'named');
  const jobs = await site.kill({ jobs: [child] });
  assert.equal(await jobs.wait(id), 42);
  assert.equal((await jobs.get('named'))?.priority, 5);
});

test('follow-ups come into being with the completion, in their order, and their ids are known before', async (t) => {
  const promised: string[] = [];
  const end = latch();
  const parent = defineJob({
    type: 'parent',
    async run(_: undefined, { enqueue }) {
      for (let n = 1; n <= 3; n++) promised.push(await enqueue(child, n, { atEnd: true }));
      promised.push(await enqueue(child, 4, { atEnd: true, id: 'four', delay: '1h' }));
      await end.promise;
      return promised;
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent, child] });
  const job = await site.jobs.enqueue(parent);
  await site.clock.settle();
  assert.equal(promised.length, 4);
  for (const id of promised) assert.equal(await site.jobs.get(id), undefined);
  end.open();
  assert.deepEqual(await job.result(), promised);
  assert.deepEqual(await Promise.all(promised.slice(0, 3).map((id) => site.jobs.wait(id))), [2, 4, 6]);
  assert.equal((await site.jobs.get('four'))?.dueAt, site.clock.now() + 3_600_000);
  const completed = await seen(site.jobs, job.id, 'completed');
  const orders: number[] = [];
  for (const id of promised) orders.push((await seen(site.jobs, id, 'enqueued')).seq);
  assert.deepEqual(
    orders.toSorted((a, b) => a - b),
    orders,
  );
  assert.equal(Math.floor((orders[0] as number) / 65_536), Math.floor(completed.seq / 65_536), 'in one frame');
});

const NOT_COMPLETED: readonly (readonly [
  how: string,
  end: (ctx: JobContext, cancel: () => Promise<unknown>) => unknown,
])[] = [
  ['fails', () => Promise.reject(new TerminateError('no'))],
  ['returns what cannot be stored', () => 1n],
  ['is cancelled', async (_ctx, cancel) => void (await cancel())],
];
for (const [how, end] of NOT_COMPLETED) {
  test(`a job that ${how} has no follow-ups`, async (t) => {
    const parent = defineJob({
      type: 'parent',
      retry: { attempts: 1 },
      async run(_: undefined, ctx) {
        await ctx.enqueue(child, 1, { atEnd: true, id: 'never' });
        return end(ctx, () => site.jobs.cancel(ctx.job.id));
      },
    });
    const site = await openMovedEngine(t, { jobs: [parent, child] });
    const job = await site.jobs.enqueue(parent);
    await assert.rejects(job.result());
    assert.equal(await site.jobs.get('never'), undefined);
    assert.equal(await (await site.kill()).get('never'), undefined);
  });
}

test('the follow-ups of a failed attempt are forgotten, and the next attempt has its own', async (t) => {
  const parent = defineJob({
    type: 'parent',
    retry: { backoff: constant('1m') },
    async run(_: undefined, { enqueue, job }) {
      await enqueue(child, job.attempt, { atEnd: true, id: `of-attempt-${job.attempt}` });
      if (job.attempt === 1) throw new Error('once');
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent, child] });
  await site.jobs.enqueue(parent);
  await site.clock.pass(60_000);
  assert.equal(await site.jobs.get('of-attempt-1'), undefined);
  assert.equal(await site.jobs.wait('of-attempt-2'), 4);
});

for (const isDurable of [true, false]) {
  test(`killed while it completes, a job has follow-ups ${isDurable ? 'and is completed' : 'as little as its completion'}`, async (t) => {
    const end = latch();
    const parent = defineJob({
      type: 'parent',
      async run(_: undefined, { enqueue }) {
        await enqueue(child, 1, { atEnd: true, id: 'follower' });
        await end.promise;
      },
    });
    const site = await openMovedEngine(t, { jobs: [parent] });
    const { id } = await site.jobs.enqueue(parent);
    await site.clock.settle();
    site.gate.hold();
    end.open();
    await site.gate.arrival();
    if (isDurable) site.gate.release();
    await site.clock.settle();
    const jobs = await site.kill({ jobs: [] });
    assert.equal((await jobs.get(id))?.state, isDurable ? 'completed' : 'waiting');
    assert.equal((await jobs.get('follower'))?.state, isDurable ? 'waiting' : undefined);
  });
}

test('a follow-up whose id is taken when the job ends is a failed attempt that says so, and harms no other job', async (t) => {
  const end = latch();
  const parent = defineJob({
    type: 'parent',
    retry: { attempts: 1 },
    async run(_: undefined, { enqueue }) {
      await enqueue(child, 1, { atEnd: true, id: 'free' });
      await enqueue(child, 2, { atEnd: true, id: 'taken' });
      await end.promise;
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent, child] });
  const job = await site.jobs.enqueue(parent);
  await site.jobs.enqueue('nobody', 'first', { id: 'taken' });
  end.open();
  await assert.rejects(job.result(), (error: Error) => {
    assert.equal((error.cause as Error & { code?: string }).code, 'HOLDFAST_JOB_EXISTS');
    return true;
  });
  assert.equal(await site.jobs.get('free'), undefined);
  assert.equal((await site.jobs.get('taken'))?.payload, 'first');
  assert.equal((await (await site.kill()).get('taken'))?.payload, 'first');
});

test('two follow-ups of one id are a failed attempt, unless the second would rather have the first', async (t) => {
  const parent = defineJob({
    type: 'parent',
    retry: { attempts: 1 },
    async run(ifExists: 'reject' | 'return', { enqueue }) {
      await enqueue(child, 1, { atEnd: true, id: `x-${ifExists}` });
      await enqueue(child, 2, { atEnd: true, id: `x-${ifExists}`, ifExists });
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent, child] });
  await assert.rejects((await site.jobs.enqueue(parent, 'reject')).result());
  await (await site.jobs.enqueue(parent, 'return')).result();
  assert.equal(await site.jobs.get('x-reject'), undefined);
  assert.equal(await site.jobs.wait('x-return'), 2);
});

test('what a handler enqueues is checked as at the door, and the error comes to the handler', async (t) => {
  const parent = defineJob({
    type: 'parent',
    retry: { attempts: 1 },
    async run(_: undefined, { enqueue }) {
      for (const atEnd of [false, true]) {
        await assert.rejects(enqueue('no type!', 1, { atEnd }), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'type' });
        await assert.rejects(enqueue('child', 1n, { atEnd }), { code: 'HOLDFAST_INVALID_PAYLOAD' });
        await assert.rejects(enqueue('child', 1, { atEnd, id: 'a b' }), {
          code: 'HOLDFAST_INVALID_ARGUMENT',
          field: 'id',
        });
        await assert.rejects(enqueue('child', 1, { atEnd, delay: 'soon' as never }), {
          code: 'HOLDFAST_INVALID_ARGUMENT',
        });
      }
      await assert.rejects(enqueue(undefined as never), { code: 'HOLDFAST_INVALID_ARGUMENT' });
      await assert.rejects(enqueue('child', 1, null as never), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'options' });
      return 'checked';
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent, child] });
  assert.equal(await (await site.jobs.enqueue(parent)).result(), 'checked');
  assert.equal((await site.jobs.list()).jobs.length, 1);
});

test('a chain of a hundred jobs, each the follow-up of the one before, ends', async (t) => {
  const link = defineJob({
    type: 'link',
    async run(n: number, { enqueue }) {
      if (n > 0) await enqueue('link', n - 1, { atEnd: true, id: `link-${n - 1}` });
      return n;
    },
  });
  const site = await openMovedEngine(t, { jobs: [link] });
  await site.jobs.enqueue(link, 100, { id: 'link-100' });
  for (let n = 100; n >= 0; n--) assert.equal(await site.jobs.wait(`link-${n}`), n);
});

test('a follow-up meets the keys when it comes into being: another job stands for it, or the attempt fails', async (t) => {
  const end = latch();
  const promised: string[] = [];
  const parent = defineJob({
    ...{ type: 'parent', retry: { attempts: 1 } },
    async run(mode: 'keep' | 'reject', { enqueue }) {
      promised.push(await enqueue('late', 'follow-up', { atEnd: true, unique: { key: 'k', mode } }));
      promised.push(await enqueue('late', 'follow-up', { atEnd: true, idempotencyKey: 'i' }));
      await end.promise;
    },
  });
  const site = await openMovedEngine(t, { jobs: [parent] });
  const keeping = await site.jobs.enqueue(parent, 'keep');
  const refusing = await site.jobs.enqueue(parent, 'reject');
  await site.clock.settle();
  const holder = await site.jobs.enqueue('late', 'holder', { unique: 'k', idempotencyKey: 'i' });
  end.open();
  await keeping.result();
  await assert.rejects(refusing.result(), /The unique key k is held/);
  assert.equal(promised.length, 4);
  for (const id of promised) assert.equal(await site.jobs.get(id), undefined, 'the id was never stored');
  const { jobs } = await site.jobs.list({ type: 'late' });
  assert.deepEqual(
    jobs.map(({ id, payload }) => [id, payload]),
    [[holder.id, 'holder']],
  );
});
