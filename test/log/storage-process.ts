/**
 * Another process, or another thread, that does one thing to a folder and tells how it went: what `guard`, `folder` and
 * `level-store` are tested against. As a process it is forked with the order as its arguments; as a thread it gets it as
 * its worker data, and a gate to wait at, so that several begin at the same moment.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { enterFolder } from '../../src/log/folder.ts';
import { claimFolder, processName } from '../../src/log/guard.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { frame } from './store-laws.ts';

/** `create` tells before it begins and enters the folder then; the others tell how it ended. */
export type Order = 'claim' | 'open' | 'enter' | 'enter and open' | 'enter, open and write' | 'create' | 'name';

export interface Told {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  /** What the order gives back: the id of the folder, or the name of the process. */
  readonly value?: string;
}

/** Something that holds what it was told to take, until it is let go or killed. */
export interface Other {
  readonly told: Told;
  readonly pid: number | undefined;
  /** SIGKILL for a process, `terminate` for a thread. Resolves when it is gone. */
  kill(): Promise<void>;
}

const here = new URL(import.meta.url);

/** @param asNobody has the process run as a user without rights, if this one is the superuser */
export async function inProcess(
  t: TestContext,
  order: Order,
  folder: string,
  { asNobody = false } = {},
): Promise<Other> {
  const uid = asNobody && process.getuid?.() === 0 ? { uid: 65_534 } : {};
  const child = fork(fileURLToPath(here), [order, folder], { execArgv: [], ...uid });
  const kill = (): Promise<void> => killed(child);
  t.after(kill);
  const [told] = (await once(child, 'message')) as [Told];
  return { told, pid: child.pid, kill };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Starts threads that begin together, once all of them are there. */
export async function inThreads(t: TestContext, count: number, order: Order, folder: string): Promise<Other[]> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: count }, () => new Worker(here, { workerData: { order, folder, gate } }));
  for (const worker of workers) t.after(() => worker.terminate());
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const answers = workers.map((worker) => once(worker, 'message'));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  return Promise.all(
    workers.map(async (worker, index) => {
      const [told] = (await answers[index]) as [Told];
      const kill = async (): Promise<void> => void (await worker.terminate());
      return { told, pid: undefined, kill };
    }),
  );
}

export async function inThread(t: TestContext, order: Order, folder: string): Promise<Other> {
  const [other] = await inThreads(t, 1, order, folder);
  if (other === undefined) throw new Error('there is one for each that was asked for');
  return other;
}

/** What 'enter, open and write' has written by the time it tells. */
export const WRITTEN = [frame(1), frame(2), frame(3)];

export const FACTS = {
  id: '00112233445566778899aabbccddeeff',
  createdAt: 1_700_000_000_000,
  processStartedAt: performance.timeOrigin,
};

async function follow(order: Order, folder: string): Promise<string> {
  switch (order) {
    case 'name':
      return processName(performance.timeOrigin);
    case 'claim':
      return (await claimFolder(folder, performance.timeOrigin)).path;
    case 'open':
      await openLevelStore(folder, { durability: 'os', createIfMissing: false });
      return folder;
    case 'enter':
    case 'create':
      return (await enterFolder(folder, ownFacts())).identity.id;
    case 'enter and open':
    case 'enter, open and write': {
      const { logPath, identity } = await enterFolder(folder, ownFacts());
      const store = await openLevelStore(logPath, { durability: 'os', createIfMissing: false });
      if (order === 'enter, open and write') await store.write(WRITTEN, undefined);
      return identity.id;
    }
  }
}

/** Every process would give the folder an id of its own, so that one can tell whose it got. */
function ownFacts(): typeof FACTS {
  return { ...FACTS, id: process.pid.toString(16).padStart(32, '0') };
}

async function tell(order: Order, folder: string, say: (told: Told) => void): Promise<void> {
  if (order === 'create') say({ ok: true });
  try {
    const value = await follow(order, folder);
    if (order !== 'create') say({ ok: true, value });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    say({ ok: false, message, ...(code === undefined ? {} : { code }) });
  }
}

interface ThreadOrder {
  readonly order: Order;
  readonly folder: string;
  readonly gate: Int32Array;
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const { order, folder, gate } = workerData as ThreadOrder;
  port.postMessage('ready');
  Atomics.wait(gate, 0, 0);
  // A thread with nothing to listen to would end, and give back what it holds.
  port.on('message', () => undefined);
  await tell(order, folder, (told) => port.postMessage(told));
} else if (process.send !== undefined && process.argv[1] === fileURLToPath(here)) {
  const [order, folder] = process.argv.slice(2) as [Order, string];
  process.on('message', () => undefined);
  await tell(order, folder, (told) => process.send?.(told));
}
