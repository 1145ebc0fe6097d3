/**
 * The folder of an engine, and how it comes into being.
 *
 *     holdfast.json        what folder this is; written last, so a folder that has it is whole
 *     log/                 LevelDB
 *     witness              how far the log went at least
 *     reserve              room for a full disk
 *     owner.<process>.<n>  who has it open
 *     creating.<process>/  a log that is being made
 *
 * A missing file must not pass for a new folder: LevelDB would wipe the log. So what is there decides, and only an empty
 * folder is new. The log is made under another name and renamed when it is whole, which only one can do of several that
 * try; the rest is made while LevelDB's lock on it is held. A creation that was killed on the way has left either
 * nothing that counts, or an empty log that is taken as it is.
 */
import { lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError, InvalidArgumentError, StoreDamagedError } from '../errors.ts';
import { syncFile, syncFolder, systemCode, unavailable } from './durable-file.ts';
import { claimFolder, isNameOfRunning, isOwnerFile, processName, type Claim } from './guard.ts';
import { readIdentity, writeIdentity, type Identity, type IdentityFacts } from './identity.ts';
import { requireDatabase } from './level-files.ts';
import { openLevelStore } from './level-store.ts';
import { createWitness, openWitness } from './witness.ts';

/** What enters from outside: dice and time are the clock's. */
export interface FolderFacts extends IdentityFacts {
  /** As `claimFolder` takes it: `performance.timeOrigin`. */
  readonly processStartedAt: number;
}

export interface Folder {
  /** The real path. */
  readonly path: string;
  readonly logPath: string;
  readonly witnessPath: string;
  readonly reservePath: string;
  readonly identity: Identity;
  /** Whether it was made just now. */
  readonly isNew: boolean;
}

export interface ClaimedFolder extends Folder {
  /** Removes what killed processes left behind. Call it when the log is open. */
  sweep(): Promise<void>;
  /** As the claim's. */
  hasRival(): Promise<boolean>;
  /** Gives the folder up; call it when the log is closed. May be called twice. */
  release(): Promise<void>;
}

/**
 * Claims the folder for this process and makes it if it is new. What comes next is `openLevelStore(folder.logPath, …)`,
 * never with `createIfMissing`.
 *
 * @param given the path as the user wrote it; missing folders on the way to it are made
 * @throws {StoreInUseError} it is open already, or being made at this moment
 * @throws {InvalidArgumentError} it is not a folder, or holds files of somebody else; nothing was touched
 * @throws {StoreFormatError} a newer version of the library made it; nothing was touched
 * @throws {StoreDamagedError} a part of it is missing or is not what was written
 * @throws {StoreUnavailableError} the disk or the rights do not allow it
 */
export async function enterFolder(given: string, facts: FolderFacts): Promise<ClaimedFolder> {
  if (typeof given !== 'string' || given === '' || given.includes('\0')) {
    throw new InvalidArgumentError({ field: 'folder', expected: 'the path of a folder', got: given });
  }
  await lookAt(given);
  await makeFolder(given);
  const claim = await claimFolder(given, facts.processStartedAt);
  try {
    const folder = await prepareFolder(claim.path, facts);
    return { ...folder, sweep: () => sweep(claim), hasRival: () => claim.hasRival(), release: () => claim.release() };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

/** The same for a folder that exists and is claimed already. Throws as `enterFolder` does. */
export async function prepareFolder(folder: string, facts: FolderFacts): Promise<Folder> {
  const parts = partsOf(folder);
  const found = await lookAt(folder);
  if (found.identity !== undefined) {
    await requireParts(parts);
    return { ...parts, identity: found.identity, isNew: false };
  }
  if (!found.hasLog) await makeLog(parts, facts.processStartedAt);
  return finish(parts, facts);
}

interface Parts extends Omit<Folder, 'identity' | 'isNew'> {
  readonly identityPath: string;
}

function partsOf(folder: string): Parts {
  return {
    path: folder,
    identityPath: path.join(folder, 'holdfast.json'),
    logPath: path.join(folder, 'log'),
    witnessPath: path.join(folder, 'witness'),
    reservePath: path.join(folder, 'reserve'),
  };
}

/** What may lie in a folder that has no identity yet. */
const OURS = /^(log|witness|reserve|(witness|holdfast\.json)\.new)$/;
const UNFINISHED = /^creating\.(\d+\.\d+)$/;

/** Looks without touching. A folder that is missing looks as an empty one does. */
async function lookAt(folder: string): Promise<{ identity?: Identity; hasLog: boolean }> {
  const names = await namesIn(folder);
  const identity = await readIdentity(partsOf(folder).identityPath);
  if (identity !== undefined) return { identity, hasLog: true };
  const foreign = names.find((name) => !OURS.test(name) && !UNFINISHED.test(name) && !isOwnerFile(name));
  if (foreign !== undefined) {
    throw new InvalidArgumentError({
      field: 'folder',
      expected: `${folder} to be empty or made by holdfast`,
      got: `a folder that holds ${foreign}`,
    });
  }
  return { hasLog: names.includes('log') };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    switch (systemCode(error) ?? '') {
      case 'ENOENT':
        if (await isLink(folder)) throw notAFolder(folder, 'a link that leads nowhere', error);
        return [];
      case 'ENOTDIR':
        throw notAFolder(folder, (await isThere(folder)) ? 'a file' : 'a path that leads through a file', error);
      case 'ELOOP':
        throw notAFolder(folder, 'a link that leads to itself', error);
      default:
        throw unavailable(`read the folder ${folder}`, error);
    }
  }
}

function notAFolder(folder: string, what: string, cause: unknown): InvalidArgumentError {
  return new InvalidArgumentError({ field: 'folder', expected: `${folder} to be a folder`, got: what, cause });
}

async function isLink(file: string): Promise<boolean> {
  const found = await lstat(file).catch(() => undefined);
  return found?.isSymbolicLink() ?? false;
}

async function isThere(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    // The files of LevelDB get the rights that the process gives by default, so the folder is what protects them.
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first !== undefined) await syncFolder(path.dirname(first));
  } catch (error) {
    throw unavailable(`make the folder ${folder}`, error);
  }
}

