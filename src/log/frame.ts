/**
 * A frame: the events of one commit (or a part of them), as one value of LevelDB. `docs/log-format.md` has the grammar.
 *
 *   0  u32 CRC-32 of everything behind it    24 f64 the moment it was begun, epoch ms
 *   4  u32 magic, with the format version    32 u32 number of records
 *   8  f64 sequence number, from 1           36 u32 flags
 *  16  u32 CRC of the frame before           40 records …
 *  20  u32 where the names begin             then the names: u16 length and bytes, each
 *
 * All numbers are little-endian. The CRC covers the version, so that a flipped bit is not taken for a newer format, and
 * the CRC of the frame before, so that a frame vouches for all before it: a frame that is lost, damaged, or put back
 * from an older copy breaks the chain.
 */
import { crc32 } from 'node:zlib';
import { StoreDamagedError, StoreFormatError } from '../errors.ts';

export const HEADER_BYTES = 40;
/** A frame is closed before it would grow past this, so that one body can be read without reading much else. */
export const FULL_FRAME_BYTES = 64 * 1024;
export const FORMAT_VERSION = 1;

const SMALLEST_BYTES = 4096;
/** A frame of one large body makes the bytes grow; they are not kept for the frames after it. */
const LARGEST_KEPT_BYTES = 4 * FULL_FRAME_BYTES;
const MAGIC = 0x00464648; // "HFF" and, in the highest byte, the version
/** Where the CRC stands, and where what it covers begins. */
const CRC_AT = 0;
const COVERED_FROM = 4;
const MAGIC_AT = 4;
/** The last frame of its commit. A log that ends without it has lost a part of an atomic batch. */
const FLAG_LAST_OF_COMMIT = 1;

/** The position of a record: its frame's sequence number and its offset there, as one number. Also the public `seq`. */
export function positionOf(sequence: number, offset: number): number {
  return sequence * FULL_FRAME_BYTES + offset;
}
export function sequenceOf(position: number): number {
  return Math.floor(position / FULL_FRAME_BYTES);
}
export function offsetOf(position: number): number {
  return position % FULL_FRAME_BYTES;
}

/** A frame as it was read, checked. */
export interface Frame {
  readonly sequence: number;
  /** The CRC of this frame: what the next one must name. */
  readonly chain: number;
  readonly startedAt: number;
  readonly recordCount: number;
  readonly isLastOfCommit: boolean;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly names: readonly string[];
  /** Where the records end. */
  readonly end: number;
}

/**
 * Reads a frame and checks it: magic, version, CRC, sequence number.
 *
 * @throws {StoreDamagedError} when a check fails, naming which
 * @throws {StoreFormatError} when a newer version of holdfast wrote it
 */
export function readFrame(bytes: Uint8Array, sequence: number): Frame {
  const where = `frame ${sequence} of the log`;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES) throw damaged(where, `it has ${buffer.length} bytes, fewer than its header`);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const magic = view.getUint32(MAGIC_AT, true);
  if ((magic & 0x00ffffff) !== MAGIC) throw damaged(where, 'it does not begin as a frame does');
  const version = magic >>> 24;
  const crc = crc32(buffer.subarray(COVERED_FROM));
  if (view.getUint32(CRC_AT, true) !== crc) throw damaged(where, 'its checksum does not match its bytes');
  if (version !== FORMAT_VERSION) throw new StoreFormatError({ where, supported: FORMAT_VERSION, found: version });
  if (view.getFloat64(8, true) !== sequence) {
    throw damaged(where, `it says that it is frame ${view.getFloat64(8, true)}`);
  }
  const end = view.getUint32(20, true);
  return {
    sequence,
    chain: crc,
    startedAt: view.getFloat64(24, true),
    recordCount: view.getUint32(32, true),
    isLastOfCommit: (view.getUint32(36, true) & FLAG_LAST_OF_COMMIT) !== 0,
    bytes: buffer,
    view,
    names: readNames(buffer, view, end, where),
    end,
  };
}

/** The CRC of a frame that is known to be whole, from its bytes alone. */
export function chainOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(CRC_AT, true);
}

/** The CRC that a frame names as its predecessor's. */
export function previousChainOf(frame: Frame): number {
  return frame.view.getUint32(16, true);
}

