/**
 * Our own guard against opening a folder twice in one process.
 *
 * LevelDB guards against other processes with a lock of the operating system, but a second attempt from the same process
 * *loses* that lock, and under another name of the folder it even succeeds. So the second attempt must be refused before
 * LevelDB sees it. Two things do that:
 *
 * - A registry of the folders that are open, by real path and by device and inode, on `globalThis`: several copies of
 *   this module share it.
 * - A thread has a `globalThis` of its own. What threads share is the folder: the claim is an empty file that can be
 *   made only once. Its name says which process it belongs to, so the file of a process that was killed is in nobody's
 *   way, even when its process id is used again; and which folder, so the file means nothing in a copy of the folder.
 *
 * A thread that is terminated while it holds a folder leaves its file behind, and nobody can tell from outside: the
 * folder stays claimed until the process ends.
 */
import { open, readdir, realpath, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError, StoreInUseError } from '../errors.ts';
import { systemCode, unavailable } from './durable-file.ts';

export interface Claim {
  /** The real path of the folder; to be used for everything from here on. */
  readonly path: string;
  /**
   * Removes the files that killed processes left. Call it when LevelDB is open: as long as its lock is ours, no other
   * process has a claim that is worth keeping.
   */
  sweep(): Promise<void>;
  /**
   * Whether another process that still runs has, or wants, the folder too. Only LevelDB's lock tells which of the two; a
   * process that got the id of one that was killed is taken for it.
   */
  hasRival(): Promise<boolean>;
  /** Gives the folder up. Close LevelDB first. May be called twice. */
  release(): Promise<void>;
}

const REGISTRY = Symbol.for('holdfast.claimed-folders');
const OWNER_FILE = /^owner\.(\d+)\.\d+\.(\d+)$/;

/** Whether a file in the folder is one of the guard's. */
export function isOwnerFile(name: string): boolean {
  return OWNER_FILE.test(name);
}

/** What a process calls its claim: `owner.4711.1795244901178845.131074`, the last number being the folder's own. */
function ownerName(processStartedAt: number, folderNumber: bigint): string {
  return `owner.${processName(processStartedAt)}.${folderNumber}`;
}

/** What tells this process from every other one, as a part of a file name: `4711.1795244901178845`. */
export function processName(processStartedAt: number): string {
  return `${process.pid}.${Math.round(processStartedAt * 1000)}`;
}

/**
 * Claims a folder for one engine of this process.
 *
 * @param folder an existing folder, in any spelling
 * @param processStartedAt when this process started, in epoch ms with fractions. It must be the same number in every
 *   thread of the process and another one in a process that gets the same id later; `performance.timeOrigin` is.
 * @throws {StoreInUseError} when this process has it claimed already
 * @throws {InvalidArgumentError} when there is no such folder
 * @throws {StoreUnavailableError} when nothing can be written to it
 */
export async function claimFolder(folder: string, processStartedAt: number): Promise<Claim> {
  const { real, keys, number } = await namesOf(folder);
  const registry = claimedFolders();
  if (keys.some((key) => registry.has(key))) throw new StoreInUseError({ folder: real, holder: 'this process' });
  for (const key of keys) registry.add(key);
  const owner = path.join(real, ownerName(processStartedAt, number));
  try {
    const handle = await open(owner, 'wx', 0o600);
    await handle.close();
  } catch (error) {
    for (const key of keys) registry.delete(key);
    if (systemCode(error) === 'EEXIST') {
      throw new StoreInUseError({ folder: real, holder: 'another thread of this process', cause: error });
    }
    throw unavailable(`claim the folder ${real}`, error);
  }
  let released: Promise<void> | undefined;
  return {
    path: real,
    sweep: () => sweep(real, number, path.basename(owner)),
    hasRival: async () =>
      (await ownersIn(real)).some((name) => name !== path.basename(owner) && !isLeftBehind(name, number)),
    release() {
      released ??= removeFile(owner).finally(() => {
        for (const key of keys) registry.delete(key);
      });
      return released;
    },
  };
}

/** Who has the folder open, as far as one can tell without touching anything in it; undefined for nobody. */
export async function holderOf(folder: string, processStartedAt: number): Promise<string | undefined> {
  const { real, keys, number } = await namesOf(folder);
  if (keys.some((key) => claimedFolders().has(key))) return 'this process';
  const owners = await ownersIn(real);
  if (owners.includes(ownerName(processStartedAt, number))) return 'another thread of this process';
  const owner = owners.find((name) => !isLeftBehind(name, number));
  return owner === undefined ? undefined : `process ${OWNER_FILE.exec(owner)?.[1]}`;
}

function claimedFolders(): Set<string> {
  const host = globalThis as { [REGISTRY]?: Set<string> };
  return (host[REGISTRY] ??= new Set());
}

interface FolderNames {
  readonly real: string;
  readonly keys: readonly string[];
  /** The inode; 0 where the file system numbers nothing. */
  readonly number: bigint;
}

async function namesOf(folder: string): Promise<FolderNames> {
  try {
    const real = await realpath(folder);
    const { dev, ino } = await stat(real, { bigint: true });
    // Some file systems of Windows number nothing.
    return { real, keys: ino === 0n ? [real] : [real, `${dev}:${ino}`], number: ino };
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) throw unavailable(`find ${folder}`, error);
    throw new InvalidArgumentError({ field: 'folder', expected: 'an existing folder', got: folder, cause: error });
  }
}

async function sweep(folder: string, number: bigint, owner: string): Promise<void> {
  const left = (await ownersIn(folder)).filter((name) => name !== owner && isLeftBehind(name, number));
  await Promise.all(left.map((name) => removeFile(path.join(folder, name))));
}

async function ownersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw unavailable(`read the folder ${folder}`, error);
  });
  return names.filter(isOwnerFile);
}

/** Whether it is of a process that was killed, or came along when the folder was copied. */
function isLeftBehind(name: string, folderNumber: bigint): boolean {
  const [, pid, number] = OWNER_FILE.exec(name) ?? [];
  if (pid === undefined) return false;
  return number !== String(folderNumber) || Number(pid) === process.pid || !isRunning(Number(pid));
}

/** Whether a name that `processName` gave is that of another process which runs. */
export function isNameOfRunning(name: string): boolean {
  const pid = Number(/^(\d+)\.\d+$/.exec(name)?.[1] ?? process.pid);
  return pid !== process.pid && isRunning(pid);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unavailable(`remove ${file}`, error);
  }
}
