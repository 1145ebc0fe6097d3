/**
 * What can be set for a queue: its meaning, unit and default. It can be set in the options of `open` and, stored and while
 * the engine runs, by `configureQueue`; what is stored counts more, each setting for itself.
 */
import { InvalidArgumentError } from './errors.ts';
import { checkObject, count, oneOf } from './job/check.ts';
import { durationMs, type Duration } from './job/duration.ts';
import { checkQueue } from './job/name.ts';
import type { Rate } from './job/window.ts';
import { checkLevel, type PolicyLevel, type RetryOptions } from './policy.ts';

/** At most `limit` starts in any window of this length, wherever it begins. */
export interface RateOptions {
  /** From 1 to 100,000. */
  readonly limit: number;
  /** From 1 ms to 31 days. */
  readonly per: Duration;
}

/** What holds for each key by itself. */
export interface KeyOptions {
  /** How many jobs of one key may run at once. @default no limit */
  readonly concurrency?: number;
  /** How many jobs of one key may start in any window of time. @default no limit */
  readonly rate?: RateOptions | 'none';
}

export interface QueueOptions {
  /** How many of its jobs may run at once, counting threads that are still being ended. @default the engine's */
  readonly concurrency?: number;
  /** @default the engine's */
  readonly timeout?: Duration | 'none';
  /** @default the engine's */
  readonly retry?: RetryOptions;
  /** Its share of the engine's slots: how many jobs it may start when its turn comes, from 1 to 1,000. @default 1 */
  readonly weight?: number;
  /** So many of the engine's slots are kept free for it. All minimums together are less than the engine's slots. @default 0 */
  readonly minimum?: number;
  /** A ready job's priority rises by one each time it has waited so long. @default 'none' */
  readonly aging?: Duration | 'none';
  /** How many of its jobs may start in any window of time. @default 'none' */
  readonly rate?: RateOptions | 'none';
  /** What holds for each key by itself. @default no limits */
  readonly perKey?: KeyOptions;
  /** How many of its jobs may wait; beyond that, `whenFull` says what happens. @default Infinity */
  readonly maxEntries?: number;
  /** A full queue refuses new jobs, or cancels its oldest waiting ones for them. @default 'reject' */
  readonly whenFull?: 'reject' | 'dropOldest';
  /** A job that has not been started so long after it was accepted dies as `expired`. @default 'none' */
  readonly maxAge?: Duration | 'none';
}

/** What is set at one place, checked; the rest is open. */
export interface QueueLayer extends PolicyLevel {
  readonly concurrency?: number | undefined;
  readonly weight?: number | undefined;
  readonly minimum?: number | undefined;
  /** Infinity for none. */
  readonly agingMs?: number | undefined;
  /** With a limit of Infinity for none. */
  readonly rate?: Rate | undefined;
  readonly keyConcurrency?: number | undefined;
  readonly keyRate?: Rate | undefined;
  readonly maxEntries?: number | undefined;
  readonly whenFull?: 'reject' | 'dropOldest' | undefined;
  readonly maxAgeMs?: number | undefined;
}

/** What holds for a queue. */
export type QueueSettings = Required<{
  readonly [Name in Exclude<keyof QueueLayer, keyof PolicyLevel>]: Exclude<QueueLayer[Name], undefined>;
}> &
  PolicyLevel;

export const NO_RATE: Rate = Object.freeze({ limit: Infinity, perMs: 0 });

