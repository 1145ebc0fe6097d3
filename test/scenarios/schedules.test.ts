// Schedules: each nominal time ends as a run or as a skip with a reason, over restarts, sleep, and clocks that jump.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  constant,
  defineJob,
  type Engine,
  type Occurrence,
  type OpenOptions,
  type ScheduleJobOptions,
  type ScheduleRule,
} from '../../src/index.ts';
import { openMovedEngine, type MovedEngine } from '../support/engine.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2026, 0, 1);

interface Told extends Occurrence {
  readonly scheduledFor: number;
}

/** An engine with a job that notes what it is told, and how to hold its runs. */
async function openSite(t: TestContext, options: OpenOptions = {}, takes?: () => Promise<void>) {
  const told: Told[] = [];
  const beat = defineJob({
    type: 'beat',
    async run(_payload: unknown, { job }) {
      told.push({ ...(job.occurrence as Occurrence), scheduledFor: job.scheduledFor });
      await takes?.();
    },
  });
  const site = await openMovedEngine(t, { jobs: [beat], settle: 0, ...options });
  return { site, beat, told };
}

const hours = (told: readonly Told[]): number[] => told.map(({ nominalAt }) => (nominalAt - START) / HOUR_MS);

/** The process is gone for so long. */
async function down(site: MovedEngine, ms: number): Promise<void> {
  await site.close();
  site.clock.advance(ms);
  await site.restart();
  await site.clock.settle();
}

async function happened(jobs: Engine, what: string): Promise<unknown[]> {
  const mark = await jobs.enqueue('test:mark');
  const details: unknown[] = [];
  for await (const event of jobs.events({ since: 0 })) {
    if (event.id === mark.id) break;
    if (event.kind === 'schedule' && event.what === what) details.push(event.detail);
  }
  return details;
}

test('a schedule runs at its nominal times, and its jobs know them', async (t) => {
  const { site, beat, told } = await openSite(t);
  const view = await site.jobs.schedule('hourly', { cron: '0 * * * *', tz: 'UTC' }, beat, { a: 1 }, { priority: 3 });
  assert.equal(view.nextAt, START + HOUR_MS);
  await site.clock.pass(3 * HOUR_MS);
  const base = { schedule: 'hourly', cause: 'on-time', lateMs: 0, standsFor: 1 };
  assert.deepEqual(
    told,
    [1, 2, 3].map((n) => START + n * HOUR_MS).map((at) => ({ ...base, nominalAt: at, since: at, scheduledFor: at })),
  );
  const job = await site.jobs.get('hourly@2026-01-01T02:00:00.000Z');
  assert.equal(job?.state, 'completed');
  assert.equal(job.priority, 3);
  assert.deepEqual(job.payload, { a: 1 });
  assert.equal(job.occurrence?.nominalAt, START + 2 * HOUR_MS);
  const now = await site.jobs.schedules.get('hourly');
  assert.equal(now?.runs, 3);
  assert.equal(now.last?.id, 'hourly@2026-01-01T03:00:00.000Z');
  assert.equal(now.nextAt, START + 4 * HOUR_MS);
});

test('an interval counts from when it was made, and does not drift over restarts', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.clock.pass(1_234);
  for (let n = 0; n < 4; n++) {
    await site.jobs.schedule('often', { every: '10s' }, beat);
    await site.clock.pass(15_000);
    await site.restart();
  }
  await site.clock.settle();
  assert.deepEqual(
    told.map(({ nominalAt }) => nominalAt - START - 1_234),
    [10_000, 20_000, 30_000, 40_000, 50_000, 60_000],
  );
});

const CATCH_UPS: ReadonlyArray<
  readonly [rule: Partial<ScheduleRule>, ran: number[], standsFor: number[], skipped: object]
> = [
  [{ catchUp: 'all' }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], Array<number>(10).fill(1), {}],
  [{ catchUp: 'latest' }, [10], [10], { merged: 9 }],
  [{}, [10], [10], { merged: 9 }],
  [{ catchUp: 'none' }, [], [], { late: 10 }],
  [{ catchUp: { max: 3 } }, [8, 9, 10], [1, 1, 1], { cap: 7 }],
  [{ catchUp: { max: 3, keep: 'oldest' } }, [1, 2, 3], [1, 1, 1], { cap: 7 }],
  [{ catchUp: { max: 3, order: 'newest' } }, [10, 9, 8], [1, 1, 1], { cap: 7 }],
  [{ catchUp: { max: Infinity, within: '4h' } }, [7, 8, 9, 10], [1, 1, 1, 1], { late: 6 }],
  [{ catchUp: { max: 1, keep: 'oldest' } }, [1], [1], { cap: 9 }],
  [{ catchUp: 'all', limit: 4 }, [1, 2, 3, 4], [1, 1, 1, 1], { limit: 6 }],
  [{ catchUp: 'all', overlap: 'replace' }, [10], [1], { overlap: 9 }],
];

