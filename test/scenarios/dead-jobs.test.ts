// Jobs that are dead, or done: they are let live again, run again, and forgotten; many at once, with a word for each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob } from '../../src/index.ts';
import { openMovedEngine, openTestEngine, storyOf } from '../support/engine.ts';

/** Fails as long as it is ill. */
function patient() {
  const state = { isIll: true, attempts: [] as number[] };
  const job = defineJob({
    type: 'patient',
    retry: { attempts: 3, backoff: constant('1m') },
    run(n: number | undefined, { job: { attempt } }) {
      state.attempts.push(attempt);
      if (state.isIll) throw new Error(`ill at ${attempt}`);
      return n ?? 'well';
    },
  });
  return { job, state };
}

test('a revived job has new attempts and not the one that its last series left it', async (t) => {
  const { job, state } = patient();
  const site = await openMovedEngine(t, { jobs: [job] });
  const { id } = await site.jobs.enqueue(job);
  await site.drive(assert.rejects(site.jobs.wait(id), { reason: 'exhausted' }));
  const jobs = await site.restart();
  assert.deepEqual(await jobs.revive([id]), [{ id, ok: true }]);
  await site.drive(assert.rejects(jobs.wait(id), { reason: 'exhausted' }));
  assert.deepEqual(state.attempts, [1, 2, 3, 1, 2, 3]);
  assert.equal((await jobs.get(id))?.errors.length, 6, 'the errors of before are still there');
  await jobs.revive([id], { attempts: 'keep' });
  await site.drive(assert.rejects(jobs.wait(id), { reason: 'exhausted' }));
  assert.equal(state.attempts.length, 7, 'kept attempts leave it one');
  state.isIll = false;
  await jobs.revive([id]);
  assert.equal(await site.drive(jobs.wait(id)), 'well');
});

test('one that was dead as crashed begins with no crashes', async (t) => {
  const { job, state } = patient();
  const site = await openMovedEngine(t, {
    jobs: [defineJob({ type: 'patient', run: () => new Promise(() => undefined) })],
  });
  const { id } = await site.jobs.enqueue(job);
  for (let n = 0; n < 3; n++) {
    await site.clock.settle();
    await site.kill();
  }
  const view = await site.jobs.get(id);
  assert.deepEqual([view?.reason, view?.crashes, view?.attempts], ['crashed', 3, 0]);
  state.isIll = false;
  const jobs = await site.restart({ jobs: [job] });
  await jobs.revive([id]);
  assert.equal(await site.drive(jobs.wait(id)), 'well');
  assert.deepEqual([(await jobs.get(id))?.crashes, state.attempts], [0, [1]]);
});

test('retry brings a waiting job forward and runs a finished one again, without its result', async (t) => {
  const { job, state } = patient();
  const site = await openMovedEngine(t, { jobs: [job] });
  const waiting = await site.jobs.enqueue(job, 1, { delay: '30 days' });
  assert.deepEqual(await site.jobs.retry([waiting.id]), [{ id: waiting.id, ok: true }]);
  await site.clock.settle();
  assert.deepEqual(state.attempts, [1]);
  assert.equal((await site.jobs.get(waiting.id))?.face, 'retrying');
  state.isIll = false;
  await site.jobs.retry([waiting.id]);
  assert.equal(await waiting.result(), 1);
  assert.deepEqual(state.attempts, [1, 2], 'a waiting job keeps its attempts');

  const hour = await site.jobs.enqueue(job, 2);
  assert.equal(await hour.result(), 2);
  state.isIll = true;
  await site.jobs.retry([hour.id]);
  await site.clock.settle();
  const view = await site.jobs.get(hour.id);
  assert.deepEqual([view?.state, view?.result, view?.attempts], ['waiting', undefined, 1]);
  await site.kill();
  assert.deepEqual(await site.jobs.get(hour.id), view);
});

test('many at once are one write, with a word for each; what cannot be is left as it is', async (t) => {
  const { job } = patient();
  const site = await openTestEngine(t, { jobs: [job], retry: { attempts: 1 } });
  const dead = await site.jobs.enqueueAll([1, 2].map((n) => [job, n, { retry: { attempts: 1 } }] as const));
  await Promise.all(dead.map(({ id }) => assert.rejects(site.jobs.wait(id), { reason: 'exhausted' })));
  const waiting = await site.jobs.enqueue(job, 3, { delay: '1h' });
  const ids = [...dead.map(({ id }) => id), waiting.id, 'nobody'];

  const revived = await site.jobs.revive(ids);
  assert.deepEqual(
    revived.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code)),
    ['ok', 'ok', 'HOLDFAST_ILLEGAL_TRANSITION', 'HOLDFAST_JOB_NOT_FOUND'],
  );
  await Promise.all(dead.map(({ id }) => assert.rejects(site.jobs.wait(id), { reason: 'exhausted' })));
  const jobs = await site.kill();
  const cleared = await jobs.clear(ids);
  assert.deepEqual(
    cleared.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code)),
    ['ok', 'ok', 'HOLDFAST_ILLEGAL_TRANSITION', 'HOLDFAST_JOB_NOT_FOUND'],
  );
  const after = await site.kill();
  assert.deepEqual(
    (await after.list()).jobs.map(({ id }) => id),
    [waiting.id],
  );
  await assert.rejects(after.revive('one' as never), { field: 'ids' });
  await assert.rejects(after.revive(['a'], { attempts: 'some' as never }), { field: 'attempts' });
});

