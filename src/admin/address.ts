/** Where a live engine is spoken to, and with which secret: a file in its folder that only its owner may read. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export interface Address {
  /** A socket of the file system, or a pipe of Windows. */
  readonly socket: string;
  readonly token: string;
  readonly pid: number;
}

const FILE = 'control.json';

export async function writeAddress(folder: string, address: Address): Promise<void> {
  await writePrivate(path.join(folder, FILE), JSON.stringify(address));
}

/** Undefined when nobody says where they are. */
export async function readAddress(folder: string): Promise<Address | undefined> {
  try {
    const found = JSON.parse(await readFile(path.join(folder, FILE), 'utf8')) as Partial<Address>;
    const { socket, token, pid } = found;
    if (typeof socket !== 'string' || typeof token !== 'string' || typeof pid !== 'number') return undefined;
    return { socket, token, pid };
  } catch {
    return undefined;
  }
}

export async function removeAddress(folder: string): Promise<void> {
  await rm(path.join(folder, FILE), { force: true });
}

/** A new file that only its owner may read, in one step: who reads it finds the old one or the new one. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const unfinished = `${file}.new`;
  await rm(unfinished, { force: true });
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}
