/**
 * How soon does the first job start when a million are waiting, what do they take in memory, and how long is the event
 * loop held up meanwhile? One process fills the folder and ends; another one opens it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defineJob, open } from '../src/index.ts';
import { memoryBytes } from './support/meter.ts';
import { payloadPool, type Payload } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import type { Figures, Question, Stage } from './support/question.ts';

const JOBS = 1_000_000;
const BULK = 10_000;

const question: Question = {
  name: 'restart',
  asks: 'How soon does the first job start when a million are waiting, and what do they take in memory?',
  how: 'A fresh process opens a folder with a million waiting jobs; the first handler then waits, and the rest stays in memory.',
  variants: [{ name: '1 M of 100 B', settings: { bytes: 100 } }],
  figures: [
    {
      key: 'firstStartMs',
      title: 'first start after the call of open',
      unit: 'ms',
      better: 'less',
      target: { atMost: 1000 },
    },
    { key: 'openMs', title: 'open', unit: 'ms', better: 'less' },
    { key: 'bytesPerJob', title: 'heap and buffers a job', unit: 'B', better: 'less', target: { atMost: 150 } },
    { key: 'residentPerJob', title: 'resident memory a job', unit: 'B', better: 'less' },
    { key: 'worstPause', title: 'longest pause of the event loop', unit: 'ms', better: 'less', target: { atMost: 50 } },
    { key: 'diskPerJob', title: 'on disk a job', unit: 'B', better: 'less' },
    { key: 'fillRate', title: 'enqueued before', unit: 'jobs/s', better: 'more' },
  ],
  contenders: ['holdfast'],
  limitMs: 60_000,
  measure: (stage) => (stage.phase === 'reopen' ? reopen(stage) : fill(stage)),
};

async function fill(stage: Stage): Promise<Figures> {
  const count = stage.size(JOBS);
  const payload = payloadPool(stage.settings['bytes'] ?? 100);
  const jobs = await open(stage.folder);
  const begin = performance.now();
  for (let n = 0; n < count; n += BULK) {
    const size = Math.min(BULK, count - n);
    await jobs.enqueueAll(Array.from({ length: size }, (_, index) => ['note', payload(n + index)] as const));
  }
  const fillRate = (count / (performance.now() - begin)) * 1000;
  await jobs.close();
  return { ...(await stage.again('reopen')), fillRate };
}

async function reopen(stage: Stage): Promise<Figures> {
  const count = stage.size(JOBS);
  let tellStart: ((at: number) => void) | undefined;
  const firstStart = new Promise<number>((resolve) => (tellStart = resolve));
  let release: (() => void) | undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const note = defineJob<Payload>({
    type: 'note',
    run() {
      tellStart?.(performance.now());
      return released;
    },
  });
  const heapBefore = memoryBytes();
  const residentBefore = process.memoryUsage.rss();
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const begin = performance.now();
  const jobs = await open(stage.folder, { jobs: [note], concurrency: 1 });
  const openMs = performance.now() - begin;
  const firstStartMs = (await firstStart) - begin;
  // The sampling timer must ring once more to see the last pause.
  await new Promise((resolve) => setTimeout(resolve, 20));
  delays.disable();
  const figures = {
    firstStartMs,
    openMs,
    worstPause: delays.max / 1e6 - 1,
    bytesPerJob: (memoryBytes() - heapBefore) / count,
    residentPerJob: (process.memoryUsage.rss() - residentBefore) / count,
    diskPerJob: (await diskBytes(stage.folder)) / count,
  };
  release?.();
  await jobs.close({ drain: 0 });
  return figures;
}

async function diskBytes(folder: string): Promise<number> {
  const { readdir, stat } = await import('node:fs/promises');
  const entries = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(entries.map(async (entry) => (await stat(`${folder}/${entry}`)).size));
  return sizes.reduce((total, size) => total + size, 0);
}

export default question;
await askIfMain(question, import.meta.url);
