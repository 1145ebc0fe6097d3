// What follows a failed attempt: another one, and when, or death. Pure: the moment and the dice are handed in, and what
// comes out is written into the event.
import { type Backoff, type BackoffPolicy, exponential, STEPPED, type SteppedName } from './backoff.ts';
import { durationMs, MAX_MOMENT_MS } from './duration.ts';
import { type FlatError, flattenError, hasCode, verdictOf } from './flat-error.ts';

export {
  type Backoff,
  type BackoffFunction,
  type BackoffOption,
  type BackoffPolicy,
  constant,
  exponential,
  type ExponentialOptions,
  isSerialisable,
  linear,
  linearMod,
  normaliseBackoff,
  STEPPED,
  stepped,
  type SteppedName,
} from './backoff.ts';

/** What takes the place of a backoff function that fails. */
const FALLBACK = exponential();

/** How often a job may be snoozed before a snooze counts as a failure. */
export const DEFAULT_MAX_SNOOZES = 100;

/** Errors that are the engine's and not the handler's: it had no chance to say that another attempt may help. */
const NOT_THE_HANDLERS = ['HOLDFAST_ATTEMPT_TIMEOUT', 'HOLDFAST_THREAD_LOST', 'HOLDFAST_HANDLER_LOAD'];

export interface RetryQuestion {
  /** How many attempts of the job have failed, this one included. */
  readonly attempts: number;
  /** With how many the job is dead, from 1; Infinity for no limit. */
  readonly maxAttempts: number;
  /** How often the job has been snoozed before. */
  readonly snoozes: number;
  /** @default 100 */
  readonly maxSnoozes?: number;
  readonly error: FlatError;
  /** `retryable`: only a `RetryableError` is followed by another attempt. */
  readonly mode: 'all' | 'retryable';
  readonly backoff: Backoff;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Epoch ms. */
  readonly now: number;
}

export type RetryDecision =
  /** `warning` says what is wrong with a backoff function, so that somebody can log it. */
  | { readonly kind: 'retry'; readonly dueAt: number; readonly warning: string | undefined }
  | { readonly kind: 'snooze'; readonly dueAt: number }
  | { readonly kind: 'die'; readonly reason: 'exhausted' | 'terminated' };

/**
 * Decides what follows an attempt that ended with `error`.
 *
 * A `TerminateError` ends the job whatever else holds. A `SnoozeError` postpones it and is no failure, until the job has
 * used up its snoozes; the next one is a failure like any other that may be retried. A timeout, a lost thread and a
 * module that does not load are retried in both modes, since they are not the handler's word. Then the attempts decide.
 */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { error, attempts, now, random, snoozes, maxSnoozes = DEFAULT_MAX_SNOOZES } = question;
  const verdict = verdictOf(error);
  if (verdict?.code === 'HOLDFAST_TERMINATE') return { kind: 'die', reason: 'terminated' };
  if (verdict?.code === 'HOLDFAST_SNOOZE' && snoozes < maxSnoozes) {
    // Without a delay it would come back at once, so often as it may.
    const delayMs = verdict.delayMs ?? nextDelay(FALLBACK, snoozes + 1, random, error).delayMs;
    return { kind: 'snooze', dueAt: later(now, delayMs) };
  }
  const mayRetry = question.mode === 'all' || verdict !== undefined || hasCode(error, NOT_THE_HANDLERS);
  if (!mayRetry) return { kind: 'die', reason: 'terminated' };
  if (attempts >= question.maxAttempts) return { kind: 'die', reason: 'exhausted' };
  if (verdict?.retryAfterMs !== undefined) {
    return { kind: 'retry', dueAt: later(now, verdict.retryAfterMs), warning: undefined };
  }
  const { delayMs, warning } = nextDelay(question.backoff, attempts, random, error);
  return { kind: 'retry', dueAt: later(now, delayMs), warning };
}

function later(now: number, delayMs: number): number {
  return Math.min(now + delayMs, MAX_MOMENT_MS);
}

export interface NextDelay {
  /** A whole number from 0 to 100 years. */
  readonly delayMs: number;
  /** Set if a backoff function failed and the default backoff took its place. */
  readonly warning: string | undefined;
}

/**
 * The delay before the attempt that follows `attempt` failed ones (from 1; less is taken as 1). It never throws: a
 * backoff function that does, or that gives anything but a duration, is replaced by the default backoff, with a warning.
 */
export function nextDelay(backoff: Backoff, attempt: number, random: () => number, error: FlatError): NextDelay {
  const failures = Math.max(1, attempt);
  if (typeof backoff !== 'function') return { delayMs: policyDelay(backoff, failures, random), warning: undefined };
  try {
    const delay: unknown = backoff(failures, error);
    // An async function is a mistake here, and its rejection must not end the process.
    if (delay instanceof Promise) delay.catch(() => undefined);
    return { delayMs: durationMs(delay as number, 'the delay of the backoff function'), warning: undefined };
  } catch (failure) {
    const warning = `The backoff function failed, so the default backoff was used. ${flattenError(failure).message}`;
    return { delayMs: policyDelay(FALLBACK, failures, random), warning };
  }
}

function policyDelay(policy: BackoffPolicy, attempt: number, random: () => number): number {
  switch (policy.kind) {
    case 'constant':
      return policy.delayMs;
    case 'linear':
      return Math.min(policy.initialMs * attempt, policy.maxMs);
    case 'linearMod':
      return (policy.initialMs * attempt) % policy.maxMs;
    case 'exponential':
      return exponentialDelay(policy, attempt, random);
    case 'stepped':
      return steppedDelay(policy.name, attempt, random);
    case 'list':
      // Never empty, see `normaliseBackoff`.
      return policy.delaysMs[Math.min(attempt, policy.delaysMs.length) - 1] as number;
  }
}

type Exponential = Extract<BackoffPolicy, { kind: 'exponential' }>;

function exponentialDelay(policy: Exponential, attempt: number, random: () => number): number {
  const { multiplier, initialMs, maxMs, jitter } = policy;
  // A high power is Infinity, and 0 times Infinity is NaN.
  const grown = initialMs === 0 ? 0 : initialMs * multiplier ** (attempt - 1);
  const base = Math.min(grown, maxMs / (1 + jitter));
  return wholeWithin(base, base * jitter, random);
}

function steppedDelay(name: SteppedName, attempt: number, random: () => number): number {
  const { count, jitter, minMs, maxMs } = STEPPED[name];
  const step = Math.min(attempt, count) - 1;
  const interval = minMs + (step * (maxMs - minMs)) / (count - 1);
  return wholeWithin(interval * jitter, interval, random);
}

/** The noise of floating point, so that 4096.000000000001 ms do not become 4097. */
const NOISE = 1e-6;

/** A whole number from `low` up to, but not including, `low + width`; the first one from `low` if there is none. */
function wholeWithin(low: number, width: number, random: () => number): number {
  // Not -0, which would be refused if it came to be stored.
  const least = Math.max(0, Math.ceil(low - NOISE));
  const most = Math.max(least, Math.ceil(low + width - NOISE) - 1);
  return Math.min(least + Math.floor(random() * width), most);
}
