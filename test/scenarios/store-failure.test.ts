// A write is refused: nobody knows what the disk has. The engine says so, reads it again, and goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, type Engine } from '../../src/index.ts';
import { failOnce, latch, openMovedEngine, storyOf } from '../support/engine.ts';

const OUTCOMES = ['lost', 'stored'] as const;
const A_MOMENT_MS = 1_000;

const works = defineJob({ type: 'works', run: (n: unknown) => n });

const COMMANDS: Readonly<Record<string, (jobs: Engine, id: string) => Promise<unknown>>> = {
  enqueue: (jobs) => jobs.enqueue('any', 1, { id: 'new' }),
  enqueueAll: (jobs) => jobs.enqueueAll([['any', 1, { id: 'new' }], ['any']]),
  cancel: (jobs, id) => jobs.cancel(id),
};
for (const [name, ask] of Object.entries(COMMANDS)) {
  for (const how of OUTCOMES) {
    test(`${name} says that its outcome is unknown when its write is refused and ${how}, and then it is known`, async (t) => {
      const site = await openMovedEngine(t);
      const { id } = await site.jobs.enqueue('any');
      await failOnce(site, how, () => ask(site.jobs, id));
      const isDone =
        name === 'cancel'
          ? (await site.jobs.get(id))?.state === 'cancelled'
          : (await site.jobs.get('new')) !== undefined;
      assert.equal(isDone, how === 'stored');
    });
  }
}

test('an idempotent repetition after an unknown outcome gives one job', async (t) => {
  for (const how of OUTCOMES) {
    const site = await openMovedEngine(t, { jobs: [works] });
    await failOnce(site, how, () => site.jobs.enqueue(works, 1, { id: 'one' }));
    const again = await site.jobs.enqueue(works, 1, { id: 'one', ifExists: 'return' });
    assert.equal(await again.result(), 1);
    assert.deepEqual(await storyOf(site.jobs, 'one'), ['enqueued', 'started', 'completed']);
  }
});

test('while the store is being recovered every call is refused with a code, and then all works again', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works] });
  site.gate.refuseNext('lost');
  await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  const calls = [
    () => site.jobs.enqueue('any'),
    () => site.jobs.get('x'),
    () => site.jobs.list(),
    () => site.jobs.cancel('x'),
    () => site.jobs.wait('x'),
  ];
  for (const call of calls) await assert.rejects(call(), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  await site.clock.pass(A_MOMENT_MS);
  assert.equal(await (await site.jobs.enqueue(works, 5)).result(), 5);
});

test('everybody whose call was in the group of a refused write hears of it, and those behind it too', async (t) => {
  const site = await openMovedEngine(t);
  site.gate.hold();
  const first = Array.from({ length: 5 }, () => site.jobs.enqueue('any'));
  await site.gate.arrival();
  const second = [...Array.from({ length: 5 }, () => site.jobs.enqueue('any')), site.jobs.get('x'), site.jobs.list()];
  await site.clock.settle();
  site.gate.refuseNext('lost');
  site.gate.release();
  for (const outcome of await Promise.allSettled([...first, ...second])) {
    assert.equal(outcome.status, 'rejected');
    assert.equal((outcome.reason as { code: string }).code, 'HOLDFAST_OUTCOME_UNKNOWN');
  }
  await site.clock.pass(A_MOMENT_MS);
  assert.deepEqual(await site.jobs.list(), { jobs: [] });
});

test('who waits for a job that was never stored hears that nothing is known, and does not wait for ever', async (t) => {
  const site = await openMovedEngine(t);
  site.gate.hold();
  const accepted = site.jobs.enqueue('any', 1, { id: 'new' });
  const waited = site.jobs.wait('new');
  await site.gate.arrival();
  site.gate.refuseNext('lost');
  site.gate.release();
  const outcomes = Promise.allSettled([accepted, waited]);
  await site.clock.pass(A_MOMENT_MS);
  for (const outcome of await outcomes) {
    assert.equal((outcome as { reason?: { code: string } }).reason?.code, 'HOLDFAST_OUTCOME_UNKNOWN');
  }
});

test('timeouts and delays go on through a recovery', async (t) => {
  const aborted = latch();
  const slow = defineJob({
    type: 'slow',
    timeout: '10s',
    retry: { attempts: 1 },
    run: (_: undefined, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.open();
          reject(signal.reason as Error);
        });
      }),
  });
  const site = await openMovedEngine(t, { jobs: [slow, works] });
  const running = await site.jobs.enqueue(slow);
  const later = await site.jobs.enqueue(works, 1, { delay: '20s' });
  await site.clock.pass(5_000);
  await failOnce(site, 'lost', () => site.jobs.enqueue('any'));
  await site.clock.pass(4_000);
  await aborted.promise;
  await assert.rejects(running.result(), { reason: 'exhausted' });
  await site.clock.pass(10_000);
  assert.equal(await later.result(), 1);
});

test('a deadline that comes in the very moment of a recovery is met', async (t) => {
  const aborts: number[] = [];
  const slow = defineJob({
    type: 'slow',
    timeout: 5_000,
    retry: { attempts: 1 },
    run: (_: undefined, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborts.push(site.clock.now());
          reject(signal.reason as Error);
        });
      }),
  });
  const site = await openMovedEngine(t, { jobs: [slow] });
  const t0 = site.clock.now();
  // Around the pause before the store is opened again, to hit the moment itself.
  for (let early = 0; early < 5; early++) await site.jobs.enqueue(slow, undefined, { timeout: 5_000 + early * 25 });
  await site.clock.pass(4_950);
  site.gate.refuseNext('lost');
  await assert.rejects(site.jobs.enqueue('any'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  await site.clock.pass(1_000);
  assert.deepEqual(
    aborts.map((at) => at - t0),
    [5_000, 5_025, 5_050, 5_075, 5_100],
  );
});

test('a store that is refused again and again is tried ever more slowly and never given up, since the disk may come back', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works] });
  for (let n = 0; n < 20; n++) {
    site.gate.refuseNext('lost');
    await assert.rejects(site.jobs.enqueue('any'));
    await site.clock.pass(10_000);
  }
  assert.equal(await (await site.jobs.enqueue(works, 1)).result(), 1);
});

test('a store that fails while a large log is still being taken in is recovered as well', async (t) => {
  const site = await openMovedEngine(t, { jobs: [] });
  // More than one slice of the dispatcher: its start takes several turns, and the first write comes in between.
  for (let n = 0; n < 5; n++) await site.jobs.enqueueAll(Array.from({ length: 10_000 }, () => ['any'] as const));
  const last = await site.jobs.enqueue(works, 'last');
  site.gate.hold();
  const restarted = site.kill({ jobs: [works] });
  site.gate.refuseNext('lost');
  await restarted;
  await site.clock.pass(A_MOMENT_MS);
  assert.equal(await site.jobs.wait(last.id), 'last');
});
