/**
 * When nothing else is going on, how long does it take from the call of `enqueue` to the start of the handler? The durable
 * start is part of it: whoever starts a handler before that is written may run it again after a crash and not know.
 */
import { queues } from './contenders/list.ts';
import { pause, warmUp } from './support/load.ts';
import { payloadOf } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { Question } from './support/question.ts';

const JOBS = 500;
const LONGEST_MS = 2_000;

const question: Question = {
  name: 'latency',
  asks: 'How long does an idle queue take from enqueue to the start of the handler?',
  how: 'One job at a time with a pause of 1 to 4 ms after each; from the call of enqueue to the first line of the handler.',
  variants: [
    { name: '100 B', settings: { bytes: 100 } },
    // The compiler works beside them, on the same two cores.
    {
      name: '100 B, the first 500 of a process',
      settings: { bytes: 100, isCold: 1 },
      only: ['holdfast', 'holdfast-os'],
    },
  ],
  figures: [
    {
      key: 'p50',
      title: 'half of them within',
      unit: 'ms',
      better: 'less',
      target: { atMost: 0.35, variant: '100 B' },
    },
    { key: 'p99', title: '99 of 100 within', unit: 'ms', better: 'less', target: { atMost: 1.5, variant: '100 B' } },
  ],
  contenders: queues,
  limitMs: 20_000,
  async measure(stage) {
    let started: ((at: number) => void) | undefined;
    const queue = await stage.open({ concurrency: 100, handler: () => started?.(performance.now()) });
    const samples: number[] = [];
    const { bytes = 100, isCold } = stage.settings;
    if (isCold === undefined) await warmUp(run, 1);
    const begin = performance.now();
    for (let n = 0; n < stage.size(JOBS) && performance.now() - begin < LONGEST_MS; n++) {
      samples.push(await run(n));
      await pause(1 + (n % 4));
    }
    await queue.close();
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };

    /** How long one job took to its start, ms. */
    async function run(n: number): Promise<number> {
      const isStarted = new Promise<number>((resolve) => (started = resolve));
      const enqueuedAt = performance.now();
      const accepted = queue.enqueue(payloadOf(bytes, n));
      const startedAt = await isStarted;
      await accepted;
      return startedAt - enqueuedAt;
    }
  },
};

export default question;
await askIfMain(question, import.meta.url);
