/**
 * What follows from what happened: pure decisions, from a few numbers to an event. Time and chance are given.
 */
import type { Cancelled, Completed, Died, Failed, Interrupted, Snoozed } from './event.ts';
import type { FlatError } from './flat-error.ts';
import { decideRetry, type Backoff } from './retry.ts';

/** An attempt failed with this error. */
export interface Failure {
  readonly slot: number;
  readonly error: FlatError;
  /** Failed attempts before this one. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly snoozes: number;
  readonly backoff: Backoff;
  readonly mode: 'all' | 'retryable';
  readonly now: number;
  readonly random: () => number;
}

/** The end of an attempt that its handler left with an error: another attempt, a pause, or death. */
export function decideFailure(failure: Failure): Failed | Snoozed | Died {
  const { slot, now: at, error } = failure;
  const next = decideRetry({ ...failure, attempts: failure.attempts + 1 });
  switch (next.kind) {
    case 'snooze':
      return { kind: 'snoozed', slot, at, dueAt: next.dueAt };
    case 'retry':
      return { kind: 'failed', slot, at, dueAt: next.dueAt, error: JSON.stringify(error) };
    case 'die':
      return { kind: 'died', slot, at, why: next.reason, error: JSON.stringify(error) };
  }
}

/** A job that was found running when the log was opened: the process died during its attempt. */
export function decideCrash(job: {
  readonly slot: number;
  readonly isCancelling: boolean;
  /** Crashes before this one. */
  readonly crashes: number;
  readonly maxCrashes: number;
  readonly now: number;
}): Interrupted | Cancelled | Died {
  const { slot, now: at } = job;
  if (job.isCancelling) return { kind: 'cancelled', slot, at, reason: undefined };
  if (job.crashes + 1 < job.maxCrashes) return { kind: 'interrupted', slot, at, why: 'crashed' };
  const error: FlatError = {
    name: 'Error',
    message: `The process died ${job.crashes + 1} times while this job ran, so it is not started again.`,
  };
  return { kind: 'died', slot, at, why: 'crashed', error: JSON.stringify(error) };
}

export type AttemptEnd = Completed | Failed | Snoozed | Died | Interrupted | Cancelled;
