import { join } from 'node:path';
import { until } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';

interface Liteque {
  readonly buildDBClient: (path: string, options: { runMigrations: boolean }) => unknown;
  SqliteQueue: new (name: string, db: unknown, options: object) => Queue;
  Runner: new (
    queue: Queue,
    functions: { run(job: { data: Payload }): Promise<void> },
    options: { concurrency: number; pollIntervalMs: number; timeoutSecs: number },
  ) => { run(): Promise<void>; stop(): void };
}
interface Queue {
  enqueue(payload: unknown, options?: { delayMs: number }): Promise<unknown>;
  stats(): Promise<{ pending: number; pending_retry: number; running: number }>;
}

export const liteque: Contender = {
  name: 'liteque',
  title: 'liteque',
  kind: 'durable',
  durability: 'its default: survives the end of the process, not a power cut',
  package: 'liteque',
  lacks: { bulk: 'has no call for many jobs' },
  settings: 'better-sqlite3 11.5 (later ones refuse its transactions), WAL; polls every ms instead of every second',
  open: openLiteque,
};

async function openLiteque({ folder, name, concurrency, handler, held }: Setup): Promise<OpenQueue> {
  const { buildDBClient, SqliteQueue, Runner } = await loadPeer<Liteque>('liteque');
  const db = buildDBClient(join(folder, 'jobs.db'), { runMigrations: true });
  const queue = new SqliteQueue(name, db, { defaultJobArgs: { numRetries: 2 }, keepFailedJobs: false });
  const runner = new Runner(
    queue,
    { run: async ({ data: payload }) => handler?.(payload) },
    { concurrency, pollIntervalMs: 1, timeoutSecs: 60 },
  );
  let working: Promise<void> | undefined;
  const start = (): void => {
    working = runner.run();
  };
  if (handler !== undefined && held !== true) start();
  return {
    enqueue: (payload, dueAt) =>
      queue.enqueue(payload, dueAt === undefined ? undefined : { delayMs: Math.max(0, dueAt - Date.now()) }),
    start,
    settled: () =>
      until(async () => {
        const { pending, pending_retry: retrying, running } = await queue.stats();
        return pending + retrying + running === 0;
      }),
    async close() {
      runner.stop();
      await working;
    },
  };
}
