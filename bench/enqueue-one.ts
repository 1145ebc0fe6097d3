/**
 * How many jobs a second can one caller enqueue who waits for each? Each job is a commit of its own then, so this is the
 * time of one small write that survives, and what the queue adds to it.
 */
import { everybody } from './contenders/list.ts';
import { measureEnqueue } from './support/enqueue.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';

const question: Question = {
  name: 'enqueue-one',
  asks: 'How many jobs a second can one caller enqueue who waits for each?',
  how: 'One caller, each call awaited; nothing runs the jobs.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    {
      key: 'rate',
      title: 'enqueued',
      unit: 'jobs/s',
      better: 'more',
      target: { shareOf: { contender: 'raw-level', atLeast: 0.87 } },
    },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
  ],
  contenders: everybody,
  limitMs: 20_000,
  measure: (stage) => measureEnqueue(stage, { jobs: 6_000, producers: 1 }),
};

export default question;
await askIfMain(question, import.meta.url);