/** @throws {InvalidArgumentError} naming the setting that is wrong */
export function checkQueueOptions(queue: QueueOptions, field: string): QueueLayer {
  checkObject(queue, field, '{ concurrency: 50 }');
  const at = (name: string): string => (field === '' ? name : `${field}.${name}`);
  const given = <Value>(value: Value | undefined, check: (value: Value) => unknown): unknown =>
    value === undefined ? undefined : check(value);
  const { perKey = {} } = queue;
  checkObject(perKey, at('perKey'), '{ concurrency: 1 }');
  const layer = {
    ...checkLevel(queue, field === '' ? '' : `${field}.`),
    concurrency: given(queue.concurrency, (value) => count(value, at('concurrency'), 1, 1, 100_000)),
    weight: given(queue.weight, (value) => count(value, at('weight'), 1, 1, 1_000)),
    minimum: given(queue.minimum, (value) => count(value, at('minimum'), 0, 0, 100_000)),
    agingMs: given(queue.aging, (value) => checkLength(value, at('aging'))),
    rate: given(queue.rate, (value) => checkRate(value, at('rate'))),
    keyConcurrency: given(perKey.concurrency, (value) => count(value, at('perKey.concurrency'), 1, 1, 100_000)),
    keyRate: given(perKey.rate, (value) => checkRate(value, at('perKey.rate'))),
    maxEntries: given(queue.maxEntries, (value) => checkEntries(value, at('maxEntries'))),
    whenFull: given(queue.whenFull, (value) => oneOf(value, at('whenFull'), ['reject', 'dropOldest'])),
    maxAgeMs: given(queue.maxAge, (value) => checkLength(value, at('maxAge'))),
  };
  return Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined));
}

/**
 * @param concurrency the engine's
 * @throws {InvalidArgumentError} naming the queue or the setting that is wrong
 */
export function checkQueues(
  queues: Readonly<Record<string, QueueOptions>>,
  concurrency: number,
): ReadonlyMap<string, QueueLayer> {
  checkObject(queues, 'queues', '{ email: { concurrency: 50 } }');
  const layers = new Map<string, QueueLayer>();
  let kept = 0;
  for (const [name, queue] of Object.entries(queues)) {
    checkQueue(name, 'queues');
    const layer = checkQueueOptions(queue, `queues.${name}`);
    layers.set(name, layer);
    kept += layer.minimum ?? 0;
    if (kept === 0 || kept < concurrency) continue;
    const expected = `less than the ${concurrency} slots of the engine, all queues together`;
    throw new InvalidArgumentError({ field: `queues.${name}.minimum`, expected, got: layer.minimum });
  }
  return layers;
}

/** @param layers the one that counts most first */
export function queueSettings(layers: readonly QueueLayer[], concurrency: number): QueueSettings {
  const defaults = {
    ...{ concurrency, weight: 1, minimum: 0, agingMs: Infinity, rate: NO_RATE, maxEntries: Infinity },
    ...{ keyConcurrency: Infinity, keyRate: NO_RATE, whenFull: 'reject' as const, maxAgeMs: Infinity },
    ...{ timeoutMs: undefined, retry: undefined },
  };
  return layers.reduceRight<QueueSettings>(
    (settings, layer) => ({ ...settings, ...(layer as QueueSettings) }),
    defaults,
  );
}

/** Which queues an engine works on. */
export function checkConsumed(queues: 'all' | readonly string[], field: string): 'all' | readonly string[] {
  if (queues === 'all') return queues;
  if (!Array.isArray(queues)) {
    throw new InvalidArgumentError({ field, expected: "'all', or a list of names of queues", got: queues });
  }
  for (const [n, name] of (queues as readonly string[]).entries()) checkQueue(name, `${field}[${n}]`);
  return [...(queues as readonly string[])];
}

function checkLength(value: Duration | 'none', field: string): number {
  if (value === 'none') return Infinity;
  const lengthMs = durationMs(value, field);
  if (lengthMs > 0) return lengthMs;
  throw new InvalidArgumentError({ field, expected: "a duration above 0, or 'none'", got: value });
}

const LONGEST_WINDOW_MS = 31 * 86_400_000;

function checkRate(value: RateOptions | 'none', field: string): Rate {
  if (value === 'none') return NO_RATE;
  checkObject(value, field, "{ limit: 10, per: '1s' }, or 'none'");
  const { limit, per } = value;
  if (limit === undefined)
    throw new InvalidArgumentError({ field: `${field}.limit`, expected: 'a number', got: limit });
  const perMs = durationMs(per, `${field}.per`);
  if (perMs < 1 || perMs > LONGEST_WINDOW_MS) {
    throw new InvalidArgumentError({ field: `${field}.per`, expected: 'a duration from 1 ms to 31 days', got: per });
  }
  return { limit: count(limit, `${field}.limit`, 1, 1, 100_000), perMs };
}

function checkEntries(value: number, field: string): number {
  return value === Infinity ? value : count(value, field, 1, 1, 100_000_000);
}
