/** The limit without durability: what is enqueued is gone with the process. */
import { Count } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, Setup } from './contender.ts';
import { loadPeer } from './peers.ts';

interface PQueueModule {
  default: new (options: { concurrency: number; autoStart: boolean }) => {
    add(task: () => Promise<void>): Promise<void>;
    addAll(tasks: ReadonlyArray<() => Promise<void>>): Promise<unknown>;
    start(): void;
    pause(): void;
  };
}
interface FastqModule {
  default: (
    worker: (payload: Payload, done: (error: null) => void) => void,
    concurrency: number,
  ) => {
    push(payload: Payload, done: () => void): void;
    pause(): void;
    resume(): void;
  };
}
interface BetterQueueModule {
  default: new (
    worker: (payload: Payload, done: (error: null) => void) => void,
    options: { concurrent: number; autoResume: boolean },
  ) => {
    push(payload: Payload): { on(event: 'accepted' | 'finish', listener: () => void): void };
    pause(): void;
    resume(): void;
  };
}

const nothingKept = 'none: gone with the process';
const common = { kind: 'memory', durability: nothingKept } as const;
const noDelay = 'knows no later moment';

/** Without a handler it must not run anything, so it stays held. */
const isHeld = ({ handler, held }: Setup): boolean => held === true || handler === undefined;

export const pQueue: Contender = {
  ...common,
  name: 'p-queue',
  title: 'p-queue',
  package: 'p-queue',
  lacks: { delay: noDelay },
  async open(setup) {
    const { default: PQueue } = await loadPeer<PQueueModule>('p-queue');
    const ended = new Count();
    const queue = new PQueue({ concurrency: setup.concurrency, autoStart: !isHeld(setup) });
    const task = (payload: Payload) => async () => {
      setup.handler?.(payload);
      ended.add();
    };
    return {
      enqueue(payload) {
        queue.add(task(payload)).catch(console.error);
      },
      enqueueAll(payloads) {
        queue.addAll(payloads.map(task)).catch(console.error);
      },
      start: () => queue.start(),
      hold: () => queue.pause(),
      settled: (count) => ended.reaches(count),
      close: () => undefined,
    };
  },
};

export const fastq: Contender = {
  ...common,
  name: 'fastq',
  title: 'fastq',
  package: 'fastq',
  lacks: { delay: noDelay, bulk: 'has no call for many jobs' },
  async open(setup) {
    const { default: makeQueue } = await loadPeer<FastqModule>('fastq');
    const ended = new Count();
    // Handlers are asynchronous everywhere else, and one that ends at once would be called within `push`.
    const queue = makeQueue((payload, done) => {
      queueMicrotask(() => {
        setup.handler?.(payload);
        done(null);
      });
    }, setup.concurrency);
    if (isHeld(setup)) queue.pause();
    return {
      enqueue: (payload) => queue.push(payload, () => ended.add()),
      start: () => queue.resume(),
      hold: () => queue.pause(),
      settled: (count) => ended.reaches(count),
      close: () => undefined,
    };
  },
};

export const betterQueue: Contender = {
  ...common,
  name: 'better-queue',
  title: 'better-queue (in memory)',
  package: 'better-queue',
  lacks: { delay: noDelay, bulk: 'has no call for many jobs' },
  async open(setup) {
    const { default: BetterQueue } = await loadPeer<BetterQueueModule>('better-queue');
    const ended = new Count();
    const queue = new BetterQueue(
      (payload, done) => {
        setup.handler?.(payload);
        done(null);
      },
      { concurrent: setup.concurrency, autoResume: true },
    );
    if (isHeld(setup)) queue.pause();
    return {
      enqueue(payload) {
        const ticket = queue.push(payload);
        ticket.on('finish', () => ended.add());
        return new Promise<void>((resolve) => ticket.on('accepted', resolve));
      },
      start: () => queue.resume(),
      hold: () => queue.pause(),
      settled: (count) => ended.reaches(count),
      close: () => undefined,
    };
  },
};
