/** The work of the load: a handler that does whatever its payload says, and notes what it does. Inline and on a thread. */
import { setTimeout as pause } from 'node:timers/promises';
import type { JobContext } from '../../src/context.ts';
import { openNotebook, type Notebook } from './notes.ts';

export interface Work {
  readonly steps: number;
  readonly stepMs: number;
  /** How many attempts throw before one returns. */
  readonly failures: number;
  readonly hasFollowUp: boolean;
  /** The process kills itself after this checkpoint is durable and before the end; 0 for never. */
  readonly killsAfter: number;
  readonly life: number;
  /** Bytes to fill the log with. */
  readonly padding: string;
}

/** The environment variable with the path of the side journal; threads have it too. */
export const NOTES_VARIABLE = 'HOLDFAST_CRASH_NOTES';
/** Which life of the child this is. */
export const LIFE_VARIABLE = 'HOLDFAST_CRASH_LIFE';

let notebook: Notebook | undefined;

export function notesOfThisProcess(): Notebook {
  notebook ??= openNotebook(process.env[NOTES_VARIABLE] ?? '');
  return notebook;
}

export function followUpOf(id: string): string {
  return `${id}:next`;
}

export async function doWork(work: Work, { job, signal, checkpoint, save, enqueue }: JobContext): Promise<string> {
  const notes = notesOfThisProcess();
  const { id, attempt } = job;
  const life = Number(process.env[LIFE_VARIABLE]);
  const done = checkpoint === undefined ? 0 : (checkpoint as { readonly done: number }).done;
  notes.write({ kind: 'start', id, attempt, checkpoint: done, at: Date.now(), life });
  for (let step = done + 1; step <= work.steps; step++) {
    if (work.stepMs > 0) await pause(work.stepMs, undefined, { signal });
    notes.write({ kind: 'save', id, checkpoint: step });
    await save({ done: step });
    notes.write({ kind: 'saved', id, checkpoint: step });
    if (step === work.killsAfter && life === work.life) process.kill(process.pid, 'SIGKILL');
  }
  if (attempt <= work.failures) {
    notes.write({ kind: 'throw', id });
    throw new Error(`attempt ${attempt} of ${id} fails as planned`);
  }
  if (work.hasFollowUp) {
    const small: Work = { ...work, steps: 0, failures: 0, hasFollowUp: false };
    await enqueue('inline', small, { id: followUpOf(id), atEnd: true });
  }
  notes.write({ kind: 'return', id });
  return `${id} is done`;
}

export default doWork;
