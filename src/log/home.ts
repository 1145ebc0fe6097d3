/** Where a log lives: a folder on disk, or the memory of this process. It opens the log as often as recovery needs it. */
import type { Clock } from '../kernel/clock.ts';
import { openFolderHome } from './folder-home.ts';
import type { openLevelStore } from './level-store.ts';
import type { Log } from './log.ts';
import { openMemoryStore } from './memory-store.ts';
import { replayed, type OpenLog } from './open-log.ts';
import type { Room } from './room.ts';
import type { SalvageReport } from './set-aside.ts';
import type { Store } from './store.ts';

export type { OpenLog };

export interface HomeOptions {
  readonly durability: 'disk' | 'os';
  /** How many bytes of recent frames the log keeps in memory. */
  readonly cacheBytes: number;
  /** What to do with a damaged folder: nothing, or put it aside and go on with what can be salvaged. @default 'refuse' */
  readonly onDamage?: 'refuse' | 'salvage';
  /** Bytes that are kept for a full disk; 0 for none. @default 8 MiB */
  readonly reserveBytes?: number;
}

export interface Home {
  /** The real path; ':memory:' for the memory. */
  readonly path: string;
  /** Opens the store and reads it. @throws what `openLevelStore` and `replay` throw */
  open(): Promise<OpenLog>;
  /**
   * After a failure of the store: makes room if the disk is full, so that it can be opened again. Resolves to whether
   * there was any to make.
   */
  makeRoom(failure: unknown): Promise<boolean>;
  /** Whether there is room for new jobs; a home without one has always room. */
  readonly room?: Pick<Room, 'state' | 'onChange'>;
  /** What was done to a damaged folder when it was opened. */
  readonly salvaged?: SalvageReport | undefined;
  /** Writes down how far the log reaches, outside of it. */
  witness(log: Log): Promise<void>;
  /** Gives the folder up. The log must be closed. */
  close(): Promise<void>;
}

/** @param openStore opens the store in the folder of the log; tests have one that fails, or kills, when they say so */
export function openHome(
  location: string,
  clock: Clock,
  options: HomeOptions,
  openStore?: typeof openLevelStore,
): Promise<Home> {
  if (location === ':memory:') return Promise.resolve(openMemoryHome(options));
  return openFolderHome(location, clock, options, openStore);
}

/** A log that lives as long as the process: for tests, and for work that need not survive. */
export function openMemoryHome(
  { cacheBytes }: Pick<HomeOptions, 'cacheBytes'>,
  makeStore: () => Store = openMemoryStore,
): Home {
  const store = makeStore();
  return {
    path: ':memory:',
    open: async () => ({ ...(await replayed(store, cacheBytes)), close: () => Promise.resolve() }),
    makeRoom: () => Promise.resolve(false),
    witness: () => Promise.resolve(),
    close: () => store.close(),
  };
}
