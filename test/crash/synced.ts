/** A store that notes, before anybody else knows, how far LevelDB's log reached when a write resolved. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { chainOf } from '../../src/log/frame.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';
import type { Notebook } from './notes.ts';

export function openNotingSyncs(notes: Notebook): typeof openLevelStore {
  return async (location, options) => {
    const store = await openLevelStore(location, options);
    return {
      async write(frames, drop) {
        const last = frames.at(-1);
        const facts = last && { sequence: last.sequence, chain: chainOf(last.bytes) };
        await store.write(frames, drop);
        if (facts !== undefined) notes.write({ kind: 'synced', ...newestLog(location), ...facts });
      },
      read: (sequence) => store.read(sequence),
      readSync: (sequence) => store.readSync(sequence),
      scan: (from) => store.scan(from),
      close: () => store.close(),
    } satisfies Store;
  };
}

function newestLog(location: string): { readonly file: string; readonly bytes: number } {
  const file = readdirSync(location)
    .filter((name) => name.endsWith('.log'))
    .sort((a, b) => Number.parseInt(a) - Number.parseInt(b))
    .at(-1);
  if (file === undefined) throw new Error('An open database has a log.');
  return { file, bytes: statSync(path.join(location, file)).size };
}
