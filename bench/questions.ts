/** All questions, in the order in which the table tells them. Started by itself it says what there is. */
import { fileURLToPath } from 'node:url';
import admin from './admin.ts';
import diskBytes from './disk-bytes.ts';
import drain from './drain.ts';
import due from './due.ts';
import enqueueBulk from './enqueue-bulk.ts';
import enqueueOne from './enqueue-one.ts';
import enqueueProducers from './enqueue-producers.ts';
import idle from './idle.ts';
import latency from './latency.ts';
import mainThread from './main-thread.ts';
import restart from './restart.ts';
import run from './run.ts';
import schedules from './schedules.ts';
import slowDisk from './slow-disk.ts';
import startUp from './start-up.ts';
import storeSize from './store-size.ts';
import threads from './threads.ts';
import { usage } from './support/options.ts';
import type { Question } from './support/question.ts';

export const compared: readonly Question[] = [enqueueOne, enqueueProducers, enqueueBulk, drain, run, latency, due];
export const alone: readonly Question[] = [
  restart,
  threads,
  mainThread,
  storeSize,
  idle,
  diskBytes,
  startUp,
  slowDisk,
  schedules,
  admin,
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, asks } of [...compared, ...alone]) console.log(`${name.padEnd(20)} ${asks}`);
  console.log(usage);
}
