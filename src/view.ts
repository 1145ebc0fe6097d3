/** What people see of a job and of an event: plain objects, made when somebody asks. */
import type { FlatError } from './errors.ts';
import { decodeJson } from './job/json.ts';
import { decodeEdges } from './job/edges.ts';
import type { BackoffPolicy } from './job/backoff.ts';
import type { JobHistory } from './job/history.ts';
import type { JobState } from './job/machine.ts';
import type { JobRow } from './job/row.ts';
import { occurrenceIn, type Occurrence } from './job/schedule.ts';
import type { JobEventKind } from './job/event.ts';
import type { LoggedFact } from './log/stream.ts';
import type { HomeRecord } from './log/history.ts';
import type { LogLevel } from './protocol.ts';
import type { Policy } from './policy.ts';

/**
 * Why a waiting job does not run: `ready` (it waits for a slot of the engine), `scheduled` (its time has not come),
 * `retrying` (the same, after a failed attempt), `blocked` (other jobs must end before it), `held` (something else keeps it:
 * nobody has registered a handler for its type, its queue or the engine is paused, this engine does not work on its queue,
 * or a limit or rate of its queue, key or type is reached). The first of them that holds; `explain` tells all.
 */
export const JOB_FACES = ['ready', 'scheduled', 'retrying', 'blocked', 'held'] as const;
export type JobFace = (typeof JOB_FACES)[number];

export interface JobErrorView extends FlatError {
  /** When the attempt failed, epoch ms. */
  readonly at: number;
  /** Which start of the job it was, from 1. */
  readonly start: number;
}

export interface JobLogLine {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: unknown;
}

/** A stored job. Moments are epoch ms; what does not apply is absent. */
export interface JobView<Payload = unknown, Result = unknown, Checkpoint = unknown> {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  /** Of a waiting job. */
  readonly face?: JobFace;
  readonly priority: number;
  /** Its keys and its tags, as they were given. */
  readonly unique?: string;
  readonly idempotencyKey?: string;
  readonly tags?: readonly string[];
  /** Of a schedule's job: which nominal time it is for. */
  readonly occurrence?: Occurrence;
  /** The jobs it waited for, and those that it still waits for, by id. */
  readonly after?: readonly string[];
  readonly waitsFor?: readonly string[];
  readonly payload?: Payload;
  /** Failed attempts in this series; with `maxAttempts` of them the job is dead. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** What holds after a failed attempt; a backoff that is code is `'function'`. */
  readonly backoff: BackoffPolicy | 'function';
  readonly retryMode: 'all' | 'retryable';
  /** Infinity for none. */
  readonly timeoutMs: number;
  /** How often it was started, durably. */
  readonly starts: number;
  /** How often the process died while it ran. */
  readonly crashes: number;
  readonly interrupts: number;
  readonly snoozes: number;
  readonly createdAt: number;
  /** Of a waiting job: not to be started before. */
  readonly dueAt?: number;
  /** Not to be started after. */
  readonly deadlineAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly isCancelling?: boolean;
  readonly progress?: unknown;
  /** The newest lines of the job's own log, at most 100. */
  readonly log?: readonly JobLogLine[];
  readonly checkpoint?: Checkpoint;
  readonly result?: Result;
  /** The newest errors, at most 10, the last one last. */
  readonly errors: readonly JobErrorView[];
  /** Why it was cancelled, or why it is dead. */
  readonly reason?: string;
}

export interface ViewParts {
  readonly row: JobRow;
  readonly home: HomeRecord;
  readonly history: JobHistory;
  /** Of the attempt that runs now, as JSON. */
  readonly report: string | undefined;
  readonly policy: Policy;
  /** Whether it lacks something else than a free slot, once it is due. */
  readonly isHeldBack: () => boolean;
  /** The ids of the jobs it still waits for. */
  readonly waitsFor: readonly string[];
  readonly now: number;
}

export function jobView({ row, home, history, report, policy, isHeldBack, waitsFor, now }: ViewParts): JobView {
  const { id, type, queue, state, priority, attempts, starts, crashes, interrupts, snoozes } = row;
  const reported = report ?? history.report;
  const { progress, log } =
    reported === undefined ? {} : (JSON.parse(reported) as { progress?: unknown; log?: StoredLine[] });
  const reason =
    state === 'dead' ? history.deathReason : history.cancelReason && (JSON.parse(history.cancelReason) as string);
  return withoutUndefined({
    id,
    type,
    queue,
    state,
    face: state === 'waiting' ? faceOf(row, isHeldBack, waitsFor.length > 0, now) : undefined,
    priority,
    unique: row.labels?.unique,
    idempotencyKey: row.labels?.idempotencyKey,
    tags: row.labels?.tags,
    after: row.parents === undefined ? undefined : decodeEdges(row.parents).map(({ id: parent }) => parent),
    waitsFor: waitsFor.length > 0 ? waitsFor : undefined,
    occurrence: occurrenceIn(home.settings),
    payload: parsed(home.payload),
    attempts,
    maxAttempts: policy.maxAttempts,
    backoff: typeof policy.backoff === 'function' ? ('function' as const) : policy.backoff,
    retryMode: policy.mode,
    timeoutMs: policy.timeoutMs,
    starts,
    crashes,
    interrupts,
    snoozes,
    createdAt: history.createdAt,
    dueAt: state === 'waiting' ? row.dueAt : undefined,
    deadlineAt: row.deadlineAt,
    startedAt: history.startedAt,
    finishedAt: history.finishedAt,
    isCancelling: row.isCancelling ? true : undefined,
    progress,
    log: log?.length
      ? log.map(({ fields, ...line }) => withoutUndefined({ ...line, fields: parsed(fields) }))
      : undefined,
    checkpoint: parsed(history.checkpoint),
    result: parsed(history.result),
    errors: history.errors.map(({ at, start, error }) => ({ ...(JSON.parse(error) as FlatError), at, start })),
    reason: reason || undefined,
  });
}

