/** The last job: writes what all parts found into one file that `sha256sum -c` reads. */
import { open, rename } from 'node:fs/promises';
import { defineJob, type Engine } from 'holdfast';
import type { Entry } from './part.ts';
import { everyPart, type PartView } from './run.ts';

export interface Totals {
  readonly files: number;
  readonly bytes: number;
  readonly parts: number;
  /** How many parts went on from a checkpoint, and how many files they did not hash again because of it. */
  readonly resumedParts: number;
  readonly sparedFiles: number;
  /** How many files have no sum, and the first of them. */
  readonly unreadCount: number;
  readonly unread: readonly Unread[];
}

export interface Unread {
  readonly path: string;
  readonly problem: string;
}

const MOST_LISTED = 50;

export type SumsJob = ReturnType<typeof sumsJob>;

/** Its handler reads the results of other jobs, so it is given the engine in which it runs. */
export function sumsJob(engine: () => Engine) {
  return defineJob<{ readonly file: string }, Totals>({
    type: 'fingerprint:sums',
    timeout: 'none',
    async run({ file }, { signal }) {
      let totals: Totals = {
        files: 0,
        bytes: 0,
        parts: 0,
        resumedParts: 0,
        sparedFiles: 0,
        unreadCount: 0,
        unread: [],
      };
      // It may be killed at any moment and is begun again then; so the name of the file is given when it is whole.
      await using unfinished = await open(`${file}.new`, 'w');
      for await (const part of everyPart(engine())) {
        signal.throwIfAborted();
        const files = filesOf(part);
        await unfinished.write(files.map(({ path, entry }) => lineOf(path, entry)).join(''));
        totals = add(totals, part, files);
      }
      await unfinished.sync();
      await rename(`${file}.new`, file);
      return totals;
    },
  });
}

interface HashedFile {
  readonly path: string;
  readonly entry: Entry;
}

/** A part whose job is dead has no result. */
function filesOf({ payload, result, state, reason }: PartView): HashedFile[] {
  const missing = { problem: `its job is ${state} (${reason ?? 'for no reason'})` };
  return (payload?.files ?? []).map((path, index) => ({ path, entry: result?.entries[index] ?? missing }));
}

function add(totals: Totals, { result }: PartView, files: readonly HashedFile[]): Totals {
  const unread = files.flatMap(({ path, entry }) => (typeof entry === 'string' ? [] : [{ path, ...entry }]));
  const spared = result?.resumedAt.at(-1) ?? 0;
  return {
    files: totals.files + files.length,
    bytes: totals.bytes + (result?.bytes ?? 0),
    parts: totals.parts + 1,
    resumedParts: totals.resumedParts + (spared > 0 ? 1 : 0),
    sparedFiles: totals.sparedFiles + spared,
    unreadCount: totals.unreadCount + unread.length,
    unread: [...totals.unread, ...unread].slice(0, MOST_LISTED),
  };
}

/** A line as GNU sha256sum writes it: a name that would break the line is escaped, and a backslash in front says so. */
export function lineOf(path: string, entry: Entry): string {
  if (typeof entry !== 'string') return '';
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === path ? '' : '\\'}${entry}  ${escaped}\n`;
}
