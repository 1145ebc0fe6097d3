/**
 * What is stored beside jobs: settings of queues, schedules, and what else has a name and a newest value. An entry is the
 * last `noted` event about its name; the events before it say only what happened.
 */
import type { Noted } from './event.ts';

/** What an entry is about; each space has names of its own. The log keeps their numbers: new ones go at the end. */
export const ENTRY_SPACES = ['queue', 'schedule', 'engine', 'progress'] as const;
export type EntrySpace = (typeof ENTRY_SPACES)[number];

export interface Entry {
  readonly name: string;
  /** All that holds for it now, as JSON. */
  readonly value: string;
  /** The position of the record that says so. */
  readonly position: number;
  /** The length of that record. */
  readonly bytes: number;
}

export class Entries {
  /** Bytes of the log that are about entries stored now. */
  liveBytes = 0;
  readonly #spaces = Object.fromEntries(ENTRY_SPACES.map((space) => [space, new Map()])) as Record<
    EntrySpace,
    Map<string, Entry>
  >;

  get(space: EntrySpace, name: string): Entry | undefined {
    return this.#spaces[space].get(name);
  }

  /** All entries of a space, in the order in which their names were first noted. */
  in(space: EntrySpace): IterableIterator<Entry> {
    return this.#spaces[space].values();
  }

  apply({ space, name, value }: Noted, position: number, bytes: number): void {
    const entries = this.#spaces[space];
    this.liveBytes -= entries.get(name)?.bytes ?? 0;
    if (value === '') {
      entries.delete(name);
      return;
    }
    entries.set(name, { name, value, position, bytes });
    this.liveBytes += bytes;
  }
}
