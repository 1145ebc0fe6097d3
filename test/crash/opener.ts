/**
 * A process that opens a folder, says what came of it, and holds it until it is killed or told to let go. As often as it
 * is told to, it tries again.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { open, type Engine, type OpenOptions } from '../../src/index.ts';

export interface OpenOrder {
  readonly folder: string;
  /** How often it tries until it succeeds. */
  readonly tries: number;
  readonly onDamage?: 'refuse' | 'salvage';
  /** Goes on enqueueing while it has the folder. */
  readonly works?: boolean;
}

/** What came of the tries: codes, or `open` for the last one. */
export type Answer = readonly string[];

/** Starts a process; the caller kills it. */
export async function openInProcess(
  order: OpenOrder,
): Promise<{ readonly child: ChildProcess; readonly answer: Answer }> {
  const child = startOpener(order);
  const [answer] = (await once(child, 'message')) as [Answer];
  return { child, answer };
}

export function startOpener(order: OpenOrder): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [JSON.stringify(order)]);
}

export async function openInThread(order: OpenOrder): Promise<Answer> {
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  try {
    const [answer] = (await once(worker, 'message')) as [Answer];
    return answer;
  } finally {
    await worker.terminate();
  }
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function tryToOpen({ folder, tries, onDamage, works }: OpenOrder, say: (answer: Answer) => void): Promise<void> {
  const answer: string[] = [];
  for (let n = 0; n < tries; n++) {
    const options: OpenOptions = { reserveBytes: 65_536, ...(onDamage !== undefined && { onDamage }) };
    try {
      const engine = await open(folder, options);
      say([...answer, 'open']);
      if (works === true) await work(engine);
      return;
    } catch (error) {
      answer.push(error instanceof Error && 'code' in error ? String(error.code) : String(error));
    }
  }
  say(answer);
}

/** Until the process is killed. */
async function work(engine: Engine): Promise<never> {
  for (let n = 0; ; n++) {
    await engine.enqueueAll(Array.from({ length: 50 }, () => ['nobody', { filling: 'x'.repeat(2_000), n }] as const));
    const { jobs } = await engine.list({ limit: 200 });
    for (const { id } of jobs) await engine.cancel(id);
  }
}

const [given] = process.argv.slice(2);
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  await tryToOpen(workerData as OpenOrder, (answer) => port.postMessage(answer));
} else if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && given !== undefined) {
  await tryToOpen(JSON.parse(given) as OpenOrder, (answer) => process.send?.(answer));
}
