/** A `Home` on a modelled disk: what `home.ts` does with a folder, with faults in every step. */
import { StoreDamagedError, StoreUnavailableError } from '../../src/errors.ts';
import type { Home } from '../../src/log/home.ts';
import type { Log } from '../../src/log/log.ts';
import { replay } from '../../src/log/replay.ts';
import { missingTail } from '../../src/log/witness.ts';
import type { Disk } from './disk.ts';
import type { Site } from './faults.ts';
import { SimulatedStore, type StoreParts } from './simulated-store.ts';

/** How many writes the reserve makes room for. */
const RESERVE_WRITES = 6;

export interface HomeParts extends StoreParts {
  readonly cacheBytes: number;
  /** Whether the engine is told when the disk is full. */
  readonly seesRoom: boolean;
  /** Told of each log that was opened. */
  readonly onOpened: (log: Log, store: SimulatedStore) => void;
}

export function simulatedHome(parts: HomeParts): Home {
  const { world, disk, owner, faults, dice } = parts;

  async function operation(site: Site): Promise<void> {
    const fault = faults.next(site);
    if (fault === 'crashBefore' || fault === 'crashAfter') {
      parts.crash();
      await new Promise(() => undefined);
    }
    await world.sleep(dice.roll() * parts.latencyMs, owner);
    if (fault === 'error') throw new StoreUnavailableError(`${site} failed`);
  }

  async function open(): Promise<Awaited<ReturnType<Home['open']>>> {
    await operation('open');
    const store = new SimulatedStore(parts);
    const opened = await replay(store, parts.cacheBytes).catch(async (error: unknown) => {
      await store.close().catch(() => undefined);
      throw error;
    });
    const problem = missingTail(disk.witness, opened.log.witnessed);
    if (problem !== undefined) {
      await store.close();
      throw new StoreDamagedError({ what: problem, where: 'the simulated disk' });
    }
    if (!disk.isFull) disk.hasReserve = true;
    parts.onOpened(opened.log, store);
    return { ...opened, close: () => store.close() };
  }

  return {
    path: ':simulated:',
    open,
    async makeRoom() {
      await operation('room');
      if (!disk.hasReserve) return false;
      disk.hasReserve = false;
      disk.spareWrites = RESERVE_WRITES;
      return true;
    },
    async witness(log) {
      const { sequence, chain } = log.witnessed;
      await operation('witness');
      // What is not synced may go with the power, by right.
      if (!parts.isSynced) return;
      if (sequence > disk.newest) parts.onMisuse('the witness names a frame that is not on the disk');
      disk.witness = { sequence, chain };
    },
    close: () => Promise.resolve(),
    ...(parts.seesRoom && { room: roomOf(disk) }),
  };
}

function roomOf(disk: Disk): NonNullable<Home['room']> {
  return {
    get state() {
      return disk.isFull ? 'full' : 'enough';
    },
    onChange: (listener) => disk.onRoom.add(() => listener(disk.isFull ? 'full' : 'enough')),
  };
}
