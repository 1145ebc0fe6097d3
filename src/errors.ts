// Every error of the library can be imported from here. Those of a single attempt, the base class and the errors of
// handlers as data live on the floor below, beside the code that makes them.
import { HoldfastError, nameErrors } from './job/holdfast-error.ts';

export {
  AttemptEndedError,
  AttemptTimeoutError,
  CommandFailedError,
  CommandNotFoundError,
  HandlerLoadError,
  InterruptedError,
  RetryableError,
  SnoozeError,
  TerminateError,
  ThreadLostError,
} from './job/attempt-errors.ts';
export { codeOf, type FlatError, flattenError, rebuildError, type VerdictCode } from './job/flat-error.ts';
export { HoldfastError, type HoldfastErrorCode, InvalidArgumentError } from './job/holdfast-error.ts';
export { QueueFullError, QueueNotFoundError } from './job/queue-errors.ts';

/**
 * A payload cannot be stored as it is: JSON would change or lose a part of it, it is too large or too deep, or the
 * validator of the job type refused it. `path` names the place (`payload.items[3].when`). Nothing was stored.
 */
export class InvalidPayloadError extends HoldfastError {
  override readonly code = 'HOLDFAST_INVALID_PAYLOAD';
  readonly path: string;
  readonly problem: string;

  constructor(given: { readonly path: string; readonly problem: string } & ErrorOptions) {
    super(`${given.path}: ${given.problem}.`, given);
    this.path = given.path;
    this.problem = given.problem;
  }
}

/**
 * What a handler returned, saved as a checkpoint or reported as progress cannot be stored as it is. `path` names the
 * place (`result.rows[0]`, `checkpoint.done`). A result of this kind is a failed attempt; `save()` rejects.
 */
export class InvalidResultError extends HoldfastError {
  override readonly code = 'HOLDFAST_INVALID_RESULT';
  readonly path: string;
  readonly problem: string;

  constructor(given: { readonly path: string; readonly problem: string } & ErrorOptions) {
    super(`${given.path}: ${given.problem}.`, given);
    this.path = given.path;
    this.problem = given.problem;
  }
}

/** A job with this id is stored already and was not touched. Use another id, or `ifExists: 'return'` to get that job. */
export class JobExistsError extends HoldfastError {
  override readonly code = 'HOLDFAST_JOB_EXISTS';
  readonly id: string;

  constructor(id: string, options?: ErrorOptions) {
    super(`A job with the id ${id} exists already. Use another id, or ifExists: 'return' to get that job.`, options);
    this.id = id;
  }
}

/**
 * An unfinished job of this type holds the unique key, and the call asked for `mode: 'reject'`, or wanted to revive a job
 * whose key another has by now. Nothing was changed. `id` is that job, if it is stored.
 */
export class DuplicateJobError extends HoldfastError {
  override readonly code = 'HOLDFAST_DUPLICATE_JOB';
  readonly key: string;
  readonly id: string | undefined;

  constructor(given: { readonly key: string; readonly id: string | undefined } & ErrorOptions) {
    const holder = given.id === undefined ? 'another job' : `the job ${given.id}`;
    super(`The unique key ${given.key} is held by ${holder}, which has not ended. Nothing was changed.`, given);
    this.key = given.key;
    this.id = given.id;
  }
}

/** There is no job with this id: it never was, or retention has dropped it since. */
export class JobNotFoundError extends HoldfastError {
  override readonly code = 'HOLDFAST_JOB_NOT_FOUND';
  readonly id: string;

  constructor(id: string, options?: ErrorOptions) {
    super(`There is no job with the id ${id}; it never was, or its retention has passed.`, options);
    this.id = id;
  }
}

/** There is no schedule of this name. */
export class ScheduleNotFoundError extends HoldfastError {
  override readonly code = 'HOLDFAST_SCHEDULE_NOT_FOUND';
  readonly schedule: string;

  constructor(schedule: string, options?: ErrorOptions) {
    super(`There is no schedule with the name ${schedule}; it never was, or it was deleted.`, options);
    this.schedule = schedule;
  }
}

/** The job is in a state in which this cannot happen, such as reviving a job that runs. Nothing was changed. */
export class IllegalTransitionError extends HoldfastError {
  override readonly code = 'HOLDFAST_ILLEGAL_TRANSITION';
  readonly id: string;
  readonly state: string;
  readonly event: string;

  constructor(given: { readonly id: string; readonly state: string; readonly event: string } & ErrorOptions) {
    super(`The job ${given.id} is ${given.state}, so it cannot be '${given.event}'. Nothing was changed.`, given);
    this.id = given.id;
    this.state = given.state;
    this.event = given.event;
  }
}

/** The engine is closing or closed. What was accepted before is kept; open the folder again to go on. */
export class EngineClosedError extends HoldfastError {
  override readonly code = 'HOLDFAST_CLOSED';

  constructor(message = 'The engine is closed. Open the folder again to go on.', options?: ErrorOptions) {
    super(message, options);
  }
}

/** A stated bound is reached, so the call was refused and nothing stored. Try again when some of the work is done. */
export class BusyError extends HoldfastError {
  override readonly code = 'HOLDFAST_BUSY';
  readonly what: string;
  readonly limit: number;

  constructor(given: { readonly what: string; readonly limit: number } & ErrorOptions) {
    super(`${given.what}: the limit of ${given.limit} is reached. Try again later, or raise the limit.`, given);
    this.what = given.what;
    this.limit = given.limit;
  }
}

