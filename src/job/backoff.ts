import { type Duration, durationMs } from './duration.ts';
import type { FlatError } from './flat-error.ts';
import { InvalidArgumentError } from './holdfast-error.ts';

/** How long to wait before the next attempt, as data: it can be stored with a job. Made by the functions below. */
export type BackoffPolicy =
  | { readonly kind: 'constant'; readonly delayMs: number }
  | { readonly kind: 'linear'; readonly initialMs: number; readonly maxMs: number }
  | { readonly kind: 'linearMod'; readonly initialMs: number; readonly maxMs: number }
  | {
      readonly kind: 'exponential';
      readonly multiplier: number;
      readonly initialMs: number;
      readonly maxMs: number;
      readonly jitter: number;
    }
  | { readonly kind: 'stepped'; readonly name: SteppedName }
  | { readonly kind: 'list'; readonly delaysMs: readonly number[] };

/**
 * The delay after the `attempt`-th failure (from 1). It is code, so it can be given for a job type but not stored with
 * one job. If it throws or gives no duration the default backoff takes its place: a bad delay never costs a job.
 */
export type BackoffFunction = (attempt: number, error: FlatError) => Duration;

/** A backoff as it is used inside: checked, complete and frozen. */
export type Backoff = BackoffPolicy | BackoffFunction;

/** A backoff as it is given: what the functions below make, the name of a stepped one, a list of delays, or a function. */
export type BackoffOption = Backoff | SteppedName | readonly Duration[];

const TEN_MINUTES = { count: 50, jitter: 0.9, minMs: 60_000, maxMs: 600_000 };
/** The backoffs that have names: from one interval to another in so many even steps, the last of which is the maximum. */
export const STEPPED = {
  default: TEN_MINUTES,
  '1m': { count: 20, jitter: 0.5, minMs: 1_000, maxMs: 60_000 },
  '10m': TEN_MINUTES,
  '1h': { count: 50, jitter: 0.9, minMs: 600_000, maxMs: 3_600_000 },
} as const;
export type SteppedName = keyof typeof STEPPED;

const MAX_LIST = 1_000;
const MAX_MULTIPLIER = 1_000;

/** The same delay each time. */
export function constant(delay: Duration): BackoffPolicy {
  return checked({ kind: 'constant', delayMs: delay }, 'constant');
}

/** `initial × attempt`, at most `max`. */
export function linear({ initial, max }: { readonly initial: Duration; readonly max: Duration }): BackoffPolicy {
  return checked({ kind: 'linear', initialMs: initial, maxMs: max }, 'linear');
}

/** A sawtooth: `(initial × attempt) mod max`. With 900 ms and 3 s: 0.9, 1.8, 2.7, 0.6, 1.5 s … It may be 0 at times. */
export function linearMod({ initial, max }: { readonly initial: Duration; readonly max: Duration }): BackoffPolicy {
  return checked({ kind: 'linearMod', initialMs: initial, maxMs: max }, 'linearMod');
}

export interface ExponentialOptions {
  /** By how much each delay is longer than the one before; from 1 to 1,000. @default 1.6 */
  readonly multiplier?: number;
  /** The first delay, before jitter. @default '1s' */
  readonly initial?: Duration;
  /** No delay is longer than this, jitter included. @default '900s' */
  readonly max?: Duration;
  /** Up to this share is added at random, so that jobs which failed together come back apart; 0 to 1. @default 0.2 */
  readonly jitter?: number;
}

/**
 * `base × (1 + jitter × random)`, where `base` is `initial × multiplier^(attempt−1)` but at most `max / (1 + jitter)`.
 * So the delays are those of the formula plus 0 to 20 %, none is above `max`, and at the end they lie between 750 and
 * 900 s: cutting them off at `max` after the jitter would bring most jobs that failed together back in the same moment.
 */
export function exponential(options: ExponentialOptions = {}): BackoffPolicy {
  const { multiplier = 1.6, initial = '1s', max = '900s', jitter = 0.2 } = options;
  return checked({ kind: 'exponential', multiplier, initialMs: initial, maxMs: max, jitter }, 'exponential');
}

/**
 * Delays that grow in even steps: `'1m'` in 20 steps from 1 to 60 s, `'10m'` and `'default'` in 50 from 1 to 10 minutes,
 * `'1h'` in 50 from 10 to 60 minutes. A delay is `interval × jitter + random [0, interval)`, with a jitter of 0.5 for
 * `'1m'` and 0.9 for the others: an interval of 60 s gives from 30 to 90 s.
 */
