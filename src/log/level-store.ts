/**
 * The store on disk: LevelDB, held to rules that its own documentation does not give.
 *
 * It is treated as a medium that forgets. After one rejected write the same handle would go on accepting writes that are
 * gone at the next opening, so nothing is written through it any more. A missing `CURRENT` would be taken for a new
 * database and all tables be deleted, so a database is made only in an empty folder. And the space of deleted frames
 * would never come back by itself, so it is asked for (`#reclaim`).
 */
import { Level } from 'level';
import { InvalidArgumentError, StoreDamagedError, StoreUnavailableError } from '../errors.ts';
import { levelError } from './level-errors.ts';
import { isVacant, requireDatabase } from './level-files.ts';
import { keyOf, sequenceOfKey } from './level-key.ts';
import { type FrameEntry, newestAfter, type Store } from './store.ts';

export interface LevelStoreOptions {
  /** 'disk': a write resolves when it is fsynced. 'os': when the operating system has it, which survives a kill only. */
  readonly durability: 'disk' | 'os';
  /** Makes the database if the folder is missing or empty. In any other folder it must be there already. */
  readonly createIfMissing: boolean;
}

/** `level` is the same class everywhere but in browsers, so its types leave out what only LevelDB can do. */
interface Database extends Level<Uint8Array, Uint8Array> {
  approximateSize(start: Uint8Array, end: Uint8Array): Promise<number>;
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const LEVEL_OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  // Uncompressed tables gave wrong values for three times as many flipped bits: a damaged block seldom decompresses.
  compression: true,
  // Two of these are in memory at worst, and one is read again at the next opening. With 16 MiB a fifth more could be
  // written under full load, but opening took three times as long.
  writeBufferSize: 8 * MIB,
} as const;

const SCAN_CHUNK = { firstFrames: 4, frames: 10_000, bytes: MIB } as const;

/**
 * The space of deleted frames is asked back when it is more than this, in bytes; how often we look, in bytes written or
 * deleted, a deleted frame being taken for a full one.
 */
const RECLAIM = { above: 16 * MIB, every: 4 * MIB, frame: 64 * 1024 } as const;

/**
 * Opens the database in the folder `location`. Guard the folder first (`guard.ts`): a second attempt to open it from
 * this process would lose LevelDB's lock.
 *
 * @throws {StoreInUseError} another process has it open
 * @throws {StoreDamagedError} files are missing or do not fit together; nothing was created
 * @throws {StoreUnavailableError} the disk or the rights do not allow it
 */
export async function openLevelStore(location: string, options: LevelStoreOptions): Promise<Store> {
  const isNew = options.createIfMissing && (await isVacant(location));
  if (!isNew) await requireDatabase(location);
  const level = new Level(location, { ...LEVEL_OPTIONS, createIfMissing: isNew, errorIfExists: isNew }) as Database;
  try {
    await level.open();
    const [newest] = await level.keys({ reverse: true, limit: 1 }).all();
    return new LevelStore(level, options.durability, newest === undefined ? 0 : sequenceOf(newest, location));
  } catch (error) {
    await level.close().catch(() => undefined);
    throw levelError('open', location, error);
  }
}

class LevelStore implements Store {
  readonly #level: Database;
  readonly #sync: boolean;
  #newest: number;
  #writing: Promise<void> | undefined;
  /** What a write was rejected with. From then on nobody knows what the disk holds. */
  #rejectedWith: unknown;
  #reclaiming: Promise<void> | undefined;
  #reclaimNext: number | undefined;
  #writtenSinceReclaim: number = RECLAIM.every;
  #closing: Promise<void> | undefined;

  constructor(level: Database, durability: 'disk' | 'os', newest: number) {
    this.#level = level;
    this.#sync = durability === 'disk';
    this.#newest = newest;
  }

