/** What LevelDB's write-ahead log says: batches of puts and deletions, one batch a record. */
import { ByteReader } from './level-numbers.ts';

/** One version of a key: its newest one, by `version`, is what holds. */
export interface LevelEntry {
  readonly key: Buffer;
  /** LevelDB's own counter, higher for what was written later. */
  readonly version: number;
  /** Undefined for a deletion. */
  readonly value: Buffer | undefined;
}

const DELETION = 0;
const VALUE = 1;

/** @throws {RangeError} when the bytes are not a batch */
export function readBatch(record: Buffer): LevelEntry[] {
  const reader = new ByteReader(record);
  const version = reader.fixed64();
  const count = reader.fixed32();
  const entries: LevelEntry[] = [];
  for (let n = 0; n < count; n++) {
    const type = reader.byte();
    const key = reader.sized();
    if (type !== VALUE && type !== DELETION) throw new RangeError(`an entry of the type ${type}`);
    entries.push({ key, version: version + n, value: type === VALUE ? reader.sized() : undefined });
  }
  if (!reader.isAtEnd) throw new RangeError(`${count} entries end at ${reader.at} of ${record.length}`);
  return entries;
}

/** A key as the tables have it: the user's key, then version and type as eight bytes. */
export function readTableEntry(internalKey: Buffer, value: Buffer): LevelEntry {
  const key = userKeyOf(internalKey);
  const mark = new ByteReader(internalKey, key.length);
  const type = mark.byte();
  if (type !== VALUE && type !== DELETION) throw new RangeError(`an entry of the type ${type}`);
  mark.at = key.length;
  const version = Math.floor(mark.fixed64() / 256);
  return { key, version, value: type === VALUE ? value : undefined };
}

export function userKeyOf(internalKey: Buffer): Buffer {
  if (internalKey.length < 8) throw new RangeError(`a key of ${internalKey.length} bytes`);
  return internalKey.subarray(0, internalKey.length - 8);
}
