// The process dies under running jobs: they run again at once, and one that kills it each time is stopped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, seen, storyOf } from '../support/engine.ts';

/** A job that hangs as often as it is told to, so that the process can be killed under it. */
function hanging(times: number) {
  let started = latch();
  let starts = 0;
  const job = defineJob({
    type: 'hangs',
    async run(_: undefined, { job: { attempt } }) {
      starts++;
      started.open();
      if (starts <= times) await latch().promise;
      return { starts, attempt };
    },
  });
  return {
    job,
    async nextStart() {
      await started.promise;
      started = latch();
    },
  };
}

test('a job that ran when the process was killed starts again at once, and the crash is counted', async (t) => {
  const { job, nextStart } = hanging(1);
  const site = await openTestEngine(t, { jobs: [job], retry: { backoff: constant('1h') } });
  const { id } = await site.jobs.enqueue(job);
  await nextStart();
  const jobs = await site.kill();
  assert.deepEqual(await jobs.wait(id), { starts: 2, attempt: 1 });
  const { attempts, crashes, interrupts, starts } = (await jobs.get(id)) ?? {};
  assert.deepEqual({ attempts, crashes, interrupts, starts }, { attempts: 0, crashes: 1, interrupts: 1, starts: 2 });
  assert.equal((await seen(jobs, id, 'interrupted')).reason, 'crashed');
  assert.deepEqual(await storyOf(jobs, id), ['enqueued', 'started', 'interrupted', 'started', 'completed']);
});

for (const maxCrashes of [undefined, 1, 2, 5]) {
  const most = maxCrashes ?? 3;
  test(`after ${most} deaths of the process a job is dead as crashed, and never after ${most - 1}`, async (t) => {
    const { job, nextStart } = hanging(Infinity);
    const options = maxCrashes === undefined ? { jobs: [job] } : { jobs: [job], maxCrashes };
    const site = await openMovedEngine(t, options);
    const { id } = await site.jobs.enqueue(job);
    for (let n = 1; n <= most; n++) {
      await nextStart();
      assert.equal((await site.jobs.get(id))?.crashes, n - 1);
      await site.kill();
    }
    await assert.rejects(site.jobs.wait(id), (error: Error & { reason?: string }) => {
      assert.equal(error.reason, 'crashed');
      assert.match((error.cause as Error).message, new RegExp(`died ${most} times`));
      return true;
    });
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.state, view?.reason, view?.starts], ['dead', 'crashed', most]);
    assert.equal((await storyOf(site.jobs, id)).at(-1), 'died');
  });
}

test('a job that waited when the process was killed counts no crash', async (t) => {
  const { job, nextStart } = hanging(1);
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1 });
  const [first, second] = await site.jobs.enqueueAll([[job], [job]]);
  await nextStart();
  const jobs = await site.kill();
  await Promise.all([jobs.wait(first.id), jobs.wait(second.id)]);
  assert.deepEqual([(await jobs.get(first.id))?.crashes, (await jobs.get(second.id))?.crashes], [1, 0]);
});

test('a start that the disk never had is no start: no crash is counted', async (t) => {
  const { job } = hanging(0);
  const site = await openMovedEngine(t, { jobs: [] });
  const { id } = await site.jobs.enqueue(job);
  await site.restart({ jobs: [] });
  site.gate.hold();
  await site.restart({ jobs: [job] }).catch(() => undefined);
  await site.gate.arrival();
  const jobs = await site.kill({ jobs: [job] });
  await jobs.wait(id);
  const { starts, crashes } = (await jobs.get(id)) ?? {};
  assert.deepEqual({ starts, crashes }, { starts: 1, crashes: 0 });
});

test('an end that was durable is not run again after a kill, and one that was not is', async (t) => {
  let runs = 0;
  const job = defineJob({ type: 'runs', run: () => ++runs });
  const site = await openMovedEngine(t, { jobs: [job] });
  const kept = await site.jobs.enqueue(job);
  await kept.result();
  const begun = latch();
  const end = latch();
  const late = defineJob({
    type: 'late',
    async run() {
      begun.open();
      await end.promise;
      return 'first';
    },
  });
  await site.restart({ jobs: [job, late] });
  const lost = await site.jobs.enqueue(late);
  await begun.promise;
  site.gate.hold();
  end.open();
  await site.gate.arrival();
  const jobs = await site.kill({ jobs: [job, defineJob({ type: 'late', run: () => 'second' })] });
  assert.equal(await jobs.wait(lost.id), 'second');
  assert.equal(await jobs.wait(kept.id), 1);
  assert.equal(runs, 1);
});

test('a failed attempt and a crash are counted apart', async (t) => {
  let starts = 0;
  const hangs = latch();
  const job = defineJob({
    type: 'both',
    retry: { attempts: 3, backoff: constant(0) },
    async run(_: undefined, { job: { attempt } }) {
      starts++;
      if (starts === 1) throw new Error('one');
      if (starts === 2) {
        hangs.open();
        await latch().promise;
      }
      if (starts === 3) throw new Error('two');
      return attempt;
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await hangs.promise;
  const jobs = await site.kill();
  assert.equal(await jobs.wait(id), 3);
  const view = await jobs.get(id);
  assert.deepEqual([view?.attempts, view?.crashes, view?.starts], [2, 1, 4]);
  assert.deepEqual(
    view?.errors.map(({ message, start }) => [message, start]),
    [
      ['one', 1],
      ['two', 3],
    ],
  );
});
