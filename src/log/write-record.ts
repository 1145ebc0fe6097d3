/** Writes events into an open frame. `record-format.ts` has the layout. */
import type { Carried, Enqueued, JobEvent, LogEvent, LogEventKind, Noted } from '../job/event.ts';
import { DEATH_REASONS, INTERRUPT_REASONS, isAboutJob } from '../job/event.ts';
import { ENTRY_SPACES } from '../job/entries.ts';
import { packUlid } from '../job/id.ts';
import { JOB_STATES } from '../job/machine.ts';
import type { JobTable } from '../job/table.ts';
import type { OpenFrame } from './frame.ts';
import {
  FLAG_CANCELLING,
  FLAG_CUSTOM_ID,
  FLAG_HAS_BODY,
  FLAG_HAS_CHECKPOINT,
  FLAG_HAS_LABELS,
  FLAG_HAS_PAYLOAD,
  FLAG_KEEP_ATTEMPTS,
  FLAG_UNREACHABLE,
  KINDS,
  ULID_WORDS,
} from './record-format.ts';

const KIND_NUMBERS = Object.fromEntries(KINDS.map((kind, n) => [kind, n + 1])) as Record<LogEventKind, number>;
/** More than all fixed fields of any kind together, the id included. */
const FIXED_BYTES = 320;
/** A UTF-16 unit becomes at most three bytes of UTF-8. */
const MOST_BYTES_A_UNIT = 3;

const packed = new Uint32Array(ULID_WORDS);

/** An upper bound of the record that `event` makes, in bytes. */
export function mostBytesOf(event: LogEvent): number {
  let units = bodyOf(event)?.length ?? 0;
  if (event.kind === 'enqueued' || event.kind === 'carried') {
    units += event.settings.length + event.parents.length + event.key.length + event.labels.length;
  }
  if (event.kind === 'carried') units += event.payload?.length ?? 0;
  if (event.kind === 'noted') units += event.name.length + event.what.length + event.value.length;
  return FIXED_BYTES + units * MOST_BYTES_A_UNIT;
}

/**
 * Writes `event` at the end of `frame`, which has room for it; returns the length of the record.
 *
 * @param table knows the id, type and queue of the job in a slot, and where its history stands
 */
export function writeRecord(frame: OpenFrame, event: LogEvent, table: JobTable): number {
  const from = frame.end;
  const body = bodyOf(event);
  let flags = body === undefined ? 0 : FLAG_HAS_BODY;
  frame.skip(4);
  frame.putByte(KIND_NUMBERS[event.kind]);
  frame.skip(9);
  frame.putFloat(event.at);
  if (!isAboutJob(event)) {
    // Names and slot of no job: what lay in memory there must not reach the disk.
    frame.view.setFloat64(from + 6, 0);
    if (event.kind === 'trimmed') frame.putFloat(event.head);
    if (event.kind === 'noted') putNoted(frame, event);
  } else if (event.kind === 'enqueued' || event.kind === 'carried') {
    flags |= putNewStamp(frame, from, event);
    flags |= putJob(frame, event);
  } else {
    flags |= putStamp(frame, from, event.slot, table);
    flags |= putFields(frame, event);
  }
  if (body !== undefined) frame.putText(body);
  frame.view.setUint8(from + 5, flags);
  frame.view.setUint32(from, frame.end - from, true);
  frame.recordCount++;
  return frame.end - from;
}

function putNewStamp(frame: OpenFrame, from: number, event: Enqueued | Carried): number {
  putNames(frame, from, event.slot, event.type, event.queue);
  frame.putFloat(0);
  if (!packUlid(event.id, packed, 0)) return putCustomId(frame, event.id);
  for (let n = 0; n < ULID_WORDS; n++) frame.putWord(packed[n] as number);
  return 0;
}

function putStamp(frame: OpenFrame, from: number, slot: number, table: JobTable): number {
  putNames(frame, from, slot, table.typeOf(slot), table.queueOf(slot));
  frame.putFloat(table.lastOf(slot));
  if (!table.ids.isUlid(slot)) return putCustomId(frame, table.ids.of(slot));
  for (let n = 0; n < ULID_WORDS; n++) frame.putWord(table.ids.word(slot, n));
  return 0;
}