function readNames(buffer: Buffer, view: DataView, from: number, where: string): string[] {
  const names: string[] = [];
  let at = from;
  while (at >= HEADER_BYTES && at + 2 <= buffer.length) {
    const length = view.getUint16(at, true);
    names.push(buffer.toString('latin1', at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (at !== buffer.length) throw damaged(where, 'its names do not end where it ends');
  return names;
}

function damaged(where: string, what: string): StoreDamagedError {
  return new StoreDamagedError({ where, what });
}

/**
 * The frame being filled. Records are written straight into its bytes by `write-record.ts`. There is one for a log: to
 * seal it copies what was written, and the bytes serve the next frame.
 */
export class OpenFrame {
  sequence = 0;
  startedAt = 0;
  bytes: Buffer = Buffer.allocUnsafeSlow(SMALLEST_BYTES);
  view: DataView = new DataView(this.bytes.buffer);
  end: number = HEADER_BYTES;
  recordCount = 0;
  readonly #names = new Map<string, number>();
  #namesBytes = 0;

  /** Begins an empty frame. */
  begin(sequence: number, startedAt: number): void {
    this.sequence = sequence;
    this.startedAt = startedAt;
    this.end = HEADER_BYTES;
    this.recordCount = 0;
    this.#names.clear();
    this.#namesBytes = 0;
    if (this.bytes.length > LARGEST_KEPT_BYTES) this.#allocate(SMALLEST_BYTES);
  }

  /** How long the frame would be if it were sealed now. */
  get length(): number {
    return this.end + this.#namesBytes;
  }

  /** The number of a type or queue name within this frame. */
  nameNumber(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#namesBytes += 2 + name.length;
    this.#names.set(name, this.#names.size);
    return this.#names.size - 1;
  }

  /** Makes sure that `byteCount` bytes can be written at `end`. */
  makeRoomFor(byteCount: number): void {
    const needed = this.end + byteCount;
    if (needed <= this.bytes.length) return;
    const written = this.bytes.subarray(0, this.end);
    this.#allocate(Math.max(needed, this.bytes.length * 2));
    written.copy(this.bytes);
  }

  /** Not from Node's pool: a view over the pool would show other people's bytes. */
  #allocate(byteCount: number): void {
    this.bytes = Buffer.allocUnsafeSlow(byteCount);
    this.view = new DataView(this.bytes.buffer);
  }

  skip(byteCount: number): void {
    this.end += byteCount;
  }
  putByte(value: number): void {
    this.view.setUint8(this.end, value);
    this.end += 1;
  }
  putWord(value: number): void {
    this.view.setUint32(this.end, value, true);
    this.end += 4;
  }
  putFloat(value: number): void {
    this.view.setFloat64(this.end, value, true);
    this.end += 8;
  }
  putText(text: string): void {
    this.end += this.bytes.write(text, this.end, 'utf8');
  }
  putSizedText(text: string): void {
    const length = text === '' ? 0 : this.bytes.write(text, this.end + 4, 'utf8');
    this.putWord(length);
    this.end += length;
  }

  /** Ends the frame. @param previousChain the CRC of the frame before, 0 for the first of a log. */
  seal(previousChain: number, isLastOfCommit: boolean): Frame {
    const namesAt = this.end;
    this.makeRoomFor(this.#namesBytes);
    for (const name of this.#names.keys()) {
      this.view.setUint16(this.end, name.length, true);
      this.bytes.write(name, this.end + 2, 'latin1');
      this.end += 2 + name.length;
    }
    this.view.setUint32(MAGIC_AT, (MAGIC | (FORMAT_VERSION << 24)) >>> 0, true);
    this.view.setFloat64(8, this.sequence, true);
    this.view.setUint32(16, previousChain, true);
    this.view.setUint32(20, namesAt, true);
    this.view.setFloat64(24, this.startedAt, true);
    this.view.setUint32(32, this.recordCount, true);
    this.view.setUint32(36, isLastOfCommit ? FLAG_LAST_OF_COMMIT : 0, true);
    const chain = crc32(this.bytes.subarray(COVERED_FROM, this.end));
    this.view.setUint32(CRC_AT, chain, true);
    return this.#copy(chain, isLastOfCommit, namesAt);
  }

  /** What is in it now, to be read and not to be stored: it has no checksum yet. */
  soFar(): Frame {
    return this.#copy(0, false, this.end);
  }

  #copy(chain: number, isLastOfCommit: boolean, end: number): Frame {
    const { sequence, startedAt, recordCount } = this;
    const bytes = Buffer.from(this.bytes.subarray(0, this.end));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return {
      sequence,
      chain,
      startedAt,
      recordCount,
      isLastOfCommit,
      bytes,
      view,
      names: [...this.#names.keys()],
      end,
    };
  }
}
