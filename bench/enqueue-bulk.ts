/**
 * How fast are 100,000 jobs accepted that are handed over at once? Contenders without a call for many jobs are not asked.
 */
import { everybody } from './contenders/list.ts';
import { perJob } from './support/enqueue.ts';
import { perSecond, warmThenMeasure } from './support/load.ts';
import { Meter } from './support/meter.ts';
import { payloadPool } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';

const JOBS = 100_000;

const question: Question = {
  name: 'enqueue-bulk',
  asks: 'How fast are 100,000 jobs enqueued that are handed over at once?',
  how: 'One call, or as few as the contender advises; nothing runs the jobs.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    { key: 'rate', title: 'enqueued', unit: 'jobs/s', better: 'more', target: { atLeast: 450_000 } },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
  ],
  contenders: everybody,
  refuses: ({ lacks }) => lacks.bulk,
  limitMs: 20_000,
  async measure(stage) {
    const payload = payloadPool(stage.settings['bytes'] ?? 100);
    const queue = await stage.open({ concurrency: 100 });
    const pass = await warmThenMeasure(stage.size(JOBS), async (count, measured) => {
      const payloads = Array.from({ length: count }, (_, n) => payload(n));
      const begin = performance.now();
      const meter = measured ? await Meter.start(stage) : undefined;
      await queue.enqueueAll?.(payloads);
      const cost = await meter?.stop();
      return { count, wallMs: cost?.wallMs ?? performance.now() - begin, extra: cost };
    });
    await queue.close();
    return { rate: perSecond(pass), ...perJob(pass.extra, pass.count) };
  },
};

export default question;
await askIfMain(question, import.meta.url);
