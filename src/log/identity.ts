import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { InvalidArgumentError, StoreDamagedError, StoreFormatError } from '../errors.ts';
import { systemCode, unavailable, writeDurably } from './durable-file.ts';

/** The format of everything in the folder. A folder of a newer one is refused and left as it is. */
export const FOLDER_FORMAT = 1;

/** What makes a folder ours: the content of `holdfast.json`. */
export interface Identity {
  readonly format: number;
  /** 128 random bits as hexadecimal digits, the same for as long as the folder lives. */
  readonly id: string;
  readonly createdAt: number;
}

/** What enters from outside when a folder is made. */
export interface IdentityFacts {
  /** 128 random bits as 32 lower-case hexadecimal digits. */
  readonly id: string;
  readonly createdAt: number;
}

const ID = /^[0-9a-f]{32}$/;

/** @throws {StoreUnavailableError} */
export async function writeIdentity(file: string, { id, createdAt }: IdentityFacts): Promise<Identity> {
  if (!ID.test(id)) throw new InvalidArgumentError({ field: 'id', expected: '32 hexadecimal digits', got: id });
  const identity = { format: FOLDER_FORMAT, id, createdAt };
  await writeDurably(file, Buffer.from(`${JSON.stringify({ ...identity, crc32: checksum(identity) })}\n`));
  return identity;
}

/**
 * Reads what folder this is; undefined when the file is missing.
 *
 * @throws {StoreFormatError} a newer version of the library made the folder
 * @throws {StoreDamagedError} the file does not hold what was written
 */
export async function readIdentity(file: string): Promise<Identity | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unavailable(`read ${file}`, error);
  }
  const { format, id, createdAt, crc32: written } = parse(text, file);
  // A newer format may have other fields and another checksum, so only its number is looked at.
  if (typeof format === 'number' && Number.isInteger(format) && format > FOLDER_FORMAT) {
    throw new StoreFormatError({ where: file, found: format, supported: FOLDER_FORMAT });
  }
  if (format !== FOLDER_FORMAT || typeof id !== 'string' || !ID.test(id) || typeof createdAt !== 'number') {
    throw new StoreDamagedError({ what: 'it does not say which folder this is', where: file });
  }
  const identity = { format, id, createdAt };
  if (written !== checksum(identity)) throw new StoreDamagedError({ what: 'its checksum does not match', where: file });
  return identity;
}

function parse(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
    throw new TypeError('it is not an object');
  } catch (error) {
    throw new StoreDamagedError({ what: 'it is not readable as JSON', where: file, cause: error });
  }
}

function checksum({ format, id, createdAt }: Identity): string {
  return crc32(`${format} ${id} ${createdAt}`).toString(16).padStart(8, '0');
}
