/**
 * How many jobs a second are enqueued, run and completed, all at the same time? 100 callers enqueue, each awaits every
 * call, and the jobs run as they come. It ends when all have run and their ends are recorded.
 */
import { everybody, swift } from './contenders/list.ts';
import { perSecond, warmThenMeasure } from './support/load.ts';
import { perJob } from './support/enqueue.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';
import { openRunThrough } from './support/run-through.ts';

const JOBS = 50_000;

const question: Question = {
  name: 'run',
  asks: 'How many jobs a second are enqueued, run and completed?',
  how: '100 callers, each call awaited; no-op handlers, concurrency 100; until all ends are recorded.',
  variants: [
    { name: '100 B', settings: { bytes: 100 } },
    // The size matters to all in the same way, so the slow and the undurable ones are asked once only.
    { name: '1 KB', settings: { bytes: 1000 }, only: swift },
  ],
  figures: [
    { key: 'rate', title: 'completed', unit: 'jobs/s', better: 'more', target: { atLeast: 110_000, variant: '100 B' } },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
    { key: 'processorUs', title: 'all processor time a job, servers included', unit: 'µs', better: 'less' },
    { key: 'writtenBytes', title: 'written to disk a job', unit: 'B', better: 'less' },
    { key: 'collectorShare', title: 'time in the collector', unit: '%', better: 'less' },
  ],
  contenders: everybody,
  limitMs: 30_000,
  async measure(stage) {
    const bytes = stage.settings['bytes'] ?? 100;
    const jobs = await openRunThrough(stage, { bytes, producers: 100, concurrency: 100 });
    const pass = await warmThenMeasure(stage.size(JOBS), (count, measured) => jobs.pass(count, measured));
    await jobs.close();
    return { rate: perSecond(pass), ...perJob(pass.extra, pass.count) };
  },
};

export default question;
await askIfMain(question, import.meta.url);
