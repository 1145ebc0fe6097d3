/**
 * The side journal of a process that will be killed: what it was told and what it did, one line of JSON each, written by
 * one plain synchronous call to a file outside of the jobs' folder. The operating system has the line when the call
 * returns, so SIGKILL cannot take it, and the lines stand in the order in which things happened, from all threads.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * The moments are taken on all processors, and those of a virtual machine may disagree: 9 ms were seen. That nothing starts
 * before its time by the clock of the engine is a law of the simulation.
 */
export const CLOCKS_DIFFER_BY_MS = 25;

export type Note =
  /** A life of the child begins, and its engine is open. */
  | { readonly kind: 'born'; readonly life: number }
  | { readonly kind: 'open'; readonly life: number }
  /** Jobs are about to be enqueued, all or nothing, and have been accepted. `notBefore` is when they may start, epoch ms. */
  | { readonly kind: 'enqueue'; readonly ids: readonly string[]; readonly notBefore: number }
  | { readonly kind: 'accepted'; readonly ids: readonly string[]; readonly notBefore: number }
  /** A job is about to be cancelled, and `cancel` resolved to true. */
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'cancelled'; readonly id: string }
  /** A handler was called. */
  | {
      readonly kind: 'start';
      readonly id: string;
      readonly attempt: number;
      readonly checkpoint: number;
      readonly at: number;
      readonly life: number;
    }
  /** A checkpoint is about to be saved, and `save` resolved. */
  | { readonly kind: 'save'; readonly id: string; readonly checkpoint: number }
  | { readonly kind: 'saved'; readonly id: string; readonly checkpoint: number }
  /** The handler returns, or throws. */
  | { readonly kind: 'return'; readonly id: string }
  | { readonly kind: 'throw'; readonly id: string }
  /** A write of the store resolved: so long was LevelDB's log then, and this was the newest frame. */
  | {
      readonly kind: 'synced';
      readonly file: string;
      readonly bytes: number;
      readonly sequence: number;
      readonly chain: number;
    }
  /** `result()` settled. */
  | { readonly kind: 'result'; readonly id: string; readonly state: 'completed' | 'cancelled' | 'dead' };

export interface Notebook<Line = Note> {
  write(note: Line): void;
  close(): void;
}

export function openNotebook<Line = Note>(file: string): Notebook<Line> {
  const descriptor = openSync(file, 'a');
  return {
    write: (note) => void writeSync(descriptor, `${JSON.stringify(note)}\n`),
    close: () => closeSync(descriptor),
  };
}

export function readNotes(file: string): Note[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last line is cut short if the kill came while it was written.
  const last = lines.pop();
  if (last !== undefined && last !== '') lines.push(...whole(last));
  return lines.map((line) => JSON.parse(line) as Note);
}

function whole(line: string): string[] {
  try {
    JSON.parse(line);
    return [line];
  } catch {
    return [];
  }
}
