// A checkpoint is durable when `save` resolves; every later attempt gets the last one, and it never goes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type JobContext } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, seen, type Latch } from '../support/engine.ts';

/** Counts to five and saves each number; stops for good after `stopAfter` of them, in its first attempt. */
function counter(stopAfter: number) {
  const saved = latch();
  const never = latch();
  const found: unknown[] = [];
  const did: number[] = [];
  const job = defineJob({
    type: 'counter',
    async run(_: undefined, ctx: JobContext<number>) {
      found.push(ctx.checkpoint);
      for (let n = (ctx.checkpoint ?? 0) + 1; n <= 5; n++) {
        did.push(n);
        await ctx.save(n);
        if (n !== stopAfter || found.length > 1) continue;
        saved.open();
        await never.promise;
      }
      return 'counted';
    },
  });
  return { job, saved, found, did };
}

test('killed after 3 of 5, a job goes on from 3', async (t) => {
  const { job, saved, found, did } = counter(3);
  const site = await openTestEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await saved.promise;
  const jobs = await site.kill();
  assert.equal(await jobs.wait(id), 'counted');
  assert.deepEqual(found, [undefined, 3]);
  assert.deepEqual(did, [1, 2, 3, 4, 5]);
  assert.equal((await jobs.get(id))?.checkpoint, 5);
});

test('a checkpoint outlives a close, and the job goes on from it without losing an attempt', async (t) => {
  const { job, saved, found } = counter(2);
  const site = await openMovedEngine(t, { jobs: [job], grace: '1s' });
  const { id } = await site.jobs.enqueue(job);
  await saved.promise;
  const jobs = await site.restart();
  assert.equal(await jobs.wait(id), 'counted');
  assert.deepEqual(found, [undefined, 2]);
  const { attempts, interrupts, crashes, starts } = (await jobs.get(id)) ?? {};
  assert.deepEqual({ attempts, interrupts, crashes, starts }, { attempts: 0, interrupts: 1, crashes: 0, starts: 2 });
});

test('a checkpoint outlives the attempt that saved it and failed', async (t) => {
  const found: unknown[] = [];
  const job = defineJob({
    type: 'fails',
    retry: { attempts: 4, backoff: constant('1m') },
    async run(_: undefined, ctx: JobContext<{ readonly parts: number[] }>) {
      found.push(ctx.checkpoint);
      const parts = ctx.checkpoint?.parts ?? [];
      await ctx.save({ parts: [...parts, parts.length] });
      assert.deepEqual(ctx.checkpoint, { parts: [...parts, parts.length] });
      if (parts.length < 3) throw new Error('not yet');
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(60_000);
  await site.restart();
  await site.clock.pass(120_000);
  await site.jobs.wait(id);
  assert.deepEqual(found, [undefined, { parts: [0] }, { parts: [0, 1] }, { parts: [0, 1, 2] }]);
});

test('saves that are not awaited are kept in the order of the calls', async (t) => {
  const job = defineJob({
    type: 'hasty',
    async run(_: undefined, { save }) {
      const saves = Array.from({ length: 100 }, (_, n) => save(n));
      await Promise.all(saves);
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.jobs.wait(id);
  assert.equal((await site.jobs.get(id))?.checkpoint, 99);
});

test('a save does not resolve before the disk has it, and killed before, the one before counts', async (t) => {
  const begun = latch<JobContext>();
  const found: unknown[] = [];
  const job = defineJob({
    type: 'saves',
    async run(_: undefined, ctx) {
      found.push(ctx.checkpoint);
      if (found.length > 1) return;
      await ctx.save('kept');
      begun.open(ctx);
      await latch().promise;
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  const ctx = await begun.promise;
  site.gate.hold();
  let isSaved = false;
  ctx.save('held').then(
    () => (isSaved = true),
    () => undefined,
  );
  await site.gate.arrival();
  await site.clock.settle();
  assert.equal(isSaved, false);
  assert.equal(ctx.checkpoint, 'kept', 'the handler is not told either');
  const jobs = await site.kill();
  await jobs.wait(id);
  assert.deepEqual(found, [undefined, 'kept']);
});

const REFUSED: readonly (readonly [what: string, checkpoint: unknown])[] = [
  ['undefined', undefined],
  ['a Date', { at: new Date(0) }],
  ['NaN', { share: NaN }],
  ['what is too large', 'x'.repeat(2_000_000)],
];
for (const [what, checkpoint] of REFUSED) {
  test(`${what} is refused as a checkpoint, and the one before stays`, async (t) => {
    const job = defineJob({
      type: 'saves',
      async run(_: undefined, ctx) {
        await ctx.save('good');
        await assert.rejects(ctx.save(checkpoint), { code: 'HOLDFAST_INVALID_RESULT' });
        return ctx.checkpoint;
      },
    });
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    assert.equal(await site.jobs.wait(id), 'good');
    assert.equal((await site.jobs.get(id))?.checkpoint, 'good');
  });
}

test('a save after the end of its attempt is refused and changes nothing, also while the next attempt runs', async (t) => {
  const contexts: JobContext[] = [];
  const stay: Latch = latch();
  const job = defineJob({
    type: 'late',
    retry: { backoff: constant('1m') },
    async run(_: undefined, ctx) {
      contexts.push(ctx);
      await ctx.save(contexts.length);
      if (contexts.length === 1) throw new Error('not yet');
      await stay.promise;
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.pass(60_000);
  assert.equal(contexts.length, 2);
  for (const method of ['save', 'extend', 'enqueue'] as const) {
    await assert.rejects((contexts[0] as JobContext)[method]('x' as never), { code: 'HOLDFAST_ATTEMPT_ENDED', method });
  }
  contexts[0]?.progress(0.9);
  contexts[0]?.log.info('nobody listens');
  assert.equal((await site.jobs.get(id))?.checkpoint, 2);
  stay.open();
  await site.jobs.wait(id);
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.checkpoint, view?.progress, view?.log], [2, undefined, undefined]);
});

test('a checkpoint survives the trimming of the frames it was in', async (t) => {
  const { job, saved, found } = counter(3);
  const noise = defineJob({ type: 'noise', run: () => 'x'.repeat(500_000) });
  const site = await openMovedEngine(t, { jobs: [job, noise], keep: { completed: { count: 0 } } });
  const { id } = await site.jobs.enqueue(job);
  await saved.promise;
  const before = await site.jobs.get(id);
  for (let n = 0; n < 40; n++) await (await site.jobs.enqueue(noise)).result().catch(() => undefined);
  await site.clock.settle();
  await assert.rejects(site.jobs.events({ since: 1 }).next(), { code: 'HOLDFAST_EVENTS_TRIMMED' });
  assert.deepEqual(await site.jobs.get(id), before);
  await seen(await site.kill(), id, 'completed');
  assert.deepEqual(found, [undefined, 3]);
});
