/**
 * What can happen to a job, as facts in the past tense. An event holds everything that was decided (moments, delays,
 * tokens), so that applying it needs neither clock nor dice. Bodies (payload, checkpoint, result, error) are text;
 * they are undefined when an event is read back for replay only.
 */
import type { EntrySpace } from './entries.ts';
import type { JobState } from './machine.ts';

/** Why a job is dead. */
export const DEATH_REASONS = ['exhausted', 'terminated', 'expired', 'crashed', 'unreachable'] as const;
export type DeathReason = (typeof DEATH_REASONS)[number];

/** Why an attempt ended that was not the job's own doing. `crashed`: the process died while it ran. */
export const INTERRUPT_REASONS = ['closing', 'crashed'] as const;
export type InterruptReason = (typeof INTERRUPT_REASONS)[number];

interface Fact {
  readonly slot: number;
  /** When it happened, epoch ms. */
  readonly at: number;
}

/**
 * A job was accepted. The position of this record is its `order` for ever: equal priorities run in this order.
 */
export interface Enqueued extends Fact {
  readonly kind: 'enqueued';
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Higher runs first; a 32-bit integer. */
  readonly priority: number;
  /** Not to be started before this moment, epoch ms. */
  readonly dueAt: number;
  /** Not to be started after this moment, epoch ms; 0 for no such moment. */
  readonly deadlineAt: number;
  /** The options that were given for this one job, as JSON; empty when there were none. */
  readonly settings: string;
  /** The jobs it waits for, as `encodeEdges` writes them; empty for none. */
  readonly parents: string;
  /** Whose turn it takes in its queue (a tenant, a host …); empty for none. */
  readonly key: string;
  /** Its keys and tags, as `encodeLabels` writes them; empty for none. */
  readonly labels: string;
  readonly payload: string | undefined;
}

/**
 * An attempt began. The position of this record is its token: it names the attempt for ever, and a result is accepted
 * only with it.
 */
export interface Started extends Fact {
  readonly kind: 'started';
  /** Which start of the job this is, from 1: the number of durable starts. */
  readonly starts: number;
}

export interface Checkpointed extends Fact {
  readonly kind: 'checkpointed';
  readonly checkpoint: string | undefined;
}

/** The last progress and the last lines of the job's log, kept when an attempt ends. */
export interface Progressed extends Fact {
  readonly kind: 'progressed';
  readonly report: string | undefined;
}

/** A running job is to be cancelled: its signal is aborted, and after the grace period its thread is ended. */
export interface Cancelling extends Fact {
  readonly kind: 'cancelling';
  readonly reason: string | undefined;
}

export interface Completed extends Fact {
  readonly kind: 'completed';
  readonly result: string | undefined;
}

/** An attempt failed and another is due. */
export interface Failed extends Fact {
  readonly kind: 'failed';
  readonly dueAt: number;
  readonly error: string | undefined;
}

/** An attempt was ended by us, not by the job: it costs nothing, but a crash is counted. */
export interface Interrupted extends Fact {
  readonly kind: 'interrupted';
  readonly why: InterruptReason;
}

/** The handler asked to be run later; it costs no attempt. */
export interface Snoozed extends Fact {
  readonly kind: 'snoozed';
  readonly dueAt: number;
}

export interface Cancelled extends Fact {
  readonly kind: 'cancelled';
  readonly reason: string | undefined;
}

export interface Died extends Fact {
  readonly kind: 'died';
  readonly why: DeathReason;
  readonly error: string | undefined;
}

/** A waiting job is to start at another time: brought forward, or put off. */
export interface Rescheduled extends Fact {
  readonly kind: 'rescheduled';
  readonly dueAt: number;
}

/** A waiting job was changed: how urgent it is, when it is due, perhaps what it is to do. */
export interface Updated extends Fact {
  readonly kind: 'updated';
  readonly priority: number;
  readonly dueAt: number;
  /** Whether it has another payload, which may be none. Its checkpoint goes then, which was saved for the one before. */
  readonly hasPayload: boolean;
  readonly payload: string | undefined;
  /** Whether its failed attempts still count. */
  readonly keepAttempts: boolean;
}

/** A finished job is to run again as a new series of attempts. */
export interface Revived extends Fact {
  readonly kind: 'revived';
  readonly dueAt: number;
  readonly keepAttempts: boolean;
}

/** The job is forgotten: by retention, or because somebody deleted it. */
export interface Removed extends Fact {
  readonly kind: 'removed';
}

export type JobEvent =
  | Enqueued
  | Started
  | Checkpointed
  | Progressed
  | Cancelling
  | Completed
  | Failed
  | Interrupted
  | Snoozed
  | Rescheduled
  | Updated
  | Cancelled
  | Died
  | Revived
  | Removed;

export type JobEventKind = JobEvent['kind'];

/**
 * A job's whole state, written again at the tail of the log before the frames that held it are trimmed. It is not a
 * transition: it changes where the job is stored, never what it is.
 */
export interface Carried extends Fact {
  readonly kind: 'carried';
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly order: number;
  /** When it was accepted, epoch ms. */
  readonly createdAt: number;
  readonly dueAt: number;
  readonly deadlineAt: number;
  readonly settings: string;
  readonly parents: string;
  readonly key: string;
  readonly labels: string;
  readonly payload: string | undefined;
  readonly state: JobState;
  readonly token: number;
  readonly starts: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly interrupts: number;
  readonly snoozes: number;
  readonly hasCheckpoint: boolean;
  readonly isCancelling: boolean;
  readonly isUnreachable: boolean;
  /** Everything else a person may ask for (checkpoint, result, errors, times …), as the JSON of a `JobHistory`. */
  readonly history: string | undefined;
}

/** Marks of the log itself; they name no job. */
export interface Opened {
  readonly kind: 'opened';
  readonly at: number;
}
export interface Closed {
  readonly kind: 'closed';
  readonly at: number;
}
/** Everything that lived before frame `head` has been carried to a frame before this one; those frames may be gone. */
export interface Trimmed {
  readonly kind: 'trimmed';
  readonly at: number;
  readonly head: number;
}
export type Mark = Opened | Closed | Trimmed;

/**
 * Something happened to what is stored beside jobs under a name: `value` is all that holds for it from now on, as JSON;
 * empty when it is removed. The newest event about a name is what a replay keeps.
 */
export interface Noted {
  readonly kind: 'noted';
  readonly at: number;
  readonly space: EntrySpace;
  readonly name: string;
  /** What happened, in a word of its space; `carried` when nothing did, and trimming only moved it. */
  readonly what: string;
  /** More about what happened, as JSON. */
  readonly detail: string | undefined;
  readonly value: string;
}
/** What trimming says that it did. */
export const MOVED = 'carried';
/** What is said of an entry that only goes with another, whose event says what happened. */
export const UNTOLD = 'set';

export type LogEvent = JobEvent | Carried | Mark | Noted;
export type LogEventKind = LogEvent['kind'];

/** Whether an event is about one job, and not about the log itself or about what is stored beside jobs. */
export function isAboutJob<Event extends LogEvent>(
  event: Event,
): event is Exclude<Event, { readonly kind: Mark['kind'] | 'noted' }> {
  const { kind } = event;
  return kind !== 'opened' && kind !== 'closed' && kind !== 'trimmed' && kind !== 'noted';
}
