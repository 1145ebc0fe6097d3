// An app whose jobs take the process down: node process.js <folder> [enqueue [way]]. When all of them have ended it tells how, and
// ends with 0. A culprit that only holds the process up says so, and is ended by whoever started it.
import { writeSync } from 'node:fs';
import { defineJob, open } from '../../src/index.ts';
import { CULPRITS, THREAD_CULPRITS } from './culprits.ts';

const [, , folder = '', what, only] = process.argv;

const culprits = Object.entries(CULPRITS).map(([way, run]) =>
  defineJob({
    type: `culprit:${Object.keys(CULPRITS).indexOf(way)}`,
    retry: { attempts: 1 },
    run: (_: undefined, context) => run(context),
  }),
);
const onThread = defineJob<string>({
  type: 'thread-culprit',
  retry: { attempts: 1 },
  worker: new URL('./culprits.js', import.meta.url),
});
const bystander = defineJob<number, string>({
  type: 'bystander',
  async run(n) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return `done ${n}`;
  },
});

const jobs = await open(folder, { jobs: [...culprits, onThread, bystander], reserveBytes: 0 });
if (what === 'enqueue') {
  const entries: Array<readonly [type: string, payload: unknown, options: { readonly id: string }]> = [
    ...(only === undefined ? culprits : []).map(({ type }, n) => [type, undefined, { id: `culprit:${n}` }] as const),
    ...(only === undefined ? Object.keys(THREAD_CULPRITS) : [only]).map(
      (way, n) => [onThread.type, way, { id: `thread-culprit:${n}` }] as const,
    ),
    ...[1, 2, 3].map((n) => [bystander.type, n, { id: `bystander:${n}` }] as const),
  ];
  await jobs.enqueueAll(entries);
}
const all = (await jobs.list()).jobs;
await Promise.allSettled(all.map(({ id }) => jobs.wait(id)));
const views = (await jobs.list()).jobs;
await jobs.close();
writeSync(1, JSON.stringify(views));
