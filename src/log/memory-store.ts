import { InvalidArgumentError, StoreUnavailableError } from '../errors.ts';
import { type FrameEntry, newestAfter, type Store } from './store.ts';

/** What a memory store keeps its frames in, so that a test can close a store and open the same contents again. */
export type MemoryFrames = Map<number, Uint8Array>;

/** How much one chunk of a scan holds at most, in bytes, unless one frame alone is larger. */
const CHUNK_BYTES = 1 << 20;

/**
 * A store that forgets everything with the process: for tests, and for the memory-only mode. It copies what it is given
 * and what it gives back, and never answers in the same turn, so that code which works with it works with a disk.
 *
 * @param frames the contents, in ascending order; pass those of an earlier store to open them again
 */
export function openMemoryStore(frames: MemoryFrames = new Map()): Store {
  return new MemoryStore(frames);
}

class MemoryStore implements Store {
  readonly #frames: MemoryFrames;
  #newest: number;
  #writing: Promise<void> | undefined;
  #isClosed = false;

  constructor(frames: MemoryFrames) {
    this.#frames = frames;
    this.#newest = [...frames.keys()].at(-1) ?? 0;
  }

  write(
    frames: readonly FrameEntry[],
    drop: { readonly from: number; readonly below: number } | undefined,
  ): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (this.#writing !== undefined) {
      throw new InvalidArgumentError({
        field: 'write',
        expected: 'the previous write to have settled',
        got: 'another',
      });
    }
    this.#newest = newestAfter(frames, drop, this.#newest);
    const copies = frames.map(({ sequence, bytes }) => ({ sequence, bytes: Uint8Array.from(bytes) }));
    this.#writing = this.#apply(copies, drop).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #apply(
    frames: readonly FrameEntry[],
    drop: { readonly from: number; readonly below: number } | undefined,
  ): Promise<void> {
    await Promise.resolve();
    for (const { sequence, bytes } of frames) this.#frames.set(sequence, bytes);
    if (drop === undefined) return;
    for (let sequence = drop.from; sequence < drop.below; sequence++) this.#frames.delete(sequence);
  }

  async read(sequence: number): Promise<Uint8Array | undefined> {
    if (this.#isClosed) throw closedError();
    await Promise.resolve();
    return this.#frames.get(sequence)?.slice();
  }

  readSync(sequence: number): Uint8Array | undefined {
    if (this.#isClosed) throw closedError();
    return this.#frames.get(sequence)?.slice();
  }

  async *scan(from = 0): AsyncIterable<readonly FrameEntry[]> {
    if (this.#isClosed) throw closedError();
    let chunk: FrameEntry[] = [];
    let chunkBytes = 0;
    for (const [sequence, bytes] of [...this.#frames]) {
      if (sequence < from) continue;
      chunk.push({ sequence, bytes: bytes.slice() });
      chunkBytes += bytes.length;
      if (chunkBytes < CHUNK_BYTES) continue;
      yield chunk;
      if (this.#isClosed) throw closedError();
      chunk = [];
      chunkBytes = 0;
    }
    if (chunk.length > 0) yield chunk;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('it is closed');
}
