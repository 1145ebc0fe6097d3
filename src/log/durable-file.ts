import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { StoreUnavailableError } from '../errors.ts';

/** The code of a system error (`ENOENT`), or undefined for anything else that was thrown. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'the rights of this user do not allow it',
  EPERM: 'the rights of this user do not allow it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
  EIO: 'the disk reports an error',
};

/** @param doing what cannot be done, with the path: `write /var/jobs/witness` */
export function unavailable(doing: string, error: unknown): StoreUnavailableError {
  const reason = REASONS[systemCode(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new StoreUnavailableError(`cannot ${doing}: ${reason}`, { cause: error });
}

/**
 * Puts a file in place so that after a crash there is the whole file or none: written beside it under another name,
 * fsynced, renamed, and the folder fsynced. Replaces a file that is there.
 *
 * @throws {StoreUnavailableError}
 */
export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.new`;
  try {
    const handle = await open(unfinished, 'w', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
    await syncFolder(path.dirname(file));
  } catch (error) {
    throw unavailable(`write ${file}`, error);
  }
}

/** What systems say that do not know how to fsync a folder: Windows, and some network file systems. */
const FOLDERS_NEED_NO_SYNC = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF']);

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await sync(folder, 'r');
  } catch (error) {
    if (!FOLDERS_NEED_NO_SYNC.has(systemCode(error) ?? '')) throw error;
  }
}

/** Makes the content of a file durable, whoever wrote it. */
export function syncFile(file: string): Promise<void> {
  // Windows fsyncs only what is open for writing.
  return sync(file, 'r+');
}

async function sync(file: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(file, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
