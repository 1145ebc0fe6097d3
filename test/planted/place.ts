/** Where a bug can be planted. Sources move: the piece may stand in another file by now, if it stands there only. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PlantedBug } from './bugs.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

let sources: ReadonlyMap<string, string> | undefined;

function allSources(): ReadonlyMap<string, string> {
  sources ??= new Map(
    readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .map((name) => `src/${name.replaceAll('\\', '/')}`)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [name, readFileSync(path.join(ROOT, name), 'utf8')]),
  );
  return sources;
}

export interface Place {
  readonly file: string;
  /** The source with the bug. */
  readonly source: string;
}

/** @throws when the piece stands nowhere, or more than once */
export function placeOf({ file, search, replace }: PlantedBug): Place {
  const home = allSources().get(file) ?? '';
  const found = home.includes(search)
    ? [[file, home] as const]
    : [...allSources()].filter(([, source]) => source.includes(search));
  const [place] = found;
  if (place === undefined || found.length > 1 || place[1].split(search).length !== 2) {
    const where = found.length === 0 ? 'nowhere' : `more than once in ${found.map(([name]) => name).join(', ')}`;
    throw new Error(`${JSON.stringify(search)} of ${file} stands ${where} in src; change test/planted/bugs.ts.`);
  }
  return { file: place[0], source: place[1].replace(search, () => replace) };
}
