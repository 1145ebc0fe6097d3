import { createCipheriv } from 'node:crypto';
import { open, stat, statfs, truncate, unlink } from 'node:fs/promises';
import path from 'node:path';
import { systemCode, unavailable } from './durable-file.ts';

/**
 * A file of real bytes that is given up when the disk is full, so that there is room to open the store again and to
 * record what was running. It is made anew when there is room.
 */
export interface Reserve {
  /** Its size in bytes. */
  readonly size: number;
  /**
   * Makes the file unless it is there. Resolves to false when the disk has not twice as much free: the last room belongs
   * to the log, whose next write would fail if this took it.
   *
   * @throws {StoreUnavailableError} for any other reason
   */
  ensure(): Promise<boolean>;
  /** Deletes the file. Resolves to whether there was one. @throws {StoreUnavailableError} */
  giveUp(): Promise<boolean>;
}

const CHUNK_BYTES = 256 * 1024;

/** @param size of the file, in bytes. @default 8 MiB */
export function reserveAt(file: string, size = 8 * 1024 * 1024): Reserve {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<boolean>): Promise<boolean> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    size,
    ensure: () => inTurn(async () => (await isThere(file, size)) || makeIfRoom(file, size)),
    giveUp: () => inTurn(() => remove(file)),
  };
}

async function isThere(file: string, size: number): Promise<boolean> {
  try {
    const found = await stat(file);
    // A file with holes has the size without taking the room; a compressing file system may count a little less.
    return found.size === size && found.blocks * 512 >= size / 2;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw unavailable(`look at ${file}`, error);
  }
}

async function makeIfRoom(file: string, size: number): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(path.dirname(file));
    if (bavail * bsize < 2 * size) return false;
    await fill(file, size);
    return true;
  } catch (error) {
    await remove(file);
    if (['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) return false;
    throw unavailable(`write ${file}`, error);
  }
}

/** Bytes that no file system can compress or share, so that deleting them gives room; the same ones every time. */
async function fill(file: string, size: number): Promise<void> {
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const handle = await open(file, 'w', 0o600);
  try {
    for (let written = 0; written < size; written += CHUNK_BYTES) {
      await handle.writeFile(noise.update(Buffer.alloc(Math.min(CHUNK_BYTES, size - written))));
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function remove(file: string): Promise<boolean> {
  try {
    // A full disk that copies on write may refuse to delete, but not to shorten.
    await truncate(file, 0).catch(() => undefined);
    await unlink(file);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw unavailable(`remove ${file}`, error);
  }
}
