/** Bytes as LevelDB writes them, made by hand: logs, tables and what stands in them. */
import { crc32c } from '../../src/log/crc32c.ts';

export const BLOCK_BYTES = 32_768;
export const FULL = 1;
export const FIRST = 2;
export const MIDDLE = 3;
export const LAST = 4;
export const VALUE = 1;
export const DELETION = 0;
const MAGIC = '57fb808b247547db';

/** A CRC as LevelDB stores it. */
function masked(bytes: Buffer): Buffer {
  const crc = crc32c(bytes);
  const stored = Buffer.alloc(4);
  stored.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 0);
  return stored;
}

/** A piece of a record in a log. */
export function piece(type: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length, 0);
  return Buffer.concat([masked(Buffer.concat([Buffer.from([type]), bytes])), length, Buffer.from([type]), bytes]);
}

/** A log of these records, each in as many pieces as the blocks ask for. */
export function logOf(...records: readonly Buffer[]): Buffer {
  let file = Buffer.alloc(0);
  for (const record of records) {
    let at = 0;
    for (let isFirst = true; isFirst || at < record.length; isFirst = false) {
      const left = BLOCK_BYTES - (file.length % BLOCK_BYTES);
      if (left < 7) file = Buffer.concat([file, Buffer.alloc(left)]);
      const room = left < 7 ? BLOCK_BYTES - 7 : left - 7;
      const bytes = record.subarray(at, at + room);
      const isLast = at + bytes.length === record.length;
      const type = isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE;
      file = Buffer.concat([file, piece(type, bytes)]);
      at += bytes.length;
    }
  }
  return file;
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

export function sized(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function fixed64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value), 0);
  return bytes;
}

/** A batch: an undefined value deletes its key. */
export function batch(version: number, entries: readonly [key: string, value: string | undefined][]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length, 0);
  const parts = entries.map(([key, value]) =>
    value === undefined
      ? Buffer.concat([Buffer.from([DELETION]), sized(key)])
      : Buffer.concat([Buffer.from([VALUE]), sized(key), sized(value)]),
  );
  return Buffer.concat([fixed64(version), count, ...parts]);
}

/** A key as it stands in tables and in the MANIFEST. */
export function tableKey(key: string, version: number, type: number = VALUE): Buffer {
  return Buffer.concat([Buffer.from(key), fixed64(version * 256 + type)]);
}

export interface Block {
  readonly at: number;
  readonly size: number;
}

export function handle({ at, size }: Block): Buffer {
  return Buffer.concat([varint(at), varint(size)]);
}

/** The content of a block. Every key shares with the one before it what it can. */
export function content(entries: readonly (readonly [key: Buffer, value: Buffer])[], restarts = 1): Buffer {
  let before = Buffer.alloc(0);
  const parts: Buffer[] = [];
  for (const [key, value] of entries) {
    let shared = 0;
    while (shared < Math.min(before.length, key.length) && before[shared] === key[shared]) shared++;
    const own = key.subarray(shared);
    parts.push(varint(shared), varint(own.length), varint(value.length), own, value);
    before = Buffer.from(key);
  }
  const end = Buffer.alloc(4 * restarts + 4);
  end.writeUInt32LE(restarts, 4 * restarts);
  return Buffer.concat([...parts, end]);
}

/** Puts blocks one behind the other into a file, and knows where each is. */
export class TableBytes {
  bytes: Buffer = Buffer.alloc(0);

  add(block: Buffer, compression = 0): Block {
    const at = this.bytes.length;
    const covered = Buffer.concat([block, Buffer.from([compression])]);
    this.bytes = Buffer.concat([this.bytes, covered, masked(covered)]);
    return { at, size: block.length };
  }

  /** Ends the file with what says where its two indexes are. */
  end(metaindex: Block, index: Block): Buffer {
    const footer = Buffer.alloc(48);
    Buffer.concat([handle(metaindex), handle(index)]).copy(footer);
    footer.write(MAGIC, 40, 'hex');
    return Buffer.concat([this.bytes, footer]);
  }
}
