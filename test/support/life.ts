/**
 * One engine under a test, from its opening to its end: what it stands on can die with it, and when it is closed, the log
 * is read again and held against what was in memory.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { REASONS } from '../../src/actors/explain.ts';
import { openThreads, type Threads } from '../../src/actors/threads.ts';
import { HoldfastError } from '../../src/errors.ts';
import { openEngine } from '../../src/engine.ts';
import type { Engine, OpenOptions } from '../../src/index.ts';
import type { JobRow } from '../../src/job/row.ts';
import type { JobTable } from '../../src/job/table.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Home, OpenLog } from '../../src/log/home.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { openMemoryStore, type MemoryFrames } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { entriesOf } from './log.ts';
import type { StoreGate } from './store-gate.ts';

export interface Life {
  readonly engine: Engine;
  /** Closes it, and holds what a replay gives against its memory. A second call is answered like the first. */
  end(): Promise<void>;
  /** Stops it in the middle of whatever it does. */
  die(): Promise<void>;
}

/** How many jobs are asked about at the end of a scenario. */
const MOST_EXPLAINED = 200;
export const CACHE_BYTES = 1024 * 1024;

/**
 * @param replayed the table that a replay of what is stored gives
 * @param mayBeLost whether a write was refused, so that what is in memory need not be what is stored
 */
export async function beginLife(
  home: Home,
  clock: Clock,
  options: OpenOptions,
  replayed: () => Promise<JobTable>,
  mayBeLost: () => boolean = () => false,
  ownThreads?: Threads,
): Promise<Life> {
  const settings = checkOpenOptions(options);
  const mortal = mortalClock(clock);
  const threads = ownThreads ?? openThreads({ max: settings.threads, clock: mortal });
  let opened: OpenLog | undefined;
  const watched: Home = { ...home, open: async () => (opened = await home.open()) };
  const engine = await openEngine({ home: watched, clock: mortal, settings, threads }).catch((error: unknown) => {
    clock.stop();
    throw error;
  });
  /** Whoever waits can be told why. */
  const explainAll = async (): Promise<void> => {
    const { table } = (opened as OpenLog).log;
    for (let slot = 0; slot < Math.min(table.end, MOST_EXPLAINED); slot++) {
      if (table.stateOf(slot) !== 'waiting') continue;
      const explanation = await engine.explain(table.ids.of(slot));
      if (explanation?.state !== 'waiting') continue;
      assert.ok(explanation.reasons.length > 0, `${explanation.id} waits for a reason`);
      assert.ok(explanation.reasons.every(({ why }) => REASONS.includes(why)));
    }
  };
  const close = async (): Promise<void> => {
    await explainAll().catch((error: unknown) => {
      // Some scenarios end with an engine that answers no more.
      if (!(error instanceof HoldfastError)) throw error;
    });
    await engine.close({ drain: 0 });
    const { log } = opened as OpenLog;
    const disk = await replayed();
    if (log.hasUncommitted || log.witnessed.sequence < log.ledger.tail - 1) {
      assert.ok(mayBeLost(), 'a close leaves nothing unwritten unless the store failed');
      return;
    }
    const memory = log.table;
    assert.deepEqual(rowsOf(disk), rowsOf(memory), 'a replay gives the rows that were in memory');
    assert.deepEqual(entriesOf(disk), entriesOf(memory), 'a replay gives what was stored beside the jobs');
    assert.equal(disk.liveBytes, memory.liveBytes, 'a replay counts the same bytes as alive');
    assert.deepEqual([...disk.running()], [], 'an engine that was closed leaves no job running');
  };
  let ended: Promise<void> | undefined;
  return {
    engine,
    end: () => (ended ??= close()),
    async die() {
      mortal.die();
      await threads.close();
      await opened?.close();
      await home.close();
    },
  };
}

function rowsOf(table: JobTable): JobRow[] {
  return Array.from({ length: table.end }, (_, slot) => slot)
    .filter((slot) => table.stateOf(slot) !== 'absent')
    .map((slot) => table.row(slot));
}

export async function replayOfFolder(folder: string): Promise<JobTable> {
  const store = await openLevelStore(join(folder, 'log'), { durability: 'disk', createIfMissing: false });
  try {
    return (await replay(store, CACHE_BYTES)).log.table;
  } finally {
    await store.close();
  }
}

export async function replayOfFrames(frames: MemoryFrames): Promise<JobTable> {
  return (await replay(openMemoryStore(frames), CACHE_BYTES)).log.table;
}

/** A home whose store is opened anew after a failure, as a real one is, and as there only when it was closed before. */
export function memoryHome(frames: MemoryFrames, gate: StoreGate, cacheBytes = CACHE_BYTES): Home {
  let isOpen = false;
  return {
    path: ':memory:',
    async open() {
      assert.equal(isOpen, false, 'a store is opened once at a time');
      isOpen = true;
      const store = gate.around(openMemoryStore(frames));
      const close = (): Promise<void> => {
        isOpen = false;
        return store.close();
      };
      return { ...(await replay(store, cacheBytes)), close };
    },
    makeRoom: () => Promise.resolve(false),
    witness: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** A clock that can die with its engine: nothing it was asked for happens any more. */
function mortalClock(clock: Clock): Clock & { die(): void } {
  let isDead = false;
  return {
    ...clock,
    turn: (task) => clock.turn(() => (isDead ? undefined : task())),
    alarm: (basis, ring, keepsProcess) => clock.alarm(basis, () => (isDead ? undefined : ring()), keepsProcess),
    die() {
      isDead = true;
      clock.stop();
    },
  };
}