function putNames(frame: OpenFrame, from: number, slot: number, type: string, queue: string): void {
  frame.view.setUint16(from + 6, frame.nameNumber(type), true);
  frame.view.setUint16(from + 8, frame.nameNumber(queue), true);
  frame.view.setUint32(from + 10, slot, true);
}

function putCustomId(frame: OpenFrame, id: string): number {
  frame.putByte(id.length);
  frame.putText(id);
  return FLAG_CUSTOM_ID;
}

function putJob(frame: OpenFrame, event: Enqueued | Carried): number {
  frame.putFloat(event.dueAt);
  frame.putFloat(event.deadlineAt);
  frame.putWord(event.priority >>> 0);
  frame.putSizedText(event.settings);
  frame.putSizedText(event.parents);
  let flags = 0;
  if (event.key !== '' || event.labels !== '') {
    frame.putSizedText(event.key);
    frame.putSizedText(event.labels);
    flags = FLAG_HAS_LABELS;
  }
  return event.kind === 'carried' ? flags | putCarried(frame, event) : flags;
}

function putCarried(frame: OpenFrame, event: Carried): number {
  frame.putByte(JOB_STATES.indexOf(event.state));
  frame.putFloat(event.order);
  frame.putFloat(event.createdAt);
  frame.putFloat(event.token);
  frame.putFloat(event.starts);
  frame.putFloat(event.attempts);
  frame.putFloat(event.crashes);
  frame.putFloat(event.interrupts);
  frame.putFloat(event.snoozes);
  frame.putSizedText(event.payload ?? '');
  return (
    (event.payload === undefined ? 0 : FLAG_HAS_PAYLOAD) |
    (event.hasCheckpoint ? FLAG_HAS_CHECKPOINT : 0) |
    (event.isCancelling ? FLAG_CANCELLING : 0) |
    (event.isUnreachable ? FLAG_UNREACHABLE : 0)
  );
}

function putNoted(frame: OpenFrame, event: Noted): void {
  frame.putByte(ENTRY_SPACES.indexOf(event.space));
  frame.putSizedText(event.name);
  frame.putSizedText(event.what);
  frame.putSizedText(event.value);
}

function putFields(frame: OpenFrame, event: Exclude<JobEvent, Enqueued>): number {
  switch (event.kind) {
    case 'started':
      frame.putWord(event.starts);
      return 0;
    case 'failed':
    case 'snoozed':
    case 'rescheduled':
      frame.putFloat(event.dueAt);
      return 0;
    case 'updated':
      frame.putFloat(event.dueAt);
      frame.putWord(event.priority >>> 0);
      return (event.hasPayload ? FLAG_HAS_PAYLOAD : 0) | (event.keepAttempts ? FLAG_KEEP_ATTEMPTS : 0);
    case 'revived':
      frame.putFloat(event.dueAt);
      return event.keepAttempts ? FLAG_KEEP_ATTEMPTS : 0;
    case 'interrupted':
      frame.putByte(INTERRUPT_REASONS.indexOf(event.why));
      return 0;
    case 'died':
      frame.putByte(DEATH_REASONS.indexOf(event.why));
      return 0;
    case 'checkpointed':
    case 'progressed':
    case 'cancelling':
    case 'completed':
    case 'cancelled':
    case 'removed':
      return 0;
  }
}

function bodyOf(event: LogEvent): string | undefined {
  switch (event.kind) {
    case 'enqueued':
    case 'updated':
      return event.payload;
    case 'checkpointed':
      return event.checkpoint;
    case 'progressed':
      return event.report;
    case 'completed':
      return event.result;
    case 'failed':
    case 'died':
      return event.error;
    case 'cancelling':
    case 'cancelled':
      return event.reason;
    case 'carried':
      return event.history;
    case 'noted':
      return event.detail;
    case 'started':
    case 'interrupted':
    case 'snoozed':
    case 'rescheduled':
    case 'revived':
    case 'removed':
    case 'opened':
    case 'closed':
    case 'trimmed':
      return undefined;
  }
}
