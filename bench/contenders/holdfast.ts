/** Ours, as a user would open it: nothing set but the durability and the concurrency that everybody gets. */
import { setImmediate } from 'node:timers/promises';
import { defineJob, open } from '../../src/index.ts';
import { Count } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { Contender, OpenQueue, Setup } from './contender.ts';

const DURABILITY = {
  disk: 'fsync: survives a power cut',
  os: 'with the operating system: survives the end of the process, not a power cut',
} as const;

export function holdfast(durability: 'disk' | 'os'): Contender {
  return {
    name: durability === 'disk' ? 'holdfast' : 'holdfast-os',
    title: durability === 'disk' ? 'holdfast' : "holdfast, durability 'os'",
    kind: 'holdfast',
    durability: DURABILITY[durability],
    lacks: {},
    open: (setup) => openHoldfast(setup, durability),
  };
}

export const noted = defineJob<Payload>({ type: 'bench:note', run: () => undefined });

async function openHoldfast(
  { folder, concurrency, handler, held }: Setup,
  durability: 'disk' | 'os',
): Promise<OpenQueue> {
  const note = defineJob<Payload>({ type: noted.type, run: (payload) => handler?.(payload) });
  const gates = new Count();
  let gatesWanted = 0;
  let release: (() => void) | undefined;
  let released: Promise<void> | undefined;
  const gate = defineJob({
    type: 'bench:gate',
    run() {
      gates.add();
      return released;
    },
  });
  const jobs = await open(folder, { jobs: handler === undefined ? [] : [note, gate], concurrency, durability });

  /** There is no way yet to hold a queue, so every slot is taken by a job that waits for the start. */
  async function hold(): Promise<void> {
    released = new Promise<void>((resolve) => (release = resolve));
    gatesWanted += concurrency;
    await jobs.enqueueAll(Array.from({ length: concurrency }, () => [gate] as const));
    await gates.reaches(gatesWanted);
  }

  if (held === true) await hold();
  return {
    enqueue: (payload, dueAt) => jobs.enqueue(note, payload, dueAt === undefined ? undefined : { runAt: dueAt }),
    enqueueAll: (payloads) => jobs.enqueueAll(payloads.map((payload) => [note, payload] as const)),
    start: () => release?.(),
    hold,
    async settled() {
      // All handlers have returned, and their ends are told in the turn in which they do. What is enqueued behind them
      // is durable only if they are.
      await setImmediate();
      await jobs.enqueue('bench:mark');
    },
    async close() {
      release?.();
      await jobs.close();
    },
  };
}
