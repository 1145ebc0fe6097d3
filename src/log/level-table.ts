/**
 * Reads a table of LevelDB (`.ldb`) without LevelDB, block by block, each checked by its CRC-32C. The format is that of
 * `table_format.md` in its sources: data blocks, then an index of them, then a footer that says where the index is. A
 * block is entries that share prefixes, a list of restarts, a byte for the compression, and the checksum.
 *
 * What one damaged block holds is told as missing and the others are read. Without an index the blocks are found one
 * after the other by their checksums alone, as far as they go without a gap.
 */
import { crc32c, unmasked } from './crc32c.ts';
import { readTableEntry, type LevelEntry } from './level-entries.ts';
import { ByteReader } from './level-numbers.ts';
import { decompressed } from './snappy.ts';

export type TableItem = { readonly kind: 'entry'; readonly entry: LevelEntry } | Problem;
interface Problem {
  readonly kind: 'problem';
  readonly at: number;
  readonly what: string;
}

const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
const PLAIN = 0;
const SNAPPY = 1;

interface Handle {
  readonly at: number;
  readonly size: number;
}

/** Every entry that can be read, and what cannot. */
export function* readTable(file: Buffer): Generator<TableItem> {
  let handles: Handle[];
  try {
    handles = indexOf(file);
  } catch (error) {
    yield problem(Math.max(0, file.length - FOOTER_BYTES), 'its index', error);
    yield* readWithoutIndex(file);
    return;
  }
  for (const handle of handles) {
    try {
      for (const entry of entriesAt(file, handle)) yield { kind: 'entry', entry };
    } catch (error) {
      yield problem(handle.at, 'a block', error);
    }
  }
  try {
    for (const handle of filtersOf(file)) checkBlock(file, handle);
  } catch (error) {
    yield problem(handles.at(-1)?.at ?? 0, 'its filter', error);
  }
}

/** What is wrong with the table, by the checksums of all its blocks; their content is not looked at, which is faster. */
export function tableProblem(file: Buffer): Problem | undefined {
  try {
    for (const handle of [...indexOf(file), ...filtersOf(file)]) {
      try {
        checkBlock(file, handle);
      } catch (error) {
        return problem(handle.at, 'a block', error);
      }
    }
    return undefined;
  } catch (error) {
    return problem(Math.max(0, file.length - FOOTER_BYTES), 'its index', error);
  }
}

/** The blocks behind those of data hold no entries, so the first that cannot be read as such ends it. */
function* readWithoutIndex(file: Buffer): Generator<TableItem> {
  try {
    for (const handle of blocksOneByOne(file)) {
      for (const entry of entriesAt(file, handle)) yield { kind: 'entry', entry };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

/** All entries of a block, or none if it is damaged anywhere. */
function entriesAt(file: Buffer, handle: Handle): LevelEntry[] {
  return [...entriesOf(blockAt(file, handle))].map(([key, value]) => readTableEntry(key, value));
}

function problem(at: number, what: string, error: unknown): Problem {
  if (!(error instanceof RangeError)) throw error;
  return { kind: 'problem', at, what: `${what} cannot be read: ${error.message}` };
}

/** The blocks of data. */
function indexOf(file: Buffer): Handle[] {
  return handlesIn(blockAt(file, footerOf(file).index));
}

/** The blocks that LevelDB skips others by, and their own index. */
function filtersOf(file: Buffer): Handle[] {
  const { metaindex } = footerOf(file);
  return [metaindex, ...handlesIn(blockAt(file, metaindex))];
}

function footerOf(file: Buffer): { readonly metaindex: Handle; readonly index: Handle } {
  if (file.length < FOOTER_BYTES) throw new RangeError(`the file has ${file.length} bytes`);
  const magic = new ByteReader(file, file.length - 8);
  if (magic.fixed32() !== MAGIC_LOW || magic.fixed32() !== MAGIC_HIGH) throw new RangeError('it does not end as one');
  const footer = new ByteReader(file, file.length - FOOTER_BYTES);
  return { metaindex: handleFrom(footer), index: handleFrom(footer) };
}

function handlesIn(block: Buffer): Handle[] {
  return [...entriesOf(block)].map(([, value]) => handleFrom(new ByteReader(value)));
}

function handleFrom(reader: ByteReader): Handle {
  return { at: reader.varint(), size: reader.varint() };
}

function checkBlock(file: Buffer, { at, size }: Handle): void {
  if (at + size + TRAILER_BYTES > file.length) throw new RangeError('it lies outside of the file');
  if (crc32c(file, at, at + size + 1) !== unmasked(file.readUInt32LE(at + size + 1))) {
    throw new RangeError('its checksum does not match');
  }
}

function blockAt(file: Buffer, handle: Handle): Buffer {
  checkBlock(file, handle);
  const { at, size } = handle;
  const content = file.subarray(at, at + size);
  const compression = file[at + size];
  if (compression === PLAIN) return content;
  if (compression === SNAPPY) return decompressed(content);
  throw new RangeError(`the unknown compression ${compression}`);
}

/** The entries of a block; the keys are copies. */
function* entriesOf(block: Buffer): Generator<[key: Buffer, value: Buffer]> {
  if (block.length < 4) throw new RangeError(`it has ${block.length} bytes`);
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - 4 * restarts;
  if (end < 0) throw new RangeError(`it has ${restarts} restarts`);
  const reader = new ByteReader(block, 0, end);
  let before: Buffer = Buffer.alloc(0);
  while (!reader.isAtEnd) {
    const shared = reader.varint();
    const own = reader.varint();
    const valueLength = reader.varint();
    if (shared > before.length) throw new RangeError('a key shares more than there is');
    const key = Buffer.concat([before.subarray(0, shared), reader.take(own)]);
    yield [key, reader.take(valueLength)];
    before = key;
  }
}

/** From the beginning of the file, wherever a checksum fits to what stands before it. */
function* blocksOneByOne(file: Buffer): Generator<Handle> {
  let from = 0;
  let crc = 0;
  for (let at = 0; at + 4 < file.length; at++) {
    crc = crc32c(file, at, at + 1, crc);
    if (at < from + 4 || crc !== unmasked(file.readUInt32LE(at + 1))) continue;
    yield { at: from, size: at - from };
    from = at + TRAILER_BYTES;
    at = from - 1;
    crc = 0;
  }
}
