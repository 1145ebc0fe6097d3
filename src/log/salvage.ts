/**
 * Makes of the frames that are left what can be proved of the jobs. Each frame vouches for itself by its checksum, so
 * those behind a gap count as well; and each record names the job's record before it, so it shows whether one of a job
 * is missing between two that are there. What a gap may hide behind the last record of a job nobody can tell: such a
 * job is kept as it was seen last, and named.
 */
import type { EntrySpace } from '../job/entries.ts';
import { isAboutJob, MOVED, type Carried, type JobEvent, type Noted } from '../job/event.ts';
import { foldHistory, payloadIn } from '../job/history.ts';
import { isFinal, nextState, type JobState, type StoredState } from '../job/machine.ts';
import { JobTable } from '../job/table.ts';
import { carriedOf } from './carried.ts';
import { HEADER_BYTES, sequenceOf, type Frame } from './frame.ts';
import { readRecords, type LoggedEvent, type LoggedJobEvent, type LoggedNoted } from './read-record.ts';

/** A job that is kept, though not everything about it is certain. */
export interface UncertainJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  /**
   * `incomplete`: records of it are missing before its last one, so its counters or its errors may be too few.
   * `outdated`: frames are missing behind its last record, so it may have gone on, and may run again what it had done.
   */
  readonly why: 'incomplete' | 'outdated';
}

/** A job whose beginning is lost, and with it its payload. */
export interface LostJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** The last thing that is known of it. */
  readonly lastEvent: string;
}

/** What is stored beside jobs under a name (a schedule, the settings of a queue), as it was before frames that are missing. */
export interface UncertainEntry {
  readonly space: EntrySpace;
  readonly name: string;
}

/** Frames that are not there: the first and the last of them. */
export interface MissingFrames {
  readonly from: number;
  readonly to: number;
}

export interface Salvaged {
  /** Every job that is kept, with its whole state, in the order in which they were accepted. Their slots count from 0. */
  readonly jobs: readonly Carried[];
  readonly uncertain: readonly UncertainJob[];
  /** The newest that is left about each name beside the jobs, in the order in which they stand in the log. */
  readonly entries: readonly Noted[];
  readonly uncertainEntries: readonly UncertainEntry[];
  readonly lost: readonly LostJob[];
  readonly missing: readonly MissingFrames[];
}

/** Any but the first record of a job. */
type Later = Exclude<LoggedJobEvent, { readonly kind: 'enqueued' | 'carried' }>;

interface Kept {
  readonly events: LoggedJobEvent[];
  isIncomplete: boolean;
}

/**
 * @param frames in ascending order
 * @param witnessed the newest frame there ever was, as far as anybody knows
 * @param now epoch ms, for the events that are made
 */
export function salvage(frames: Iterable<Frame>, witnessed: number, now: number): Salvaged {
  const inOrder = [...frames];
  const head = headOf(inOrder);
  const salvaging = new Salvaging();
  const missing: MissingFrames[] = [];
  let next = head;
  for (const frame of inOrder) {
    if (frame.sequence < head) continue;
    if (frame.sequence > next) missing.push({ from: next, to: frame.sequence - 1 });
    for (const event of readRecords(frame, HEADER_BYTES, true)) salvaging.read(event);
    next = frame.sequence + 1;
  }
  if (next <= witnessed) missing.push({ from: next, to: witnessed });
  return { ...salvaging.end(missing.at(-1)?.to ?? 0, now), missing };
}

/** Where the log begins: what stands before may still lie in some file, and does not count. */
export function headOf(frames: Iterable<Frame>): number {
  let head = 1;
  for (const frame of frames) head = Math.max(head, trimmedTo(frame));
  return head;
}

/** Where the log began when this frame was written, if it says so. */
function trimmedTo(frame: Frame): number {
  let head = 1;
  for (const event of readRecords(frame, HEADER_BYTES, false)) if (event.kind === 'trimmed') head = event.head;
  return head;
}

class Salvaging {
  readonly #table = new JobTable();
  readonly #kept = new Map<number, Kept>();
  /** Jobs of which records came before any beginning: a `carried` record may still follow. */
  readonly #lost = new Map<string, LostJob>();
  /** By space and name. */
  readonly #entries = new Map<string, LoggedNoted>();

  constructor() {
    this.#table.collectFreeSlots();
  }

