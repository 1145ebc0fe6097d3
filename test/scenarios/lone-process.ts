// A program that opens an engine and then leaves the rest to it: `lone-process.js <folder> <way>`. What it prints is what
// the tests read; an engine without a logger prints nothing.
import { writeSync } from 'node:fs';
import { constant, defineJob, open } from '../../src/index.ts';

const [folder = '', way = ''] = process.argv.slice(2);

const works = defineJob({ type: 'works', run: () => 'done' });
const fails = defineJob({
  type: 'fails',
  retry: { attempts: 2, backoff: constant(0) },
  run(_: undefined, { log }) {
    log.error('nobody reads this');
    throw new Error('no');
  },
});
const hangs = defineJob({ type: 'hangs', run: () => new Promise<never>(() => undefined) });
const thread = defineJob<string, string>({
  type: 'thread',
  worker: new URL('../support/handlers/echo.js', import.meta.url),
});

const jobs = await open(folder, { jobs: [works, fails, hangs, thread], keepAlive: way === 'stays', grace: 100 });

switch (way) {
  case 'leaves':
    await (await jobs.enqueue(works)).result();
    await (await jobs.enqueue(fails)).result().catch(() => undefined);
    await jobs.enqueue(works, undefined, { delay: '1h' });
    break;
  case 'leaves a thread':
    await (await jobs.enqueue(thread, 'x')).result();
    break;
  case 'leaves a handler':
    await jobs.enqueue(hangs);
    break;
  case 'stays':
    // This timer does not keep the process alive, so it rings only if something else does.
    setTimeout(() => {
      writeSync(1, 'still here');
      jobs.close().catch(() => undefined);
    }, 150).unref();
    break;
  case 'closes':
    await jobs.enqueue(hangs);
    await jobs.close({ drain: 0 });
    break;
  default:
    throw new Error(`unknown way: ${way}`);
}
