/**
 * The whole engine in bad weather: kills at any moment, restarts, writes that are refused and may be stored all the same, sleep,
 * clocks that jump, pauses. Afterwards every nominal time is one job, or one recorded skip, or still owed; none is lost, none
 * is both, and no handler that had durably ended has run again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, type ScheduleRule } from '../../src/index.ts';
import { nextAfter, type Rule } from '../../src/job/calendar.ts';
import { checkScheduleRule } from '../../src/schedule-options.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { openMovedEngine, type MovedEngine } from '../support/engine.ts';

const SEEDS = 40;
const STEPS = 25;
const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 1);

const RULES: readonly ScheduleRule[] = [
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: 'all' },
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: 'latest' },
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: 'none', overlap: 'allow' },
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: { max: 4, order: 'newest' }, overlap: 'skip' },
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: { max: 4, within: '2h' }, overlap: 'replace' },
  { cron: '*/10 * * * *', tz: 'UTC', catchUp: { max: 3, keep: 'oldest' }, overlap: 'allow', jitter: '2m' },
];

interface Skipped {
  readonly reason: string;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`storm ${seed}: no nominal time is lost, and none is kept twice`, async (t) => {
    const { random } = createFakeClock({ seed });
    const pick = (below: number): number => Math.floor(random() * below);
    const rule = RULES[seed % RULES.length] as ScheduleRule;
    const forever = { age: 'forever', count: Infinity } as const;
    const beat = defineJob({
      type: 'beat',
      timeout: 'none',
      async run(_payload: unknown, { signal }) {
        if (pick(3) > 0) return;
        // Some take longer than an interval, on the clock of the test.
        await new Promise<void>((resolve) => {
          site.clock.alarm('monotonic', resolve).set(site.clock.monotonic() + pick(25) * MINUTE_MS);
          signal.addEventListener('abort', () => resolve());
        });
      },
    });
    const keep = { completed: forever, cancelled: forever, dead: forever };
    const site: MovedEngine = await openMovedEngine(
      t,
      { jobs: [beat], settle: ['0', '10s'][pick(2)] === '0' ? 0 : '10s', keep, maxCrashes: 255 },
      { seed },
    );
    await site.jobs.schedule('s', rule, beat);
    for (let step = 0; step < STEPS; step++) await act(site, pick);
    // Refusals that met no write yet; the store is there again by then.
    while (await site.jobs.enqueue('test:mark').then(isFalse, isTrue)) await site.clock.pass(3 * MINUTE_MS);
    await site.jobs.schedules.resume('s');
    await site.clock.pass(3 * MINUTE_MS);
    await check(site, checkScheduleRule(rule).plan.rule);
  });
}

const isTrue = (): boolean => true;
const isFalse = (): boolean => false;

async function act(site: MovedEngine, pick: (below: number) => number): Promise<void> {
  switch (pick(9)) {
    case 0:
      await site.kill();
      break;
    case 1:
      site.clock.advance(pick(10) * MINUTE_MS);
      await site.kill();
      break;
    case 2:
      site.gate.refuseNext(pick(2) === 0 ? 'lost' : 'stored');
      await site.clock.pass(10 * MINUTE_MS);
      break;
    case 3:
      await site.close();
      site.clock.advance(pick(120) * MINUTE_MS);
      await site.restart();
      break;
    case 4:
      site.clock.jump((pick(90) - 30) * MINUTE_MS);
      break;
    case 5:
      await site.jobs.schedules.pause('s').catch(() => undefined);
      break;
    case 6:
      await site.jobs.schedules.resume('s', { catchUp: pick(2) === 0 ? 'all' : 'none' }).catch(() => undefined);
      break;
    default:
      await site.clock.pass(pick(25) * MINUTE_MS);
  }
  await site.clock.settle();
}

async function check({ jobs }: MovedEngine, rule: Rule): Promise<void> {
  const mark = await jobs.enqueue('test:mark');
  const skips: Skipped[] = [];
  const ends = new Map<string, string>();
  for await (const event of jobs.events({ since: 0 })) {
    if (event.id === mark.id) break;
    if (event.kind === 'schedule' && event.what === 'skipped') skips.push(event.detail as Skipped);
    if (event.id === undefined) continue;
    assert.ok(!(event.kind === 'started' && ends.has(event.id)), `${event.id} has ended and runs again`);
    if (event.kind === 'completed' || event.kind === 'cancelled' || event.kind === 'died')
      ends.set(event.id, event.kind);
  }
  const view = await jobs.schedules.get('s');
  const made = (await jobs.list({ type: 'beat', limit: 1_000 })).jobs.map(
    ({ occurrence }) => occurrence?.nominalAt as number,
  );
  assert.equal(made.length, view?.runs, 'every job is counted');
  const kept = new Set(made);
  assert.equal(kept.size, made.length, 'no nominal time has two jobs');
  const skipped = new Set<number>();
  for (const { reason, count, from, to } of skips) {
    let n = 0;
    for (let at = nextAfter(rule, from); at !== undefined && at <= to; at = nextAfter(rule, at), n++) {
      assert.ok(!kept.has(at), `${new Date(at).toISOString()} has a job, and was skipped (${reason})`);
      assert.ok(!skipped.has(at), `${new Date(at).toISOString()} is skipped twice`);
      skipped.add(at);
    }
    assert.equal(n, count);
  }
  const next = view?.nextAt as number;
  let total = 0;
  for (let at = nextAfter(rule, START); at !== undefined && at < next; at = nextAfter(rule, at)) total++;
  assert.equal(kept.size + skipped.size + (view?.owed ?? 0), total, 'each is a job, a skip, or owed');
}
