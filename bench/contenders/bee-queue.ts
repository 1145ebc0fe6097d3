import { Count } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';
import { redisDurability } from './redis-durability.ts';

interface BeeQueue {
  default: new (name: string, options: object) => Queue;
}
interface Queue {
  createJob(payload: Payload): Job;
  saveAll(jobs: readonly Job[]): Promise<Map<unknown, Error>>;
  process(concurrency: number, handler: (job: { data: Payload }) => Promise<void>): void;
  on(event: 'succeeded' | 'error', listener: (value: unknown) => void): void;
  ready(): Promise<unknown>;
  close(timeoutMs: number): Promise<void>;
}
interface Job {
  delayUntil(moment: number): Job;
  save(): Promise<unknown>;
}

const BULK_JOBS = 5_000;

export function beeQueue(appendFsync: 'everysec' | 'always'): Contender {
  return {
    name: `bee-queue-${appendFsync}`,
    title: `bee-queue, Redis ${appendFsync}`,
    kind: 'durable',
    durability: redisDurability(appendFsync),
    package: 'bee-queue',
    server: `redis-${appendFsync}`,
    lacks: {},
    settings: `as it advises: no stored jobs, no events, removes what succeeded; saveAll of ${BULK_JOBS}; delayedDebounce 1 ms`,
    open: openBeeQueue,
  };
}

async function openBeeQueue({ name, server, concurrency, handler, held, delays }: Setup): Promise<OpenQueue> {
  const { default: BeeQueue } = await loadPeer<BeeQueue>('bee-queue');
  const queue = new BeeQueue(name, {
    redis: { host: '127.0.0.1', port: server?.port },
    isWorker: handler !== undefined,
    storeJobs: false,
    getEvents: false,
    sendEvents: false,
    removeOnSuccess: true,
    activateDelayedJobs: delays === true,
    delayedDebounce: 1,
  });
  await queue.ready();
  const succeeded = new Count();
  queue.on('succeeded', () => succeeded.add());
  queue.on('error', (error) => console.error(error));
  const start = (): void => {
    if (handler !== undefined) queue.process(concurrency, async ({ data: payload }) => handler(payload));
  };
  if (held !== true) start();
  return {
    enqueue(payload, dueAt) {
      const job = queue.createJob(payload);
      return (dueAt === undefined ? job : job.delayUntil(dueAt)).save();
    },
    async enqueueAll(payloads) {
      for (let index = 0; index < payloads.length; index += BULK_JOBS) {
        const jobs = payloads.slice(index, index + BULK_JOBS).map((payload) => queue.createJob(payload));
        const errors = await queue.saveAll(jobs);
        if (errors.size > 0) throw new Error(`${errors.size} jobs were not saved.`);
      }
    },
    start,
    settled: (count) => succeeded.reaches(count),
    close: () => queue.close(1_000),
  };
}
