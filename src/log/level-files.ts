import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { StoreDamagedError } from '../errors.ts';
import { systemCode, unavailable } from './durable-file.ts';

/**
 * Looks whether there is a database in this folder, so that LevelDB is not asked about one that it refuses: it leaves
 * files behind in it, and a missing folder it makes.
 *
 * @throws {StoreDamagedError} naming what is missing
 */
export async function requireDatabase(location: string): Promise<void> {
  const names = await namesIn(location);
  if (names === undefined) throw new StoreDamagedError({ what: 'the folder of the log is missing', where: location });
  if (!names.includes('CURRENT')) {
    throw new StoreDamagedError({ what: 'the file CURRENT is missing', where: path.join(location, 'CURRENT') });
  }
}

/** Whether the folder is missing or holds nothing: the only ones a database may be made in. */
export async function isVacant(location: string): Promise<boolean> {
  const names = await namesIn(location);
  return names === undefined || names.length === 0;
}

async function namesIn(location: string): Promise<string[] | undefined> {
  try {
    return await readdir(location);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unavailable(`read the folder ${location}`, error);
  }
}
