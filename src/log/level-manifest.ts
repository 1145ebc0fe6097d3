/** What LevelDB's MANIFEST says: which tables hold the store, and from which write-ahead log on. */
import { readBlocks } from './level-blocks.ts';
import { userKeyOf } from './level-entries.ts';
import { ByteReader } from './level-numbers.ts';

export interface TableFile {
  readonly number: number;
  readonly bytes: number;
  /** The highest key in it. */
  readonly largest: Buffer;
}

export interface Manifest {
  /** Older write-ahead logs are not needed any more. */
  readonly logNumber: number;
  readonly previousLogNumber: number;
  /** Files from this number on are not there yet. */
  readonly nextFile: number;
  readonly tables: ReadonlyMap<number, TableFile>;
  readonly problems: ReadonlyArray<{ readonly at: number; readonly what: string; readonly isCut: boolean }>;
}

const COMPARATOR = 1;
const LOG_NUMBER = 2;
const NEXT_FILE = 3;
const LAST_VERSION = 4;
const COMPACT_POINTER = 5;
const DELETED_TABLE = 6;
const NEW_TABLE = 7;
const PREVIOUS_LOG = 9;

export function readManifest(file: Buffer): Manifest {
  const tables = new Map<number, TableFile>();
  const problems: { at: number; what: string; isCut: boolean }[] = [];
  const numbers: Numbers = { log: 0, previous: 0, nextFile: 0 };
  for (const item of readBlocks(file)) {
    if (item.kind === 'problem') {
      problems.push({ at: item.at, what: item.what, isCut: item.isCut });
      continue;
    }
    try {
      applyEdit(new ByteReader(item.bytes), tables, numbers);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push({ at: item.at, what: `a record that cannot be read: ${error.message}`, isCut: false });
    }
  }
  return { logNumber: numbers.log, previousLogNumber: numbers.previous, nextFile: numbers.nextFile, tables, problems };
}

interface Numbers {
  log: number;
  previous: number;
  nextFile: number;
}

function applyEdit(reader: ByteReader, tables: Map<number, TableFile>, numbers: Numbers): void {
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    switch (tag) {
      case COMPARATOR:
        reader.sized();
        break;
      case LOG_NUMBER:
        numbers.log = reader.varint();
        break;
      case PREVIOUS_LOG:
        numbers.previous = reader.varint();
        break;
      case NEXT_FILE:
        numbers.nextFile = reader.varint();
        break;
      case LAST_VERSION:
        reader.varint();
        break;
      case COMPACT_POINTER:
        reader.varint();
        reader.sized();
        break;
      case DELETED_TABLE:
        reader.varint();
        tables.delete(reader.varint());
        break;
      case NEW_TABLE: {
        reader.varint();
        const number = reader.varint();
        const bytes = reader.varint();
        reader.sized();
        tables.set(number, { number, bytes, largest: userKeyOf(reader.sized()) });
        break;
      }
      default:
        throw new RangeError(`a field of the unknown kind ${tag}`);
    }
  }
}
