/**
 * The home of a log in a folder. It opens the store as often as recovery needs it: looks at the database before LevelDB
 * does, replays it, and holds the result against the witness.
 */
import { StoreDamagedError, StoreUnavailableError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { unavailable } from './durable-file.ts';
import { enterFolder, syncDatabase, type ClaimedFolder } from './folder.ts';
import type { Home, HomeOptions } from './home.ts';
import { checkDatabase } from './level-check.ts';
import { openLevelStore } from './level-store.ts';
import { replayed, type OpenLog } from './open-log.ts';
import { reserveAt } from './reserve.ts';
import { roomIn, type Room } from './room.ts';
import { finishSetAside, setAside, type SalvageReport } from './set-aside.ts';
import type { Store } from './store.ts';
import { missingTail, openWitness, type Witness } from './witness.ts';
import { witnessedStore } from './witnessed-store.ts';

/** A folder that is claimed, and what stands open in it beside the log. */
interface Entered {
  readonly folder: ClaimedFolder;
  readonly witness: Witness;
  readonly room: Room;
}

export async function openFolderHome(
  location: string,
  clock: Clock,
  options: HomeOptions,
  openStore: typeof openLevelStore = openLevelStore,
): Promise<Home> {
  let salvaged: SalvageReport | undefined;
  let isFirst = true;
  await finishSetAside(location);
  let entered = await enter(location, clock, options).catch(async (error: unknown) => {
    if (!maySalvage(error)) throw error;
    salvaged = await setAside(location, clock);
    return enter(location, clock, options);
  });

  /** Only when the engine opens: later there is state in memory that a salvaged folder would contradict. */
  function maySalvage(error: unknown): boolean {
    return options.onDamage === 'salvage' && isFirst && salvaged === undefined && error instanceof StoreDamagedError;
  }

  async function openLog(): Promise<OpenLog> {
    try {
      return await openEntered(entered, clock, options, openStore);
    } catch (error) {
      // A disk that is full before anything was opened: the reserve is for this, too.
      if (!(error instanceof StoreUnavailableError) || !(await entered.room.make(error))) throw error;
      return openEntered(entered, clock, options, openStore);
    }
  }

  return {
    path: entered.folder.path,
    async open() {
      try {
        return await openLog();
      } catch (error) {
        if (!maySalvage(error)) throw error;
        await leave(entered);
        salvaged = await setAside(location, clock);
        entered = await enter(location, clock, options);
        return await openLog();
      } finally {
        isFirst = false;
      }
    },
    makeRoom: (failure) => entered.room.make(failure),
    get room() {
      return entered.room;
    },
    get salvaged() {
      return salvaged;
    },
    async witness({ witnessed: { sequence, chain } }) {
      if (options.durability === 'os') await syncLog(entered.folder);
      await entered.witness.write(sequence, chain);
    },
    close: () => leave(entered),
  };
}

async function enter(location: string, clock: Clock, { reserveBytes }: HomeOptions): Promise<Entered> {
  const folder = await enterFolder(location, {
    processStartedAt: clock.processStartedAt,
    id: clock.entropy(16),
    createdAt: clock.now(),
  });
  try {
    const witness = await openWitness(folder.witnessPath);
    return { folder, witness, room: roomIn(folder.path, reserveAt(folder.reservePath, reserveBytes), clock) };
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function leave({ folder, witness, room }: Entered): Promise<void> {
  room.close();
  await witness.close();
  await folder.release();
}

async function openEntered(
  { folder, witness, room }: Entered,
  clock: Clock,
  { durability, cacheBytes }: HomeOptions,
  openStore: typeof openLevelStore,
): Promise<OpenLog> {
  const openRaw = (): Promise<Store> => openStore(folder.logPath, { durability, createIfMissing: false });
  const store = (await check(folder, witness, openRaw)) ?? (await openRaw());
  try {
    await folder.sweep();
    // Somebody else may have had the folder until LevelDB's lock was ours.
    await witness.reload();
    const parts = { witness, clock, durability, syncLog: () => syncLog(folder), onWritten: room.wrote };
    const opened = await replayed(witnessedStore(store, parts), cacheBytes, witness.newest.sequence);
    holdAgainst(witness, opened, folder.logPath);
    await room.look();
    return opened;
  } catch (error) {
    // An open store that nobody holds would cost LevelDB's lock at the next attempt.
    await store.close();
    throw error;
  }
}

/**
 * Finds damage before LevelDB touches anything. What another process is writing to may look damaged, and is not: then
 * LevelDB's lock tells, and if it is ours now, so is the store, and the replay has the last word.
 */
async function check(
  folder: ClaimedFolder,
  witness: Witness,
  openRaw: () => Promise<Store>,
): Promise<Store | undefined> {
  try {
    await checkDatabase(folder.logPath, witness.newest);
    return undefined;
  } catch (error) {
    if (error instanceof StoreDamagedError && (await folder.hasRival())) return openRaw();
    throw error;
  }
}

function holdAgainst(witness: Witness, { log }: OpenLog, where: string): void {
  const { sequence } = witness.newest;
  const what = missingTail(witness.newest, log.witnessed, log.readFrameNow(sequence)?.chain);
  if (what !== undefined) throw new StoreDamagedError({ what, where });
}

function syncLog({ logPath }: ClaimedFolder): Promise<void> {
  return syncDatabase(logPath).catch((error: unknown) => {
    throw unavailable(`sync ${logPath}`, error);
  });
}
