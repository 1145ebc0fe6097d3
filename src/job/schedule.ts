/** A schedule as it is stored: what it says, and how far it has come. Both are plain data, each an entry of the log. */
import type { Rule } from './calendar.ts';

/** What is done with nominal times that went by while nobody could keep them. */
export interface CatchUp {
  /** How many of them are made up at most: 0 for none, 1 for one that stands for all. */
  readonly max: number;
  /** Older ones are not. */
  readonly withinMs: number;
  /** Which ones are, when there are more. */
  readonly keep: 'newest' | 'oldest';
  /** Which of them comes first. */
  readonly order: 'oldest' | 'newest';
}

export const OVERLAPS = ['skip', 'queue', 'replace', 'allow'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** When it is due, and what is decided about each nominal time. Infinity is stored as null. */
export interface Plan {
  readonly rule: Rule;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  /** Up to this late a run is on time; undefined: half of the interval, at most a minute. */
  readonly toleranceMs: number | undefined;
  /** One run that makes up for others is left to the next regular one if that is so near; undefined: a tenth, at most an hour. */
  readonly minGapMs: number | undefined;
  /** Each run is put off by a time drawn from 0 to this. */
  readonly jitterMs: number;
  /** Nothing is due after it. */
  readonly endAt: number;
  /** How many runs there are in all. */
  readonly limit: number;
}

/** What each job of it is like. */
export interface Template {
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly key: string;
  readonly tags?: readonly string[] | undefined;
  /** Attempts and timeout, as they are stored with a job. */
  readonly settings: string;
  /** How long after its nominal time, or after it was made up, a job may still be started; undefined for ever. */
  readonly deadlineMs: number | undefined;
  readonly payload: string | undefined;
}

export interface Definition {
  readonly plan: Plan;
  readonly template: Template;
  /** What the caller said, as JSON: the same words again change nothing. */
  readonly given: string;
  readonly createdAt: number;
  readonly changedAt: number;
}

/**
 * Why a nominal time has no run: it was too `late`, beyond the `cap`, `merged` into a run that stands for it; the one
 * before was not over (`overlap`); the schedule was `paused`; it had all the runs it may have (`limit`); a job of that
 * name was there already (`exists`).
 */
export const SKIP_REASONS = ['late', 'cap', 'merged', 'overlap', 'paused', 'limit', 'exists'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** `on-time`, or made up for (`catch-up`), or asked for (`backfill`, `trigger`). */
export type Cause = 'on-time' | 'catch-up' | 'backfill' | 'trigger';

/** Nominal times that have no job of their own, and whose work a run does as well. */
export interface Missed {
  readonly count: number;
  /** The first of them, epoch ms. */
  readonly from: number;
}

/** Nominal times after `from`, up to `to`, that are to run and have no job yet. */
export interface Owed {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly cause: Exclude<Cause, 'trigger'>;
  readonly order: 'oldest' | 'newest';
  readonly missed?: Missed | undefined;
  /** When it is not the schedule's any more. */
  readonly rule?: Rule | undefined;
  /** Each beside the others; else one after the other. */
  readonly isParallel?: boolean | undefined;
}

/** How far it has come. */
export interface Progress {
  /** Everything up to here is decided. It never goes back. */
  readonly cursorAt: number;
  readonly owed: readonly Owed[];
  /** Jobs made for nominal times, without those that somebody asked for. */
  readonly runs: number;
  readonly triggers: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** The newest job of it. */
  readonly last?: { readonly id: string; readonly nominalAt: number; readonly at: number } | undefined;
  /** How many jobs wait for one another since the last time that none did. */
  readonly chain: number;
  /** Whether the newest job is one of several that are made one after the other. */
  readonly isBatch: boolean;
  /** What the next run on time stands for besides. */
  readonly missed?: Missed | undefined;
  readonly paused?:
    { readonly at: number; readonly reason?: string | undefined; readonly until?: number | undefined } | undefined;
  /** When to look at it next; undefined: when something happens. Epoch ms. */
  readonly wakeAt?: number | undefined;
}

export function newProgress(cursorAt: number): Progress {
  return { cursorAt, owed: [], runs: 0, triggers: 0, skipped: {}, chain: 0, isBatch: false };
}

/** What the handler is told of the nominal time that its job is for. */
export interface Occurrence {
  readonly schedule: string;
  readonly nominalAt: number;
  readonly cause: Cause;
  /** How late the job was made, ms. */
  readonly lateMs: number;
  /** For how many nominal times it runs: 1, and those that were missed and have no job of their own. */
  readonly standsFor: number;
  /** The first of them. */
  readonly since: number;
}

/** As JSON, which writes Infinity as null. */
export function encodeDefinition(definition: Definition): string {
  return JSON.stringify(definition);
}

export function decodeDefinition(text: string): Definition {
  const { plan, ...rest } = JSON.parse(text) as Definition;
  const { catchUp } = plan;
  // What JSON wrote as null; what was undefined is not there at all.
  const lasting = { endAt: plan.endAt ?? Infinity, limit: plan.limit ?? Infinity };
  const bounds = { max: catchUp.max ?? Infinity, withinMs: catchUp.withinMs ?? Infinity };
  return { ...rest, plan: { ...plan, ...lasting, catchUp: { ...catchUp, ...bounds } } };
}

export function encodeProgress(progress: Progress): string {
  return JSON.stringify(progress);
}

export function decodeProgress(text: string): Progress {
  return JSON.parse(text) as Progress;
}

/** The id of the job for a nominal time: there is never a second one. */
export function occurrenceId(name: string, nominalAt: number): string {
  return `${name}@${new Date(nominalAt).toISOString()}`;
}

/** What is stored of it with its job. */
export function occurrenceIn(settings: string): Occurrence | undefined {
  return settings.includes('"occurrence"')
    ? (JSON.parse(settings) as { occurrence?: Occurrence }).occurrence
    : undefined;
}

/** What a handler is told of time: when it was due, and of a schedule's job more. */
export function timesOf(dueAt: number, settings: string): { scheduledFor: number; occurrence?: Occurrence } {
  const occurrence = occurrenceIn(settings);
  return occurrence === undefined ? { scheduledFor: dueAt } : { scheduledFor: occurrence.nominalAt, occurrence };
}
