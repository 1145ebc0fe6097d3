/**
 * Hashes the files of a part, one after the other. It saves what it knows now and then, so that after a crash the next
 * attempt goes on from there, and it reads without waiting: on a thread of its own a job may block, and `signal.aborted`
 * is true all the same when the job shall stop.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { defineHandler } from 'holdfast/worker';
import type { Entry, Part, PartSums } from './part.ts';
import { problemOf } from './problem.ts';

/** A checkpoint is saved when so much has been hashed since the last one. */
const SAVE_FILES = 32;
const SAVE_BYTES = 8 * 1024 * 1024;

export default defineHandler<Part, PartSums, PartSums>(async ({ root, files }, ctx) => {
  const kept = ctx.checkpoint;
  const entries = [...(kept?.entries ?? [])];
  const resumedAt = [...(kept?.resumedAt ?? []), ...(kept === undefined ? [] : [kept.entries.length])];
  let bytes = kept?.bytes ?? 0;
  let savedFiles = entries.length;
  let savedBytes = bytes;

  for (const file of files.slice(entries.length)) {
    const hashed = hashFile(join(root, file), ctx.signal, (read) => ctx.progress(bytes + read));
    if (hashed !== undefined) {
      entries.push(hashed.entry);
      bytes += hashed.bytes;
    }
    const isMuch = entries.length - savedFiles >= SAVE_FILES || bytes - savedBytes >= SAVE_BYTES;
    if (isMuch || ctx.signal.aborted) {
      await ctx.save({ entries, bytes, resumedAt });
      savedFiles = entries.length;
      savedBytes = bytes;
    }
    ctx.signal.throwIfAborted();
  }
  return { entries, bytes, resumedAt };
});

// Not through links, which are not files of the folder; and a pipe that took the place of a file must not be waited for.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const buffer = Buffer.allocUnsafe(256 * 1024);

/** Undefined if it was asked to stop in the middle of the file. */
function hashFile(
  path: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): { readonly entry: Entry; readonly bytes: number } | undefined {
  let bytes = 0;
  try {
    const file = openSync(path, READ);
    try {
      if (!fstatSync(file).isFile()) return { entry: { problem: 'not a file' }, bytes };
      const hash = createHash('sha256');
      for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
        hash.update(buffer.subarray(0, count));
        bytes += count;
        progress(bytes);
        if (signal.aborted) return undefined;
      }
      return { entry: hash.digest('hex'), bytes };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { entry: { problem: problemOf(error) }, bytes };
  }
}
