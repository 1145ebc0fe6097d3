/**
 * Copies of a folder. A backup is a folder like any other, with an id of its own, and holds the log as it was durable at one
 * moment: frame by frame, each proved by its checksum and by the one that names it.
 */
import path from 'node:path';
import { InvalidArgumentError, StoreDamagedError } from '../errors.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { previousChainOf, readFrame, type Frame } from './frame.ts';
import { surveyDatabase } from './level-survey.ts';
import { makeFolder, requireVacant } from './new-folder.ts';
import type { FrameEntry, Store } from './store.ts';
import { readLiveFrames } from './stored-frames.ts';
import { folderAtRest, inspect, type ProgressOptions } from './verify.ts';
import type { Witness } from './witness.ts';

export interface BackupReport {
  /** The new folder. */
  readonly path: string;
  readonly frames: number;
  /** Of the log, before LevelDB compresses it. */
  readonly bytes: number;
}

/** How many frames of a folder at rest are copied in one write. */
const WRITE_FRAMES = 64;

/**
 * Writes the frames into a new folder at `to`, which has its name only when it is whole.
 *
 * @param from the folder they come from
 * @param told hears how many have been copied
 * @throws {InvalidArgumentError} `to` is not a path, or not missing or empty
 * @throws {StoreDamagedError} what is read is not what was written; nothing is left at `to`
 * @throws {StoreUnavailableError} the disk or the rights do not allow it
 */
export async function backUp(
  from: string,
  to: string,
  frames: () => AsyncIterable<readonly FrameEntry[]> | Iterable<readonly FrameEntry[]>,
  clock: Clock,
  told: (copied: number) => void = () => undefined,
): Promise<BackupReport> {
  if (typeof to !== 'string' || to === '') {
    throw new InvalidArgumentError({ field: 'to', expected: 'the path of a folder', got: to });
  }
  const target = path.resolve(to);
  await requireVacant(from, target);
  let report = { frames: 0, bytes: 0 };
  await makeFolder(target, clock, async (store, witness) => {
    report = await copy(frames(), store, witness, told);
  });
  return { path: target, ...report };
}

async function copy(
  frames: AsyncIterable<readonly FrameEntry[]> | Iterable<readonly FrameEntry[]>,
  store: Store,
  witness: Witness,
  told: (copied: number) => void,
): Promise<{ frames: number; bytes: number }> {
  const report = { frames: 0, bytes: 0 };
  let last: Frame | undefined;
  for await (const chunk of frames) {
    for (const { sequence, bytes } of chunk) {
      const frame = readFrame(bytes, sequence);
      requireNext(frame, last);
      last = frame;
      report.frames++;
      report.bytes += bytes.length;
    }
    await store.write(chunk, undefined);
    told(report.frames);
  }
  if (last !== undefined) await witness.write(last.sequence, last.chain);
  return report;
}

function requireNext(frame: Frame, last: Frame | undefined): void {
  if (last === undefined) return;
  if (frame.sequence === last.sequence + 1 && previousChainOf(frame) === last.chain) return;
  throw new StoreDamagedError({
    where: `frame ${frame.sequence} of the log`,
    what: `it does not continue frame ${last.sequence}, the one before it`,
  });
}

/**
 * Makes a new folder out of a backup, which is checked to its last byte first and left as it is. A backup can also be opened
 * where it is; then it is a backup no more.
 *
 * @param options.to where the new folder shall be; missing, or empty
 * @throws {InvalidArgumentError} one of the two is not what it must be
 * @throws {StoreInUseError} an engine has the backup open
 * @throws {StoreDamagedError} the backup is damaged: nothing was made
 * @throws {StoreUnavailableError} the disk or the rights do not allow it
 */
export async function restore(
  backup: string,
  options: ProgressOptions & { readonly to: string },
): Promise<BackupReport> {
  const clock = systemClock({ keepAlive: false });
  try {
    const from = await folderAtRest(backup);
    const onProgress = options?.onProgress;
    const { damage } = await inspect(from, onProgress);
    const [first] = damage;
    if (first !== undefined) throw new StoreDamagedError(first);
    const { frames } = await readLiveFrames(await surveyDatabase(path.join(from, 'log')));
    const tell = (done: number): void => onProgress?.({ step: 'frames', done, total: frames.size });
    return await backUp(from, options?.to, () => inChunks(frames.values()), clock, tell);
  } finally {
    clock.stop();
  }
}

function* inChunks(frames: Iterable<Frame>): Generator<readonly FrameEntry[]> {
  let chunk: FrameEntry[] = [];
  for (const { sequence, bytes } of frames) {
    chunk.push({ sequence, bytes });
    if (chunk.length < WRITE_FRAMES) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
