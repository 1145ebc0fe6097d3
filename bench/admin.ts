/**
 * What does it cost to be looked at? Jobs come evenly, 20,000 a second; then a thread asks `GET /v1/jobs` as often as it
 * can; then `observe` counts. And how long does the command line take to start?
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { control, serve } from '../src/admin/index.ts';
import { observe } from '../src/admin/telemetry/index.ts';
import { defineJob, open, type Engine } from '../src/index.ts';
import { Count } from './support/load.ts';
import { Meter } from './support/meter.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { Question } from './support/question.ts';

const PER_SECOND = 20_000;
const SECONDS = 2;
const STARTS = 9;
const COMMAND = fileURLToPath(new URL('../src/admin/cli/main.js', import.meta.url));
const run = promisify(execFile);

const question: Question = {
  name: 'admin',
  asks: 'What does it cost to look at an engine that runs 20,000 jobs a second?',
  how: 'Jobs are enqueued evenly and run at once, no-op handlers; processor time of the main thread a job, alone, while a thread asks GET /v1/jobs?limit=20, and while observe counts; and the time a command takes from its start to its end.',
  variants: [{ name: '100 B', settings: {} }],
  figures: [
    { key: 'requests', title: 'GET /v1/jobs', unit: 'jobs/s', better: 'more' },
    { key: 'aloneUs', title: 'main thread a job, alone', unit: 'µs', better: 'less' },
    { key: 'askedUs', title: 'while it is asked', unit: 'µs', better: 'less' },
    { key: 'requestUs', title: 'main thread a request', unit: 'µs', better: 'less' },
    { key: 'observedUs', title: 'while it is observed', unit: 'µs', better: 'less' },
    { key: 'helpMs', title: 'holdfast --help', unit: 'ms', better: 'less' },
    { key: 'infoMs', title: 'holdfast info, live', unit: 'ms', better: 'less' },
    { key: 'nodeMs', title: 'node -e 0', unit: 'ms', better: 'less' },
  ],
  contenders: ['holdfast'],
  limitMs: 60_000,
  maxRounds: 3,
  async measure(stage) {
    const handled = new Count();
    const job = defineJob<unknown>({ type: 'nothing', run: () => handled.add() });
    const engine = await open(stage.folder, { jobs: [job] });
    await control(engine);
    const { url, token } = await serve(engine, { port: 0, maxRequestsPerSecond: 1_000_000 });
    const count = stage.size(PER_SECOND * SECONDS);
    let total = 0;
    const cost = async (): Promise<{ mainMs: number; wallMs: number }> => {
      const meter = await Meter.start(stage, {});
      await paced(engine, count);
      await handled.reaches((total += count));
      return meter.stop();
    };
    await cost();
    const alone = await cost();
    const data = { url: `${url}/v1/jobs?limit=20`, token };
    const asker = new Worker(new URL('./support/requests.js', import.meta.url), { workerData: data });
    const asked = await cost();
    asker.postMessage('stop');
    const [requests] = (await once(asker, 'message')) as [number];
    observe(engine, { traces: false });
    const observed = await cost();
    const [helpMs, infoMs, nodeMs] = [
      await startUp(COMMAND, '--help'),
      await startUp(COMMAND, '-d', stage.folder, 'info'),
      await startUp('-e', '0'),
    ];
    await engine.close();
    return {
      requests: (requests / asked.wallMs) * 1000,
      aloneUs: (alone.mainMs / count) * 1000,
      askedUs: (asked.mainMs / count) * 1000,
      requestUs: ((asked.mainMs - alone.mainMs) / requests) * 1000,
      observedUs: (observed.mainMs / count) * 1000,
      helpMs,
      infoMs,
      nodeMs,
    };
  },
};

/** Every other millisecond, as many as are due by then. */
function paced(engine: Engine, count: number): Promise<void> {
  const begin = performance.now();
  let enqueued = 0;
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - begin) * PER_SECOND) / 1000));
      for (; enqueued < due; enqueued++) engine.enqueue('nothing', { n: enqueued, text: 'x'.repeat(80) }).catch(reject);
      if (enqueued < count) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
}

async function startUp(...words: readonly string[]): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    const begin = performance.now();
    await run(process.execPath, [...words]);
    samples.push(performance.now() - begin);
  }
  return percentile(samples, 0.5);
}

export default question;
await askIfMain(question, import.meta.url);
