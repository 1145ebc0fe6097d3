/**
 * The witness: a small file beside LevelDB that says how far the log went at least.
 *
 * Frames prove that what is there fits together, but a log that was cut off at its end looks whole, and LevelDB can roll
 * back to an old state in silence (half a MANIFEST is enough). So the newest sequence number and its chain value are
 * written down outside of it: every few milliseconds while there are commits, fsynced now and then and when the log is
 * closed (`witnessed-store.ts`). A log that ends below is not whole.
 *
 * There are two slots, each in a sector of its own. One is written over until it is fsynced, and then it is the turn of
 * the other: a write that is torn by a power cut leaves the slot that was fsynced before. Both are valid from the
 * beginning: if neither is, this is no torn write.
 *
 * Only a frame that is fsynced may be witnessed. With durability 'os' a power cut takes frames from the end by right,
 * and a witness of them would cry damage.
 *
 * A slot, big-endian: CRC-32 of the rest (4 bytes), "HFW1" (4), turn (8), sequence (8), chain (4), zero (4).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { HoldfastError, StoreDamagedError, StoreUnavailableError } from '../errors.ts';
import { systemCode, unavailable, writeDurably } from './durable-file.ts';

/** A frame, by its number and the chain value that follows from it. Sequence 0: no frame yet. */
export interface Witnessed {
  readonly sequence: number;
  readonly chain: number;
}

interface Slot extends Witnessed {
  /** Counts the writes of this file: the slot with the higher one is the newer. */
  readonly turn: number;
}

const MAGIC = 0x48465731;
const SLOT_BYTES = 32;
const SLOT_DISTANCE_BYTES = 4096;
const FILE_BYTES = 2 * SLOT_DISTANCE_BYTES;

/** Makes the witness of a new log, durably. @throws {StoreUnavailableError} */
export async function createWitness(file: string): Promise<void> {
  const bytes = Buffer.alloc(FILE_BYTES);
  for (const turn of [0, 1]) bytes.set(encodeSlot({ turn, sequence: 0, chain: 0 }), placeOf(turn));
  await writeDurably(file, bytes);
}

/**
 * Opens the witness of a log.
 *
 * @throws {StoreDamagedError} when it is missing, or neither slot is whole
 * @throws {StoreUnavailableError} when the disk or the rights do not allow it
 */
