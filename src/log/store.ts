/**
 * The seam under the log: something that keeps numbered frames. The real one is LevelDB (`level-store.ts`); one in
 * memory serves tests and the memory-only mode. Both hold the same laws, which `test/log/store-laws.ts` states.
 *
 * A store knows nothing of what is in a frame. Whether the bytes are the ones that were written, and whether a frame is
 * missing, is for the log to find out from its checksums: a store may be wrong without knowing it.
 */
import { InvalidArgumentError } from '../errors.ts';

export interface FrameEntry {
  /** The number of the frame, a whole number from 1. */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export interface Store {
  /**
   * Writes all frames and deletes those from `drop.from` up to but without `drop.below`, in one atomic batch. Resolves
   * once that is as durable as the store was opened for: 'disk' means fsynced, 'os' in the operating system's buffer.
   * The bytes are copied before this returns, so the caller may use its buffers again at once.
   *
   * A rejection means that the outcome is UNKNOWN: the frames may or may not be there after the next opening. The store
   * then refuses every further write. Reading goes on, but says nothing about what the disk holds.
   *
   * Never call it again before the previous call has settled, and never write a number twice or below the newest one.
   *
   * @throws {InvalidArgumentError} at the call, for a batch that breaks these rules; nothing is written then
   * @throws {StoreUnavailableError} as a rejection: the disk refused, a write was rejected before, or it is closed
   * @throws {StoreDamagedError} as a rejection
   */
  write(
    frames: readonly FrameEntry[],
    drop: { readonly from: number; readonly below: number } | undefined,
  ): Promise<void>;

  /**
   * One frame, or undefined when there is none of this number. The bytes are the caller's to keep.
   *
   * Whoever knows that the frame must be there has to take undefined for damage: a damaged filter of a LevelDB table
   * hides a frame from this call (not from a scan).
   */
  read(sequence: number): Promise<Uint8Array | undefined>;

  /**
   * The same at once. It may wait for the disk in this turn of the event loop, so it is for single frames that are
   * likely to be in memory; it saves the hop through the thread pool, which costs more than such a read.
   */
  readSync(sequence: number): Uint8Array | undefined;

  /**
   * All frames in order, from the first present one that is not below `from` (default: the first of all). They come in
   * chunks of at most about a mebibyte, so that working on one chunk is a short turn; the next chunk is read meanwhile.
   *
   * A chunk is only to be believed when the loop has ended without an error: LevelDB may pass over a damaged table and
   * say so at the end. Whether frames written after the scan began are in it is not said, so scan before writing.
   */
  scan(from?: number): AsyncIterable<readonly FrameEntry[]>;

  /** Waits for the write under way, then lets everything go. May be called twice. Every later call is refused. */
  close(): Promise<void>;
}

/**
 * Checks a batch against the rules of `Store.write` and returns the newest number after it.
 *
 * A key is put once and deleted once: LevelDB may give back old values of overwritten keys, and two frames of one number
 * would be two histories.
 *
 * @param newest the highest number written so far, 0 for none
 * @throws {InvalidArgumentError}
 */
export function newestAfter(
  frames: readonly FrameEntry[],
  drop: { readonly from: number; readonly below: number } | undefined,
  newest: number,
): number {
  for (const { sequence } of frames) {
    if (!Number.isSafeInteger(sequence) || sequence <= newest) {
      throw new InvalidArgumentError({ field: 'sequence', expected: `a whole number above ${newest}`, got: sequence });
    }
    newest = sequence;
  }
  if (drop !== undefined && !isRange(drop)) {
    throw new InvalidArgumentError({
      field: 'drop',
      expected: 'whole numbers, from 1 and not above below',
      got: `from ${drop.from} below ${drop.below}`,
    });
  }
  return newest;
}

function isRange({ from, below }: { readonly from: number; readonly below: number }): boolean {
  return Number.isSafeInteger(from) && Number.isSafeInteger(below) && from >= 1 && from <= below;
}
