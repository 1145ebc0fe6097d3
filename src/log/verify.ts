/**
 * Reads everything in a folder of jobs and says what is wrong with it. LevelDB cannot open a database without writing to
 * it, and passes over much of what is damaged; so the files are read by a reader of our own, and nothing in the folder
 * is opened for writing, or touched at all.
 */
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import {
  HoldfastError,
  InvalidArgumentError,
  StoreDamagedError,
  StoreInUseError,
  StoreUnavailableError,
} from '../errors.ts';
import { systemClock } from '../kernel/clock.ts';
import { unavailable } from './durable-file.ts';
import { previousChainOf, type Frame } from './frame.ts';
import { holderOf, isOwnerFile } from './guard.ts';
import { readJobNow } from './history.ts';
import { readIdentity } from './identity.ts';
import { surveyDatabase, type Problem } from './level-survey.ts';
import type { Log } from './log.ts';
import { openMemoryStore } from './memory-store.ts';
import { replay } from './replay.ts';
import { ENTRY_SPACES } from '../job/entries.ts';
import { readLiveFrames, type OnProgress } from './stored-frames.ts';
import { missingTail, readWitness, type Witnessed } from './witness.ts';

/** What is wrong, and where: a file and a byte, or a frame. */
export interface Finding {
  readonly where: string;
  readonly what: string;
}

export interface Verification {
  /** The real path of the folder. */
  readonly folder: string;
  /** Whether nothing is damaged: it opens, and gives back all that was acknowledged. */
  readonly isSound: boolean;
  /** Everything that keeps it from opening, or is lost. */
  readonly damage: readonly Finding[];
  /** What is not as after a clean end and does no harm: a write that was cut off, files that are left over. */
  readonly notes: readonly Finding[];
  readonly frames: number;
  readonly jobs: number;
}

export interface ProgressOptions {
  /** Told now and then how far it has come. @default nobody */
  readonly onProgress?: OnProgress;
}

/**
 * Reads the whole folder, which must not be open; it takes about as much memory as the log has bytes.
 *
 * @throws {InvalidArgumentError} there is no such folder
 * @throws {StoreInUseError} an engine has it open: what it writes meanwhile would look like damage
 * @throws {StoreUnavailableError} it cannot be read
 */
export async function verify(folder: string, { onProgress }: ProgressOptions = {}): Promise<Verification> {
  const real = await folderAtRest(folder);
  return inspect(real, onProgress);
}

/** The real path of a folder that nobody has open. */
export async function folderAtRest(folder: string): Promise<string> {
  if (typeof folder !== 'string' || folder === '') {
    throw new InvalidArgumentError({ field: 'folder', expected: 'the path of a folder', got: folder });
  }
  const clock = systemClock({ keepAlive: false });
  clock.stop();
  const holder = await holderOf(folder, clock.processStartedAt);
  const real = await realpath(folder);
  if (holder !== undefined) throw new StoreInUseError({ folder: real, holder });
  return real;
}

/** As `verify`, for a folder that is known to be at rest. */
export async function inspect(folder: string, onProgress?: OnProgress): Promise<Verification> {
  const damage: Finding[] = [];
  const notes: Finding[] = [];
  await told(readFolderIdentity(folder), damage);
  const witnessPath = path.join(folder, 'witness');
  const witness = (await told(readWitness(witnessPath), damage)) ?? { sequence: 0, chain: 0 };
  notes.push(...(await leftOvers(folder)));

  const location = path.join(folder, 'log');
  const { frames, problems } = await readLiveFrames(await surveyDatabase(location), onProgress);
  for (const problem of problems) (isHarmless(problem) ? notes : damage).push(finding(problem));
  const breaks = chainBreaks(frames.values());
  damage.push(...breaks);
  const tail = missingAtEnd(frames, witness);
  if (tail !== undefined) damage.push({ where: location, what: tail });
  const jobs = breaks.length === 0 ? await readJobs(frames, damage, onProgress) : 0;
  return { folder, isSound: damage.length === 0, damage, notes, frames: frames.size, jobs };
}

