import { join } from 'node:path';
import { until } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';
import { loadPeer, peersFolder } from './peers.ts';

interface Sidequest {
  Sidequest: {
    configure(options: object): Promise<unknown>;
    start(options: object): Promise<unknown>;
    stop(): Promise<void>;
    build(job: unknown): Builder;
    job: { count(): Promise<Record<'waiting' | 'claimed' | 'running', number>> };
  };
}
interface Builder {
  queue(name: string): Builder;
  availableAt(moment: Date): Builder;
  enqueue(payload: Payload): Promise<unknown>;
}
interface Jobs {
  Note: unknown;
  readonly onNote: (handler: (payload: Payload) => void) => void;
}

export const sidequest: Contender = {
  name: 'sidequest',
  title: 'sidequest (SQLite)',
  kind: 'durable',
  durability: 'fsync: survives a power cut',
  package: 'sidequest',
  lacks: { bulk: 'has no call for many jobs' },
  settings:
    'in this process (`fork: false`, `runner: inline`); polls every 10 ms instead of every 100; declares Node 22.6 and runs on 20',
  open: openSidequest,
};

async function openSidequest({ folder, name, concurrency, handler, held }: Setup): Promise<OpenQueue> {
  const { Sidequest } = await loadPeer<Sidequest>('sidequest');
  const jobsFilePath = join(peersFolder, 'sidequest.jobs.mjs');
  const { Note, onNote } = await loadPeer<Jobs>(jobsFilePath);
  if (handler !== undefined) onNote(handler);
  const options = {
    backend: { driver: '@sidequest/sqlite-backend', config: join(folder, 'jobs.sqlite') },
    queues: [{ name, concurrency }],
    maxConcurrentJobs: concurrency,
    fork: false,
    runner: 'inline',
    jobPollingInterval: 10,
    manualJobResolution: true,
    jobsFilePath,
    gracefulShutdown: false,
    logger: { level: 'error' },
    dashboard: { enabled: false },
  };
  const runs = handler !== undefined && held !== true;
  await (runs ? Sidequest.start(options) : Sidequest.configure(options));
  return {
    enqueue(payload, dueAt) {
      const builder = Sidequest.build(Note).queue(name);
      return (dueAt === undefined ? builder : builder.availableAt(new Date(dueAt))).enqueue(payload);
    },
    start: () => Sidequest.start(options),
    settled: () =>
      until(async () => {
        const { waiting, claimed, running } = await Sidequest.job.count();
        return waiting + claimed + running === 0;
      }),
    close: () => Sidequest.stop(),
  };
}
