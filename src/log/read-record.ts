/** Reads events back out of a frame. `record-format.ts` has the layout. */
import { StoreDamagedError } from '../errors.ts';
import { ENTRY_SPACES } from '../job/entries.ts';
import type { Carried, JobEvent, LogEvent, Noted } from '../job/event.ts';
import { DEATH_REASONS, INTERRUPT_REASONS } from '../job/event.ts';
import { unpackUlid } from '../job/id.ts';
import { JOB_STATES } from '../job/machine.ts';
import { positionOf, type Frame } from './frame.ts';
import {
  FLAG_CANCELLING,
  FLAG_CUSTOM_ID,
  damaged,
  FLAG_HAS_BODY,
  FLAG_HAS_CHECKPOINT,
  FLAG_HAS_LABELS,
  FLAG_HAS_PAYLOAD,
  FLAG_KEEP_ATTEMPTS,
  FLAG_UNREACHABLE,
  KINDS,
  MARK_BYTES,
  STAMP_BYTES,
  ULID_WORDS,
} from './record-format.ts';

/** What every record says beside its event. One that is about no job has empty names and no record before it. */
export interface Stamp {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Where the record stands in the log. */
  readonly position: number;
  /** The job's record before this one, 0 for none. */
  readonly previous: number;
  /** The length of the record in bytes. */
  readonly length: number;
}
export type LoggedEvent = LogEvent & Stamp;
export type LoggedJobEvent = (JobEvent | Carried) & Stamp;
export type LoggedNoted = Noted & Stamp;

/**
 * All records of a frame from `offset` on, in order.
 *
 * @param withBodies false leaves payloads, checkpoints, results, errors and history undefined, as replay wants it
 * @throws {StoreDamagedError} when the bytes are not records
 */
export function* readRecords(frame: Frame, offset: number, withBodies: boolean): Generator<LoggedEvent> {
  while (offset < frame.end) {
    const event = readRecord(frame, offset, withBodies);
    yield event;
    offset += event.length;
  }
}

/** The record at `offset`. @throws {StoreDamagedError} when there is none */
export function readRecord(frame: Frame, offset: number, withBodies: boolean): LoggedEvent {
  return look(frame, offset, withBodies, (reader) => reader.read());
}

/** What an attempt needs of the record that began its job. */
export interface Beginning {
  /** When the job was accepted, epoch ms. */
  readonly at: number;
  readonly settings: string;
  readonly payload: string | undefined;
}

/** That part of an `enqueued` record, at a third of the price; undefined for another kind. Throws as `readRecord` does. */
export function readBeginning(frame: Frame, offset: number): Beginning | undefined {
  return look(frame, offset, true, (reader) => reader.readBeginning());
}

function look<Found>(frame: Frame, offset: number, withBodies: boolean, read: (reader: RecordReader) => Found): Found {
  try {
    const reader = new RecordReader(frame, offset, withBodies);
    const found = read(reader);
    reader.checkEnd();
    return found;
  } catch (cause) {
    if (cause instanceof StoreDamagedError) throw cause;
    throw damaged(frame, offset, 'is not a record', cause);
  }
}

const packed = new Uint32Array(ULID_WORDS);

class RecordReader {
  readonly #frame: Frame;
  readonly #from: number;
  readonly #end: number;
  readonly #flags: number;
  readonly #withBodies: boolean;
  #at: number;

  constructor(frame: Frame, offset: number, withBodies: boolean) {
    this.#frame = frame;
    this.#from = offset;
    const length = offset + MARK_BYTES <= frame.end ? frame.view.getUint32(offset, true) : 0;
    if (length < MARK_BYTES || offset + length > frame.end) throw damaged(frame, offset, 'does not fit into it');
    this.#end = offset + length;
    this.#flags = frame.view.getUint8(offset + 5);
    this.#withBodies = withBodies;
    this.#at = offset + STAMP_BYTES;
  }

