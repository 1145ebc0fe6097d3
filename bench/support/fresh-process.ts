/** Every measurement has a process of its own: no heap, no compiled code and no open file is left from the one before. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Server } from '../contenders/contender.ts';
import { compiled } from './places.ts';
import type { Figures } from './question.ts';

export interface Order {
  readonly question: string;
  readonly contender: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly phase: string | undefined;
  readonly folder: string;
  readonly server: Server | undefined;
  readonly size: number;
  readonly profileFolder: string | undefined;
  readonly limitMs: number;
}

export type Answer = { readonly figures: Figures } | { readonly problem: string };

const entry = join(compiled, 'support', 'child.js');
const LAST_WORDS = 2_000;

/**
 * Resolves to what the process answered, and to a problem if it died or took too long. It is gone then, and so is all
 * it started.
 *
 * @param leads whether it leads a group of processes that is ended with it; one within such a group does not
 */
export async function measureInFreshProcess(order: Order, leads = true): Promise<Answer> {
  const child = fork(entry, [], {
    execArgv: ['--expose-gc', '--no-warnings'],
    detached: leads,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (leads) endWithUs(child);
  let words = '';
  const listen = (chunk: Buffer): void => {
    words = (words + chunk.toString()).slice(-LAST_WORDS);
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  return new Promise((resolve) => {
    let answer: Answer | undefined;
    const late = setTimeout(() => {
      answer ??= { problem: `took longer than ${order.limitMs / 1000} s` };
      kill(child, leads);
    }, order.limitMs);
    child.once('message', (message) => (answer = message as Answer));
    child.once('error', (error) => (answer ??= { problem: error.message }));
    child.once('exit', (code, signal) => {
      clearTimeout(late);
      // It may have left processes behind.
      kill(child, leads);
      resolve(answer ?? { problem: `ended with ${signal ?? code}: ${words.trim().slice(-400) || 'no word'}` });
    });
    child.send(order);
  });
}

const leaders = new Set<ChildProcess>();
let isWatching = false;

function endWithUs(child: ChildProcess): void {
  if (!isWatching) {
    isWatching = true;
    process.on('exit', () => leaders.forEach((leader) => kill(leader, true)));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
  }
  leaders.add(child);
  child.once('exit', () => leaders.delete(child));
}

function kill(child: ChildProcess, group: boolean): void {
  if (child.pid === undefined) return;
  try {
    if (group) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // Nobody is left.
  }
}
