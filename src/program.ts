/**
 * One external program, from its start until it and everything it started are gone.
 *
 * It gets a process group of its own, so that one signal reaches its children as well: SIGTERM when it shall stop, SIGKILL
 * if it goes on, and SIGKILL for what is left in the group when it has ended. Should this process be killed, nobody would
 * be there to do so, and the next start of the app would run the job again beside its own orphan. So a watch stands beside
 * it: a shell of a few lines that waits for the end of a pipe which only this process holds. The program waits at a gate, in
 * its own process, until the watch knows its group; should this process die before, the gate never opens. Both are the same
 * fixed text each time, and what the job says is never read as a part of it.
 *
 * A child that leaves the group on purpose (`setsid`, a daemon) is its own master. On Windows there are neither groups nor
 * the watch: `taskkill` ends the tree.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { CommandNotFoundError } from './errors.ts';
import { systemClock } from './kernel/clock.ts';

export interface ProgramOrder {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Written to its standard input, which is empty without it. */
  readonly input: string | undefined;
  readonly maxOutputBytes: number;
  readonly killAfterMs: number;
  /** Has the file of the job, and goes with it if this process dies. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** A line of its standard error. */
  readonly onLine: (line: string) => void;
}

export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signalName: string | null;
  readonly output: Uint8Array;
  /** Whether there was more. */
  readonly isCut: boolean;
  /** The last lines of its standard error. */
  readonly lastLines: readonly string[];
}

/** A longer line is given out in pieces. */
const MAX_LINE = 8_192;
const LAST_LINES = 5;
/** How long a pipe may stay open behind the end of the program: somebody outside of its group may hold it. */
const PIPES_MS = 1_000;
const HAS_GROUPS = process.platform !== 'win32';
const CAN_RUN = 'case $1 in */*) [ -x "$1" ] && [ ! -d "$1" ];; *) command -v -- "$1" >/dev/null;; esac';
const GATE = `read -r _ <&3 || exit; ${CAN_RUN} || { echo no >&3; exit; }; exec "$@" 3<&-`;
const WATCH = 'read -r group; read -r _; rm -f -- "$1/job.json"; rmdir -- "$1"; kill -s KILL -- "-$group"';

/** @throws {CommandNotFoundError} when it cannot be started */
export async function runProgram(order: ProgramOrder): Promise<ProgramEnd> {
  const { file, args, cwd, env, signal } = order;
  const watch = HAS_GROUPS ? await watchOver(order) : undefined;
  const [program, words] = HAS_GROUPS ? ['/bin/sh', ['-c', GATE, 'holdfast-gate', file, ...args]] : [file, args];
  const child = await started(file, () =>
    spawn(program, words, {
      ...{ cwd, env, shell: false, detached: HAS_GROUPS, windowsHide: true },
      stdio: [order.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', HAS_GROUPS ? 'pipe' : 'ignore'],
    }),
  ).catch(async (error: unknown) => {
    if (watch !== undefined) await ended(watch);
    throw error;
  });
  const group = child.pid as number;
  // All of them now: what comes while nobody listens is lost.
  const output = head(child.stdout as Readable, order.maxOutputBytes);
  const lines = linesOf(child.stderr as Readable, order.onLine);
  const exit = exitOf(child);
  // It may end, or close its input, before it has read all of it.
  child.stdin?.on('error', () => undefined).end(order.input);
  const clock = systemClock({ keepAlive: false });
  const force = clock.alarm('monotonic', () => endGroup(group, 'SIGKILL'), true);
  const stop = (): void => {
    endGroup(group, 'SIGTERM');
    force.set(clock.monotonic() + order.killAfterMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const isRefused = HAS_GROUPS && !(await passesGate(child, watch));
  const { exitCode, signalName } = await exit;
  signal.removeEventListener('abort', stop);
  force.clear();
  // What it leaves in its group. Numbers are given out in turn, so that no other group can have this one yet.
  if (HAS_GROUPS) endGroup(group, 'SIGKILL');
  const pipes = clock.alarm('monotonic', () => [child.stdout, child.stderr].forEach((pipe) => pipe?.destroy()), true);
  pipes.set(clock.monotonic() + PIPES_MS);
  const end = { exitCode, signalName, ...(await output), lastLines: await lines };
  clock.stop();
  if (watch !== undefined) await ended(watch);
  if (isRefused) throw new CommandNotFoundError(file);
  return end;
}

function started(file: string, start: () => ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(new CommandNotFoundError(file, { cause }));
    try {
      const child = start();
      child.once('spawn', () => resolve(child));
      child.on('error', fail);
    } catch (error) {
      fail(error);
    }
  });
}

/** Without it the program runs all the same; it would only outlive a process that is killed. */
async function watchOver({ folder, onLine }: ProgramOrder): Promise<ChildProcess | undefined> {
  const args = ['-c', WATCH, 'holdfast-watch', folder];
  try {
    const watch = await started('sh', () =>
      spawn('/bin/sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] }),
    );
    // Somebody may have ended it.
    watch.stdin?.on('error', () => undefined);
    return watch;
  } catch (error) {
    onLine(`It is not watched over, and would go on if this process were killed: ${String(error)}`);
    return undefined;
  }
}

/** Opens the gate when the watch knows who stands there; resolves to whether the program could be found. */
async function passesGate(child: ChildProcess, watch: ChildProcess | undefined): Promise<boolean> {
  const gate = child.stdio[3] as Duplex;
  // Somebody may have ended who stood there.
  gate.on('error', () => undefined);
  let isRefused = false;
  gate.on('data', () => (isRefused = true));
  const passed = new Promise((resolve) => gate.once('close', resolve));
  await new Promise<void>((resolve) => {
    const told = watch?.stdin ?? undefined;
    if (told === undefined) resolve();
    else told.write(`${child.pid}\n`, () => resolve());
  });
  gate.write('\n');
  await passed;
  return !isRefused;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function exitOf(child: ChildProcess): Promise<Pick<ProgramEnd, 'exitCode' | 'signalName'>> {
  return new Promise((resolve) => child.once('exit', (exitCode, signalName) => resolve({ exitCode, signalName })));
}

function endGroup(group: number, signalName: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (HAS_GROUPS) process.kill(-group, signalName);
    else spawn('taskkill', ['/pid', String(group), '/T', '/F'], { stdio: 'ignore' }).on('error', () => undefined);
  } catch {
    // There is nobody left in it.
  }
}

/** The first bytes of a stream. The others are read as well, or the program would wait for ever to write them. */
function head(stream: Readable, most: number): Promise<{ readonly output: Uint8Array; readonly isCut: boolean }> {
  const kept: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < most) kept.push(chunk.subarray(0, most - size));
    size += chunk.length;
  });
  return closed(stream).then(() => ({ output: Buffer.concat(kept), isCut: size > most }));
}

/** Gives out lines, and returns the last of them. A carriage return ends a line as well: progress is written so. */
function linesOf(stream: Readable, onLine: (line: string) => void): Promise<string[]> {
  const last: string[] = [];
  let rest = '';
  const tell = (line: string): void => {
    if (line === '') return;
    onLine(line);
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop() as string;
    lines.forEach(tell);
    for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) tell(rest.slice(0, MAX_LINE));
  });
  return closed(stream).then(() => {
    tell(rest);
    return last;
  });
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve).on('error', () => undefined));
}