interface StoredLine {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: string;
}

export function faceOf(
  { dueAt, attempts }: Pick<JobRow, 'dueAt' | 'attempts'>,
  isHeldBack: () => boolean,
  isBlocked: boolean,
  now: number,
): JobFace {
  if (isBlocked) return 'blocked';
  if (dueAt > now) return attempts > 0 ? 'retrying' : 'scheduled';
  return isHeldBack() ? 'held' : 'ready';
}

/** Something that happened to a job, in the order in which it happened. */
export interface JobEventView {
  /** Give the last one you have seen to `events({ since })` and go on behind it, also after a restart. */
  readonly seq: number;
  readonly kind: JobEventKind;
  /** Epoch ms. */
  readonly at: number;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** `enqueued`, `failed`, `snoozed`, `rescheduled`, `revived`: when it is due. */
  readonly dueAt?: number;
  /** `started`: which start it is, from 1. */
  readonly start?: number;
  /** `enqueued`. */
  readonly priority?: number;
  /** `completed`. */
  readonly result?: unknown;
  /** `failed`, `died`. */
  readonly error?: FlatError;
  /** `interrupted`, `died`, `cancelled`, `cancelling`. */
  readonly reason?: string;
}

/** What only the events of jobs have. */
type NotOfEntries = { readonly [Field in Exclude<keyof JobEventView, 'seq' | 'kind' | 'at'>]?: undefined };

/** Something that happened to what is stored beside jobs. */
export interface EntryEventView extends NotOfEntries {
  readonly seq: number;
  /** What it happened to: a schedule, a queue, the engine. */
  readonly kind: 'queue' | 'schedule' | 'engine';
  /** Epoch ms. */
  readonly at: number;
  readonly name: string;
  /** What happened, in a word. */
  readonly what: string;
  /** More about what happened. */
  readonly detail?: unknown;
}

export type EventView = JobEventView | EntryEventView;

export function eventView(event: LoggedFact): EventView {
  if (event.kind === 'noted') {
    const { position: seq, space, at, name, what, detail } = event;
    const kind = space === 'progress' ? 'schedule' : space;
    return withoutUndefined({ seq, kind, at, name, what, detail: parsed(detail) });
  }
  // Literal objects, since a spread costs more than all the rest of it.
  const { at, id, type, queue, position: seq } = event;
  switch (event.kind) {
    case 'enqueued':
    case 'updated': {
      const { kind, dueAt, priority } = event;
      return { seq, kind, at, id, type, queue, dueAt, priority };
    }
    case 'started':
      return { seq, kind: event.kind, at, id, type, queue, start: event.starts };
    case 'completed': {
      const { kind, result } = event;
      if (result === undefined) return { seq, kind, at, id, type, queue };
      return { seq, kind, at, id, type, queue, result: parsed(result) };
    }
    case 'failed': {
      const { kind, dueAt } = event;
      return withoutUndefined({ seq, kind, at, id, type, queue, dueAt, error: errorOf(event.error) });
    }
    case 'died': {
      const { kind, why: reason } = event;
      return withoutUndefined({ seq, kind, at, id, type, queue, reason, error: errorOf(event.error) });
    }
    case 'interrupted':
      return { seq, kind: event.kind, at, id, type, queue, reason: event.why };
    case 'cancelling':
    case 'cancelled': {
      const reason = parsed(event.reason) as string | undefined;
      return withoutUndefined({ seq, kind: event.kind, at, id, type, queue, reason });
    }
    case 'snoozed':
    case 'rescheduled':
    case 'revived':
      return { seq, kind: event.kind, at, id, type, queue, dueAt: event.dueAt };
    case 'checkpointed':
    case 'progressed':
    case 'removed':
      return { seq, kind: event.kind, at, id, type, queue };
  }
}

function errorOf(text: string | undefined): FlatError | undefined {
  return parsed(text) as FlatError | undefined;
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : decodeJson(text);
}

type Present<Given> = { [Key in keyof Given as undefined extends Given[Key] ? never : Key]: Given[Key] } & {
  [Key in keyof Given as undefined extends Given[Key] ? Key : never]?: Exclude<Given[Key], undefined>;
};

/** A loop, since it is on the way of every event and every job that is shown. */
function withoutUndefined<Given extends object>(given: Given): Present<Given> {
  const present: Record<string, unknown> = {};
  for (const name in given) {
    const value: unknown = given[name];
    if (value !== undefined) present[name] = value;
  }
  return present as Present<Given>;
}
