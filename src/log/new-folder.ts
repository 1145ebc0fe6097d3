/** Makes a whole folder at once: it has its name when it is complete and durable, and not before. */
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError, InvalidArgumentError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { syncFolder, systemCode, unavailable } from './durable-file.ts';
import { enterFolder } from './folder.ts';
import { openLevelStore } from './level-store.ts';
import type { Store } from './store.ts';
import { openWitness, type Witness } from './witness.ts';

/** @throws {InvalidArgumentError} when `to` is not missing or empty, or lies in `from` */
export async function requireVacant(from: string, to: string): Promise<void> {
  if (to === from || to.startsWith(from + path.sep)) {
    throw new InvalidArgumentError({ field: 'to', expected: 'a folder outside of the one that is read', got: to });
  }
  const names = await readdir(to).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    if (systemCode(error) === 'ENOTDIR') return ['a file'];
    throw unavailable(`read the folder ${to}`, error);
  });
  if (names.length > 0) {
    throw new InvalidArgumentError({ field: 'to', expected: 'a folder that is missing or empty', got: names });
  }
}

/** @param fill writes the frames of the new log, and tells the witness of them */
export async function makeFolder(
  to: string,
  clock: Clock,
  fill: (store: Store, witness: Witness) => Promise<void>,
): Promise<void> {
  const unfinished = `${to}.unfinished`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await enterAndFill(unfinished, clock, fill);
    await rmdir(to).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
    await rename(unfinished, to);
    await syncFolder(path.dirname(to));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    throw error instanceof HoldfastError ? error : unavailable(`make ${to}`, error);
  }
}

async function enterAndFill(
  folder: string,
  clock: Clock,
  fill: (store: Store, witness: Witness) => Promise<void>,
): Promise<void> {
  const entered = await enterFolder(folder, {
    processStartedAt: clock.processStartedAt,
    id: clock.entropy(16),
    createdAt: clock.now(),
  });
  try {
    const store = await openLevelStore(entered.logPath, { durability: 'disk', createIfMissing: false });
    const witness = await openWitness(entered.witnessPath);
    try {
      await fill(store, witness);
    } finally {
      await witness.close();
      await store.close();
    }
  } finally {
    await entered.release();
  }
}
