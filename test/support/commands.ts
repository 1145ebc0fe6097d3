/** The commands of the journal on a real log, for models to be held against. */
import assert from 'node:assert/strict';
import { createCommands, type Command } from '../../src/actors/commands.ts';
import { Dependencies } from '../../src/actors/dependencies.ts';
import type { DispatcherMessage, RunnerMessage } from '../../src/actors/messages.ts';
import { Pending } from '../../src/actors/pending.ts';
import { QueueBook } from '../../src/actors/queue-book.ts';
import { Rates } from '../../src/actors/rates.ts';
import { Retention } from '../../src/actors/retention.ts';
import { Waiters } from '../../src/actors/waiters.ts';
import { isAboutJob, type JobEvent, type Noted } from '../../src/job/event.ts';
import { nextState } from '../../src/job/machine.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { openMemoryStore, type MemoryFrames } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';

export interface CommandsGiven {
  readonly now?: () => number;
  readonly createId?: () => string;
}

/**
 * The commands on a real log, with everything around them replaced by lists: what the dispatcher was told it may start.
 */
export async function openCommands(frames: MemoryFrames, { now = () => 1_000, createId }: CommandsGiven = {}) {
  const store = openMemoryStore(frames);
  const { log } = await replay(store, 1 << 20);
  const { table } = log;
  const keep = { ageMs: Infinity, count: Infinity };
  const startable = new Set<number>();
  const dispatcher = {
    tell(message: DispatcherMessage) {
      if (message.kind === 'waiting') startable.add(message.slot);
      if (message.kind === 'gone') startable.delete(message.slot);
    },
  };
  const runner = { tell: (_message: RunnerMessage) => undefined };
  const clock = { now, random: () => 0 } as unknown as Clock;
  const dependencies = new Dependencies(table);
  const retention = new Retention(table, { completed: keep, cancelled: keep, dead: keep });
  let pending = new Pending();
  const record = (event: JobEvent | Noted): number => {
    if (!isAboutJob(event)) return log.record(event);
    const state = table.stateOf(event.slot);
    assert.notEqual(nextState(state, event.kind), undefined, `${event.kind} in ${state}`);
    if (event.kind !== 'removed') return log.record(event);
    dependencies.remove(event.slot, () => log.record(event));
    return 0;
  };
  let ids = 0;
  const commands = createCommands({
    clock,
    log,
    retention,
    dependencies,
    concurrency: 100,
    book: new QueueBook(table.entries, new Map(), 100),
    rates: new Rates(),
    waiters: new Waiters(),
    dispatcher,
    runner,
    schedules: { tell: () => undefined },
    watched: new Set(),
    createId: createId ?? (() => `made-${++ids}`),
    maxCrashes: 3,
    listSlice: 500,
    record,
    pending: () => pending,
    isClosing: () => false,
    isFull: () => false,
  });
  for (let slot = 0; slot < table.end; slot++) {
    if (table.stateOf(slot) === 'waiting' && dependencies.of(slot) === 'free') startable.add(slot);
  }
  return {
    ...{ log, table, startable, dependencies },
    carryOut: (command: Command) => commands.carryOut(command),
    /** Answers whoever asked so far. */
    answer() {
      const asked = pending;
      pending = new Pending();
      asked.release(runner);
    },
  };
}
