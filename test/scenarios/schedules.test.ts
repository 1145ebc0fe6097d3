// Schedules: each nominal time ends as a run or as a skip with a reason, over restarts, sleep, and clocks that jump.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { defineJob, type Engine, type Occurrence, type OpenOptions, type ScheduleRule } from '../../src/index.ts';
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