  read(event: LoggedEvent): void {
    if (event.kind === 'noted') this.#note(event);
    if (!isAboutJob(event)) return;
    const { id, type, queue } = event;
    const slot = this.#table.ids.find(id);
    if (event.kind === 'enqueued' || event.kind === 'carried') this.#begin(event, slot);
    else if (slot >= 0) this.#goOn(event, slot);
    else if (event.kind === 'removed') this.#lost.delete(id);
    else this.#lost.set(id, { id, type, queue, lastEvent: event.kind });
  }

  #note(event: LoggedNoted): void {
    const key = `${event.space}/${event.name}`;
    this.#entries.delete(key);
    if (event.value !== '') this.#entries.set(key, event);
  }

  #begin(event: LoggedJobEvent, known: number): void {
    this.#lost.delete(event.id);
    if (known >= 0 && event.kind === 'enqueued') this.#forget(known, event.at);
    const slot = known >= 0 && event.kind === 'carried' ? known : this.#table.freeSlot();
    this.#table.apply({ ...event, slot }, event.position, event.length);
    this.#kept.set(slot, { events: [event], isIncomplete: false });
  }

  #goOn(event: Later, slot: number): void {
    const kept = this.#kept.get(slot);
    if (kept === undefined) return;
    if (event.previous !== this.#table.lastOf(slot)) kept.isIncomplete = true;
    for (const kind of bridge(this.#table.stateOf(slot), event)) {
      this.#table.apply(made(kind, slot, this.#table.startsOf(slot), event.at), event.position, 0);
    }
    if (event.kind === 'removed') {
      this.#forget(slot, event.at);
      return;
    }
    this.#table.apply({ ...event, slot }, event.position, event.length);
    kept.events.push(event);
  }

  /** The id is used again, so the job that had it was removed. */
  #forget(slot: number, at: number): void {
    this.#table.apply({ kind: 'removed', slot, at }, 0, 0);
    this.#kept.delete(slot);
  }

  end(lastMissing: number, now: number): Omit<Salvaged, 'missing'> {
    const slots = [...this.#kept.keys()].sort((a, b) => this.#table.orderOf(a) - this.#table.orderOf(b));
    const jobs: Carried[] = [];
    const uncertain: UncertainJob[] = [];
    for (const slot of slots) {
      const { events, isIncomplete } = this.#kept.get(slot) as Kept;
      const row = this.#table.row(slot);
      const [home] = events;
      if (home?.kind !== 'enqueued' && home?.kind !== 'carried') throw new RangeError(`${row.id} has no beginning`);
      const first = { ...home, payload: payloadIn(events) };
      jobs.push(carriedOf(jobs.length, row, first, foldHistory(events), now));
      const isOutdated = !isFinal(row.state) && sequenceOf(row.last) < lastMissing;
      if (!isIncomplete && !isOutdated) continue;
      const { id, type, queue, state } = row;
      uncertain.push({ id, type, queue, state, why: isOutdated ? 'outdated' : 'incomplete' });
    }
    const noted = [...this.#entries.values()];
    const entries = noted.map(({ space, name, value }): Noted => {
      return { kind: 'noted', at: now, space, name, what: MOVED, detail: undefined, value };
    });
    const uncertainEntries = noted
      .filter(({ position }) => sequenceOf(position) < lastMissing)
      .map(({ space, name }) => ({ space, name }));
    return { jobs, uncertain, entries, uncertainEntries, lost: [...this.#lost.values()] };
  }
}

type Bridge = 'started' | 'interrupted' | 'cancelled' | 'revived';

/** What must have happened to a job, at the least, before this event; nothing when no record is missing. */
function bridge(state: StoredState, { kind }: Later): readonly Bridge[] {
  if (nextState(state, kind) !== undefined) return [];
  for (const first of ['started', 'interrupted', 'cancelled', 'revived'] as const) {
    const between = nextState(state, first);
    if (between === undefined) continue;
    if (nextState(between, kind) !== undefined) return [first];
    if (first === 'revived' && nextState('running', kind) !== undefined) return ['revived', 'started'];
  }
  throw new RangeError(`nothing leads from ${state} to '${kind}'`);
}

function made(kind: Bridge, slot: number, starts: number, at: number): JobEvent {
  switch (kind) {
    case 'started':
      return { kind, slot, at, starts: starts + 1 };
    case 'interrupted':
      return { kind, slot, at, why: 'closing' };
    case 'cancelled':
      return { kind, slot, at, reason: undefined };
    case 'revived':
      return { kind, slot, at, dueAt: at, keepAttempts: true };
  }
}