  /** The fields are read in the order in which they are written here: the cursor moves with them. */
  read(): LoggedEvent {
    const { view } = this.#frame;
    const from = this.#from;
    const kind = KINDS[view.getUint8(from + 4) - 1];
    if (kind === undefined) throw damaged(this.#frame, from, 'is of an unknown kind');
    const at = view.getFloat64(from + 14, true);
    const position = positionOf(this.#frame.sequence, from);
    const length = this.#end - from;
    if (kind === 'opened' || kind === 'closed' || kind === 'trimmed') {
      this.#at = from + (kind === 'trimmed' ? MARK_BYTES + 8 : MARK_BYTES);
      const mark = { at, id: '', type: '', queue: '', position, previous: 0, length };
      return kind === 'trimmed' ? { kind, head: view.getFloat64(from + MARK_BYTES, true), ...mark } : { kind, ...mark };
    }
    if (kind === 'noted') return this.#noted({ kind, at, id: '', type: '', queue: '', position, previous: 0, length });
    const slot = view.getUint32(from + 10, true);
    const id = this.#id();
    const type = this.#name(from + 6);
    const queue = this.#name(from + 8);
    const previous = view.getFloat64(from + MARK_BYTES, true);
    // The kind that a replay of many waiting jobs consists of is made without copying: it is read twice as fast.
    if (kind === 'enqueued') {
      return {
        kind,
        slot,
        at,
        id,
        type,
        queue,
        position,
        previous,
        length,
        dueAt: this.#float(),
        deadlineAt: this.#float(),
        priority: this.#signedWord(),
        settings: this.#text(),
        parents: this.#text(),
        key: this.#label(),
        labels: this.#label(),
        payload: this.#body(),
      };
    }
    return this.#event(kind, { slot, at, id, type, queue, position, previous, length });
  }

  readBeginning(): Beginning | undefined {
    const { view } = this.#frame;
    if (KINDS[view.getUint8(this.#from + 4) - 1] !== 'enqueued') return undefined;
    this.#at += this.#has(FLAG_CUSTOM_ID) ? 1 + view.getUint8(this.#at) : 4 * ULID_WORDS;
    const { settings } = this.#job();
    return { at: view.getFloat64(this.#from + 14, true), settings, payload: this.#body() };
  }

  /** @throws {StoreDamagedError} when the fields took more than the record has */
  checkEnd(): void {
    if (this.#at > this.#end) throw damaged(this.#frame, this.#from, 'is shorter than its own fields');
  }

  #noted(stamp: Stamp & Pick<Noted, 'kind' | 'at'>): LoggedEvent {
    this.#at = this.#from + MARK_BYTES;
    const space = this.#oneOf(ENTRY_SPACES);
    return { ...stamp, space, name: this.#text(), what: this.#text(), value: this.#text(), detail: this.#body() };
  }

  #event(kind: Exclude<LoggedJobEvent['kind'], 'enqueued'>, stamp: Stamp & { slot: number; at: number }): LoggedEvent {
    switch (kind) {
      case 'carried':
        return { kind, ...stamp, ...this.#job(), ...this.#carried(), history: this.#body() };
      case 'started':
        return { kind, ...stamp, starts: this.#word() };
      case 'checkpointed':
        return { kind, ...stamp, checkpoint: this.#body() };
      case 'progressed':
        return { kind, ...stamp, report: this.#body() };
      case 'cancelling':
      case 'cancelled':
        return { kind, ...stamp, reason: this.#body() };
      case 'completed':
        return { kind, ...stamp, result: this.#body() };
      case 'failed':
        return { kind, ...stamp, dueAt: this.#float(), error: this.#body() };
      case 'interrupted':
        return { kind, ...stamp, why: this.#oneOf(INTERRUPT_REASONS) };
      case 'snoozed':
      case 'rescheduled':
        return { kind, ...stamp, dueAt: this.#float() };
      case 'updated':
        return {
          ...{ kind, ...stamp, dueAt: this.#float(), priority: this.#signedWord() },
          ...{ hasPayload: this.#has(FLAG_HAS_PAYLOAD), keepAttempts: this.#has(FLAG_KEEP_ATTEMPTS) },
          payload: this.#body(),
        };
      case 'died':
        return { kind, ...stamp, why: this.#oneOf(DEATH_REASONS), error: this.#body() };
      case 'revived':
        return { kind, ...stamp, dueAt: this.#float(), keepAttempts: this.#has(FLAG_KEEP_ATTEMPTS) };
      case 'removed':
        return { kind, ...stamp };
    }
  }

  #job() {
    return {
      dueAt: this.#float(),
      deadlineAt: this.#float(),
      priority: this.#signedWord(),
      settings: this.#text(),
      parents: this.#text(),
      key: this.#label(),
      labels: this.#label(),
    };
  }

  #label(): string {
    return this.#has(FLAG_HAS_LABELS) ? this.#text() : '';
  }

  #signedWord(): number {
    this.#at += 4;
    return this.#frame.view.getInt32(this.#at - 4, true);
  }

  #carried() {
    return {
      state: this.#oneOf(JOB_STATES),
      order: this.#float(),
      createdAt: this.#float(),
      token: this.#float(),
      starts: this.#float(),
      attempts: this.#float(),
      crashes: this.#float(),
      interrupts: this.#float(),
      snoozes: this.#float(),
      payload: this.#optionalText(),
      hasCheckpoint: this.#has(FLAG_HAS_CHECKPOINT),
      isCancelling: this.#has(FLAG_CANCELLING),
      isUnreachable: this.#has(FLAG_UNREACHABLE),
    };
  }

  #optionalText(): string | undefined {
    const text = this.#text();
    return this.#has(FLAG_HAS_PAYLOAD) ? text : undefined;
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  #id(): string {
    const { view, bytes } = this.#frame;
    if (this.#has(FLAG_CUSTOM_ID)) {
      const from = this.#at + 1;
      this.#at = from + view.getUint8(this.#at);
      return bytes.toString('latin1', from, this.#at);
    }
    for (let n = 0; n < ULID_WORDS; n++) packed[n] = view.getUint32(this.#at + 4 * n, true);
    this.#at += 4 * ULID_WORDS;
    return unpackUlid(packed, 0);
  }

  #name(offset: number): string {
    const name = this.#frame.names[this.#frame.view.getUint16(offset, true)];
    if (name === undefined) throw damaged(this.#frame, this.#from, 'uses a name that the frame does not have');
    return name;
  }

  #word(): number {
    this.#at += 4;
    return this.#frame.view.getUint32(this.#at - 4, true);
  }

  #float(): number {
    this.#at += 8;
    return this.#frame.view.getFloat64(this.#at - 8, true);
  }

  #oneOf<Word>(words: readonly Word[]): Word {
    const word = words[this.#frame.view.getUint8(this.#at++)];
    if (word === undefined) throw damaged(this.#frame, this.#from, 'uses a word that this version does not know');
    return word;
  }

  #text(): string {
    const from = this.#at + 4;
    this.#at = from + this.#frame.view.getUint32(this.#at, true);
    if (this.#at > this.#end) throw damaged(this.#frame, this.#from, 'holds a text that is longer than itself');
    return this.#at === from ? '' : this.#frame.bytes.toString('utf8', from, this.#at);
  }

  #body(): string | undefined {
    if (!this.#withBodies || !this.#has(FLAG_HAS_BODY)) return undefined;
    return this.#frame.bytes.toString('utf8', this.#at, this.#end);
  }
}
