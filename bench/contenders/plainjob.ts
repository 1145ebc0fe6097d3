import { join } from 'node:path';
import { Count, pause } from '../support/load.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';

interface Plainjob {
  readonly better: (database: unknown) => { pragma(statement: string): void };
  readonly defineQueue: (options: { connection: unknown; logger: unknown }) => {
    add(type: string, payload: unknown, options?: { delay?: number }): unknown;
    addMany(type: string, payloads: readonly unknown[]): unknown;
    close(): void;
  };
  readonly defineWorker: (
    type: string,
    process: (job: { data: string }) => void,
    options: { queue: unknown; logger: unknown; pollIntervall: number; onCompleted: () => void },
  ) => { start(): Promise<void>; stop(): Promise<void> };
}
interface BetterSqlite {
  default: new (path: string) => unknown;
}

const logger = { error: console.error, warn: ignore, info: ignore, debug: ignore };

/** @param synchronous as it sets SQLite itself, or so that it calls fsync at every commit */
export function plainjob(synchronous: 'normal' | 'full'): Contender {
  return {
    name: synchronous === 'full' ? 'plainjob-fsync' : 'plainjob',
    title: synchronous === 'full' ? 'plainjob, synchronous full' : 'plainjob',
    kind: 'durable',
    durability:
      synchronous === 'full'
        ? 'fsync: survives a power cut'
        : 'its default: survives the end of the process, not a power cut',
    package: 'plainjob',
    lacks: {},
    settings: 'better-sqlite3 11.5, WAL; one job at a time; polls every ms instead of every second',
    open: (setup) => openPlainjob(setup, synchronous),
  };
}

async function openPlainjob({ folder, handler, held }: Setup, synchronous: 'normal' | 'full'): Promise<OpenQueue> {
  const { better, defineQueue, defineWorker } = await loadPeer<Plainjob>('plainjob');
  const { default: Database } = await loadPeer<BetterSqlite>('better-sqlite3');
  const connection = better(new Database(join(folder, 'jobs.db')));
  const queue = defineQueue({ connection, logger });
  // It sets `synchronous = 1` when it is defined.
  if (synchronous === 'full') connection.pragma('synchronous = 2');
  const completed = new Count();
  const worker = defineWorker('note', (job) => handler?.(JSON.parse(job.data) as never), {
    queue,
    logger,
    pollIntervall: 1,
    onCompleted: () => completed.add(),
  });
  let working: Promise<void> | undefined;
  const start = (): void => {
    working = worker.start();
  };
  if (handler !== undefined && held !== true) start();
  return {
    enqueue: (payload, dueAt) =>
      queue.add('note', payload, dueAt === undefined ? {} : { delay: Math.max(0, dueAt - Date.now()) }),
    enqueueAll: (payloads) => queue.addMany('note', payloads),
    start,
    settled: (count) => completed.reaches(count),
    async close() {
      await worker.stop();
      await Promise.race([working, pause(100)]);
      queue.close();
    },
  };
}

function ignore(): void {
  // It tells every step.
}