for (const [rule, ran, standsFor, skipped] of CATCH_UPS) {
  for (const how of ['was closed', 'was killed', 'slept'] as const) {
    test(`down for 10 periods with ${JSON.stringify(rule)}: ${ran.length} runs when it ${how}`, async (t) => {
      const { site, beat, told } = await openSite(t);
      await site.jobs.schedule('hourly', { cron: '0 * * * *', tz: 'UTC', ...rule }, beat);
      const away = 10 * HOUR_MS + 20 * MINUTE_MS;
      if (how === 'was closed') await down(site, away);
      if (how === 'was killed') {
        site.clock.advance(0);
        await site.kill();
        await down(site, away);
      }
      if (how === 'slept') {
        site.clock.jump(away);
        await site.clock.pass(MINUTE_MS);
      }
      await site.clock.settle();
      assert.deepEqual(hours(told), ran);
      assert.deepEqual(
        told.map((one) => one.standsFor),
        standsFor,
      );
      assert.ok(told.every(({ cause, lateMs }) => cause === 'catch-up' && lateMs >= 20 * MINUTE_MS));
      assert.deepEqual((await site.jobs.schedules.get('hourly'))?.skipped, skipped);
      const skips = (await happened(site.jobs, 'skipped')) as Array<{ reason: string; count: number }>;
      assert.deepEqual(Object.fromEntries(skips.map(({ reason, count }) => [reason, count])), skipped);
      await down(site, MINUTE_MS);
      assert.deepEqual(hours(told), ran, 'nothing is made up twice');
    });
  }
}

/** A job that runs until it is let go, and the moments of its runs. */
async function openSlow(t: TestContext, options: OpenOptions = {}) {
  const gates: Array<() => void> = [];
  const started: string[] = [];
  const stopped: string[] = [];
  const slow = defineJob({
    type: 'slow',
    timeout: 'none',
    async run(_payload: unknown, { job, signal }) {
      started.push(job.id.slice(-13, -5));
      await new Promise<void>((resolve, reject) => {
        gates.push(resolve);
        signal.addEventListener('abort', () => {
          stopped.push(job.id.slice(-13, -5));
          reject(signal.reason as Error);
        });
      });
    },
  });
  const site = await openMovedEngine(t, { jobs: [slow], settle: 0, ...options });
  const finish = async (): Promise<void> => {
    gates.shift()?.();
    await site.clock.settle();
  };
  t.after(async () => {
    for (const gate of gates) gate();
    await site.clock.settle();
  });
  return { site, slow, started, stopped, finish };
}

