/**
 * What is to be expected where an fsync takes longer, as on a consumer SSD or an SD card? The store is the real one
 * without its fsync, and every write waits for the given time instead; each variant measures what it really waited.
 * A slow card also reads and writes slowly, which this does not show.
 */
import { defineJob, openEngine } from './support/engine-on.ts';
import { Count, pause, perSecond, produce } from './support/load.ts';
import { payloadPool, type Payload } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { Question } from './support/question.ts';

const SECONDS = 1;

const question: Question = {
  name: 'slow-disk',
  asks: 'What is to be expected where an fsync takes longer?',
  how: 'Every write takes the given time, as if it were the fsync of such a disk; no-op handlers.',
  variants: [0, 1, 3, 10, 30].map((ms) => ({
    name: ms === 0 ? 'this disk' : `${ms} ms`,
    settings: { fsyncMs: ms, bytes: 100 },
  })),
  figures: [
    { key: 'run100', title: '100 callers, concurrency 100: completed', unit: 'jobs/s', better: 'more' },
    { key: 'run1000', title: '1,000 callers, concurrency 1,000: completed', unit: 'jobs/s', better: 'more' },
    { key: 'one', title: 'one caller: enqueued', unit: 'jobs/s', better: 'more' },
    { key: 'startP50', title: 'enqueue to start, half within', unit: 'ms', better: 'less' },
    { key: 'writeMs', title: 'a write, measured', unit: 'ms', better: 'less' },
  ],
  contenders: ['holdfast'],
  limitMs: 60_000,
  maxRounds: 1,
  chart: 'variants',
  async measure(stage) {
    const { fsyncMs = 0, bytes = 100 } = stage.settings;
    const payload = payloadPool(bytes);
    const seconds = SECONDS * Math.min(1, stage.size(1000) / 1000);
    return {
      run100: await runRate(100, seconds),
      run1000: await runRate(1000, seconds),
      ...(await oneByOne(seconds)),
    };

    async function runRate(callers: number, seconds: number): Promise<number> {
      const handled = new Count();
      const note = defineJob<Payload>({ type: 'note', run: () => handled.add() });
      const { engine, close } = await openEngine(`${stage.folder}/run-${callers}`, fsyncMs, {
        jobs: [note],
        concurrency: callers,
      });
      const round = async (count: number): Promise<number> => {
        const before = handled.value;
        const begin = performance.now();
        await produce((n) => engine.enqueue(note, payload(n)), count, callers);
        await handled.reaches(before + count);
        return perSecond({ count, wallMs: performance.now() - begin, extra: undefined });
      };
      const warm = await round(callers * 4);
      const rate = await round(Math.max(callers * 4, Math.round(warm * seconds)));
      await close();
      return rate;
    }

    async function oneByOne(seconds: number): Promise<{ one: number; startP50: number; writeMs: number }> {
      let started: (() => void) | undefined;
      const note = defineJob<Payload>({ type: 'note', run: () => started?.() });
      const { engine, close, writesMs } = await openEngine(`${stage.folder}/one`, fsyncMs, { jobs: [note] });
      const starts: number[] = [];
      for (let n = 0; n < 20; n++) {
        const isStarted = new Promise<void>((resolve) => (started = resolve));
        const begin = performance.now();
        await engine.enqueue(note, payload(n));
        await isStarted;
        starts.push(performance.now() - begin);
        await pause(fsyncMs + 2);
      }
      writesMs.length = 0;
      let count = 0;
      const begin = performance.now();
      for (; performance.now() - begin < seconds * 1000; count++) await engine.enqueue('other', payload(count));
      const one = perSecond({ count, wallMs: performance.now() - begin, extra: undefined });
      const writeMs = percentile(writesMs, 0.5);
      await close();
      return { one, startP50: percentile(starts, 0.5), writeMs };
    }
  },
};

export default question;
await askIfMain(question, import.meta.url);
