/**
 * How many jobs a second are accepted from 100 callers, each of whom waits for its own? This is what a busy service looks
 * like, and where writing in groups pays.
 */
import { everybody } from './contenders/list.ts';
import { measureEnqueue } from './support/enqueue.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';

const question: Question = {
  name: 'enqueue-producers',
  asks: 'How many jobs a second can 100 callers enqueue?',
  how: '100 callers at once, each call awaited before the next of the same caller; nothing runs the jobs.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    { key: 'rate', title: 'enqueued', unit: 'jobs/s', better: 'more', target: { atLeast: 120_000 } },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
  ],
  contenders: everybody,
  limitMs: 20_000,
  measure: (stage) => measureEnqueue(stage, { jobs: 50_000, producers: 100 }),
};

export default question;
await askIfMain(question, import.meta.url);