export async function openWitness(file: string): Promise<Witness> {
  const handle = await openFile(file, 'r+');
  try {
    return new Witness(file, handle, await newestSlot(file, handle));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What the witness of a log says, without a claim to write. Throws as `openWitness` does. */
export async function readWitness(file: string): Promise<Witnessed> {
  const handle = await openFile(file, 'r');
  try {
    const { sequence, chain } = await newestSlot(file, handle);
    return { sequence, chain };
  } finally {
    await handle.close();
  }
}

async function openFile(file: string, flags: 'r' | 'r+'): Promise<FileHandle> {
  try {
    return await open(file, flags);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unavailable(`open ${file}`, error);
    throw new StoreDamagedError({ what: 'the witness of the log is missing', where: file, cause: error });
  }
}

async function newestSlot(file: string, handle: FileHandle): Promise<Slot> {
  const bytes = Buffer.alloc(FILE_BYTES);
  const { bytesRead } = await handle.read(bytes, 0, FILE_BYTES, 0).catch((error: unknown) => {
    throw unavailable(`read ${file}`, error);
  });
  const slots = [0, 1].map((turn) => decodeSlot(bytes.subarray(placeOf(turn), placeOf(turn) + SLOT_BYTES)));
  const whole = slots.filter((slot) => slot !== undefined).sort((a, b) => b.turn - a.turn);
  if (whole[0] === undefined || bytesRead < FILE_BYTES) {
    throw new StoreDamagedError({ what: 'neither slot of the witness is whole', where: file });
  }
  return whole[0];
}

export class Witness {
  readonly #file: string;
  readonly #handle: FileHandle;
  #newest: Slot;
  /** Whether the newest slot is fsynced. Until it is, it is written over in its place, and the other one is safe. */
  #isSynced = true;
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(file: string, handle: FileHandle, newest: Slot) {
    this.#file = file;
    this.#handle = handle;
    this.#newest = newest;
  }

  /** What was written last. */
  get newest(): Witnessed {
    const { sequence, chain } = this.#newest;
    return { sequence, chain };
  }

  /**
   * Resolves when it is on disk. Calls wait for one another. A failed one leaves the older slot as it is, and the next
   * one tries again.
   *
   * @throws {StoreUnavailableError} the disk refused, or it is closed
   */
  write(sequence: number, chain: number): Promise<void> {
    return this.#inTurn(async () => {
      const slot = await this.#writeSlot(sequence, chain);
      await this.#handle.datasync();
      this.#newest = slot;
      this.#isSynced = true;
    });
  }

  /** Resolves when the operating system has it, which survives the death of the process only. Throws as `write` does. */
  note(sequence: number, chain: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#newest = await this.#writeSlot(sequence, chain);
      this.#isSynced = false;
    });
  }

  /** Resolves when everything that was noted is on disk. Throws as `write` does. */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isSynced) return;
      await this.#handle.datasync();
      this.#isSynced = true;
    });
  }

  /** Reads it again and makes that durable, for somebody else may have written to it. Throws as `openWitness` does. */
  reload(): Promise<void> {
    return this.#inTurn(async () => {
      this.#newest = await newestSlot(this.#file, this.#handle);
      await this.#handle.datasync();
      this.#isSynced = true;
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new StoreUnavailableError('the witness is closed'));
    const done = this.#last.then(work).catch((error: unknown) => {
      throw error instanceof HoldfastError ? error : unavailable(`write ${this.#file}`, error);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #writeSlot(sequence: number, chain: number): Promise<Slot> {
    // Slots of turns that differ by two lie in one place.
    const slot = { turn: this.#newest.turn + (this.#isSynced ? 1 : 2), sequence, chain };
    await this.#handle.write(encodeSlot(slot), 0, SLOT_BYTES, placeOf(slot.turn));
    return slot;
  }

  /** Waits for the writes under way. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#last.then(() => this.#handle.close());
    return this.#closing;
  }
}

/**
 * Compares the end of a log with its witness: says what is wrong, or undefined if nothing is.
 *
 * @param last the newest frame of the log, undefined if it has none
 * @param chainAtWitness the chain value of the frame the witness names, if it is still in the log
 */
export function missingTail(
  witness: Witnessed,
  last: Witnessed | undefined,
  chainAtWitness?: number,
): string | undefined {
  const end = last?.sequence ?? 0;
  if (end < witness.sequence) return `the frames ${end + 1} to ${witness.sequence} are missing from the end of the log`;
  const chain = last?.sequence === witness.sequence ? last.chain : chainAtWitness;
  if (witness.sequence === 0 || chain === undefined || chain === witness.chain) return undefined;
  return `frame ${witness.sequence} is not the one that was there when the log was witnessed`;
}

function placeOf(turn: number): number {
  return (turn % 2) * SLOT_DISTANCE_BYTES;
}

function encodeSlot({ turn, sequence, chain }: Slot): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32BE(MAGIC, 4);
  bytes.writeBigUInt64BE(BigInt(turn), 8);
  bytes.writeBigUInt64BE(BigInt(sequence), 16);
  bytes.writeUInt32BE(chain, 24);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

function decodeSlot(bytes: Buffer): Slot | undefined {
  if (bytes.readUInt32BE(0) !== crc32(bytes.subarray(4)) || bytes.readUInt32BE(4) !== MAGIC) return undefined;
  return {
    turn: Number(bytes.readBigUInt64BE(8)),
    sequence: Number(bytes.readBigUInt64BE(16)),
    chain: bytes.readUInt32BE(24),
  };
}
