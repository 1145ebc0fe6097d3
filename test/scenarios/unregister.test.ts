// A handler that is taken away while the engine runs, because it left or because whoever ran it is dead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, InterruptedError, type AnyJobDefinition } from '../../src/index.ts';
import { latch, openMovedEngine, seen, storyOf, type Latch } from '../support/engine.ts';

/** A handler that tells when it was called, and ends when it is told to or asked to stop. */
function remote(type = 'remote'): {
  readonly job: AnyJobDefinition;
  called: Latch;
  readonly end: Latch<string>;
  readonly reasons: unknown[];
} {
  const reasons: unknown[] = [];
  const end = latch<string>();
  const state = { called: latch(), end, reasons };
  const job = defineJob<unknown, string>({
    type,
    concurrency: 2,
    run: (_payload, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          reject(signal.reason as Error);
        });
        end.promise.then(resolve, reject);
        state.called.open();
      }),
  });
  return Object.assign(state, { job });
}

test('a type that is taken away lets what runs go on, and its other jobs wait as if nobody had served it', async (t) => {
  const { job, called, end } = remote();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 1 });
  const [first, second, later] = await site.jobs.enqueueAll([['remote'], ['remote'], ['remote', 1, { delay: 1_000 }]]);
  await called.promise;
  assert.deepEqual(site.jobs.handlers(), ['remote']);
  site.jobs.unregister(job);
  assert.deepEqual(site.jobs.handlers(), []);
  await site.clock.pass(2_000);
  for (const { id } of [second, later]) {
    assert.equal((await site.jobs.get(id))?.face, 'held');
    assert.ok((await site.jobs.explain(id))?.reasons.some(({ why }) => why === 'no-handler'));
  }
  end.open('done');
  assert.equal(await first.result(), 'done');
  await site.clock.pass(1_000);
  assert.equal((await site.jobs.get(second.id))?.starts, 0, 'nobody tried');
  site.jobs.register(defineJob({ type: 'remote', concurrency: 1, run: () => 'another' }));
  assert.deepEqual(await Promise.all([second.result(), later.result()]), ['another', 'another']);
});

test('a job goes to the next handler that serves it, if there is one', async (t) => {
  const { job } = remote();
  const site = await openMovedEngine(t, { jobs: [defineJob({ type: '*', run: () => 'all' })] });
  await site.jobs.pause();
  site.jobs.register(job);
  const handle = await site.jobs.enqueue('remote');
  site.jobs.unregister(job);
  await site.jobs.resume();
  assert.equal(await handle.result(), 'all');
});

test('only the definition that was registered takes itself away', async (t) => {
  const { job } = remote();
  const site = await openMovedEngine(t, { jobs: [defineJob({ type: 'remote', run: () => 'own' })] });
  site.jobs.unregister(job, { running: 'lost' });
  assert.equal(await (await site.jobs.enqueue('remote')).result(), 'own');
  assert.throws(() => site.jobs.unregister('remote' as never), { code: 'HOLDFAST_INVALID_ARGUMENT' });
  assert.throws(() => site.jobs.unregister(job, { running: 'go' as never }), { code: 'HOLDFAST_INVALID_ARGUMENT' });
});

test('interrupted, an attempt hears why, costs nothing, and is made again when there is a handler', async (t) => {
  const { job, called, reasons } = remote();
  const site = await openMovedEngine(t, { jobs: [job] });
  const handle = await site.jobs.enqueue('remote');
  await called.promise;
  site.jobs.unregister(job);
  site.jobs.unregister(job, { running: 'interrupt' });
  await seen(site.jobs, handle.id, 'interrupted');
  assert.ok(reasons[0] instanceof InterruptedError);
  const { face, attempts, crashes, interrupts } = (await site.jobs.get(handle.id)) ?? {};
  assert.deepEqual({ face, attempts, crashes, interrupts }, { face: 'held', attempts: 0, crashes: 0, interrupts: 1 });
  site.jobs.register(defineJob({ type: 'remote', run: () => 'again' }));
  assert.equal(await handle.result(), 'again');
});

test('lost with whoever ran it, an attempt counts as a crash, and a job that is lost too often is dead', async (t) => {
  const site = await openMovedEngine(t, { maxCrashes: 3 });
  const { id } = await site.jobs.enqueue('remote');
  for (let crashes = 1; crashes <= 3; crashes++) {
    const { job, called } = remote();
    site.jobs.register(job);
    await called.promise;
    site.jobs.unregister(job, { running: 'lost' });
    await site.clock.pass(10);
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.crashes, view?.attempts, view?.state], [crashes, 0, crashes < 3 ? 'waiting' : 'dead']);
  }
  await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_FAILED', reason: 'crashed' });
  assert.deepEqual((await storyOf(site.jobs, id)).slice(-3), ['interrupted', 'started', 'died']);
});

test('one that is cancelled while it is lost is cancelled', async (t) => {
  const { job, called } = remote();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue('remote');
  await called.promise;
  const cancelled = site.jobs.cancel(id);
  site.jobs.unregister(job, { running: 'lost' });
  assert.equal(await site.drive(cancelled), true);
  await seen(site.jobs, id, 'cancelled');
});

test('a start that was being written when its handler went is undone, also over a failure of the store', async (t) => {
  for (const how of ['written', 'refused'] as const) {
    const { job, called, end } = remote();
    const site = await openMovedEngine(t, { jobs: [] });
    const { id } = await site.jobs.enqueue('remote');
    site.gate.hold();
    site.jobs.register(job);
    await site.gate.arrival();
    site.jobs.unregister(job);
    if (how === 'refused') site.gate.refuseNext('stored');
    site.gate.release();
    await site.clock.pass(2_000);
    assert.equal((await site.jobs.get(id))?.starts, 1, 'it was written');
    const { face, crashes } = (await site.jobs.get(id)) ?? {};
    assert.deepEqual({ face, crashes }, { face: 'held', crashes: 0 });
    site.jobs.register(job);
    end.open('done');
    await called.promise;
    assert.equal(await site.jobs.wait(id), 'done');
  }
});
