// The errors that belong to one attempt: what a handler throws to say how its attempt shall end, and what the engine
// says to a handler (as `signal.reason`, or from `save`) or about one that can no longer speak.
import { type Duration, durationMs } from './duration.ts';
import { HoldfastError, nameErrors } from './holdfast-error.ts';

/**
 * For handlers to throw: the attempt failed and another one may help. Where a type retries only such errors it is what
 * tells a passing trouble from a lasting one. `retryAfter` (ms, or `'5m'`) replaces the delay of the backoff, for
 * instance with what a server asked for; the number of attempts stays limited.
 */
export class RetryableError extends HoldfastError {
  override readonly code = 'HOLDFAST_RETRYABLE';
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly retryAfter?: Duration | undefined }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfter === undefined ? undefined : durationMs(options.retryAfter, 'retryAfter');
  }
}

/** For handlers to throw: no further attempt can help. The job is dead at once, as `terminated`. */
export class TerminateError extends HoldfastError {
  override readonly code = 'HOLDFAST_TERMINATE';
}

/**
 * For handlers to throw: not now, ask me again in `delay` (ms, or `'5m'`). It uses no attempt and keeps the checkpoint.
 * The number of snoozes of a job is limited; one too many counts as a failed attempt.
 */
export class SnoozeError extends HoldfastError {
  override readonly code = 'HOLDFAST_SNOOZE';
  readonly delayMs: number;

  constructor(delay: Duration, message = 'The handler asked to be run later.', options?: ErrorOptions) {
    super(message, options);
    this.delayMs = durationMs(delay, 'delay');
  }
}

/**
 * The attempt took longer than its timeout. The handler sees it as `signal.reason`; one that goes on is ended after the
 * grace period. It counts as a failed attempt. Give the job a longer `timeout`, or call `extend()` while working.
 */
export class AttemptTimeoutError extends HoldfastError {
  override readonly code = 'HOLDFAST_ATTEMPT_TIMEOUT';
  readonly timeoutMs: number;

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`The attempt took longer than its timeout of ${timeoutMs} ms.`, options);
    this.timeoutMs = timeoutMs;
  }
}

/**
 * A handler called `save()`, `extend()` or another method of its context after its attempt had ended, so nothing was
 * done. Await all work before the handler returns, and stop when `signal` aborts.
 */
export class AttemptEndedError extends HoldfastError {
  override readonly code = 'HOLDFAST_ATTEMPT_ENDED';
  readonly method: string;

  constructor(method: string, options?: ErrorOptions) {
    super(
      `${method}() came after the end of the attempt and did nothing. Await it before the handler returns.`,
      options,
    );
    this.method = method;
  }
}

/**
 * The thread ended under the handler: `process.exit()`, an uncaught error, no memory left, or a kill after a handler
 * ignored its signal. It counts as a failed attempt; the next job gets a new thread.
 */
export class ThreadLostError extends HoldfastError {
  override readonly code = 'HOLDFAST_THREAD_LOST';
  readonly problem: string;

  constructor(problem: string, options?: ErrorOptions) {
    super(`The thread ended before the handler did: ${problem}.`, options);
    this.problem = problem;
  }
}

/**
 * The module of a handler could not be loaded: it does not exist, throws while loading, takes too long, or its default
 * export is no function. `cause` has the error of the loader. It counts as a failed attempt of the job.
 */
export class HandlerLoadError extends HoldfastError {
  override readonly code = 'HOLDFAST_HANDLER_LOAD';
  readonly module: string;

  constructor(given: { readonly module: string; readonly problem: string } & ErrorOptions) {
    super(`The handler in ${given.module} could not be loaded: ${given.problem}.`, given);
    this.module = given.module;
  }
}

/**
 * The engine ended the attempt for a reason of its own, usually because it is closing; the handler sees it as
 * `signal.reason`. Save a checkpoint and return or rethrow: the job keeps its attempt and its checkpoint and runs again.
 */
export class InterruptedError extends HoldfastError {
  override readonly code = 'HOLDFAST_INTERRUPTED';
  readonly reason: string;

  constructor(reason = 'closing', options?: ErrorOptions) {
    super(`The attempt was interrupted (${reason}); the job will run again from its last checkpoint.`, options);
    this.reason = reason;
  }
}

/**
 * A program could not be started: there is none of this name on the `PATH`, it may not be run, or its `cwd` is not there.
 * `cause` has the system's error. It counts as a failed attempt.
 */
export class CommandNotFoundError extends HoldfastError {
  override readonly code = 'HOLDFAST_COMMAND_NOT_FOUND';
  readonly file: string;

  constructor(file: string, options?: ErrorOptions) {
    super(`${file} could not be started. Is it installed, on the PATH, executable, and is its cwd there?`, options);
    this.file = file;
  }
}

/**
 * A program ended with another exit code than 0, or by a signal, or its output is not what it was said to be. The message
 * has the last lines of its standard error. It counts as a failed attempt.
 */
export class CommandFailedError extends HoldfastError {
  override readonly code = 'HOLDFAST_COMMAND_FAILED';
  readonly file: string;
  readonly exitCode: number | null;
  readonly signalName: string | null;

  constructor(
    given: {
      readonly file: string;
      readonly exitCode: number | null;
      readonly signalName: string | null;
      readonly lastLines: readonly string[];
      readonly problem?: string;
    } & ErrorOptions,
  ) {
    const { file, exitCode, signalName, lastLines } = given;
    const end = exitCode === null ? `it was ended by ${signalName}` : `it ended with exit code ${exitCode}`;
    const tail = lastLines.length === 0 ? '.' : `:\n${lastLines.join('\n')}`;
    super(`${file} failed: ${given.problem ?? end}${tail}`, given);
    this.file = file;
    this.exitCode = exitCode;
    this.signalName = signalName;
  }
}

nameErrors({
  CommandFailedError,
  CommandNotFoundError,
  RetryableError,
  TerminateError,
  SnoozeError,
  AttemptTimeoutError,
  AttemptEndedError,
  ThreadLostError,
  HandlerLoadError,
  InterruptedError,
});
