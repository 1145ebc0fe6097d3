// Jobs that are changed while they wait, brought forward, deleted and purged.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { defineJob, TerminateError, type JobFilter } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, storyOf } from '../support/engine.ts';

const HOUR_MS = 3_600_000;

describe('a waiting job', () => {
  test('can be given another payload, priority and moment, and keeps them over a restart and a kill', async (t) => {
    const work = defineJob({ type: 'work', payload: z.object({ n: z.number() }), run: ({ n }) => n });
    const site = await openTestEngine(t, { jobs: [work] });
    const { id } = await site.jobs.enqueue(work, { n: 1 }, { delay: '1h', tags: ['kept'] });
    await site.jobs.update(id, { priority: 7 });
    const first = await site.jobs.get(id);
    assert.deepEqual([first?.priority, first?.payload], [7, { n: 1 }]);
    const runAt = (first?.dueAt ?? 0) + HOUR_MS;
    await site.jobs.update(id, { runAt, payload: { n: 2 } });
    await site.restart();
    const second = await site.jobs.get(id);
    assert.deepEqual([second?.priority, second?.payload, second?.dueAt, second?.tags], [7, { n: 2 }, runAt, ['kept']]);
    await site.jobs.update(id, { payload: { n: 3 } });
    await site.kill();
    assert.deepEqual((await site.jobs.get(id))?.payload, { n: 3 });
    assert.deepEqual(await site.jobs.promote([id]), [{ id, ok: true }]);
    assert.equal(await site.jobs.wait(id), 3);
    assert.deepEqual((await storyOf(site.jobs, id)).slice(0, 4), ['enqueued', 'updated', 'updated', 'updated']);
  });

  test('runs in the order of its new priority, and at its new moment', async (t) => {
    const order: unknown[] = [];
    const gate = latch();
    const work = defineJob<unknown>({
      type: 'work',
      async run(n) {
        if (n === 'first') await gate.promise;
        order.push(n);
      },
    });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [work], concurrency: 1 });
    await jobs.enqueue(work, 'first');
    await clock.settle();
    const a = await jobs.enqueue(work, 'a');
    const b = await jobs.enqueue(work, 'b');
    const c = await jobs.enqueue(work, 'c', { delay: '2h' });
    await jobs.update(b.id, { priority: 1 });
    await jobs.update(a.id, { delay: '3h' });
    gate.open();
    await clock.pass(HOUR_MS);
    assert.deepEqual(order, ['first', 'b']);
    await jobs.update(c.id, { delay: 0 });
    await clock.settle();
    assert.deepEqual(order, ['first', 'b', 'c']);
    await clock.pass(2 * HOUR_MS);
    assert.deepEqual(order, ['first', 'b', 'c', 'a']);
  });

  test('loses its checkpoint with its payload, and keeps it and its failed attempts otherwise', async (t) => {
    const seen: unknown[] = [];
    const work = defineJob<{ n: number }, unknown, string>({
      type: 'work',
      retry: { attempts: 3, backoff: ['1h'] },
      async run({ n }, { checkpoint, save }) {
        seen.push([n, checkpoint]);
        await save(`after ${n}`);
        throw new Error('no');
      },
    });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [work] });
    const { id } = await jobs.enqueue(work, { n: 1 });
    await clock.settle();
    await jobs.update(id, { delay: 0 });
    await clock.settle();
    await jobs.update(id, { payload: { n: 2 }, delay: 0 });
    await clock.settle();
    assert.deepEqual(seen, [
      [1, undefined],
      [1, 'after 1'],
      [2, undefined],
    ]);
    assert.equal((await jobs.get(id))?.state, 'dead', 'the third failed attempt');
  });

  test('is refused what it cannot be', async (t) => {
    const work = defineJob({ type: 'work', payload: z.object({ n: z.number() }), run: ({ n }) => n });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [work] });
    const { id } = await jobs.enqueue(work, { n: 1 }, { delay: '1h' });
    await assert.rejects(jobs.update(id, { payload: { n: 'one' } }), { code: 'HOLDFAST_INVALID_PAYLOAD' });
    await assert.rejects(jobs.update(id, { priority: 1.5 }), { field: 'priority' });
    await assert.rejects(jobs.update(id, { delay: 1, runAt: 1 }), { field: 'delay, runAt' });
    await assert.rejects(jobs.update(id, { queue: 'other' } as never), { field: 'changes.queue' });
    await assert.rejects(jobs.update('none', { priority: 1 }), { code: 'HOLDFAST_JOB_NOT_FOUND' });
    await jobs.promote([id]);
    await clock.settle();
    await assert.rejects(jobs.update(id, { priority: 1 }), { code: 'HOLDFAST_ILLEGAL_TRANSITION' });
    const [report] = await jobs.promote([id]);
    assert.equal(report?.ok, false, 'a completed job is not brought forward');
  });
});

