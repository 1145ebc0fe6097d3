/**
 * Makes a new, sound folder of what can be proved good in a damaged one, which is left as it is.
 */
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError, InvalidArgumentError, StoreUnavailableError, StoreFormatError } from '../errors.ts';
import type { LogEvent } from '../job/event.ts';
import { JobTable } from '../job/table.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { syncFolder, systemCode, unavailable } from './durable-file.ts';
import { enterFolder } from './folder.ts';
import { FrameLedger } from './ledger.ts';
import { openLevelStore } from './level-store.ts';
import { readIdentity } from './identity.ts';
import { surveyDatabase } from './level-survey.ts';
import { Log } from './log.ts';
import { salvage, type LostJob, type MissingFrames, type UncertainEntry, type UncertainJob } from './salvage.ts';
import { readAllFrames } from './stored-frames.ts';
import { folderAtRest, inspect, type Finding } from './verify.ts';
import { openWitness, readWitness } from './witness.ts';

export interface RepairReport {
  /** The damaged folder. */
  readonly from: string;
  /** The new one. */
  readonly to: string;
  /** What is wrong with the damaged one, as `verify` says it. */
  readonly damage: readonly Finding[];
  /** How many jobs the new folder has. */
  readonly jobs: number;
  /** Those of them about which not everything is certain. */
  readonly uncertain: readonly UncertainJob[];
  /** How many schedules, settings of queues and the like it has beside the jobs. */
  readonly entries: number;
  /** Those of them that may have changed since: look at them. */
  readonly uncertainEntries: readonly UncertainEntry[];
  /** Jobs that are known to have been there, and whose payload is gone. */
  readonly lost: readonly LostJob[];
  /** Frames that are not there. Of jobs that had all their records in them nothing is known. */
  readonly missing: readonly MissingFrames[];
  /** How many frames were whole. */
  readonly frames: number;
}

/**
 * Reads every file of the folder, takes every frame that is proved whole by its checksum, and writes the jobs that have
 * a beginning into a new folder, with an id of its own. It says what is uncertain and what is lost. The damaged folder
 * is not touched. What happened before cannot be read as events any more; job ids, order, counters, checkpoints,
 * results and errors are kept.
 *
 * @param options.to where the new folder shall be; missing, or empty
 * @throws {InvalidArgumentError} one of the two is not what it must be
 * @throws {StoreInUseError} an engine has the damaged folder open
 * @throws {StoreFormatError} a newer version of the library made it, or a part of it
 * @throws {StoreUnavailableError} the disk or the rights do not allow it
 */
export async function repair(folder: string, options: { readonly to: string }): Promise<RepairReport> {
  if (typeof options?.to !== 'string' || options.to === '') {
    throw new InvalidArgumentError({ field: 'to', expected: 'the path of a folder', got: options?.to });
  }
  const clock = systemClock({ keepAlive: false });
  try {
    return await repairInto(await folderAtRest(folder), path.resolve(options.to), clock);
  } finally {
    clock.stop();
  }
}

/** As `repair`, for a folder that is known to be at rest. */
export async function repairInto(from: string, to: string, clock: Clock): Promise<RepairReport> {
  await requireVacant(from, to);
  await refuseNewer(from);
  const { damage } = await inspect(from);
  const { frames, newer } = await readAllFrames(await surveyDatabase(path.join(from, 'log')));
  if (newer !== undefined) throw newer;
  const witnessed = await readWitness(path.join(from, 'witness')).catch((error: unknown) => {
    if (error instanceof StoreUnavailableError || !(error instanceof HoldfastError)) throw error;
    return { sequence: 0 };
  });
  const now = clock.now();
  const { jobs, entries, ...rest } = salvage(frames.values(), witnessed.sequence, now);
  // Behind all that was, so that no position, and with it no token and no order, is given a second time.
  const first = Math.max(witnessed.sequence, ...lastOf(frames.keys())) + 1;
  await makeFolder(to, [...entries, ...jobs], first, clock);
  return { from, to, damage, jobs: jobs.length, entries: entries.length, ...rest, frames: frames.size };
}

/** What a newer version of the library made is not damaged; half of it would be thrown away here. */
async function refuseNewer(folder: string): Promise<void> {
  try {
    await readIdentity(path.join(folder, 'holdfast.json'));
  } catch (error) {
    if (error instanceof StoreFormatError) throw error;
  }
}

function lastOf(sequences: Iterable<number>): number[] {
  return [...sequences].slice(-1);
}

async function requireVacant(from: string, to: string): Promise<void> {
  if (to === from || to.startsWith(from + path.sep)) {
    throw new InvalidArgumentError({ field: 'to', expected: 'a folder outside of the damaged one', got: to });
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

/** It has its name when it is whole and durable, and not before: half a repair must not pass for a folder. */
async function makeFolder(to: string, carried: readonly LogEvent[], first: number, clock: Clock): Promise<void> {
  const unfinished = `${to}.unfinished`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await fill(unfinished, carried, first, clock);
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

const COMMIT_RECORDS = 1_000;

async function fill(folder: string, carried: readonly LogEvent[], first: number, clock: Clock): Promise<void> {
  const entered = await enterFolder(folder, {
    processStartedAt: clock.processStartedAt,
    id: clock.entropy(16),
    createdAt: clock.now(),
  });
  try {
    const store = await openLevelStore(entered.logPath, { durability: 'disk', createIfMissing: false });
    const witness = await openWitness(entered.witnessPath);
    try {
      const log = new Log({ store, table: new JobTable(), ledger: new FrameLedger(first), chain: 0, cacheBytes: 0 });
      log.record({ kind: 'trimmed', at: clock.now(), head: first });
      for (const [n, event] of carried.entries()) {
        log.record(event);
        if (n % COMMIT_RECORDS === COMMIT_RECORDS - 1) await log.commit();
      }
      log.record({ kind: 'closed', at: clock.now() });
      await log.commit();
      await witness.write(log.witnessed.sequence, log.witnessed.chain);
    } finally {
      await witness.close();
      await store.close();
    }
  } finally {
    await entered.release();
  }
}