test('a kill while many are revived leaves each in exactly one place', async (t) => {
  const { job } = patient();
  const site = await openMovedEngine(t, { jobs: [job], concurrency: 50 });
  const handles = await site.jobs.enqueueAll(
    Array.from({ length: 40 }, (_, n) => [job, n, { retry: { attempts: 1 } }] as const),
  );
  const ids = handles.map(({ id }) => id);
  await site.drive(Promise.allSettled(ids.map((id) => site.jobs.wait(id))));
  for (const isStored of [false, true]) {
    site.gate.hold();
    site.jobs.revive(ids).catch(() => undefined);
    await site.gate.arrival();
    if (isStored) site.gate.release();
    if (isStored) await site.clock.settle();
    const jobs = await site.kill({ jobs: [] });
    const states = (await jobs.list({ limit: 1_000 })).jobs.map(({ state, attempts }) => `${state} ${attempts}`);
    assert.equal(states.length, ids.length, 'none is lost and none is there twice');
    assert.equal(new Set(states).size, 1, 'all or none');
    await site.restart({ jobs: [job] });
    await site.drive(Promise.allSettled(ids.map((id) => site.jobs.wait(id))));
  }
});

test('what is dead is listed by page and type, with all errors and times', async (t) => {
  const { job } = patient();
  const other = defineJob({ type: 'other', retry: { attempts: 1 }, run: () => assert.fail('no') });
  const site = await openMovedEngine(t, { jobs: [job, other] });
  const all = await site.jobs.enqueueAll([[job], [other], [job], [other], [job]]);
  await site.drive(Promise.allSettled(all.map(({ id }) => site.jobs.wait(id))));
  const first = await site.jobs.list({ state: 'dead', type: job, limit: 2 });
  const second = await site.jobs.list({ state: 'dead', type: job, limit: 2, cursor: first.cursor });
  const found = [...first.jobs, ...second.jobs];
  assert.deepEqual(
    found.map(({ id }) => id),
    [all[0].id, all[2].id, all[4].id],
  );
  for (const { errors, finishedAt, startedAt, reason } of found) {
    assert.deepEqual(
      errors.map(({ message, start }) => [message, start]),
      [1, 2, 3].map((n) => [`ill at ${n}`, n]),
    );
    assert.ok((finishedAt ?? 0) >= (startedAt ?? Infinity));
    assert.equal(reason, 'exhausted');
  }
  assert.equal(second.cursor, undefined);
  assert.deepEqual((await storyOf(site.jobs, all[0].id)).at(-1), 'died');
});

test('stats count by type and state, with rows of zeros for types that are served', async (t) => {
  const { job, state } = patient();
  const idle = defineJob({ type: 'idle', run: () => 1 });
  const site = await openMovedEngine(t, { jobs: [job, idle, defineJob({ type: 'many:*', run: () => 1 })] });
  const dead = await site.jobs.enqueue(job);
  await site.drive(Promise.allSettled([site.jobs.wait(dead.id)]));
  state.isIll = false;
  await (await site.jobs.enqueue(job)).result();
  await site.jobs.enqueue(job, undefined, { delay: '1h' });
  const cancelled = await site.jobs.enqueue(job, undefined, { delay: '1h' });
  await site.jobs.cancel(cancelled.id);
  await site.jobs.enqueue('many:one', {}, { delay: '1h' });
  const none = { waiting: 0, running: 0, completed: 0, cancelled: 0, dead: 0, active: 0 };
  const counts = async (): Promise<unknown[]> =>
    (await site.jobs.stats())
      .sort((a, b) => (a.type < b.type ? -1 : 1))
      .map(({ type, waiting, running, completed, cancelled: off, dead: gone, active }) => {
        return { type, waiting, running, completed, cancelled: off, dead: gone, active };
      });
  const expected = [
    { type: 'idle', ...none },
    { type: 'many:one', ...none, waiting: 1, active: 1 },
    { type: 'patient', waiting: 1, running: 0, completed: 1, cancelled: 1, dead: 1, active: 1 },
  ];
  assert.deepEqual(await counts(), expected);
  await site.restart();
  assert.deepEqual(await counts(), expected);
});
