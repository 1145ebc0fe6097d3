/** The frames that lie in the files of a database, read without LevelDB and each proved by its own checksum. */
import { HoldfastError, StoreDamagedError, StoreFormatError } from '../errors.ts';
import { previousChainOf, readFrame, type Frame } from './frame.ts';
import { sequenceOfKey } from './level-key.ts';
import { readEntries, type Problem, type Survey } from './level-survey.ts';

export interface StoredFrames {
  /** By their numbers, ascending. All of them are in memory. */
  readonly frames: ReadonlyMap<number, Frame>;
  readonly problems: readonly Problem[];
  /** A newer version of the library wrote one of them: what it means cannot be known here. */
  readonly newer: StoreFormatError | undefined;
}

/** How far long work has come: so many of so many files, frames or jobs. */
export interface Progress {
  readonly step: 'files' | 'frames' | 'jobs';
  readonly done: number;
  readonly total: number;
}
export type OnProgress = (progress: Progress) => void;

/** A version of a frame: LevelDB has them in several files while it moves them. */
interface Version {
  readonly version: number;
  /** Undefined where it was deleted. */
  readonly bytes: Buffer | undefined;
  readonly where: string;
}

/** What LevelDB would show: the newest version of each frame in the files it would read. */
export async function readLiveFrames(survey: Survey, onProgress?: OnProgress): Promise<StoredFrames> {
  const problems: FrameProblem[] = [...survey.problems];
  const frames = new Map<number, Frame>();
  for (const [sequence, versions] of await versionsIn(survey, true, problems, onProgress)) {
    const newest = versions.reduce((a, b) => (b.version >= a.version ? b : a));
    const frame = wholeFrame(sequence, newest, problems);
    if (frame !== undefined) frames.set(sequence, frame);
  }
  return { frames: ascending(frames), problems, newer: newerIn(problems) };
}

/**
 * Every frame that is whole, wherever it lies: also in files that are left over, also where LevelDB would take it for
 * deleted. Of two whole ones with one number, the one that the next frame names as its predecessor.
 */
export async function readAllFrames(survey: Survey, onProgress?: OnProgress): Promise<StoredFrames> {
  const problems: FrameProblem[] = [...survey.problems];
  const candidates = new Map<number, Frame[]>();
  for (const [sequence, versions] of await versionsIn(survey, false, problems, onProgress)) {
    const newestFirst = versions.toSorted((a, b) => b.version - a.version);
    const whole = newestFirst
      .map((version) => wholeFrame(sequence, version, problems))
      .filter((frame) => frame !== undefined);
    candidates.set(sequence, whole);
  }
  const frames = new Map<number, Frame>();
  for (const [sequence, whole] of candidates) {
    const after = candidates.get(sequence + 1)?.map(previousChainOf) ?? [];
    const chosen = whole.find(({ chain }) => after.includes(chain)) ?? whole[0];
    if (chosen !== undefined) frames.set(sequence, chosen);
  }
  return { frames: ascending(frames), problems, newer: newerIn(problems) };
}

async function versionsIn(
  survey: Survey,
  onlyLive: boolean,
  problems: Problem[],
  onProgress: OnProgress | undefined,
): Promise<Map<number, Version[]>> {
  const found = new Map<number, Version[]>();
  const files = survey.files.filter(({ isLive }) => isLive || !onlyLive);
  for (const [n, file] of files.entries()) {
    onProgress?.({ step: 'files', done: n, total: files.length });
    for await (const item of readEntries(file)) {
      if (item.kind === 'problem') {
        problems.push({ where: item.where, what: item.what, isCut: item.isCut });
        continue;
      }
      const { key, version, value } = item.entry;
      const sequence = sequenceOfKey(key);
      if (sequence === undefined) {
        problems.push({ where: file.path, what: `a key that no frame has: ${key.toString('hex')}`, isCut: false });
        continue;
      }
      const known = found.get(sequence) ?? [];
      const isKnown = known.some((other) => other.version === version && isSame(other.bytes, value));
      if (!isKnown) known.push({ version, bytes: value, where: file.path });
      found.set(sequence, known);
    }
  }
  return found;
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

function wholeFrame(sequence: number, { bytes, where }: Version, problems: FrameProblem[]): Frame | undefined {
  if (bytes === undefined) return undefined;
  try {
    return readFrame(bytes, sequence);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const what = error instanceof StoreDamagedError ? `frame ${sequence}: ${error.what}` : error.message;
    problems.push({ where, what, isCut: false, error });
    return undefined;
  }
}

/** What was thrown, where a frame was read that LevelDB has whole. */
interface FrameProblem extends Problem {
  readonly error?: HoldfastError;
}

function newerIn(problems: readonly FrameProblem[]): StoreFormatError | undefined {
  return problems.map(({ error }) => error).find((error) => error instanceof StoreFormatError);
}

function ascending(frames: ReadonlyMap<number, Frame>): Map<number, Frame> {
  return new Map([...frames].sort(([a], [b]) => a - b));
}
