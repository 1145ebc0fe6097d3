/**
 * When nothing else is going on, how long does it take from the call of `enqueue` to the start of the handler? The durable
 * start is part of it: whoever starts a handler before that is written may run it again after a crash and not know.
 */
import { queues } from './contenders/list.ts';
import { pause } from './support/load.ts';
import { payloadOf } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { Question } from './support/question.ts';

const JOBS = 500;
const WARM_UP = 100;
const LONGEST_MS = 2_000;

const question: Question = {
  name: 'latency',
  asks: 'How long does an idle queue take from enqueue to the start of the handler?',
  how: 'One job at a time with a pause of 1 to 4 ms after each; from the call of enqueue to the first line of the handler.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    { key: 'p50', title: 'half of them within', unit: 'ms', better: 'less', target: { atMost: 0.35 } },
    { key: 'p99', title: '99 of 100 within', unit: 'ms', better: 'less', target: { atMost: 1.5 } },
  ],
  contenders: queues,
  limitMs: 20_000,
  async measure(stage) {
    let started: ((at: number) => void) | undefined;
    const queue = await stage.open({ concurrency: 100, handler: () => started?.(performance.now()) });
    const samples: number[] = [];
    const begin = performance.now();
    const jobs = stage.size(JOBS) + WARM_UP;
    for (let n = 0; n < jobs && performance.now() - begin < LONGEST_MS; n++) {
      const isStarted = new Promise<number>((resolve) => (started = resolve));
      const enqueuedAt = performance.now();
      const accepted = queue.enqueue(payloadOf(stage.settings['bytes'] ?? 100, n));
      const startedAt = await isStarted;
      await accepted;
      // A slow one has no time for a long warm-up.
      if (n >= WARM_UP || startedAt - enqueuedAt > 20) samples.push(startedAt - enqueuedAt);
      await pause(1 + (n % 4));
    }
    await queue.close();
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };
  },
};

export default question;
await askIfMain(question, import.meta.url);
