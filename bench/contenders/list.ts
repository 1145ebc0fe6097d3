/** All contenders, ours first. */
import { beeQueue } from './bee-queue.ts';
import { bullmq } from './bullmq.ts';
import type { Contender } from './contender.ts';
import { graphileWorker } from './graphile-worker.ts';
import { holdfast } from './holdfast.ts';
import { betterQueue, fastq, pQueue } from './in-memory.ts';
import { liteque } from './liteque.ts';
import { pgBoss } from './pg-boss.ts';
import { plainjob } from './plainjob.ts';
import { rawFile } from './raw-file.ts';
import { rawLevel } from './raw-level.ts';
import { sidequest } from './sidequest.ts';

export const contenders: readonly Contender[] = [
  holdfast('disk'),
  holdfast('os'),
  rawLevel,
  rawFile,
  plainjob('full'),
  plainjob('normal'),
  liteque,
  sidequest,
  bullmq('always'),
  bullmq('everysec'),
  beeQueue('always'),
  beeQueue('everysec'),
  pgBoss,
  graphileWorker,
  pQueue,
  fastq,
  betterQueue,
];

const named = (kinds: readonly Contender['kind'][]): readonly string[] =>
  contenders.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);

export const everybody = named(['holdfast', 'limit', 'durable', 'memory']);
/** Those that are quick, or a limit: for variants that would take the others long and tell nothing new of them. */
export const swift = everybody.filter((name) => /^(holdfast|raw|plainjob)|everysec$/.test(name));
export const queues = named(['holdfast', 'durable', 'memory']);
export const durableQueues = named(['holdfast', 'durable']);
export const ours = named(['holdfast']);
export const oursAndLimits = named(['holdfast', 'limit']);

export function contenderNamed(name: string): Contender {
  const found = contenders.find((contender) => contender.name === name);
  if (found === undefined) {
    throw new Error(`No contender '${name}'. There are: ${contenders.map((one) => one.name).join(', ')}.`);
  }
  return found;
}
