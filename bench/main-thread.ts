/**
 * What does a job cost the host's main thread when the queue is busy, but not at its limit? Jobs come evenly, 50,000 a
 * second; the rest of the time belongs to the host.
 */
import { Count } from './support/load.ts';
import { Meter } from './support/meter.ts';
import { payloadPool } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import type { OpenQueue } from './contenders/contender.ts';
import type { Question } from './support/question.ts';

const PER_SECOND = 50_000;
const SECONDS = 3;
const WARM_UP_SECONDS = 1;

const question: Question = {
  name: 'main-thread',
  asks: 'What does a job cost the main thread at 50,000 jobs a second?',
  how: 'Jobs are enqueued evenly and run at once, no-op handlers; processor time of the main thread, the calls included.',
  variants: [{ name: '100 B', settings: { bytes: 100 } }],
  figures: [
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less', target: { atMost: 8 } },
    { key: 'rate', title: 'completed', unit: 'jobs/s', better: 'more' },
    { key: 'activeShare', title: 'event loop busy', unit: '%', better: 'less' },
    { key: 'collectorShare', title: 'time in the collector', unit: '%', better: 'less' },
    { key: 'delayP99', title: 'event loop held up, 99 of 100 within', unit: 'ms', better: 'less' },
  ],
  contenders: ['holdfast', 'holdfast-os'],
  limitMs: 30_000,
  async measure(stage) {
    const payload = payloadPool(stage.settings['bytes'] ?? 100);
    const handled = new Count();
    const queue = await stage.open({ concurrency: 100, handler: () => handled.add() });
    const warmUp = stage.size(PER_SECOND * WARM_UP_SECONDS);
    await paced(queue, warmUp, payload);
    await handled.reaches(warmUp);

    const count = stage.size(PER_SECOND * SECONDS);
    const meter = await Meter.start(stage, { watchesDelay: true });
    await paced(queue, count, payload);
    await handled.reaches(warmUp + count);
    await queue.settled(warmUp + count);
    const cost = await meter.stop();
    await queue.close();
    return {
      mainUs: (cost.mainMs / count) * 1000,
      rate: (count / cost.wallMs) * 1000,
      activeShare: (cost.activeMs / cost.wallMs) * 100,
      collectorShare: (cost.collectorMs / cost.wallMs) * 100,
      delayP99: cost.delayP99Ms,
    };
  },
};

/** Every other millisecond, as many as are due by then; nobody waits for them one by one. */
function paced(queue: OpenQueue, count: number, payload: (n: number) => unknown): Promise<void> {
  const begin = performance.now();
  let enqueued = 0;
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - begin) * PER_SECOND) / 1000));
      for (; enqueued < due; enqueued++) {
        Promise.resolve(queue.enqueue(payload(enqueued) as never)).catch(reject);
      }
      if (enqueued < count) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
}

export default question;
await askIfMain(question, import.meta.url);
