/**
 * What the servers have in common: they are found, and they end with us, whatever happens to us. A shell stands between
 * us and the server and waits for the end of its input, which comes when we close it, and also when we are killed.
 */
import { spawn, type SpawnOptions } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Server } from '../contenders/contender.ts';
import { pause } from '../support/load.ts';

export interface RunningServer extends Server {
  stop(): Promise<void>;
}

/** Looks in `folders` and then where a shell would. */
export function programAt(name: string, folders: readonly string[] = []): string | undefined {
  const places = [...folders, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  return places.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const READY_MS = 10_000;
const PATIENCE_MS = 5_000;

export interface Launch {
  readonly program: string;
  readonly words: readonly string[];
  /** What ends it in order, without waiting for its clients. */
  readonly endSignal: 'INT' | 'TERM';
  readonly options: SpawnOptions;
  readonly isReady: () => boolean | Promise<boolean>;
}

/** Resolves when it is ready. Its process is the shell's child, so whoever looks at it looks at the family of `pid`. */
export async function launch({ program, words, endSignal, options, isReady }: Launch): Promise<{
  readonly pid: number;
  stop(): Promise<void>;
}> {
  const guard = `signal=$1; shift; "$@" </dev/null & server=$!; read -r _; kill -s "$signal" $server; wait $server`;
  const shell = spawn('/bin/sh', ['-c', guard, 'sh', endSignal, program, ...words], {
    ...options,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const { pid } = shell;
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve());
    shell.once('error', () => resolve());
  });
  if (pid === undefined) throw new Error(`${program} did not start.`);

  async function stop(): Promise<void> {
    shell.stdin?.end();
    const rude = setTimeout(() => process.kill(-(pid as number), 'SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(rude);
  }

  const giveUpAt = performance.now() + READY_MS;
  while (!(await isReady())) {
    if (performance.now() > giveUpAt) {
      await stop();
      throw new Error(`${program} was not ready after ${READY_MS / 1000} s.`);
    }
    await pause(10);
  }
  return { pid, stop };
}
