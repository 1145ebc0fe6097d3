/**
 * Named moments at which a process kills itself, by the store that stands between the engine and LevelDB: nothing in
 * the engine knows of them.
 */
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';

export const POINTS = [
  'before the first read of opening',
  'while opening reads the log',
  'before a write',
  'while a write is under way',
  'after a write, before anybody knows',
  'before a write that trims',
  'while a write that trims is under way',
  'after a write that trims',
  'before the store is closed',
  'after the store is closed',
] as const;
export type Point = (typeof POINTS)[number];

export interface KillPoint {
  readonly name: Point;
  /** How often the point is passed before it kills. */
  readonly passes: number;
}

/** Opens stores as the engine does, but for the kill. */
export function openStoreAt(point: KillPoint | undefined): typeof openLevelStore {
  let passes = point?.passes ?? Infinity;
  const pass = (name: Point): void => {
    if (point?.name === name && passes-- === 0) process.kill(process.pid, 'SIGKILL');
  };
  return async (location, options) => {
    pass('before the first read of opening');
    return killing(await openLevelStore(location, options), pass);
  };
}

function killing(store: Store, pass: (name: Point) => void): Store {
  return {
    async write(frames, drop) {
      pass('before a write');
      if (drop !== undefined) pass('before a write that trims');
      const written = store.write(frames, drop);
      pass('while a write is under way');
      if (drop !== undefined) pass('while a write that trims is under way');
      await written;
      if (drop !== undefined) pass('after a write that trims');
      pass('after a write, before anybody knows');
    },
    read: (sequence) => store.read(sequence),
    readSync: (sequence) => store.readSync(sequence),
    async *scan(from) {
      for await (const chunk of store.scan(from)) {
        yield chunk;
        pass('while opening reads the log');
      }
    },
    async close() {
      pass('before the store is closed');
      await store.close();
      pass('after the store is closed');
    },
  };
}
