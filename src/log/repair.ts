/**
 * Makes a new, sound folder of what can be proved good in a damaged one, which is left as it is.
 */
import path from 'node:path';
import { HoldfastError, InvalidArgumentError, StoreUnavailableError, StoreFormatError } from '../errors.ts';
import type { LogEvent } from '../job/event.ts';
import { JobTable } from '../job/table.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { FrameLedger } from './ledger.ts';
import { readIdentity } from './identity.ts';
import { surveyDatabase } from './level-survey.ts';
import { Log } from './log.ts';
import { makeFolder, requireVacant } from './new-folder.ts';
import { salvage, type LostJob, type MissingFrames, type UncertainEntry, type UncertainJob } from './salvage.ts';
import type { Store } from './store.ts';
import { readAllFrames, type OnProgress } from './stored-frames.ts';
import { folderAtRest, inspect, type Finding, type ProgressOptions } from './verify.ts';
import { readWitness, type Witness } from './witness.ts';

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
export async function repair(
  folder: string,
  options: ProgressOptions & { readonly to: string },
): Promise<RepairReport> {
  if (typeof options?.to !== 'string' || options.to === '') {
    throw new InvalidArgumentError({ field: 'to', expected: 'the path of a folder', got: options?.to });
  }
  const clock = systemClock({ keepAlive: false });
  try {
    return await repairInto(await folderAtRest(folder), path.resolve(options.to), clock, options.onProgress);
  } finally {
    clock.stop();
  }
}

/** As `repair`, for a folder that is known to be at rest. */
export async function repairInto(
  from: string,
  to: string,
  clock: Clock,
  onProgress?: OnProgress,
): Promise<RepairReport> {
  await requireVacant(from, to);
  await refuseNewer(from);
  const { damage } = await inspect(from, onProgress);
  const { frames, newer } = await readAllFrames(await surveyDatabase(path.join(from, 'log')), onProgress);
  if (newer !== undefined) throw newer;
  const witnessed = await readWitness(path.join(from, 'witness')).catch((error: unknown) => {
    if (error instanceof StoreUnavailableError || !(error instanceof HoldfastError)) throw error;
    return { sequence: 0 };
  });
  const now = clock.now();
  const { jobs, entries, ...rest } = salvage(frames.values(), witnessed.sequence, now);
  // Behind all that was, so that no position, and with it no token and no order, is given a second time.
  const first = Math.max(witnessed.sequence, ...lastOf(frames.keys())) + 1;
  await makeFolder(to, clock, (store, witness) => fill(store, witness, [...entries, ...jobs], first, now, onProgress));
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

const COMMIT_RECORDS = 1_000;

async function fill(
  store: Store,
  witness: Witness,
  carried: readonly LogEvent[],
  first: number,
  now: number,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const log = new Log({ store, table: new JobTable(), ledger: new FrameLedger(first), chain: 0, cacheBytes: 0 });
  log.record({ kind: 'trimmed', at: now, head: first });
  for (const [n, event] of carried.entries()) {
    log.record(event);
    if (n % COMMIT_RECORDS !== COMMIT_RECORDS - 1) continue;
    await log.commit();
    onProgress?.({ step: 'jobs', done: n + 1, total: carried.length });
  }
  log.record({ kind: 'closed', at: now });
  await log.commit();
  await witness.write(log.witnessed.sequence, log.witnessed.chain);
}