export function stepped(name: SteppedName): BackoffPolicy {
  return checked({ kind: 'stepped', name }, 'stepped');
}

/**
 * Checks a backoff once, at the door: what comes out is complete and frozen, and `nextDelay` may trust it. Given what
 * came out before, also after a way through JSON, it gives the same again.
 *
 * @throws InvalidArgumentError that names `field` or, inside it, the value that is wrong.
 */
export function normaliseBackoff(value: BackoffOption, field: string): Backoff {
  if (typeof value === 'function') return value;
  if (typeof value === 'string') return checked({ kind: 'stepped', name: value }, field);
  if (isList(value)) return checked({ kind: 'list', delaysMs: value }, field);
  return checked(value, field);
}

/** Whether a backoff can be stored with a job. Only a function cannot. */
export function isSerialisable(backoff: Backoff): backoff is BackoffPolicy {
  return typeof backoff !== 'function';
}

/** A policy whose durations may still be text. */
type Unchecked<Policy = BackoffPolicy> = Policy extends BackoffPolicy
  ? {
      readonly [Key in keyof Policy]: Policy[Key] extends readonly number[]
        ? readonly Duration[]
        : Key extends `${string}Ms`
          ? Duration
          : Policy[Key];
    }
  : never;

function checked(policy: Unchecked, field: string): BackoffPolicy {
  if (typeof policy !== 'object' || policy === null) throw unknownBackoff(policy, field);
  switch (policy.kind) {
    case 'constant':
      return Object.freeze({ kind: policy.kind, delayMs: durationMs(policy.delayMs, `${field}.delay`) });
    case 'linear':
    case 'exponential': {
      const initialMs = durationMs(policy.initialMs, `${field}.initial`);
      const maxMs = atLeast(initialMs, policy.maxMs, `${field}.max`);
      if (policy.kind === 'linear') return Object.freeze({ kind: policy.kind, initialMs, maxMs });
      const multiplier = between(1, MAX_MULTIPLIER, policy.multiplier, `${field}.multiplier`);
      const jitter = between(0, 1, policy.jitter, `${field}.jitter`);
      return Object.freeze({ kind: policy.kind, multiplier, initialMs, maxMs, jitter });
    }
    case 'linearMod': {
      const initialMs = durationMs(policy.initialMs, `${field}.initial`);
      // The remainder of a division by 0 is NaN.
      return Object.freeze({ kind: policy.kind, initialMs, maxMs: atLeast(1, policy.maxMs, `${field}.max`) });
    }
    case 'stepped':
      if (!Object.hasOwn(STEPPED, policy.name)) throw unknownBackoff(policy.name, field);
      return Object.freeze({ kind: policy.kind, name: policy.name });
    case 'list':
      return Object.freeze({ kind: policy.kind, delaysMs: checkedList(policy.delaysMs, field) });
    default:
      throw unknownBackoff(policy, field);
  }
}

function checkedList(delays: readonly Duration[], field: string): readonly number[] {
  if (!isList(delays) || delays.length === 0 || delays.length > MAX_LIST) {
    throw new InvalidArgumentError({ field, expected: `a list of 1 to ${MAX_LIST} delays`, got: delays });
  }
  // Not `map`, which would leave the holes of a list as they are.
  return Object.freeze(Array.from(delays, (delay, index) => durationMs(delay, `${field}[${index}]`)));
}

function atLeast(leastMs: number, value: Duration, field: string): number {
  const valueMs = durationMs(value, field);
  if (valueMs >= leastMs) return valueMs;
  throw new InvalidArgumentError({ field, expected: `a duration of at least ${leastMs} ms`, got: value });
}

function between(least: number, most: number, value: number, field: string): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new InvalidArgumentError({ field, expected: `a number from ${least} to ${most}`, got: value });
}

function unknownBackoff(got: unknown, field: string): InvalidArgumentError {
  const names = Object.keys(STEPPED).map((name) => `'${name}'`);
  const expected = `exponential(), another backoff policy, one of ${names.join(' ')}, a list of delays, or a function`;
  return new InvalidArgumentError({ field, expected, got });
}

/** `Array.isArray` does not know that an array may be readonly. */
function isList(value: unknown): value is readonly Duration[] {
  return Array.isArray(value);
}
