/**
 * How well are two threads used, and what does the main thread notice of it? Jobs that compute keep a thread busy for a
 * given time; the ideal is that time, shared between the threads, with nothing in between.
 */
import { defineJob, open } from '../src/index.ts';
import { Meter } from './support/meter.ts';
import { askIfMain } from './support/program.ts';
import type { Question } from './support/question.ts';

const THREADS = 2;

const question: Question = {
  name: 'threads',
  asks: 'How well are two threads used by jobs that compute?',
  how: 'Jobs that spin for a given time on two threads; share of the time that the threads would need without any pause.',
  variants: [
    { name: '200 of 20 ms', settings: { jobs: 200, us: 20_000 } },
    { name: '5,000 of 0.1 ms', settings: { jobs: 5_000, us: 100 } },
  ],
  figures: [
    {
      key: 'share',
      title: 'of the ideal',
      unit: '%',
      better: 'more',
      target: { atLeast: 97, variant: '200 of 20 ms' },
    },
    {
      key: 'rate',
      title: 'completed',
      unit: 'jobs/s',
      better: 'more',
      target: { atLeast: 25_000, variant: '5,000 of 0.1 ms' },
    },
    {
      key: 'delayP99',
      title: 'event loop held up, 99 of 100 within',
      unit: 'ms',
      better: 'less',
      target: { atMost: 20 },
    },
    { key: 'delayWorst', title: 'at worst', unit: 'ms', better: 'less' },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
  ],
  contenders: ['holdfast'],
  limitMs: 30_000,
  async measure(stage) {
    const { jobs: full = 200, us = 20_000 } = stage.settings;
    const count = stage.size(full);
    const spin = defineJob<{ ms: number }>({ type: 'spin', worker: new URL('./handlers/spin.js', import.meta.url) });
    const engine = await open(stage.folder, { jobs: [spin], threads: THREADS });
    // Threads are made and the module is loaded at the first job of each.
    await runAll(200, 0.1);

    const meter = await Meter.start(stage, { watchesDelay: true });
    await runAll(count, us / 1000);
    const cost = await meter.stop();
    await engine.close();
    const idealMs = (count * us) / 1000 / THREADS;
    return {
      share: (idealMs / cost.wallMs) * 100,
      rate: (count / cost.wallMs) * 1000,
      delayP99: cost.delayP99Ms,
      delayWorst: cost.delayWorstMs,
      mainUs: (cost.mainMs / count) * 1000,
    };

    async function runAll(jobs: number, ms: number): Promise<void> {
      const handles = await engine.enqueueAll(Array.from({ length: jobs }, () => [spin, { ms }] as const));
      await Promise.all(handles.map((handle) => handle.result()));
    }
  },
};

export default question;
await askIfMain(question, import.meta.url);