describe('a job that is deleted', () => {
  test('never starts, is not there any more, and who waits for it hears so', async (t) => {
    const work = defineJob({ type: 'work', run: () => assert.fail('it ran') });
    const site = await openMovedEngine(t, { jobs: [work] });
    const { jobs, clock } = site;
    const job = await jobs.enqueue(work, undefined, { delay: '1h', unique: 'k' });
    const result = assert.rejects(job.result(), { code: 'HOLDFAST_JOB_NOT_FOUND' });
    assert.deepEqual(await jobs.delete([job.id]), [{ id: job.id, ok: true }]);
    await result;
    assert.equal(await jobs.get(job.id), undefined);
    await clock.pass(2 * HOUR_MS);
    const next = await jobs.enqueue(work, undefined, { delay: '1d', unique: 'k', id: job.id });
    assert.equal(next.isNew, true, 'its key and its id are free');
    await site.restart();
    assert.deepEqual((await site.jobs.counts()).total, 1);
  });

  test('is refused while it runs, and while others wait for it', async (t) => {
    const gate = latch();
    const work = defineJob({ type: 'work', run: () => gate.promise });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [work] });
    const { id } = await jobs.enqueue(work, undefined, { id: 'parent' });
    await jobs.enqueue('nobody', undefined, { id: 'child', after: ['parent'] });
    await clock.settle();
    const refused = async (): Promise<unknown> => {
      const [report] = await jobs.delete([id]);
      return report?.ok === false ? report.error.code : report;
    };
    assert.equal(await refused(), 'HOLDFAST_ILLEGAL_TRANSITION');
    gate.open();
    await clock.settle();
    assert.equal(await refused(), 'HOLDFAST_ILLEGAL_TRANSITION', 'the child has not ended');
    assert.deepEqual(await jobs.delete(['child', id]), [
      { id: 'child', ok: true },
      { id, ok: true },
    ]);
  });
});

describe('a purge', () => {
  test('removes all that its filter means, but what runs, and nothing else', async (t) => {
    const gate = latch();
    t.after(() => gate.open());
    const holds = defineJob({ type: 'holds', run: () => gate.promise });
    const works = defineJob({ type: 'works', run: () => 1 });
    const dies = defineJob({ type: 'dies', run: () => Promise.reject(new TerminateError('no')) });
    const types = ['holds', 'works', 'dies', 'nobody'];
    const filter = fc.record(
      {
        state: fc.constantFrom('waiting', 'running', 'completed', 'dead', 'cancelled'),
        type: fc.constantFrom(...types),
        queue: fc.constantFrom('a', 'b'),
        tag: fc.constantFrom('t0', 't1'),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(filter, async (drawn) => {
        if (Object.keys(drawn).length === 0) return;
        const { jobs, clock, close } = await openMovedEngine(t, { jobs: [holds, works, dies] });
        for (let n = 0; n < 24; n++) {
          const options = { queue: n % 2 === 0 ? 'a' : 'b', tags: [`t${n % 3}`], delay: n % 5 === 0 ? HOUR_MS : 0 };
          await jobs.enqueue(types[n % 4] as string, undefined, { ...options, id: `${n}` });
        }
        await jobs.enqueue('nobody', undefined, { id: 'child', after: ['3'], queue: 'b', tags: ['t0'] });
        await clock.settle();
        const before = (await jobs.list()).jobs;
        const meant = (await jobs.list(drawn as JobFilter)).jobs;
        const { removed, kept } = await jobs.purge(drawn);
        const after = new Set((await jobs.list()).jobs.map(({ id }) => id));
        const isKept = (id: string, state: string): boolean =>
          state === 'running' || (id === '3' && after.has('child'));
        for (const { id, state } of before) {
          const isGone = meant.some((job) => job.id === id) && !isKept(id, state);
          assert.equal(after.has(id), !isGone, `${id} ${state}`);
        }
        assert.deepEqual([removed, kept], [before.length - after.size, meant.length - removed]);
        await close();
      }),
      { numRuns: 40 },
    );
  });

  test('is refused without a word to choose by', async (t) => {
    const { jobs } = await openMovedEngine(t);
    await assert.rejects(jobs.purge({}), { field: 'filter' });
    await assert.rejects(jobs.purge({ limit: 5 } as never), { field: 'filter.limit' });
  });
});
