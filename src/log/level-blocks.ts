/**
 * Reads a file that LevelDB appends to (its write-ahead log and its MANIFEST) without LevelDB, which passes over what is
 * damaged in silence. The format is that of `log_format.md` in its sources: blocks of 32 KiB; in them pieces, each with
 * a masked CRC-32C (4 bytes), a length (2) and a type (1); a record is one full piece, or a first, middle ones and a
 * last. A block's last 6 bytes or less are zeros.
 *
 * What is damaged is told and passed over byte by byte, so that nothing whole behind it is missed.
 */
import { crc32c, unmasked } from './crc32c.ts';

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

export type BlockItem =
  | { readonly kind: 'record'; readonly at: number; readonly bytes: Buffer }
  /** Bytes that are not what was written. `isCut`: the file just ends there, as it does when a write was interrupted. */
  | { readonly kind: 'problem'; readonly at: number; readonly what: string; readonly isCut: boolean };

interface Piece {
  readonly at: number;
  readonly type: number;
  readonly bytes: Buffer;
}

/** All records of the file, and between them what is wrong with it, in the order of the file. */
export function* readBlocks(file: Buffer): Generator<BlockItem> {
  let begun: Piece[] = [];
  const unfinished = (isCut: boolean): BlockItem => {
    const at = begun[0]?.at ?? 0;
    begun = [];
    return { kind: 'problem', at, what: 'a record begins there and does not end', isCut };
  };
  for (const piece of readPieces(file)) {
    if ('kind' in piece) {
      if (begun.length > 0) yield unfinished(piece.isCut);
      yield piece;
      continue;
    }
    if (begun.length > 0 && (piece.type === FULL || piece.type === FIRST)) yield unfinished(false);
    if (begun.length === 0 && (piece.type === MIDDLE || piece.type === LAST)) {
      yield { kind: 'problem', at: piece.at, what: 'a piece of a record whose beginning is not there', isCut: false };
      continue;
    }
    begun.push(piece);
    if (piece.type !== FULL && piece.type !== LAST) continue;
    const [{ at, bytes }] = begun as [Piece];
    yield { kind: 'record', at, bytes: begun.length === 1 ? bytes : Buffer.concat(begun.map((part) => part.bytes)) };
    begun = [];
  }
  if (begun.length > 0) yield unfinished(true);
}

function* readPieces(file: Buffer): Generator<Piece | (BlockItem & { kind: 'problem' })> {
  for (let block = 0; block < file.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, file.length);
    let damagedFrom = -1;
    for (let at = block; at < end;) {
      const piece = pieceAt(file, at, end);
      if (piece !== undefined) {
        if (damagedFrom >= 0) yield damaged(damagedFrom, false);
        damagedFrom = -1;
        yield piece;
        at += HEADER_BYTES + piece.bytes.length;
      } else if (damagedFrom < 0 && end === block + BLOCK_BYTES && end - at < HEADER_BYTES) {
        break;
      } else {
        if (damagedFrom < 0) damagedFrom = at;
        at++;
      }
    }
    if (damagedFrom >= 0) yield damaged(damagedFrom, end === file.length && isCutShort(file, damagedFrom, end));
  }
}

function pieceAt(file: Buffer, at: number, end: number): Piece | undefined {
  if (at + HEADER_BYTES > end) return undefined;
  const type = file[at + 6] as number;
  const length = file.readUInt16LE(at + 4);
  if (type < FULL || type > LAST || at + HEADER_BYTES + length > end) return undefined;
  if (crc32c(file, at + 6, at + HEADER_BYTES + length) !== unmasked(file.readUInt32LE(at))) return undefined;
  return { at, type, bytes: file.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length) };
}

function damaged(at: number, isCut: boolean): BlockItem & { kind: 'problem' } {
  const what = isCut ? 'the file ends in the middle of a record' : 'bytes whose checksum does not match';
  return { kind: 'problem', at, what, isCut };
}

/** Whether what is there may be the beginning of a piece that would end beyond the file, or room that was never used. */
function isCutShort(file: Buffer, at: number, end: number): boolean {
  if (at + HEADER_BYTES > end || file.subarray(at, end).every((byte) => byte === 0)) return true;
  const type = file[at + 6] as number;
  return type >= FULL && type <= LAST && at + HEADER_BYTES + file.readUInt16LE(at + 4) > end;
}