async function readFolderIdentity(folder: string): Promise<void> {
  const file = path.join(folder, 'holdfast.json');
  if ((await readIdentity(file)) === undefined) throw new StoreDamagedError({ what: 'it is missing', where: file });
}

/** What was read; what made it fail is a finding, unless the disk or the rights are to blame. */
async function told<Value>(reading: Promise<Value>, damage: Finding[]): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error instanceof StoreUnavailableError) throw error;
    damage.push(error instanceof StoreDamagedError ? finding(error) : { where: 'holdfast.json', what: error.message });
    return undefined;
  }
}

function finding({ where, what }: Finding): Finding {
  return { where, what };
}

/** A cut at the end is no damage by itself: the witness knows whether what is missing was acknowledged. */
function isHarmless({ isCut }: Problem): boolean {
  return isCut;
}

async function leftOvers(folder: string): Promise<Finding[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw unavailable(`read the folder ${folder}`, error);
  });
  const left = names.filter((name) => isOwnerFile(name) || /^creating\.\d+\.\d+$|\.new$/.test(name));
  const notes = left.map((name) => ({
    where: path.join(folder, name),
    what: 'left behind by a process that was killed',
  }));
  const reserve = names.includes('reserve')
    ? []
    : [{ where: path.join(folder, 'reserve'), what: 'there is no reserve' }];
  return [...notes, ...reserve];
}

/** Gaps, and frames that do not continue the one before. */
function chainBreaks(frames: Iterable<Frame>): Finding[] {
  const breaks: Finding[] = [];
  let last: Frame | undefined;
  for (const frame of frames) {
    const where = `frame ${frame.sequence} of the log`;
    if (last !== undefined && frame.sequence !== last.sequence + 1) {
      breaks.push({ where, what: `the frames ${last.sequence + 1} to ${frame.sequence - 1} before it are missing` });
    } else if (last !== undefined && previousChainOf(frame) !== last.chain) {
      breaks.push({ where, what: 'it does not continue the frame before it' });
    }
    last = frame;
  }
  return breaks;
}

function missingAtEnd(frames: ReadonlyMap<number, Frame>, witness: Witnessed): string | undefined {
  const last = [...frames.values()].at(-1);
  return missingTail(witness, last, frames.get(witness.sequence)?.chain);
}

const TELL_EVERY = 1_000;

/** Replays the frames and reads every job to its last byte; how many there are. */
async function readJobs(
  frames: ReadonlyMap<number, Frame>,
  damage: Finding[],
  onProgress: OnProgress | undefined,
): Promise<number> {
  const store = openMemoryStore(new Map([...frames].map(([sequence, { bytes }]) => [sequence, bytes])));
  const replayed = await told(replay(store, 0), damage);
  if (replayed === undefined) return 0;
  const { log } = replayed;
  let jobs = 0;
  for (let slot = 0; slot < log.table.end; slot++) {
    if (slot % TELL_EVERY === 0) onProgress?.({ step: 'jobs', done: slot, total: log.table.end });
    if (log.table.stateOf(slot) === 'absent') continue;
    jobs++;
    await told(readBodies(log, slot), damage);
  }
  for (const space of ENTRY_SPACES) {
    for (const { name, value } of log.table.entries.in(space)) {
      await told(checkJson(value, `the ${space} ${name}`), damage);
    }
  }
  return jobs;
}

async function readBodies(log: Log, slot: number): Promise<void> {
  const { home, history } = readJobNow(log, slot);
  const { checkpoint, result, cancelReason, report } = history;
  const bodies = [home.payload, checkpoint, result, cancelReason, report, ...history.errors.map(({ error }) => error)];
  for (const body of bodies) if (body !== undefined) await checkJson(body, `the job ${log.table.ids.of(slot)}`);
}

async function checkJson(text: string, where: string): Promise<void> {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new StoreDamagedError({ where, what: 'a part of it is not the JSON that was stored', cause });
  }
}
