/** What is written down of a schedule when something has become of it: its entries in the log, each an event as well. */
import { UNTOLD } from '../job/event.ts';
import { nextDue } from '../job/judge.ts';
import { encodeDefinition, encodeProgress, type Definition, type Progress } from '../job/schedule.ts';
import type { Note } from './messages.ts';
import type { Change } from './schedule-keeper.ts';

/** When it is to be looked at next; undefined: when something happens. */
export function wakeOf({ plan }: Definition, { owed, paused, ...progress }: Progress): number | undefined {
  if (paused !== undefined) return paused.until;
  // What is owed is looked at as soon as this is replayed.
  return owed.length > 0 ? 0 : nextDue(plan, { ...progress, owed, paused });
}

/**
 * One entry for each thing that happened, in its order; the last has the newest progress, as all have.
 *
 * @param progress as it is to be stored
 */
export function notesOf(name: string, made: Change, progress: Progress): Note[] {
  const { definition, what, detail, skips = [], runs = [] } = made;
  const value = encodeProgress(progress);
  const notes: Note[] = [];
  const note = (word: string, more: unknown): void => {
    notes.push({ space: 'progress', name, what: word, detail: JSON.stringify(more), value });
  };
  if (definition !== undefined) {
    const stored = encodeDefinition(definition);
    notes.push({ space: 'schedule', name, what: what as string, detail: undefined, value: stored });
  }
  for (const skip of skips) note('skipped', skip);
  if (runs.length > 0) note('enqueued', { ids: runs.map(({ id }) => id) });
  if (definition === undefined && what !== undefined) note(what, detail ?? { owed: progress.owed });
  // A definition needs its progress beside it, also where nothing else happened.
  if (definition !== undefined && notes.length === 1) note(UNTOLD, { cursorAt: progress.cursorAt });
  return notes;
}
