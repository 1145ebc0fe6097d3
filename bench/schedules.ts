/**
 * What do 100,000 schedules cost: to make, in memory, at an opening, and each time one of them is due? One process makes
 * them and ends; another one opens the folder and keeps them for a while.
 */
import { defineJob, open } from '../src/index.ts';
import { pause } from './support/load.ts';
import { memoryBytes } from './support/meter.ts';
import { processorMs } from './support/proc.ts';
import { askIfMain } from './support/program.ts';
import type { Figures, Question, Stage } from './support/question.ts';

const SCHEDULES = 100_000;
const BULK = 1_000;
const HOUR_MS = 3_600_000;
/** Between two that are due, so that there are as many ticks in a second whatever the number of schedules. */
const APART_MS = HOUR_MS / SCHEDULES;
/** How long making one may take, so that none is due before all are there. */
const LEAD_MS = 2;
const WATCHED_MS = 20_000;

const question: Question = {
  name: 'schedules',
  asks: 'What do 100,000 schedules cost?',
  how: 'Hourly ones with small payloads, 28 due in a second. A fresh process opens them, rests, and runs what is due for 20 s.',
  variants: [{ name: '100,000 hourly', settings: {} }],
  figures: [
    { key: 'bytesPerSchedule', title: 'heap and buffers a schedule', unit: 'B', better: 'less' },
    { key: 'openMs', title: 'open', unit: 'ms', better: 'less' },
    { key: 'openProcessorMs', title: 'processor time of the opening', unit: 'ms', better: 'less' },
    { key: 'tickMs', title: 'processor time a run, on the main thread', unit: 'ms', better: 'less' },
    { key: 'allTickMs', title: 'of all threads', unit: 'ms', better: 'less' },
    { key: 'late', title: 'latest start after its nominal time', unit: 'ms', better: 'less' },
    { key: 'makeRate', title: 'made before', unit: 'jobs/s', better: 'more' },
  ],
  contenders: ['holdfast'],
  limitMs: 600_000,
  maxRounds: 1,
  measure: (stage) => (stage.phase === 'reopen' ? reopen(stage) : make(stage)),
};

async function make(stage: Stage): Promise<Figures> {
  const count = stage.size(SCHEDULES);
  const jobs = await open(stage.folder);
  const begin = performance.now();
  const firstAt = Date.now() + count * LEAD_MS;
  for (let n = 0; n < count; n += BULK) {
    const size = Math.min(BULK, count - n);
    await Promise.all(
      Array.from({ length: size }, (_, index) => {
        const start = Math.round(firstAt + (n + index) * APART_MS);
        return jobs.schedule(`schedule-${n + index}`, { every: '1h', start }, 'tick', { album: n + index });
      }),
    );
  }
  const makeRate = (count / (performance.now() - begin)) * 1_000;
  await jobs.close();
  return { ...(await stage.again('reopen')), makeRate };
}

async function reopen(stage: Stage): Promise<Figures> {
  const count = stage.size(SCHEDULES);
  let runs = 0;
  let late = 0;
  const tick = defineJob({
    type: 'tick',
    run(_payload: unknown, { job }) {
      runs++;
      late = Math.max(late, Date.now() - job.scheduledFor);
    },
  });
  const heapBefore = memoryBytes();
  const readBefore = processorMs(process.pid);
  const begin = performance.now();
  const jobs = await open(stage.folder, { jobs: [tick], settle: 0 });
  const openMs = performance.now() - begin;
  await untilIdle();
  const openProcessorMs = processorMs(process.pid) - readBefore;
  const bytesPerSchedule = (memoryBytes() - heapBefore) / count;
  const { nextAt = 0 } = (await jobs.schedules.get('schedule-0')) ?? {};
  await pause(Math.max(0, nextAt - Date.now()) + 1_000);
  const before = { runs, main: processorMs(process.pid, process.pid), all: processorMs(process.pid) };
  await pause(WATCHED_MS);
  const watched = runs - before.runs;
  const figures = {
    ...{ bytesPerSchedule, openMs, openProcessorMs, late },
    tickMs: (processorMs(process.pid, process.pid) - before.main) / watched,
    allTickMs: (processorMs(process.pid) - before.all) / watched,
  };
  await jobs.close({ drain: 0 });
  return figures;
}

/** The schedules are taken in behind the opening, a few at a time. */
async function untilIdle(): Promise<void> {
  for (let used = -1; ;) {
    const now = processorMs(process.pid);
    if (now - used < 20 && used >= 0) return;
    used = now;
    await pause(300);
  }
}

export default question;
await askIfMain(question, import.meta.url);