/**
 * The store failed while this call was being written, so it may or may not have been done. Ask with `get`, or repeat
 * the call with the same `id`: repeating it is safe then. `cause` has the error of the store.
 */
export class UnknownOutcomeError extends HoldfastError {
  override readonly code = 'HOLDFAST_OUTCOME_UNKNOWN';

  constructor(what: string, options?: ErrorOptions) {
    super(`The store failed during ${what}: it may or may not have been done. Look with get(), or repeat it.`, options);
  }
}

/** The folder is open already, in this process or another one. Close it there, or share the engine that has it. */
export class StoreInUseError extends HoldfastError {
  override readonly code = 'HOLDFAST_IN_USE';
  readonly folder: string;

  constructor(given: { readonly folder: string; readonly holder?: string | undefined } & ErrorOptions) {
    const holder = given.holder ?? 'another process';
    super(`The folder ${given.folder} is open already in ${holder}. A folder has one engine at a time.`, given);
    this.folder = given.folder;
  }
}

/**
 * What the disk gives back is not what was written: a frame is missing, altered or out of order. The engine stops
 * rather than answer wrongly. Keep a copy of the folder, then restore a backup or use the repair command.
 */
export class StoreDamagedError extends HoldfastError {
  override readonly code = 'HOLDFAST_DAMAGED';
  readonly what: string;
  readonly where: string;

  constructor(given: { readonly what: string; readonly where: string } & ErrorOptions) {
    const place = `${given.what} (${given.where})`;
    super(`The store is damaged: ${place}. Copy the folder, then restore a backup or repair it.`, given);
    this.what = given.what;
    this.where = given.where;
  }
}

/** The folder was written in a format this version cannot read. Use a version of the library that knows it. */
export class StoreFormatError extends HoldfastError {
  override readonly code = 'HOLDFAST_FORMAT';
  readonly where: string;
  readonly found: number;
  readonly supported: number;

  constructor(given: { readonly where: string; readonly found: number; readonly supported: number } & ErrorOptions) {
    const { where, found, supported } = given;
    super(`${where} has format ${found}, this version reads up to ${supported}. Nothing was changed.`, given);
    this.where = where;
    this.found = found;
    this.supported = supported;
  }
}

/** The store cannot be opened or written: a full disk, missing rights, no such folder. `cause` has the system's error. */
export class StoreUnavailableError extends HoldfastError {
  override readonly code = 'HOLDFAST_STORE_UNAVAILABLE';

  constructor(problem: string, options?: ErrorOptions) {
    super(`The store is not available: ${problem}.`, options);
  }
}

/**
 * What `result()` and `wait()` reject with when the job is dead. `reason` says how it died (`exhausted`, `terminated`,
 * `expired`, `crashed`, `unreachable`), `cause` is the last error of its handler, if there was one.
 */
export class JobFailedError extends HoldfastError {
  override readonly code = 'HOLDFAST_JOB_FAILED';
  readonly id: string;
  readonly reason: string;

  constructor(given: { readonly id: string; readonly reason: string; readonly cause?: Error | undefined }) {
    const last = given.cause === undefined ? '.' : `: ${given.cause.message}`;
    super(`The job ${given.id} is dead (${given.reason})${last}`, given);
    this.id = given.id;
    this.reason = given.reason;
  }
}

/** The job was cancelled: what `result()` rejects with, and what its running handler sees as `signal.reason`. */
export class JobCancelledError extends HoldfastError {
  override readonly code = 'HOLDFAST_JOB_CANCELLED';
  readonly id: string;
  readonly reason: string | undefined;

  constructor(given: { readonly id: string; readonly reason?: string | undefined } & ErrorOptions) {
    super(`The job ${given.id} was cancelled${given.reason === undefined ? '.' : `: ${given.reason}`}`, given);
    this.id = given.id;
    this.reason = given.reason;
  }
}

/** Two handlers were given for one type. Give each type one handler; which one was meant cannot be guessed. */
export class DuplicateHandlerError extends HoldfastError {
  override readonly code = 'HOLDFAST_DUPLICATE_HANDLER';
  readonly type: string;

  constructor(type: string, options?: ErrorOptions) {
    super(`The job type ${type} has a handler already. Give each type one handler.`, options);
    this.type = type;
  }
}

/** The events asked for are no longer in the log. Read the present state with `list`, then go on from `oldest`. */
export class EventsTrimmedError extends HoldfastError {
  override readonly code = 'HOLDFAST_EVENTS_TRIMMED';
  readonly since: number;
  readonly oldest: number;

  constructor(given: { readonly since: number; readonly oldest: number } & ErrorOptions) {
    const { since, oldest } = given;
    super(
      `The events since ${since} are trimmed, the oldest is ${oldest}. Read the state and go on from there.`,
      given,
    );
    this.since = since;
    this.oldest = oldest;
  }
}

nameErrors({
  InvalidPayloadError,
  InvalidResultError,
  JobExistsError,
  DuplicateJobError,
  JobNotFoundError,
  ScheduleNotFoundError,
  IllegalTransitionError,
  EngineClosedError,
  BusyError,
  UnknownOutcomeError,
  StoreInUseError,
  StoreDamagedError,
  StoreFormatError,
  StoreUnavailableError,
  JobFailedError,
  JobCancelledError,
  DuplicateHandlerError,
  EventsTrimmedError,
});
