/**
 * How late do jobs start that are due at a certain moment? 50,000 of them are due at random within five seconds, and all
 * are enqueued before the first is due. A contender that cannot enqueue so many in a few seconds gets fewer.
 */
import { durableQueues } from './contenders/list.ts';
import { Count, pause, produce, warmUp } from './support/load.ts';
import { payloadOf } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { OpenQueue } from './contenders/contender.ts';
import type { Question, Stage } from './support/question.ts';

const JOBS = 50_000;
const WITHIN_MS = 5_000;
const PROBE_JOBS = 400;
/** Time to enqueue them in. */
const FILL_MS = 2_000;
/** Those that had not started so long after the last was due count as this late. */
const PATIENCE_MS = 3_000;

const question: Question = {
  name: 'due',
  asks: 'How late do 50,000 jobs start that are due at random within five seconds?',
  how: 'No-op handlers, concurrency 100; the start of the handler against the moment it was due, by the same clock.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    { key: 'p50', title: 'half of them within', unit: 'ms', better: 'less', target: { atMost: 1 } },
    { key: 'p99', title: '99 of 100 within', unit: 'ms', better: 'less', target: { atMost: 5 } },
    { key: 'early', title: 'started too early', unit: 'jobs', better: 'less', target: { atMost: 0 } },
    { key: 'jobs', title: 'jobs', unit: 'jobs', better: 'more' },
  ],
  // What Redis does with its file at every write is not the question here.
  contenders: durableQueues.filter((name) => !/-(os|fsync|always)$/.test(name)),
  refuses: ({ lacks }) => lacks.delay,
  limitMs: 30_000,
  maxRounds: 2,
  async measure(stage) {
    const dueAt = new Float64Array(stage.size(JOBS));
    const lateMs = new Float64Array(dueAt.length).fill(NaN);
    const started = new Count();
    const warmed = new Count();
    const bytes = stage.settings['bytes'] ?? 100;
    const queue = await stage.open({
      concurrency: 100,
      delays: true,
      handler({ n }) {
        if (n < 0) return warmed.add();
        lateMs[n] = wallNow() - (dueAt[n] as number);
        started.add();
      },
    });
    await warmed.reaches(await warmUp((n) => queue.enqueue(payloadOf(bytes, -1 - n)), 100));
    const count = Math.min(dueAt.length, Math.floor((await probe(stage, queue)) * FILL_MS));
    const firstAt = wallNow() + FILL_MS * 1.5;
    for (let n = 0; n < count; n++) dueAt[n] = Math.round(firstAt + Math.random() * WITHIN_MS);
    await produce((n) => queue.enqueue(payloadOf(bytes, n), dueAt[n]), count, 100);
    if (wallNow() > firstAt) throw new Error('the first was due before all were enqueued');
    const patienceMs = firstAt + WITHIN_MS + PATIENCE_MS - wallNow();
    await Promise.race([started.reaches(count), pause(patienceMs)]);
    const late = lateMs.subarray(0, count).map((ms) => (Number.isNaN(ms) ? PATIENCE_MS : ms));
    // Both clocks count whole milliseconds at best, so less than one is not early.
    const early = late.filter((ms) => ms <= -1).length;
    await Promise.race([queue.close(), pause(2_000)]);
    return { p50: percentile(late, 0.5), p99: percentile(late, 0.99), early, jobs: count };
  },
};

/** How many jobs with a delay it takes in a millisecond. */
async function probe(stage: Stage, queue: OpenQueue): Promise<number> {
  const farAway = wallNow() + 3_600_000;
  const begin = performance.now();
  await produce((n) => queue.enqueue(payloadOf(stage.settings['bytes'] ?? 100, -1 - n), farAway), PROBE_JOBS, 100);
  return PROBE_JOBS / (performance.now() - begin);
}

/** Epoch milliseconds with fractions. */
function wallNow(): number {
  return performance.timeOrigin + performance.now();
}

export default question;
await askIfMain(question, import.meta.url);
