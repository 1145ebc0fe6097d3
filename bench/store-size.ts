/**
 * Does a job cost more the more jobs are in the store? Others wait in it, from a thousand to a million, while some are
 * enqueued, run and completed. The answer should be a flat line.
 */
import { open, type Engine } from '../src/index.ts';
import { perJob } from './support/enqueue.ts';
import { Count, perSecond, produce } from './support/load.ts';
import { Meter } from './support/meter.ts';
import { payloadPool } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';

const JOBS = 30_000;
const BULK = 10_000;

const question: Question = {
  name: 'store-size',
  asks: 'Does a job cost more the more jobs are in the store?',
  how: 'Jobs of another type wait in the same queue, half of them for a later moment, while 100 callers enqueue and no-op handlers run.',
  variants: [1_000, 10_000, 100_000, 1_000_000].map((waiting) => ({
    name: `${waiting.toLocaleString('en-US')} waiting`,
    settings: { waiting, bytes: 100 },
  })),
  figures: [
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
    { key: 'rate', title: 'completed', unit: 'jobs/s', better: 'more' },
    { key: 'collectorShare', title: 'time in the collector', unit: '%', better: 'less' },
  ],
  contenders: ['holdfast'],
  limitMs: 60_000,
  chart: 'variants',
  async measure(stage) {
    const { waiting = 1000, bytes = 100 } = stage.settings;
    const payload = payloadPool(bytes);
    const jobs = await open(stage.folder);
    await fill(jobs, stage.size(waiting), payload);
    await jobs.close();

    const handled = new Count();
    const queue = await stage.open({ folder: stage.folder, concurrency: 100, handler: () => handled.add() });
    const count = stage.size(JOBS);
    const run = async (): Promise<void> => {
      const before = handled.value;
      await produce((n) => queue.enqueue(payload(n)), count, 100);
      await handled.reaches(before + count);
      await queue.settled(before + count);
    };
    await run();
    const meter = await Meter.start(stage);
    await run();
    const cost = await meter.stop();
    await queue.close();
    return { rate: perSecond({ count, wallMs: cost.wallMs, extra: undefined }), ...perJob(cost, count) };
  },
};

async function fill(jobs: Engine, count: number, payload: (n: number) => unknown): Promise<void> {
  const inAnHour = Date.now() + 3_600_000;
  for (let n = 0; n < count; n += BULK) {
    const size = Math.min(BULK, count - n);
    // No handler is there for the type 'other', so those that are due stay as well.
    await jobs.enqueueAll(
      Array.from({ length: size }, (_, index) => {
        const options = index % 2 === 0 ? {} : { runAt: inAnHour + ((n + index) % 86_400_000) };
        return ['other', payload(n + index), options] as const;
      }),
    );
  }
}

export default question;
await askIfMain(question, import.meta.url);
