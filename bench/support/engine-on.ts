/** The real engine on a store whose writes take as long as one says: the seam under the log is made for that. */
import { openEngine as openEngineOn } from '../../src/engine.ts';
import type { Engine } from '../../src/index.ts';
import { openThreads } from '../../src/actors/threads.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';
import { checkOpenOptions, type OpenOptions } from '../../src/options.ts';

export { defineJob } from '../../src/index.ts';

export interface EngineOnDisk {
  readonly engine: Engine;
  /** How long each write took so far, in ms. */
  readonly writesMs: number[];
  readonly close: () => Promise<unknown>;
}

/** @param fsyncMs what every write waits for instead of an fsync; 0 for the disk as it is */
export async function openEngine(folder: string, fsyncMs: number, options: OpenOptions): Promise<EngineOnDisk> {
  const writesMs: number[] = [];
  const settings = checkOpenOptions(options);
  const clock = systemClock({ keepAlive: true });
  const home = await openHome(folder, clock, settings, async (location, storeOptions) => {
    const durability = fsyncMs > 0 ? 'os' : storeOptions.durability;
    return timed(await openLevelStore(location, { ...storeOptions, durability }), fsyncMs, writesMs);
  });
  const threads = openThreads({ max: settings.threads, clock });
  const engine = await openEngineOn({ home, clock, settings, threads });
  return { engine, writesMs, close: () => engine.close() };
}

function timed(store: Store, fsyncMs: number, writesMs: number[]): Store {
  return {
    async write(frames, drop) {
      const begin = performance.now();
      await store.write(frames, drop);
      await until(begin + fsyncMs);
      writesMs.push(performance.now() - begin);
    },
    read: (sequence) => store.read(sequence),
    readSync: (sequence) => store.readSync(sequence),
    scan: (from) => store.scan(from),
    close: () => store.close(),
  };
}

/** A timer alone would be up to a millisecond late, which is much beside an fsync of one. */
async function until(moment: number): Promise<void> {
  const restMs = moment - performance.now();
  if (restMs > 1.5) await new Promise((resolve) => setTimeout(resolve, restMs - 1));
  while (performance.now() < moment) await new Promise((resolve) => setImmediate(resolve));
}
