import { Count } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';
import { redisDurability } from './redis-durability.ts';

interface BullMq {
  Queue: new (name: string, options: object) => Queue;
  Worker: new (name: string, process: (job: { data: Payload }) => Promise<void>, options: object) => Worker;
}
interface Queue {
  add(name: string, payload: unknown, options?: { delay: number }): Promise<unknown>;
  addBulk(jobs: ReadonlyArray<{ name: string; data: unknown }>): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
interface Worker {
  on(event: 'completed' | 'error', listener: (value: unknown) => void): void;
  run(): Promise<void>;
  waitUntilReady(): Promise<unknown>;
  close(force?: boolean): Promise<void>;
}
interface IoRedis {
  Redis: new (options: object) => { quit(): Promise<unknown> };
}

/** More at once make the script that adds them slower for everybody. */
const BULK_JOBS = 5_000;

export function bullmq(appendFsync: 'everysec' | 'always'): Contender {
  return {
    name: `bullmq-${appendFsync}`,
    title: `BullMQ, Redis ${appendFsync}`,
    kind: 'durable',
    durability: redisDurability(appendFsync),
    package: 'bullmq',
    server: `redis-${appendFsync}`,
    lacks: {},
    settings: `ioredis; addBulk of ${BULK_JOBS}; keeps the last 1,000 completed jobs, as holdfast does`,
    open: openBullmq,
  };
}

async function openBullmq({ name, server, concurrency, handler, held }: Setup): Promise<OpenQueue> {
  const { Queue, Worker } = await loadPeer<BullMq>('bullmq');
  const { Redis } = await loadPeer<IoRedis>('ioredis');
  // It cannot find ioredis by itself in an ES module.
  const connection = new Redis({ host: '127.0.0.1', port: server?.port, maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: { count: 1000 } } });
  await queue.waitUntilReady();
  const completed = new Count();
  let worker: Worker | undefined;
  let working: Promise<void> | undefined;
  if (handler !== undefined) {
    worker = new Worker(name, async ({ data: payload }) => handler(payload), {
      connection,
      concurrency,
      autorun: false,
    });
    worker.on('completed', () => completed.add());
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
  }
  const start = (): void => {
    working = worker?.run();
  };
  if (held !== true) start();
  return {
    enqueue: (payload, dueAt) =>
      queue.add('note', payload, dueAt === undefined ? undefined : { delay: Math.max(0, dueAt - Date.now()) }),
    async enqueueAll(payloads) {
      for (let index = 0; index < payloads.length; index += BULK_JOBS) {
        await queue.addBulk(
          payloads.slice(index, index + BULK_JOBS).map((payload) => ({ name: 'note', data: payload })),
        );
      }
    },
    start,
    settled: (count) => completed.reaches(count),
    async close() {
      await worker?.close();
      await working;
      await queue.close();
      await connection.quit();
    },
  };
}
