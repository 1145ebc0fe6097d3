// A write is refused while jobs run: they go on, nothing is started twice, and whoever waits gets what he waits for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type JobContext, type EventView } from '../../src/index.ts';
import { failOnce, latch, openMovedEngine, storyOf, type Latch } from '../support/engine.ts';

const OUTCOMES = ['lost', 'stored'] as const;
const A_MOMENT_MS = 1_000;

const works = defineJob({ type: 'works', run: (n: unknown) => n });

/** A job that the test ends by hand. */
function handled() {
  const contexts: JobContext[] = [];
  const begun = latch<JobContext>();
  const end: Latch<string> = latch();
  const job = defineJob({
    type: 'handled',
    retry: { attempts: 1 },
    run(_: undefined, ctx) {
      contexts.push(ctx);
      begun.open(ctx);
      return end.promise;
    },
  });
  return { job, contexts, begun, end };
}

for (const how of OUTCOMES) {
  test(`a running attempt goes on through a recovery (${how}): one start, its saves kept, its result delivered`, async (t) => {
    const { job, contexts, begun, end } = handled();
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const result = site.jobs.wait(id);
    const ctx = await begun.promise;
    await ctx.save('before');
    await failOnce(site, how, () => site.jobs.enqueue('any'));
    assert.equal(ctx.signal.aborted, false);
    assert.equal((await site.jobs.get(id))?.state, 'running');
    await ctx.save('after');
    end.open('done');
    assert.equal(await result, 'done');
    assert.equal(contexts.length, 1);
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.checkpoint, view?.starts, view?.crashes], ['after', 1, 0]);
  });

  test(`an end that was told before the store failed (${how}) is told again, and is one end`, async (t) => {
    const { job, contexts, begun, end } = handled();
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const result = site.jobs.wait(id);
    await begun.promise;
    site.gate.refuseNext(how);
    end.open('done');
    await site.clock.pass(A_MOMENT_MS);
    assert.equal(await result, 'done');
    assert.equal(contexts.length, 1);
    assert.deepEqual(await storyOf(site.jobs, id), ['enqueued', 'started', 'completed']);
  });

  test(`an end that comes while the store is being recovered (${how}) is kept`, async (t) => {
    const { job, contexts, begun, end } = handled();
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const result = site.jobs.wait(id);
    await begun.promise;
    site.gate.refuseNext(how);
    await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
    end.open('done');
    await site.clock.pass(A_MOMENT_MS);
    assert.equal(await result, 'done');
    assert.equal(contexts.length, 1);
  });

  test(`a start whose write was refused (${how}) is one start: the handler is called once`, async (t) => {
    const { job, contexts, end } = handled();
    const site = await openMovedEngine(t, { jobs: [] });
    const { id } = await site.jobs.enqueue(job, undefined, { delay: '1m' });
    await site.restart({ jobs: [job] });
    await site.clock.pass(59_999);
    site.gate.refuseNext(how);
    await site.clock.pass(1);
    assert.equal(contexts.length, 0);
    await site.clock.pass(A_MOMENT_MS);
    assert.equal(contexts.length, 1);
    end.open('done');
    assert.equal(await site.jobs.wait(id), 'done');
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.starts, view?.crashes, view?.interrupts], [1, 0, 0]);
  });

  test(`a cancel whose write was refused (${how}) is carried out exactly if it is there afterwards`, async (t) => {
    const { job, begun, end } = handled();
    const site = await openMovedEngine(t, { jobs: [job] });
    const { id } = await site.jobs.enqueue(job);
    const { signal } = await begun.promise;
    await failOnce(site, how, () => site.jobs.cancel(id));
    assert.equal(signal.aborted, how === 'stored');
    end.open('done');
    if (how === 'stored') await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
    else assert.equal(await site.jobs.wait(id), 'done');
  });

  test(`follow-ups of an end whose write was refused (${how}) exist once`, async (t) => {
    const end = latch();
    const parent = defineJob({
      type: 'parent',
      async run(_: undefined, { enqueue }) {
        await enqueue(works, 1, { atEnd: true, id: 'named' });
        await enqueue(works, 2, { atEnd: true });
        await end.promise;
      },
    });
    const site = await openMovedEngine(t, { jobs: [parent, works] });
    const handle = await site.jobs.enqueue(parent);
    await site.clock.settle();
    site.gate.refuseNext(how);
    end.open();
    await site.clock.pass(A_MOMENT_MS);
    await handle.result();
    assert.equal(await site.jobs.wait('named'), 1);
    assert.equal((await site.jobs.list({ type: 'works' })).jobs.length, 2);
  });

  test(`a listener hears of a refused write (${how}) exactly what the disk has`, async (t) => {
    const site = await openMovedEngine(t);
    const heard: EventView[] = [];
    const stop = new AbortController();
    const listening = (async () => {
      for await (const event of site.jobs.events({ since: 0, signal: stop.signal })) heard.push(event);
    })();
    await site.jobs.enqueue('any', 1, { id: 'a' });
    await failOnce(site, how, () => site.jobs.enqueue('any', 1, { id: 'b' }));
    await site.jobs.enqueue('any', 1, { id: 'c' });
    await site.clock.settle();
    stop.abort();
    await listening;
    assert.deepEqual(
      heard.map(({ id }) => id),
      how === 'stored' ? ['a', 'b', 'c'] : ['a', 'c'],
    );
  });
}

test('retries that are due are not lost by a recovery, and attempts are not counted twice', async (t) => {
  let starts = 0;
  const fails = defineJob({
    type: 'fails',
    retry: { attempts: 3, backoff: constant('10s') },
    run() {
      starts++;
      throw new Error('no');
    },
  });
  for (const how of OUTCOMES) {
    starts = 0;
    const site = await openMovedEngine(t, { jobs: [fails] });
    site.gate.hold();
    const accepted = site.jobs.enqueue(fails, undefined, { id: 'one' });
    await site.gate.arrival();
    site.gate.release();
    await accepted;
    site.gate.refuseNext(how);
    await site.clock.pass(60_000);
    await assert.rejects(site.jobs.wait('one'), { reason: 'exhausted' });
    assert.equal(starts, 3);
    assert.equal((await site.jobs.get('one'))?.errors.length, 3);
  }
});

test('a listener that reads the past from the disk is not thrown off by a recovery', async (t) => {
  const site = await openMovedEngine(t, { cacheBytes: 0 });
  for (let n = 0; n < 10; n++) await site.jobs.enqueue('any', n, { id: `n${n}` });
  const heard: string[] = [];
  const events = site.jobs.events({ since: 0 });
  const next = async (): Promise<void> => {
    const { value } = (await events.next()) as { value: EventView };
    heard.push(value.id ?? '');
  };
  for (let n = 0; n < 3; n++) await next();
  site.gate.refuseNext('lost');
  await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  const during = next();
  await site.clock.pass(A_MOMENT_MS);
  await during;
  for (let n = 4; n < 10; n++) await next();
  assert.deepEqual(
    heard,
    Array.from({ length: 10 }, (_, n) => `n${n}`),
  );
  await events.return?.();
});
