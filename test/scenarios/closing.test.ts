// How an engine ends: nothing new starts, what runs may finish, then it is asked, then it is ended; nothing is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, open, type JobContext } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, seen, type Latch } from '../support/engine.ts';

/** A job whose attempts the test ends by hand. */
function handled() {
  const attempts: { readonly ctx: JobContext; readonly end: Latch<string | Error> }[] = [];
  let begun = latch();
  const job = defineJob({
    type: 'handled',
    retry: { attempts: 2, backoff: constant('1m') },
    async run(_: undefined, ctx) {
      const end = latch<string | Error>();
      attempts.push({ ctx, end });
      begun.open();
      const outcome = await end.promise;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
  return {
    job,
    async next() {
      await begun.promise;
      begun = latch();
      return attempts.at(-1) as (typeof attempts)[0];
    },
    attempts,
  };
}

test('an idle engine closes at once, and says so', async (t) => {
  const site = await openMovedEngine(t);
  await site.jobs.enqueue('any');
  assert.deepEqual(await site.jobs.close(), { completed: 0, interrupted: 0, abandoned: 0, durationMs: 0 });
});

test('what runs may finish within the drain, and nothing new starts meanwhile', async (t) => {
  const { job, next, attempts } = handled();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1 });
  const [first, second] = await site.jobs.enqueueAll([[job], [job]]);
  const { ctx, end } = await next();
  const result = first.result();
  const closing = site.jobs.close({ drain: '10s' });
  await site.clock.pass(9_000);
  assert.equal(ctx.signal.aborted, false);
  await ctx.save('still allowed');
  end.open('done');
  assert.equal(await result, 'done');
  assert.deepEqual(await closing, { completed: 1, interrupted: 0, abandoned: 0, durationMs: 9_000 });
  assert.equal(attempts.length, 1);
  const jobs = await site.restart();
  assert.equal((await jobs.get(first.id))?.checkpoint, 'still allowed');
  (await next()).end.open('later');
  assert.equal(await jobs.wait(second.id), 'later');
});

test('what fails within the drain has failed, and is counted among what ended by itself', async (t) => {
  const { job, next } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  const { end } = await next();
  const closing = site.jobs.close({ drain: '10s' });
  end.open(new Error('no'));
  assert.deepEqual(await closing, { completed: 1, interrupted: 0, abandoned: 0, durationMs: 0 });
  const jobs = await site.restart();
  assert.deepEqual([(await jobs.get(id))?.attempts, (await jobs.get(id))?.face], [1, 'retrying']);
});

test('after the drain handlers are asked; who rethrows is interrupted and keeps attempt and checkpoint', async (t) => {
  const { job, next } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s' });
  const { id } = await site.jobs.enqueue(job);
  const { ctx, end } = await next();
  await ctx.save({ done: 7 });
  const closing = site.jobs.close({ drain: '1s' });
  await site.clock.pass(1_000);
  assert.equal(ctx.signal.aborted, true);
  const reason = ctx.signal.reason as Error & { code: string; reason: string };
  assert.deepEqual([reason.code, reason.reason], ['HOLDFAST_INTERRUPTED', 'closing']);
  await site.clock.pass(4_999);
  await ctx.save({ done: 8 });
  end.open(reason);
  assert.deepEqual(await closing, { completed: 0, interrupted: 1, abandoned: 0, durationMs: 5_999 });
  const jobs = await site.restart();
  const second = await next();
  assert.deepEqual(second.ctx.checkpoint, { done: 8 });
  assert.equal(second.ctx.job.attempt, 1);
  assert.equal((await seen(jobs, id, 'interrupted')).reason, 'closing');
  const view = await jobs.get(id);
  assert.deepEqual([view?.attempts, view?.interrupts, view?.crashes, view?.starts], [0, 1, 0, 2]);
  second.end.open('done');
  assert.equal(await jobs.wait(id), 'done');
});

test('who finishes after the signal has finished', async (t) => {
  const { job, next } = handled();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  const { end } = await next();
  const closing = site.jobs.close({ drain: 0 });
  await site.clock.settle();
  end.open('just so');
  assert.deepEqual(await closing, { completed: 1, interrupted: 0, abandoned: 0, durationMs: 0 });
  assert.equal(await (await site.restart()).wait(id), 'just so');
});

test('an inline handler that ignores its signal cannot hold up the end; its job runs again', async (t) => {
  const { job, next, attempts } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s' });
  const { id } = await site.jobs.enqueue(job);
  const { ctx, end } = await next();
  const report = await site.drive(site.jobs.close({ drain: '1s' }));
  assert.deepEqual(report, { completed: 0, interrupted: 1, abandoned: 1, durationMs: 6_000 });
  end.open('nobody hears');
  await assert.rejects(ctx.save(1), { code: 'HOLDFAST_ATTEMPT_ENDED' });
  const jobs = await site.restart();
  (await next()).end.open('heard');
  assert.equal(await jobs.wait(id), 'heard');
  assert.equal(attempts.length, 2);
});

test('a cancelled job that runs while the engine closes is cancelled, not interrupted', async (t) => {
  const { job, next } = handled();
  const site = await openMovedEngine(t, { jobs: [job], grace: '5s' });
  const { id } = await site.jobs.enqueue(job);
  await next();
  await site.jobs.cancel(id, 'enough');
  await site.drive(site.jobs.close({ drain: 0 }));
  const view = await (await site.restart()).get(id);
  assert.deepEqual([view?.state, view?.reason], ['cancelled', 'enough']);
});

test('jobs that were accepted in the same breath as the close are kept', async (t) => {
  const { job } = handled();
  const site = await openTestEngine(t, { jobs: [job], grace: 0 });
  const accepted = Promise.all(Array.from({ length: 50 }, (_, n) => site.jobs.enqueue('any', n)));
  await site.jobs.close();
  const handles = await accepted;
  const jobs = await site.restart();
  for (const { id } of handles) assert.equal((await jobs.get(id))?.state, 'waiting');
});

test('an engine can be disposed of by the end of its block, and the folder is free then', async (t) => {
  const site = await openTestEngine(t);
  await site.close();
  const works = defineJob({ type: 'works', run: () => 'done' });
  {
    await using jobs = await open(site.folder, { jobs: [works] });
    assert.equal(await (await jobs.enqueue(works)).result(), 'done');
    assert.equal(jobs.path, site.folder);
  }
  await using again = await open(site.folder);
  assert.equal((await again.list()).jobs.length, 1);
});

test('a handler may close its own engine', async (t) => {
  const closed = latch();
  const job = defineJob({
    type: 'closes',
    async run(_: undefined, { signal }) {
      site.jobs.close({ drain: 0 }).then(
        () => closed.open(),
        () => undefined,
      );
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'last';
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.drive(closed.promise);
  assert.equal(await (await site.restart()).wait(id), 'last');
});

test('an engine that closes after a recovery began does neither hang nor start anything', async (t) => {
  let starts = 0;
  const job = defineJob({ type: 'counts', run: () => void starts++ });
  const site = await openMovedEngine(t, { jobs: [job] });
  const later = await site.jobs.enqueue(job, undefined, { delay: '1s' });
  site.gate.refuseNext('lost');
  await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  await site.drive(site.jobs.close());
  await site.clock.pass(60_000);
  assert.equal(starts, 0);
  const jobs = await site.restart();
  await jobs.wait(later.id);
  assert.equal(starts, 1);
});

test('a store that fails while the engine drains is recovered, and still nothing new starts', async (t) => {
  const { job, next, attempts } = handled();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1 });
  const [first, second] = await site.jobs.enqueueAll([[job], [job]]);
  const { ctx, end } = await next();
  const closing = site.jobs.close({ drain: '1m' });
  site.gate.refuseNext('lost');
  await assert.rejects(ctx.save(1), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  await site.clock.pass(10_000);
  assert.equal(attempts.length, 1);
  end.open('done');
  assert.equal((await site.drive(closing)).completed, 1);
  assert.equal(attempts.length, 1);
  const jobs = await site.restart({ jobs: [] });
  assert.equal((await jobs.get(first.id))?.state, 'completed');
  assert.equal((await jobs.get(second.id))?.starts, 0);
});
