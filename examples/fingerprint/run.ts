/** A run as it is stored: the jobs of its parts, and the last job, which waits for them. */
import { availableParallelism } from 'node:os';
import { open, type AnyJobDefinition, type Engine, type JobState, type JobView } from 'holdfast';
import { hashPart, type Part, type PartSums } from './part.ts';

export type PartView = JobView<Part, PartSums, PartSums>;

/** What has to be known of a part while others work on it. */
export interface RunPart {
  readonly id: string;
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** It has ended. */
  readonly isDone: boolean;
  /** What is done of it: all, or what is in its checkpoint. */
  readonly doneFiles: number;
  readonly doneBytes: number;
}

interface KnownPart {
  readonly id: string;
  readonly state: JobState;
  readonly payload?: Part | undefined;
  readonly checkpoint?: PartSums;
}

export interface FoundRun {
  readonly root: string;
  readonly parts: readonly RunPart[];
  /** Its last job has ended. */
  readonly isOver: boolean;
}

/** The id of the last job of a run. */
export const LAST = 'sums';

export const THREADS = availableParallelism();

/** Without handlers nothing starts. */
export function openRun(path: string, jobs: readonly AnyJobDefinition[] = []): Promise<Engine> {
  return open(path, {
    jobs,
    threads: THREADS,
    // A job that ends the process three times is put aside, by default. This program is made to be killed.
    maxCrashes: 255,
    // The handlers stop at once when they are asked to; one that waits for a dead disk must not hold up Ctrl-C.
    grace: '500ms',
  });
}

/** Looks at what an earlier start has left, without starting any of it; undefined when there is nothing. */
export async function findRun(path: string): Promise<FoundRun | undefined> {
  await using engine = await openRun(path);
  const last = await engine.get(LAST);
  if (last === undefined) return undefined;
  let root = '';
  const parts: RunPart[] = [];
  for await (const part of everyPart(engine)) {
    root = part.payload?.root ?? root;
    parts.push(runPart(part));
  }
  return { root, parts, isOver: hasEnded(last.state) };
}

/** A part as it was found, or as it was enqueued. */
export function runPart({ id, state, payload, checkpoint }: KnownPart): RunPart {
  const { folder = '', files = [], bytes = 0 } = payload ?? {};
  const isDone = hasEnded(state);
  const doneFiles = isDone ? files.length : (checkpoint?.entries.length ?? 0);
  const doneBytes = isDone ? bytes : (checkpoint?.bytes ?? 0);
  return { id, folder, files: files.length, bytes, isDone, doneFiles, doneBytes };
}

function hasEnded(state: JobState): boolean {
  return state !== 'waiting' && state !== 'running';
}

/** Forgets a run that is over, whole: what is asked for at once is written at once. */
export async function forgetRun(path: string): Promise<void> {
  await using engine = await openRun(path);
  const ids = [LAST];
  for await (const { id } of everyPart(engine)) ids.push(id);
  await engine.clear(ids);
}

/** The parts in the order in which they were planned. */
export async function* everyPart(engine: Engine, state?: JobState): AsyncGenerator<PartView, void, void> {
  let cursor: string | undefined;
  do {
    const page = await engine.list({ type: hashPart, state, cursor });
    yield* page.jobs;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
