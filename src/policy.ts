/**
 * What holds for an attempt: how long it may take, and what follows when it fails. It can be said for one job, for its
 * type, for its queue and for the engine; the most specific word counts, each value for itself.
 */
import { InvalidArgumentError } from './errors.ts';
import { durationMs, type Duration } from './job/duration.ts';
import { exponential, isSerialisable, normaliseBackoff, type Backoff, type BackoffOption } from './job/retry.ts';

export interface RetryOptions {
  /** How many attempts may fail before the job is dead, from 1; `Infinity` for no limit. @default 10 */
  readonly attempts?: number;
  /** The delay before the next attempt. @default exponential(): 1 s, growing 1.6-fold to at most 15 minutes */
  readonly backoff?: BackoffOption;
  /** Which errors are followed by another attempt: all, or only a `RetryableError`. @default 'all' */
  readonly mode?: 'all' | 'retryable';
}

/** What can be said at every level. */
export interface LevelOptions {
  readonly timeout?: Duration | 'none';
  readonly retry?: RetryOptions;
}

export interface Retry {
  readonly attempts: number | undefined;
  readonly backoff: Backoff | undefined;
  readonly mode: 'all' | 'retryable' | undefined;
}

/** Where a job belongs in a distributed trace, as the headers of W3C Trace Context have it. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** One level that may have an opinion. */
export interface PolicyLevel {
  readonly timeoutMs?: number | undefined;
  readonly retry?: Retry | undefined;
}

/** What holds, when all levels have been asked. */
export interface Policy {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly mode: 'all' | 'retryable';
  /** Infinity for no limit. */
  readonly timeoutMs: number;
}

export const DEFAULT_POLICY: Policy = {
  maxAttempts: 10,
  backoff: exponential(),
  mode: 'all',
  timeoutMs: 3_600_000,
};

/** @param levels the most specific first */
export function policyOf(levels: readonly PolicyLevel[]): Policy {
  const { maxAttempts, backoff, mode, timeoutMs } = DEFAULT_POLICY;
  return {
    maxAttempts: firstOf(levels, (level) => level.retry?.attempts) ?? maxAttempts,
    backoff: firstOf(levels, (level) => level.retry?.backoff) ?? backoff,
    mode: firstOf(levels, (level) => level.retry?.mode) ?? mode,
    timeoutMs: firstOf(levels, (level) => level.timeoutMs) ?? timeoutMs,
  };
}

function firstOf<Value>(
  levels: readonly PolicyLevel[],
  ask: (level: PolicyLevel) => Value | undefined,
): Value | undefined {
  for (const level of levels) {
    const value = ask(level);
    if (value !== undefined) return value;
  }
  return undefined;
}

export function checkPriority(value: unknown, field: string): asserts value is number {
  if (typeof value === 'number' && (value | 0) === value) return;
  throw new InvalidArgumentError({ field, expected: 'an integer from -2147483648 to 2147483647', got: value });
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function checkTrace(value: TraceContext): TraceContext {
  const { traceparent, tracestate } =
    typeof value === 'object' && value !== null ? value : ({} as Partial<TraceContext>);
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) {
    throw new InvalidArgumentError({ field: 'trace.traceparent', expected: 'a traceparent header', got: traceparent });
  }
  if (tracestate === undefined) return { traceparent };
  if (typeof tracestate !== 'string' || !/^[\x20-\x7e]{0,512}$/.test(tracestate)) {
    throw new InvalidArgumentError({ field: 'trace.tracestate', expected: 'a tracestate header', got: tracestate });
  }
  return { traceparent, tracestate };
}

/** Milliseconds; Infinity for `'none'`. */
export function checkTimeout(value: Duration | 'none', field: string): number {
  if (value === 'none') return Infinity;
  const timeoutMs = durationMs(value, field);
  if (timeoutMs > 0) return timeoutMs;
  throw new InvalidArgumentError({ field, expected: "a duration above 0, or 'none'", got: value });
}

export function checkRetry(value: RetryOptions, field: string): Retry {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgumentError({ field, expected: 'an object such as { attempts: 5 }', got: value });
  }
  const { attempts, backoff, mode } = value;
  const isCount = attempts === undefined || attempts === Infinity || (Number.isInteger(attempts) && attempts >= 1);
  if (!isCount) {
    throw new InvalidArgumentError({
      field: `${field}.attempts`,
      expected: 'an integer from 1, or Infinity',
      got: attempts,
    });
  }
  if (mode !== undefined && mode !== 'all' && mode !== 'retryable') {
    throw new InvalidArgumentError({ field: `${field}.mode`, expected: "'all' or 'retryable'", got: mode });
  }
  return { attempts, mode, backoff: backoff === undefined ? undefined : normaliseBackoff(backoff, `${field}.backoff`) };
}

/** @param prefix stands before the names of the fields in errors */
export function checkLevel({ timeout, retry }: LevelOptions, prefix: string): PolicyLevel {
  return {
    timeoutMs: timeout === undefined ? undefined : checkTimeout(timeout, `${prefix}timeout`),
    retry: retry === undefined ? undefined : checkRetry(retry, `${prefix}retry`),
  };
}

/**
 * A level as JSON, to be stored with a job; empty when it says nothing.
 *
 * @throws {InvalidArgumentError} when the backoff is a function, which cannot be stored
 */
export function encodeLevel({ timeoutMs, retry }: PolicyLevel, trace?: TraceContext): string {
  if (timeoutMs === undefined && retry === undefined && trace === undefined) return '';
  if (retry?.backoff !== undefined && !isSerialisable(retry.backoff)) {
    throw new InvalidArgumentError({
      field: 'retry.backoff',
      expected: 'plain data (exponential(), a list …), since it is stored with the job; a function belongs to the type',
      got: retry.backoff,
    });
  }
  return JSON.stringify({
    timeoutMs: number(timeoutMs),
    retry: retry && { ...retry, attempts: number(retry.attempts) },
    trace,
  });
}

/** The trace that the text of `encodeLevel` holds. */
export function decodeTrace(text: string): TraceContext | undefined {
  return text === '' ? undefined : (JSON.parse(text) as { trace?: TraceContext }).trace;
}

/** The reverse of `encodeLevel`. */
export function decodeLevel(text: string): PolicyLevel {
  if (text === '') return {};
  const { timeoutMs, retry } = JSON.parse(text) as {
    timeoutMs?: StoredNumber;
    retry?: Retry & { attempts?: StoredNumber };
  };
  return { timeoutMs: restored(timeoutMs), retry: retry && { ...retry, attempts: restored(retry.attempts) } };
}

/** JSON has no Infinity. */
type StoredNumber = number | 'none';
function number(value: number | undefined): StoredNumber | undefined {
  return value === Infinity ? 'none' : value;
}
function restored(value: StoredNumber | undefined): number | undefined {
  return value === 'none' ? Infinity : value;
}