  write(
    frames: readonly FrameEntry[],
    drop: { readonly from: number; readonly below: number } | undefined,
  ): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#writing !== undefined) {
      throw new InvalidArgumentError({
        field: 'write',
        expected: 'the previous write to have settled',
        got: 'another',
      });
    }
    this.#newest = newestAfter(frames, drop, this.#newest);
    this.#writing = this.#writeBatch(frames, drop).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  #refusal(): StoreUnavailableError | undefined {
    if (this.#closing !== undefined) return new StoreUnavailableError('it is closed');
    if (this.#rejectedWith === undefined) return undefined;
    return new StoreUnavailableError('a write failed, so it takes no more before it is opened anew', {
      cause: this.#rejectedWith,
    });
  }

  async #writeBatch(
    frames: readonly FrameEntry[],
    drop: { readonly from: number; readonly below: number } | undefined,
  ): Promise<void> {
    try {
      // A chained batch costs the main thread a twentieth of an array of operations with options.
      const batch = this.#level.batch();
      for (const { sequence, bytes } of frames) batch.put(keyOf(sequence), bytes);
      for (let sequence = drop?.from ?? 0; sequence < (drop?.below ?? 0); sequence++) batch.del(keyOf(sequence));
      await batch.write({ sync: this.#sync });
    } catch (error) {
      this.#rejectedWith = error;
      throw levelError('write to', this.#level.location, error);
    }
    for (const { bytes } of frames) this.#writtenSinceReclaim += bytes.length;
    if (drop === undefined) return;
    this.#writtenSinceReclaim += (drop.below - drop.from) * RECLAIM.frame;
    this.#reclaim(drop.below);
  }

  /**
   * Has LevelDB give back the space of the deleted head once it is worth it, in the background.
   *
   * It would not do so alone: it compacts its files in turn by ascending key and looks for the next one above the last.
   * New frames always come above, so it never turns back to the deletions below: of 3,000 MiB that went through a log
   * of 125 MiB, 3,007 MiB were on disk in the end. With this it was 182 MiB, and never more than 338 MiB.
   */
  #reclaim(below: number): void {
    // What is deleted during one look is looked at by the next, also when nothing is written any more.
    if (this.#reclaiming !== undefined) this.#reclaimNext = below;
    if (this.#reclaiming !== undefined || this.#closing !== undefined) return;
    if (this.#writtenSinceReclaim < RECLAIM.every) return;
    this.#writtenSinceReclaim = 0;
    this.#reclaiming = this.#compactBelow(below)
      // If it failed because of the disk, LevelDB refuses the next write, which is the one place to hear of it.
      .catch(() => undefined)
      .finally(() => {
        this.#reclaiming = undefined;
        const next = this.#reclaimNext;
        this.#reclaimNext = undefined;
        if (next !== undefined) this.#reclaim(next);
      });
  }

  async #compactBelow(below: number): Promise<void> {
    const deadBytes = await this.#level.approximateSize(keyOf(0), keyOf(below));
    if (deadBytes > RECLAIM.above) await this.#level.compactRange(keyOf(0), keyOf(below));
  }

  async read(sequence: number): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    try {
      return await this.#level.get(keyOf(sequence));
    } catch (error) {
      throw levelError('read', this.#level.location, error);
    }
  }

  readSync(sequence: number): Uint8Array | undefined {
    this.#assertOpen();
    try {
      return this.#level.getSync(keyOf(sequence));
    } catch (error) {
      throw levelError('read', this.#level.location, error);
    }
  }

  async *scan(from = 0): AsyncIterable<readonly FrameEntry[]> {
    this.#assertOpen();
    const { location } = this.#level;
    const iterator = this.#level.iterator({ gte: keyOf(from), highWaterMarkBytes: SCAN_CHUNK.bytes, fillCache: false });
    // Whoever reads them does so with code that is new to the compiler, and the first frames take him ten times as long.
    let most: number = SCAN_CHUNK.firstFrames;
    const nextChunk = (): Promise<[Uint8Array, Uint8Array][]> => {
      const chunk = iterator.nextv(most);
      most = Math.min(2 * most, SCAN_CHUNK.frames);
      // A caller may leave the loop before this chunk is due; its error must not become an unhandled rejection then.
      chunk.catch(() => undefined);
      return chunk;
    };
    try {
      let coming = nextChunk();
      for (;;) {
        const entries = await coming;
        this.#assertOpen();
        if (entries.length === 0) return;
        coming = nextChunk();
        yield entries.map(([key, bytes]) => ({ sequence: sequenceOf(key, location), bytes }));
      }
    } catch (error) {
      throw levelError('read', location, error);
    } finally {
      await iterator.close();
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailableError('it is closed');
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeLevel();
    return this.#closing;
  }

  async #closeLevel(): Promise<void> {
    try {
      // It waits for what it was asked to do before: the write under way, the reads, a reclaim.
      await this.#level.close();
    } catch (error) {
      throw levelError('close', this.#level.location, error);
    }
  }
}

function sequenceOf(key: Uint8Array, location: string): number {
  const sequence = sequenceOfKey(key);
  if (sequence !== undefined) return sequence;
  throw new StoreDamagedError({
    what: `a key that no frame has: ${Buffer.from(key).toString('hex')}`,
    where: location,
  });
}
