/** Undoes Snappy, which LevelDB compresses its tables with. Only the direction that verify and repair need. */
import { ByteReader } from './level-numbers.ts';

/** LevelDB's blocks hold 4 KiB, or one value that is larger; a length beyond this is damage and not worth the memory. */
const MOST_BYTES = 1024 * 1024 * 1024;

/** @throws {RangeError} when the bytes are not what Snappy writes */
export function decompressed(bytes: Buffer): Buffer {
  const reader = new ByteReader(bytes);
  const length = reader.varint();
  // Snappy makes 64 bytes of three at the very most.
  if (length > MOST_BYTES || length > bytes.length * 64) throw new RangeError(`a length of ${length} bytes`);
  const target = Buffer.allocUnsafe(length);
  let end = 0;
  while (!reader.isAtEnd) {
    const tag = reader.byte();
    if ((tag & 3) === 0) {
      const literal = reader.take(literalLength(tag, reader));
      if (end + literal.length > length) throw new RangeError('more bytes than were announced');
      literal.copy(target, end);
      end += literal.length;
    } else {
      const [copyLength, offset] = copyOf(tag, reader);
      if (offset === 0 || offset > end || end + copyLength > length) throw new RangeError('a copy from outside');
      // The copy may reach into what it writes, which repeats it.
      for (let n = 0; n < copyLength; n++) target[end + n] = target[end - offset + n] as number;
      end += copyLength;
    }
  }
  if (end !== length) throw new RangeError(`${end} bytes of ${length}`);
  return target;
}

function literalLength(tag: number, reader: ByteReader): number {
  const short = tag >>> 2;
  if (short < 60) return short + 1;
  let length = 0;
  for (let n = 0; n < short - 59; n++) length += reader.byte() * 2 ** (8 * n);
  return length + 1;
}

function copyOf(tag: number, reader: ByteReader): [length: number, offset: number] {
  switch (tag & 3) {
    case 1:
      return [((tag >>> 2) & 7) + 4, ((tag >>> 5) << 8) | reader.byte()];
    case 2:
      return [(tag >>> 2) + 1, reader.byte() | (reader.byte() << 8)];
    default:
      return [(tag >>> 2) + 1, reader.fixed32()];
  }
}
