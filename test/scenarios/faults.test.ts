// A fault of our own: something inside throws that never should. Whoever asked is told, and the engine is made anew.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob } from '../../src/index.ts';
import { latch, openMovedEngine, storyOf, type MovedEngine } from '../support/engine.ts';

/** Lets the clock throw when it is asked the time for the `n`th time from now on, and so many times in a row. */
function breakAt(site: MovedEngine, n: number, times = 1): { hasBroken(): boolean; mend(): void } {
  const { now } = site.clock;
  let asked = 0;
  Object.assign(site.clock, {
    now() {
      const which = asked++;
      if (which >= n && which < n + times) throw new Error('a fault');
      return now();
    },
  });
  return { hasBroken: () => asked > n, mend: () => void Object.assign(site.clock, { now }) };
}

for (const [what, times] of [
  ['a fault', 1],
  ['a fault, and another in its recovery,', 2],
  ['a fault, and two more in its recovery,', 3],
] as const) {
  test(`${what} at any moment is answered to all who asked, nothing accepted is lost, nothing ended runs twice`, async (t) => {
    let isThrough = false;
    for (let n = 0; !isThrough; n++) {
      const starts = new Map<string, number>();
      const end = latch();
      const quick = defineJob({
        type: 'quick',
        run(_: undefined, { job }) {
          starts.set(job.id, (starts.get(job.id) ?? 0) + 1);
          return job.id;
        },
      });
      const slow = defineJob({
        type: 'slow',
        retry: { attempts: 3, backoff: constant(100) },
        async run(_: undefined, ctx) {
          starts.set(ctx.job.id, (starts.get(ctx.job.id) ?? 0) + 1);
          if (ctx.job.attempt === 1) throw new Error('once');
          for (let k = 0; k < 5; k++) {
            await ctx.save(k).catch((error: unknown) => {
              assert.equal((error as { code?: string }).code, 'HOLDFAST_OUTCOME_UNKNOWN');
            });
          }
          await end.promise;
          return 'slow';
        },
      });
      const site = await openMovedEngine(t, { jobs: [quick, slow] });
      const running = await site.jobs.enqueue(slow, undefined, { id: 'slow' });
      const result = running.result();
      await site.clock.settle();
      const fault = breakAt(site, n, times);
      const calls = Array.from({ length: 4 }, (_, k) => site.jobs.enqueue(quick, undefined, { id: `quick-${k}` }));
      const asked = Promise.allSettled([
        ...calls,
        site.jobs.get('slow'),
        site.jobs.list(),
        site.jobs.cancel('never-was'),
      ]);
      await site.clock.pass(1_000);
      const outcomes = await asked;
      isThrough = !fault.hasBroken();
      fault.mend();
      for (const outcome of outcomes) {
        // A reader asks the time as well; what breaks there breaks nothing else.
        if (outcome.status === 'fulfilled' || (outcome.reason as Error).message === 'a fault') continue;
        const { code } = outcome.reason as { code?: string };
        assert.match(
          String(code),
          /^HOLDFAST_(OUTCOME_UNKNOWN|STORE_UNAVAILABLE|JOB_NOT_FOUND)$/,
          `fault ${n}: ${String(outcome.reason)}`,
        );
      }
      end.open();
      await site.clock.pass(1_000);
      assert.equal(await result, 'slow', `fault ${n}`);
      for (let k = 0; k < 4; k++) {
        const view = await site.jobs.get(`quick-${k}`);
        if (outcomes[k]?.status === 'fulfilled') assert.equal(view?.state, 'completed', `fault ${n}: quick-${k}`);
        if (view === undefined) continue;
        assert.equal(starts.get(`quick-${k}`), 1, `fault ${n}`);
        assert.deepEqual(await storyOf(site.jobs, view.id), ['enqueued', 'started', 'completed']);
      }
      assert.equal(starts.get('slow'), 2, `fault ${n}`);
      await site.close();
    }
  });
}

test('an engine that breaks again and again is parked: it says so, answers everybody, and closes', async (t) => {
  const site = await openMovedEngine(t);
  const { id } = await site.jobs.enqueue('any');
  const waited = site.jobs.wait(id);
  const lost = assert.rejects(waited, { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  const listened = assert.rejects(site.jobs.events().next(), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  for (let n = 0; n < 6; n++) {
    breakAt(site, 0);
    await assert.rejects(site.jobs.enqueue('any'));
    await site.clock.pass(3_000);
  }
  await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  await assert.rejects(site.jobs.get(id), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  await Promise.all([lost, listened]);
  await site.drive(site.jobs.close());
});
