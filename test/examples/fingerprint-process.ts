/** The fingerprint program as a person uses it: a process that is started, watched, interrupted and killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../examples/fingerprint/main.js', import.meta.url));

export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Place {
  /** The folder to be fingerprinted. */
  readonly root: string;
  readonly state: string;
  readonly sums: string;
}

export class Fingerprint {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #out = '';
  #err = '';

  constructor(words: readonly string[], flags: readonly string[] = []) {
    const child = spawn(process.execPath, [...flags, PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#err += text));
    this.ended = once(child, 'close').then(() => ({ code: child.exitCode, out: this.#out, err: this.#err }));
  }

  /** Resolves when it has said this, or has ended. */
  async says(text: string): Promise<void> {
    const ended = this.ended.then(() => true);
    const { stdout } = this.child;
    while (stdout !== null && !this.#out.includes(text)) {
      if (await Promise.race([ended, once(stdout, 'data').then(() => false)])) return;
    }
  }
}

export function fingerprint({ root, state }: Place, flags?: readonly string[]): Fingerprint {
  return new Fingerprint([root, '--state', state], flags);
}

/** A place for a run, gone when the test is. */
export async function temporaryPlace(t: TestContext): Promise<Place> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-fingerprint-')));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [root, state] = [join(folder, 'root'), join(folder, 'state')];
  await mkdir(root);
  return { root, state, sums: join(state, 'SHA256SUMS') };
}

/** Writes a file; a number is its size, and then it is full of holes and takes no room. */
export async function make(root: string, path: string, content: string | number = path): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  if (typeof content === 'string') return writeFile(file, content);
  await using handle = await open(file, 'w');
  await handle.truncate(content);
}

/** The lines of a sums file as `path -> sum`, with names as they are. */
export function readSums(file: string): Map<string, string> {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const isEscaped = line.startsWith('\\');
      const [, sum = '', name = ''] = /^\\?([0-9a-f]{64}) {2}(.*)$/.exec(line) ?? [];
      return [isEscaped ? name.replace(/\\(.)/g, (_, letter: string) => UNESCAPED[letter] ?? '?') : name, sum];
    }),
  );
}

const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', '\\': '\\' };

/** The sums as this process works them out. */
export async function hashAll(root: string, paths: Iterable<string>): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  for (const path of paths) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(root, path))) hash.update(chunk as Buffer);
    sums.set(path, hash.digest('hex'));
  }
  return sums;
}

/** What `sha256sum --check` says about it; undefined where there is no such command. */
export async function checkedBySha256sum({ root, sums }: Place): Promise<Ended | undefined> {
  const child = spawn('sha256sum', ['--check', '--strict', '--quiet', sums], { cwd: root });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  try {
    await once(child, 'close');
  } catch {
    return undefined;
  }
  return { code: child.exitCode, out, err };
}
