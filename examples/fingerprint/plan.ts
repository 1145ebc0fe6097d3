/**
 * Cuts a folder into parts. A sub-folder with all that is in it is one part, unless that is too much for one job; then
 * the sub-folders in it are parts of their own. So a part is large enough to be worth a job and small enough that all
 * threads have work until the end.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from './part.ts';

export interface Plan {
  readonly parts: readonly Part[];
  /** Links and special files; they are not hashed. */
  readonly leftOut: number;
}

interface Found {
  readonly path: string;
  readonly bytes: number;
}

const MOST_FILES = 100;
const MOST_BYTES = 32 * 1024 * 1024;

/** @param without a folder that is not looked into: the state of the run changes while it runs */
export async function planParts(root: string, without: string, signal: AbortSignal): Promise<Plan> {
  const parts: Part[] = [];
  let leftOut = 0;

  /** Gives back what is in the folder and not in a part yet: nothing, or little enough to go with its neighbours. */
  async function gather(folder: string): Promise<Found[]> {
    signal.throwIfAborted();
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => undefined);
    // A folder that cannot be listed goes into the plan as if it were a file, and its job will say why it is none.
    if (entries === undefined) return [{ path: folder, bytes: 0 }];
    const own: Found[] = [];
    const below: Array<readonly [folder: string, files: Found[]]> = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      if (join(root, path) === without) continue;
      if (entry.isDirectory()) below.push([path, await gather(path)]);
      else if (entry.isFile()) own.push({ path, bytes: await bytesOf(path) });
      else leftOut++;
    }
    const all = [...own, ...below.flatMap(([, files]) => files)];
    if (!isFull(all)) return all;
    for (const [path, files] of [[folder, own] as const, ...below]) cut(path, files);
    return [];
  }

  function cut(folder: string, files: readonly Found[]): void {
    let part: Found[] = [];
    for (const file of files) {
      part.push(file);
      if (isFull(part)) part = add(folder, part);
    }
    add(folder, part);
  }

  function add(folder: string, files: readonly Found[]): [] {
    if (files.length > 0) parts.push({ root, folder, files: files.map(({ path }) => path), bytes: total(files) });
    return [];
  }

  /** 0 for what cannot be looked at: its job will say why. */
  async function bytesOf(path: string): Promise<number> {
    return lstat(join(root, path)).then(
      ({ size }) => size,
      () => 0,
    );
  }

  cut('.', await gather('.'));
  return { parts, leftOut };
}

function isFull(files: readonly Found[]): boolean {
  return files.length >= MOST_FILES || total(files) >= MOST_BYTES;
}

function total(files: readonly Found[]): number {
  return files.reduce((bytes, file) => bytes + file.bytes, 0);
}
