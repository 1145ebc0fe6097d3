// Jobs that are due later: never before their moment, at once when it has come, whatever the clock and the process do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, type JobOptions } from '../../src/index.ts';
import { openMovedEngine, openTestEngine } from '../support/engine.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** Notes what ran, and when by the clock of the test. */
function notebook(now: () => number = () => 0) {
  const runs: string[] = [];
  const moments: number[] = [];
  const note = defineJob({
    type: 'note',
    run(what: string) {
      runs.push(what);
      moments.push(now());
    },
  });
  return { note, runs, moments };
}

const DELAYS: readonly (readonly [what: string, options: JobOptions, dueAfterMs: number])[] = [
  ['a delay in milliseconds', { delay: 1_500 }, 1_500],
  ['a delay in words', { delay: '5m' }, 300_000],
  ['a delay of 40 days', { delay: '40d' }, 40 * DAY_MS],
  ['a delay of ten years', { delay: 3650 * DAY_MS }, 3650 * DAY_MS],
  ['a Date', { runAt: new Date(START + 7_000) }, 7_000],
  ['epoch milliseconds', { runAt: START + 60_000 }, 60_000],
  ['an ISO moment', { runAt: '2026-03-01T00:00:00Z' }, 59 * DAY_MS],
];

for (const [what, options, dueAfterMs] of DELAYS) {
  test(`a job with ${what} runs at its moment and not a millisecond before`, async (t) => {
    const { note, runs } = notebook();
    const site = await openMovedEngine(t, { jobs: [note] });
    const { id } = await site.jobs.enqueue(note, 'x', options);
    const stored = await site.jobs.get(id);
    assert.equal(stored?.dueAt, START + dueAfterMs);
    assert.equal(stored.face, 'scheduled');
    await site.clock.pass(dueAfterMs - 1);
    assert.deepEqual(runs, []);
    await site.clock.pass(1);
    assert.deepEqual(runs, ['x']);
  });

  test(`a job with ${what} keeps its moment over a restart and a kill`, async (t) => {
    const { note, runs } = notebook();
    const site = await openMovedEngine(t, { jobs: [note] });
    await site.jobs.enqueue(note, 'x', options);
    await site.restart();
    await site.clock.pass(dueAfterMs - 1);
    await site.kill();
    await site.clock.settle();
    assert.deepEqual(runs, []);
    await site.clock.pass(1);
    assert.deepEqual(runs, ['x']);
  });
}

for (const runAt of [START - DAY_MS, 0, new Date(0), '1999-12-31T23:59:59Z', START]) {
  test(`a job whose moment is past (${String(runAt)}) runs at once`, async (t) => {
    const { note, runs } = notebook();
    const site = await openMovedEngine(t, { jobs: [note] });
    await (await site.jobs.enqueue(note, 'x', { runAt })).result();
    assert.deepEqual(runs, ['x']);
  });
}

test('what came due while nothing was open runs when it is opened, each job once', async (t) => {
  const { note, runs } = notebook();
  const site = await openMovedEngine(t, { jobs: [note] });
  for (const [n, delay] of ['3h', '1h', '2h'].entries())
    await site.jobs.enqueue(note, String(n), { delay: delay as '1h' });
  await site.jobs.close();
  await site.clock.pass(DAY_MS);
  await site.restart();
  await site.clock.settle();
  assert.deepEqual(runs, ['0', '1', '2'], 'all are due, so the order of acceptance decides');
});

test('jobs due at different moments run at theirs, in that order', async (t) => {
  const { note, runs, moments } = notebook(() => site.clock.now());
  const site = await openMovedEngine(t, { jobs: [note] });
  await site.jobs.enqueueAll([
    [note, 'c', { delay: '3m' }],
    [note, 'a', { delay: '1m' }],
    [note, 'b', { delay: '2m', priority: -9 }],
  ]);
  await site.clock.pass(600_000);
  assert.deepEqual(runs, ['a', 'b', 'c']);
  assert.deepEqual(moments, [START + 60_000, START + 120_000, START + 180_000]);
});

test('a clock that is set forward makes jobs due, and one that is set back holds them', async (t) => {
  const { note, runs } = notebook();
  const site = await openMovedEngine(t, { jobs: [note] });
  await site.jobs.enqueue(note, 'x', { delay: '2h' });
  site.clock.jump(-3_600_000);
  await site.clock.pass(2 * 3_600_000);
  assert.deepEqual(runs, []);
  site.clock.jump(3_600_000);
  await site.clock.settle();
  assert.deepEqual(runs, ['x']);
});

test('a job of high priority that is due later never blocks one that is ready', async (t) => {
  const { note, runs } = notebook();
  const site = await openMovedEngine(t, { jobs: [note], concurrency: 1 });
  await site.jobs.enqueueAll([
    [note, 'urgent, later', { priority: 100, delay: '1h' }],
    [note, 'now', { priority: -100 }],
  ]);
  await site.clock.settle();
  assert.deepEqual(runs, ['now']);
  await site.clock.pass(3_600_000);
  assert.deepEqual(runs, ['now', 'urgent, later']);
});

test('an engine with nothing due sets no alarm but for what will be due, and asks for no turn', async (t) => {
  const { note } = notebook();
  const site = await openMovedEngine(t, { jobs: [note], timeout: 'none', keep: { completed: { age: 'forever' } } });
  await (await site.jobs.enqueue(note, 'x')).result();
  await site.clock.settle();
  assert.equal(site.clock.turnsAsked, 0);
  assert.equal(site.clock.nextAlarmInMs, Infinity);
  await site.jobs.enqueue(note, 'x', { delay: 5_000 });
  await site.clock.settle();
  assert.equal(site.clock.nextAlarmInMs, 5_000);
});

test('a short delay passes on the real clock', async (t) => {
  const { note, runs } = notebook();
  const site = await openTestEngine(t, { jobs: [note] });
  const before = performance.now();
  await (await site.jobs.enqueue(note, 'x', { delay: 60 })).result();
  assert.ok(performance.now() - before >= 59);
  assert.deepEqual(runs, ['x']);
});
