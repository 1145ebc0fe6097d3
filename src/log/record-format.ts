/**
 * How an event is laid out in a frame. Every record begins alike and names its job, so that it can be read by itself:
 *
 *   0 u32 length   4 u8 kind   5 u8 flags   6 u16 type   8 u16 queue (numbers of names in the frame)
 *  10 u32 slot    14 f64 at   22 f64 position of the job's record before, 0 for none
 *  30 the id: 16 bytes of a ULID, or u8 length and the characters (flag)
 *
 * then the fields of its kind, and last, to the record's end, its body as UTF-8. Marks stop after `at`, or after one
 * number more; `noted` goes on there with its own fields.
 */
import { StoreDamagedError } from '../errors.ts';
import type { LogEventKind } from '../job/event.ts';
import type { Frame } from './frame.ts';

/** The kinds in the order of their numbers, from 1. New kinds are added at the end; none is ever taken out. */
export const KINDS = [
  'enqueued',
  'started',
  'checkpointed',
  'progressed',
  'cancelling',
  'completed',
  'failed',
  'interrupted',
  'snoozed',
  'cancelled',
  'died',
  'revived',
  'removed',
  'carried',
  'opened',
  'closed',
  'trimmed',
  'rescheduled',
  'noted',
  'updated',
] as const satisfies readonly LogEventKind[];

export const FLAG_HAS_BODY = 1;
export const FLAG_CUSTOM_ID = 2;
export const FLAG_KEEP_ATTEMPTS = 4;
export const FLAG_HAS_CHECKPOINT = 8;
export const FLAG_CANCELLING = 16;
export const FLAG_HAS_PAYLOAD = 32;
export const FLAG_UNREACHABLE = 64;
export const FLAG_HAS_LABELS = 128;

export const MARK_BYTES = 22;
export const STAMP_BYTES = 30;
export const ULID_WORDS = 4;

/** What stands at `offset` is no record that this version can read. */
export function damaged(frame: Frame, offset: number, what: string, cause?: unknown): StoreDamagedError {
  return new StoreDamagedError({
    where: `frame ${frame.sequence} of the log`,
    what: `what stands at offset ${offset} ${what}`,
    cause,
  });
}
