/** What the command line says, and what can be wrong with it. */
import { realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { problemOf } from './problem.ts';

export interface Command {
  /** The folder to fingerprint: its real path. */
  readonly root: string;
  /** Where the run is kept: a folder, the jobs in it, and the file that comes of it. */
  readonly state: string;
  readonly jobs: string;
  readonly sums: string;
}

const USAGE = 'usage: npm start -- [folder, by default node_modules] [--state <folder>, by default .fingerprint]';

/** Something is wrong that only the person can put right; the message says what. */
export class CommandError extends Error {}

export async function readCommand(words: readonly string[]): Promise<Command> {
  const { values, positionals } = parse(words);
  const [folder = 'node_modules', ...more] = positionals;
  if (more.length > 0) throw new CommandError(`One folder at a time, please.\n${USAGE}`);
  const state = resolve(values.state);
  return { root: await rootOf(folder), state, jobs: join(state, 'jobs'), sums: join(state, 'SHA256SUMS') };
}

function parse(words: readonly string[]) {
  try {
    const options = { state: { type: 'string', default: '.fingerprint' } } as const;
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw new CommandError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

async function rootOf(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    if ((await stat(root)).isDirectory()) return root;
  } catch (error) {
    throw new CommandError(`${folder} cannot be fingerprinted: ${problemOf(error)}.`, { cause: error });
  }
  throw new CommandError(`${folder} is not a folder. Give the folder that holds it.`);
}
