/** The way to the peers, which are installed apart (`npm install --prefix bench/peers`) and may not be there at all. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../support/places.ts';

export const peersFolder = join(root, 'bench', 'peers');

interface Loader {
  load(name: string): Promise<unknown>;
  versionOf(name: string): string;
}

async function loader(): Promise<Loader> {
  return (await import(pathToFileURL(join(peersFolder, 'load.mjs')).href)) as Loader;
}

export function isInstalled(name: string): boolean {
  return existsSync(join(peersFolder, 'node_modules', name, 'package.json'));
}

/** The module, as the little of it that the caller says it needs. */
export async function loadPeer<Module>(name: string): Promise<Module> {
  return (await (await loader()).load(name)) as Module;
}

export async function versionOf(name: string): Promise<string> {
  return (await loader()).versionOf(name);
}
