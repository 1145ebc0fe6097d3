/**
 * A process with one hourly schedule: `timetable.js <folder> <catchUp> <behindMs> <runs>`. Its clock is behind by so much, and it
 * prints each run as it begins. After `runs` of them it waits to be killed; with -1 it ends by itself when nothing is left
 * to do.
 */
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { openThreads } from '../../src/actors/threads.ts';
import { openEngine } from '../../src/engine.ts';
import { defineJob, type ScheduleRule } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import { checkOpenOptions } from '../../src/options.ts';

const [folder = '', catchUp = '', behindMs = '0', runs = '-1'] = process.argv.slice(2);
const most = Number(runs);
let begun = 0;

const beat = defineJob({
  type: 'beat',
  async run(_payload: unknown, { job }) {
    if (begun === most) await new Promise(() => undefined);
    begun++;
    writeSync(1, `${job.id} ${new Date(job.scheduledFor).toISOString()} ${job.occurrence?.standsFor}\n`);
    if (begun === most) await new Promise(() => undefined);
  },
});

const system = systemClock({ keepAlive: true });
const clock = { ...system, now: () => system.now() - Number(behindMs) };
const settings = checkOpenOptions({ jobs: [beat], settle: 0 });
const home = await openHome(folder, clock, settings);
const engine = await openEngine({ home, clock, settings, threads: openThreads({ max: 1, clock }) });
await engine.schedule('s', { cron: '0 * * * *', tz: 'UTC', catchUp } as ScheduleRule, beat);
if (most === 0) {
  writeSync(1, 'ready\n');
  await new Promise(() => undefined);
}

for (;;) {
  const view = await engine.schedules.get('s');
  const { jobs } = await engine.list({});
  const isIdle = view?.owed === 0 && jobs.every(({ state }) => state === 'completed');
  if (most === -1 && isIdle) {
    writeSync(1, `${JSON.stringify({ ids: jobs.map(({ id }) => id), skipped: view.skipped, runs: view.runs })}\n`);
    break;
  }
  await pause(5);
}
await engine.close();