/** @throws {StoreDamagedError} naming the part that is missing */
async function requireParts({ logPath, witnessPath }: Parts): Promise<void> {
  await requireDatabase(logPath);
  const witness = await openWitness(witnessPath);
  await witness.close();
}

async function makeLog({ path: folder, logPath }: Parts, processStartedAt: number): Promise<void> {
  const unfinished = path.join(folder, `creating.${processName(processStartedAt)}`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    const store = await openLevelStore(unfinished, { durability: 'disk', createIfMissing: true });
    await store.close();
    await syncDatabase(unfinished);
    await rename(unfinished, logPath);
    await syncFolder(folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    // Somebody else was faster, and may have swept ours away. Whether they still are at it, LevelDB's lock tells next.
    if (await isThere(logPath)) return;
    throw error instanceof HoldfastError ? error : unavailable(`make ${logPath}`, error);
  }
}

/**
 * Makes durable what the operating system has of a database, which may be open: LevelDB 1.20 does not fsync what it
 * creates, and nothing with durability 'os'. Its lock file is left alone: closing it would lose the lock.
 */
export async function syncDatabase(location: string): Promise<void> {
  for (const name of await readdir(location)) {
    if (name === 'LOCK') continue;
    await syncFile(path.join(location, name)).catch((error: unknown) => {
      // LevelDB has put its content into another file, and fsynced that.
      if (systemCode(error) !== 'ENOENT') throw error;
    });
  }
  await syncFolder(location);
}

/** Makes what is missing beside a log that nobody has written to, while LevelDB's lock keeps others out. */
async function finish(parts: Parts, facts: IdentityFacts): Promise<Folder> {
  const store = await openLevelStore(parts.logPath, { durability: 'disk', createIfMissing: false });
  try {
    const identity = await readIdentity(parts.identityPath);
    if (identity !== undefined) return { ...parts, identity, isNew: false };
    for await (const frames of store.scan())
      throw identityLost(parts, `the log has frames from ${frames[0]?.sequence}`);
    await finishWitness(parts);
    return { ...parts, identity: await writeIdentity(parts.identityPath, facts), isNew: true };
  } finally {
    await store.close();
  }
}

async function finishWitness(parts: Parts): Promise<void> {
  if (!(await isThere(parts.witnessPath))) {
    await createWitness(parts.witnessPath);
    return;
  }
  const witness = await openWitness(parts.witnessPath);
  await witness.close();
  if (witness.newest.sequence > 0) throw identityLost(parts, `the witness saw frame ${witness.newest.sequence}`);
}

function identityLost({ identityPath }: Parts, but: string): StoreDamagedError {
  return new StoreDamagedError({ what: `it is missing, but ${but}`, where: identityPath });
}

async function sweep(claim: Claim): Promise<void> {
  await claim.sweep();
  try {
    for (const name of await readdir(claim.path)) {
      const [, maker] = UNFINISHED.exec(name) ?? [];
      if (maker !== undefined && !isNameOfRunning(maker))
        await rm(path.join(claim.path, name), { recursive: true, force: true });
    }
  } catch (error) {
    throw unavailable(`tidy up ${claim.path}`, error);
  }
}
