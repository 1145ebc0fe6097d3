/**
 * How much does a job make the disk write? Flash wears. It counts what the process has the system write, LevelDB's tables
 * and the trimming of the log included, so the run is long enough for those to happen.
 */
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';
import { openRunThrough } from './support/run-through.ts';

const question: Question = {
  name: 'disk-bytes',
  asks: 'How much does a job make the disk write?',
  how: 'Jobs are enqueued, run and completed; bytes that the process made the system write, by its own count (/proc/self/io).',
  variants: [
    { name: '100 callers, 100 B', settings: { bytes: 100, jobs: 200_000, producers: 100 } },
    { name: '100 callers, 1 KB', settings: { bytes: 1000, jobs: 100_000, producers: 100 } },
    { name: 'one caller, 100 B', settings: { bytes: 100, jobs: 6_000, producers: 1 } },
  ],
  figures: [{ key: 'writtenBytes', title: 'written to disk a job', unit: 'B', better: 'less' }],
  contenders: ['holdfast', 'raw-level', 'raw-file'],
  limitMs: 40_000,
  maxRounds: 1,
  async measure(stage) {
    const { bytes = 100, jobs = 10_000, producers = 1 } = stage.settings;
    const count = stage.size(jobs);
    const run = await openRunThrough(stage, { bytes, producers, concurrency: 100 });
    const { extra } = await run.pass(count, true);
    await run.close();
    return { writtenBytes: (extra?.writtenBytes ?? NaN) / count };
  },
};

export default question;
await askIfMain(question, import.meta.url);
