import { Count, until } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';

interface PgBossModule {
  default: new (options: object) => PgBoss;
}
interface PgBoss {
  on(event: 'error', listener: (error: unknown) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<unknown>;
  send(name: string, payload: unknown, options?: { startAfter: Date }): Promise<unknown>;
  insert(jobs: ReadonlyArray<{ name: string; data: unknown }>): Promise<unknown>;
  work(
    name: string,
    options: { batchSize: number; pollingIntervalSeconds: number },
    handler: (jobs: ReadonlyArray<{ data: Payload }>) => Promise<void>,
  ): Promise<string>;
  notifyWorker(id: string): void;
  stop(options: { graceful: boolean; timeout?: number }): Promise<void>;
}
interface Pg {
  default: { Pool: new (options: object) => Pool };
}
interface Pool {
  query(text: string, values: readonly unknown[]): Promise<{ readonly rowCount: number }>;
  end(): Promise<void>;
}

const BULK_JOBS = 10_000;
/** It fetches a batch at a time and one after the other, so the batch is what concurrency is elsewhere, and more. */
const BATCH = 1_000;
const WORKERS = 4;

export const pgBoss: Contender = {
  name: 'pg-boss',
  title: 'pg-boss',
  kind: 'durable',
  durability: 'fsync: survives a power cut',
  package: 'pg-boss',
  server: 'postgres',
  lacks: {},
  settings: `insert of ${BULK_JOBS}; ${WORKERS} workers with batches of ${BATCH}, notified of new jobs instead of polling`,
  open: openPgBoss,
};

async function openPgBoss({ name, server, handler, held }: Setup): Promise<OpenQueue> {
  const { default: Boss } = await loadPeer<PgBossModule>('pg-boss');
  const { default: pg } = await loadPeer<Pg>('pg');
  const connection = { host: server?.socketFolder, user: server?.user, database: 'postgres' };
  const boss = new Boss({ ...connection, max: 10, schedule: false });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(name);
  const pool = new pg.Pool({ ...connection, max: 1 });
  const handled = new Count();
  const workers: string[] = [];
  const notify = (): void => workers.forEach((id) => boss.notifyWorker(id));
  async function start(): Promise<void> {
    if (handler === undefined) return;
    for (let worker = 0; worker < WORKERS; worker++) {
      const run = async (jobs: ReadonlyArray<{ data: Payload }>): Promise<void> => {
        for (const { data: payload } of jobs) {
          handler(payload);
          handled.add();
        }
        notify();
      };
      workers.push(await boss.work(name, { batchSize: BATCH, pollingIntervalSeconds: 0.5 }, run));
    }
  }
  if (held !== true) await start();
  return {
    async enqueue(payload, dueAt) {
      await boss.send(name, payload, dueAt === undefined ? undefined : { startAfter: new Date(dueAt) });
      notify();
    },
    async enqueueAll(payloads) {
      for (let index = 0; index < payloads.length; index += BULK_JOBS) {
        await boss.insert(payloads.slice(index, index + BULK_JOBS).map((payload) => ({ name, data: payload })));
      }
    },
    start,
    async settled(count) {
      await handled.reaches(count);
      const unfinished = `select 1 from pgboss.job where name = $1 and state < 'completed' limit 1`;
      await until(async () => (await pool.query(unfinished, [name])).rowCount === 0);
    },
    async close() {
      await pool.end();
      await boss.stop({ graceful: true, timeout: 2_000 });
    },
  };
}