test('overlap skip: a run is skipped while the one before goes on, and the next one runs', async (t) => {
  const { site, slow, started, finish } = await openSlow(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC' }, slow);
  await site.clock.pass(3 * HOUR_MS);
  assert.deepEqual(started, ['01:00:00']);
  assert.deepEqual((await site.jobs.schedules.get('s'))?.skipped, { overlap: 2 });
  await finish();
  await site.clock.pass(HOUR_MS);
  assert.deepEqual(started, ['01:00:00', '04:00:00']);
});

test('overlap queue: runs wait for one another, in order', async (t) => {
  const { site, slow, started, finish } = await openSlow(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', overlap: 'queue' }, slow);
  await site.clock.pass(3 * HOUR_MS);
  assert.deepEqual(started, ['01:00:00']);
  assert.equal((await site.jobs.get('s@2026-01-01T02:00:00.000Z'))?.face, 'blocked');
  await finish();
  assert.deepEqual(started, ['01:00:00', '02:00:00']);
  await finish();
  assert.deepEqual(started, ['01:00:00', '02:00:00', '03:00:00']);
});

test('overlap queue: at most 100 wait as jobs; the rest is owed, and nothing is lost', async (t) => {
  const begun: string[] = [];
  let finish = (): void => undefined;
  const held = defineJob({
    type: 'held',
    timeout: 'none',
    run(_payload: unknown, { job }) {
      begun.push(job.id);
      return begun.length === 1 ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    },
  });
  const { site } = await openSite(t, { jobs: [held] });
  await site.jobs.schedule('s', { every: '1m', overlap: 'queue' }, held);
  await site.clock.pass(150 * MINUTE_MS);
  const view = await site.jobs.schedules.get('s');
  assert.deepEqual([begun.length, view?.runs, view?.owed], [1, 100, 50]);
  finish();
  await site.clock.pass(MINUTE_MS);
  const after = await site.jobs.schedules.get('s');
  assert.deepEqual([begun.length, after?.owed, after?.skipped], [151, 0, {}]);
});

test('overlap replace: the one before is cancelled, and the new one starts when it has ended', async (t) => {
  const { site, slow, started, stopped } = await openSlow(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', overlap: 'replace' }, slow);
  await site.clock.pass(2 * HOUR_MS + 1);
  assert.deepEqual(started, ['01:00:00', '02:00:00']);
  assert.deepEqual(stopped, ['01:00:00']);
  const replaced = await site.jobs.get('s@2026-01-01T01:00:00.000Z');
  assert.deepEqual([replaced?.state, replaced?.reason], ['cancelled', 'replaced']);
});

test('overlap replace: a run that ignores its signal keeps its slot, and the new one starts after the grace', async (t) => {
  const started: string[] = [];
  const gates: Array<() => void> = [];
  const deaf = defineJob({
    type: 'deaf',
    timeout: 'none',
    async run(_payload: unknown, { job }) {
      started.push(job.id.slice(-13, -5));
      await new Promise<void>((resolve) => gates.push(resolve));
    },
  });
  const site = await openMovedEngine(t, { jobs: [deaf], settle: 0, grace: '1m', concurrency: 2 });
  t.after(() => gates.forEach((open) => open()));
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', overlap: 'replace' }, deaf);
  await site.clock.pass(2 * HOUR_MS + 30_000);
  const [first, second] = ['s@2026-01-01T01:00:00.000Z', 's@2026-01-01T02:00:00.000Z'];
  assert.deepEqual(started, ['01:00:00']);
  assert.deepEqual((await site.jobs.explain(second))?.reasons, [{ why: 'blocked', waitsFor: [first] }]);
  assert.equal((await site.jobs.get(first))?.isCancelling, true);
  await site.clock.pass(MINUTE_MS);
  assert.deepEqual(started, ['01:00:00', '02:00:00']);
  assert.deepEqual(
    [(await site.jobs.get(first))?.state, (await site.jobs.get(first))?.reason],
    ['cancelled', 'replaced'],
  );
  // The first one still runs, on a slot of its own; the third has none until one returns.
  await site.clock.pass(HOUR_MS);
  assert.equal(started.length, 2);
  assert.deepEqual((await site.jobs.explain('s@2026-01-01T03:00:00.000Z'))?.reasons[0]?.why, 'engine-limit');
  gates[0]?.();
  await site.clock.settle();
  assert.deepEqual(started, ['01:00:00', '02:00:00', '03:00:00']);
});

test('each job of a schedule is as its template says, also after a restart', async (t) => {
  const site = await openMovedEngine(t, { jobs: [], settle: 0 });
  const template: ScheduleJobOptions = {
    ...{ queue: 'photos', priority: 7, key: 'album:1', tags: ['nightly'], deadline: '10m', timeout: '2m' },
    retry: { attempts: 3, backoff: constant('1s') },
  };
  await site.jobs.schedule('s', { every: '1h' }, 'tidy', { album: 1 }, template);
  for (const n of [1, 2]) {
    await site.clock.pass(HOUR_MS + 1);
    const at = START + n * HOUR_MS;
    const { jobs } = await site.jobs.list({ key: 'album:1', since: at });
    const [job] = jobs;
    const { type, queue, priority, tags, deadlineAt, timeoutMs, maxAttempts, backoff, payload } = job ?? {};
    assert.deepEqual(
      [{ type, queue, priority, tags, deadlineAt, timeoutMs, maxAttempts, backoff, payload }, jobs.length],
      [
        {
          ...{ type: 'tidy', queue: 'photos', priority: 7, tags: ['nightly'], deadlineAt: at + 600_000 },
          ...{
            timeoutMs: 120_000,
            maxAttempts: 3,
            backoff: { kind: 'constant', delayMs: 1_000 },
            payload: { album: 1 },
          },
        },
        1,
      ],
    );
    await site.restart();
  }
  await assert.rejects(site.jobs.schedule('u', { every: '1h' }, 'tidy', {}, { unique: 'k' } as never), {
    ...{ code: 'HOLDFAST_INVALID_ARGUMENT', field: 'options.unique' },
  });
});

test('overlap allow: runs go on side by side', async (t) => {
  const { site, slow, started } = await openSlow(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', overlap: 'allow' }, slow);
  await site.clock.pass(3 * HOUR_MS);
  assert.deepEqual(started, ['01:00:00', '02:00:00', '03:00:00']);
});

test('what was missed is a sequence: one at a time, oldest first, though nothing else says so', async (t) => {
  const { site, slow, started, finish } = await openSlow(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', catchUp: { max: 3 }, overlap: 'skip' }, slow);
  await down(site, 5 * HOUR_MS + 10 * MINUTE_MS);
  assert.deepEqual(started, ['03:00:00']);
  await finish();
  assert.deepEqual(started, ['03:00:00', '04:00:00']);
  await site.clock.pass(50 * MINUTE_MS);
  assert.deepEqual((await site.jobs.schedules.get('s'))?.skipped, { cap: 2, overlap: 1 });
  await finish();
  assert.deepEqual(started, ['03:00:00', '04:00:00', '05:00:00']);
});

test('nothing is made up before the engine has settled; what is on time is not held up', async (t) => {
  const { site, beat, told } = await openSite(t, { settle: '10s' });
  await site.jobs.schedule('hourly', { cron: '0 * * * *', tz: 'UTC', catchUp: 'latest' }, beat);
  await site.jobs.schedule('often', { every: '1s', catchUp: 'none' }, beat);
  await down(site, 90 * MINUTE_MS);
  await site.clock.pass(9_999);
  assert.deepEqual([...new Set(told.map(({ schedule }) => schedule))], ['often']);
  await site.clock.pass(1_100);
  assert.equal(told.filter(({ schedule }) => schedule === 'hourly').length, 1);
});

test('a schedule that is paused is not due; what the pause skipped is skipped, or made up if that is said', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC' }, beat);
  await site.jobs.schedules.pause('s', { reason: 'holidays' });
  await site.clock.pass(3 * HOUR_MS);
  await down(site, HOUR_MS);
  assert.equal(told.length, 0);
  const paused = await site.jobs.schedules.get('s');
  assert.deepEqual([paused?.state, paused?.paused?.reason, paused?.nextAt], ['paused', 'holidays', undefined]);
  await site.jobs.schedules.resume('s');
  await site.clock.pass(HOUR_MS);
  assert.deepEqual(hours(told), [5]);
  assert.deepEqual((await site.jobs.schedules.get('s'))?.skipped, { paused: 4 });
  await site.jobs.schedules.pause('s', { until: new Date(START + 8 * HOUR_MS + 1) });
  await down(site, 4 * HOUR_MS);
  assert.deepEqual(hours(told), [5, 9]);
  await site.jobs.schedules.pause('s');
  await site.clock.pass(3 * HOUR_MS);
  await site.jobs.schedules.resume('s', { catchUp: 'latest' });
  await site.clock.settle();
  assert.deepEqual(hours(told), [5, 9, 12]);
  assert.equal(told.at(-1)?.standsFor, 3);
});

test('a trigger makes a job now, with another payload if one is given, and the rule goes on', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC' }, beat, 'usual');
  const id = await site.jobs.schedules.trigger('s', { payload: 'other' });
  const second = await site.jobs.schedules.trigger('s');
  assert.notEqual(id, second);
  await site.clock.settle();
  assert.deepEqual(
    told.map(({ cause }) => cause),
    ['trigger', 'trigger'],
  );
  assert.equal((await site.jobs.get(id))?.payload, 'other');
  assert.equal((await site.jobs.get(second))?.payload, 'usual');
  await site.clock.pass(HOUR_MS);
  assert.equal(told.at(-1)?.cause, 'on-time');
  const view = await site.jobs.schedules.get('s');
  assert.deepEqual([view?.runs, view?.triggers], [1, 2]);
});

test('a backfill makes the jobs of past times once, in the order that was asked for', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC' }, beat);
  await site.clock.pass(2 * HOUR_MS);
  const range = { from: START - 3 * HOUR_MS, to: START + 2 * HOUR_MS };
  assert.equal(await site.jobs.schedules.backfill('s', { ...range, dryRun: true }), 6);
  await assert.rejects(site.jobs.schedules.backfill('s', { ...range, max: 5 }), { field: 'max' });
  assert.equal(await site.jobs.schedules.backfill('s', { ...range, order: 'newest' }), 6);
  await site.clock.settle();
  assert.deepEqual(hours(told), [1, 2, 0, -1, -2, -3]);
  assert.deepEqual((await site.jobs.schedules.get('s'))?.skipped, { exists: 2 });
  assert.equal((await site.jobs.schedules.get('s'))?.runs, 2);
});

test('a change affects what comes after: what was missed before is judged by what held then', async (t) => {
  const { site, beat, told } = await openSite(t, { settle: '10s' });
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', catchUp: 'all' }, beat, 1);
  await down(site, 3 * HOUR_MS + 10 * MINUTE_MS);
  const view = await site.jobs.schedules.update('s', { cron: '30 * * * *', payload: 2 });
  assert.equal(view.nextAt, START + 3.5 * HOUR_MS);
  assert.equal(view.tz, 'UTC');
  await site.clock.pass(30 * MINUTE_MS);
  assert.deepEqual(hours(told), [1, 2, 3, 3.5]);
  assert.equal(await site.jobs.schedules.delete('s'), true);
  assert.equal(await site.jobs.schedules.delete('s'), false);
  await site.clock.pass(5 * HOUR_MS);
  await down(site, 5 * HOUR_MS);
  assert.equal(told.length, 4);
  await assert.rejects(site.jobs.schedules.pause('s'), { code: 'HOLDFAST_SCHEDULE_NOT_FOUND', schedule: 's' });
});

test('the same words again change nothing and are no event', async (t) => {
  const { site, beat } = await openSite(t);
  const again = () =>
    site.jobs.schedule('s', { every: '1h', catchUp: { max: Infinity, within: '1d' } }, beat, { a: 1 });
  const first = await again();
  await site.clock.pass(30 * MINUTE_MS);
  await site.restart();
  assert.deepEqual(await again(), first);
  assert.equal((await happened(site.jobs, 'changed')).length, 0);
  assert.equal((await happened(site.jobs, 'created')).length, 1);
});

test('a start, an end and a limit bound it, and then it has ended', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.jobs.schedule('a', { every: '1h', start: START + 90 * MINUTE_MS, limit: 2 }, beat);
  await site.jobs.schedule('b', { cron: '0 * * * *', tz: 'UTC', end: START + 2 * HOUR_MS }, beat);
  await site.clock.pass(10 * HOUR_MS);
  assert.deepEqual(hours(told.filter(({ schedule }) => schedule === 'a')), [1.5, 2.5]);
  assert.deepEqual(hours(told.filter(({ schedule }) => schedule === 'b')), [1, 2]);
  const { schedules } = await site.jobs.schedules.list();
  assert.deepEqual(
    schedules.map(({ name, state, nextAt }) => [name, state, nextAt]),
    [
      ['a', 'ended', undefined],
      ['b', 'ended', undefined],
    ],
  );
});

test('jitter is drawn once for each run and stored with its job', async (t) => {
  const { site, beat } = await openSite(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', jitter: '10m' }, beat);
  await site.clock.pass(HOUR_MS);
  const id = 's@2026-01-01T01:00:00.000Z';
  const job = await site.jobs.get(id);
  assert.ok(job?.dueAt !== undefined && job.dueAt > START + HOUR_MS && job.dueAt < START + 70 * MINUTE_MS);
  await site.restart();
  assert.equal((await site.jobs.get(id))?.dueAt, job.dueAt);
  await site.clock.pass(10 * MINUTE_MS);
  assert.equal((await site.jobs.get(id))?.state, 'completed');
});

test('a clock that is set back runs nothing twice, and one that is set forward loses nothing', async (t) => {
  const { site, beat, told } = await openSite(t);
  await site.jobs.schedule('s', { cron: '0 * * * *', tz: 'UTC', catchUp: 'all' }, beat);
  await site.clock.pass(2 * HOUR_MS);
  site.clock.jump(-90 * MINUTE_MS);
  await site.clock.pass(HOUR_MS);
  assert.deepEqual(hours(told), [1, 2]);
  await site.clock.pass(90 * MINUTE_MS);
  assert.deepEqual(hours(told), [1, 2, 3]);
  site.clock.jump(3 * HOUR_MS);
  await site.clock.pass(MINUTE_MS);
  assert.deepEqual(hours(told), [1, 2, 3, 4, 5, 6]);
});

test('a clock that is set back by a minute or more is an event, durable and told once', async (t) => {
  const { site } = await openSite(t);
  const told = async (): Promise<unknown[]> => {
    const mark = await site.jobs.enqueue('test:mark');
    const found: unknown[] = [];
    for await (const event of site.jobs.events({ since: 0 })) {
      if (event.id === mark.id) break;
      if (event.kind === 'engine') found.push([event.name, event.what, event.detail]);
    }
    return found;
  };
  site.clock.jump(-59_000);
  site.clock.jump(3 * HOUR_MS);
  await site.clock.settle();
  assert.deepEqual(await told(), []);
  site.clock.jump(-2 * HOUR_MS);
  await site.clock.settle();
  assert.deepEqual(await told(), [['clock', 'set back', { byMs: -2 * HOUR_MS }]]);
  await site.restart();
  assert.deepEqual(await told(), [['clock', 'set back', { byMs: -2 * HOUR_MS }]]);
});

for (const how of ['lost', 'stored'] as const) {
  test(`a write that is refused (${how}) neither loses nor doubles a nominal time`, async (t) => {
    const { site, beat } = await openSite(t);
    await site.jobs.schedule('s', { every: '1h', catchUp: 'all' }, beat);
    for (let n = 0; n < 6; n++) {
      site.gate.refuseNext(how);
      await site.clock.pass(HOUR_MS);
    }
    await site.clock.pass(MINUTE_MS);
    const { jobs } = await site.jobs.list();
    assert.deepEqual(
      jobs.map(({ id, state }) => [id, state]),
      [1, 2, 3, 4, 5, 6].map((n) => [`s@${new Date(START + n * HOUR_MS).toISOString()}`, 'completed']),
    );
  });
}

const REFUSED: ReadonlyArray<readonly [rule: object, field: string]> = [
  [{}, 'rule.cron, rule.every'],
  [{ cron: '0 3 * * *', every: '1h' }, 'rule.cron, rule.every'],
  [{ cron: '61 * * * *' }, 'rule.cron'],
  [{ cron: 'H * * * *' }, 'rule.cron'],
  [{ cron: '0 3 * * *', tz: 'Mars/Olympus' }, 'rule.tz'],
  [{ every: '1h', tz: 'UTC' }, 'rule.tz'],
  [{ every: 0 }, 'rule.every'],
  [{ every: '1h', catchup: 'all' }, 'rule.catchup'],
  [{ every: '1h', catchUp: 'some' }, 'rule.catchUp'],
  [{ every: '1h', catchUp: { max: Infinity } }, 'rule.catchUp.max'],
  [{ every: '1h', catchUp: { max: -1 } }, 'rule.catchUp.max'],
  [{ every: '1h', catchUp: { max: 1, whithin: '1h' } }, 'rule.catchUp.whithin'],
  [{ every: '1h', overlap: 'maybe' }, 'rule.overlap'],
  [{ every: '1h', limit: 0 }, 'rule.limit'],
  [{ every: '1h', start: 'tomorrow' }, 'rule.start'],
  [{ every: '1h', start: START, end: START - 1 }, 'rule.end'],
  [{ every: '1h', jitter: 'a bit' }, 'rule.jitter'],
];

test('what is wrong is refused at the door, and the field is named', async (t) => {
  const { site, beat } = await openSite(t);
  for (const [rule, field] of REFUSED) {
    await assert.rejects(site.jobs.schedule('s', rule, beat), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
      field,
    });
  }
  await assert.rejects(site.jobs.schedule('a b', { every: '1h' }, beat), { field: 'name' });
  await assert.rejects(site.jobs.schedule('x'.repeat(97), { every: '1h' }, beat), { field: 'name' });
  await assert.rejects(site.jobs.schedule('s', { every: '1h' }, beat, 1, { delay: 5 } as object), {
    field: 'options.delay',
  });
  await assert.rejects(
    site.jobs.schedule('s', { every: '1h' }, beat, () => 1),
    { code: 'HOLDFAST_INVALID_PAYLOAD' },
  );
  assert.deepEqual(await site.jobs.schedules.list(), { schedules: [] });
});

test('a preview says when a rule is due, stored or not', async (t) => {
  const { site, beat } = await openSite(t);
  const rule = { cron: '30 2 * * *', tz: 'Europe/Oslo' };
  await site.jobs.schedule('s', rule, beat);
  const from = '2026-03-27T12:00:00Z';
  const expected = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'].map((at) => Date.parse(`${at}:00Z`));
  assert.deepEqual(await site.jobs.schedules.preview('s', { count: 3, from }), expected);
  assert.deepEqual(await site.jobs.schedules.preview(rule, { count: 3, from }), expected);
});
