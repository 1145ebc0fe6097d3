import { Count, until } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';

interface GraphileWorker {
  readonly run: (options: object) => Promise<{ stop(): Promise<void> }>;
  readonly makeWorkerUtils: (options: object) => Promise<Tools>;
  Logger: new (factory: () => () => void) => unknown;
}
interface Tools {
  migrate(): Promise<void>;
  addJob(task: string, payload: unknown, options?: { runAt: Date }): Promise<unknown>;
  addJobs(jobs: ReadonlyArray<{ identifier: string; payload: unknown }>): Promise<unknown>;
  release(): Promise<void>;
}
interface Pg {
  default: { Pool: new (options: object) => Pool };
}
interface Pool {
  on(event: 'error', listener: (error: unknown) => void): void;
  query(text: string, values: readonly unknown[]): Promise<{ readonly rowCount: number }>;
  end(): Promise<void>;
}

const BULK_JOBS = 10_000;

export const graphileWorker: Contender = {
  name: 'graphile-worker',
  title: 'graphile-worker',
  kind: 'durable',
  durability: 'fsync: survives a power cut',
  package: 'graphile-worker',
  server: 'postgres',
  lacks: {},
  settings: `as its page on performance says: a local queue of 500, completions in batches; addJobs of ${BULK_JOBS}; polls for later jobs every 100 ms instead of 2 s`,
  open: openGraphileWorker,
};

async function openGraphileWorker({ name, server, concurrency, handler, held }: Setup): Promise<OpenQueue> {
  const { run, makeWorkerUtils, Logger } = await loadPeer<GraphileWorker>('graphile-worker');
  const { default: pg } = await loadPeer<Pg>('pg');
  const connection = { host: server?.socketFolder, user: server?.user, database: 'postgres' };
  const pgPool = new pg.Pool({ ...connection, max: 20 });
  pgPool.on('error', () => undefined);
  const logger = new Logger(() => () => undefined);
  const tools = await makeWorkerUtils({ pgPool, logger });
  await tools.migrate();
  const handled = new Count();
  let runner: { stop(): Promise<void> } | undefined;
  async function start(): Promise<void> {
    if (handler === undefined) return;
    const note = async (payload: Payload): Promise<void> => {
      handler(payload);
      handled.add();
    };
    runner = await run({
      pgPool,
      logger,
      noHandleSignals: true,
      taskList: { [name]: note },
      preset: {
        worker: {
          concurrentJobs: concurrency,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          pollInterval: 100,
        },
      },
    });
  }
  if (held !== true) await start();
  return {
    enqueue: (payload, dueAt) =>
      tools.addJob(name, payload, dueAt === undefined ? undefined : { runAt: new Date(dueAt) }),
    async enqueueAll(payloads) {
      for (let index = 0; index < payloads.length; index += BULK_JOBS) {
        await tools.addJobs(payloads.slice(index, index + BULK_JOBS).map((payload) => ({ identifier: name, payload })));
      }
    },
    start,
    async settled(count) {
      await handled.reaches(count);
      // It deletes what is completed.
      const left = 'select 1 from graphile_worker.jobs where task_identifier = $1 limit 1';
      await until(async () => (await pgPool.query(left, [name])).rowCount === 0);
    },
    async close() {
      await runner?.stop();
      await tools.release();
      await pgPool.end();
    },
  };
}
