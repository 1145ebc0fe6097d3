/** The methods about queues: each checks what it is given and asks the journal, or reads what holds. */
import type { Consumption } from './actors/consumption.ts';
import type { Core } from './actors/core.ts';
import type { DispatcherMessage, JournalMessage, Settle } from './actors/messages.ts';
import type { QueueBook } from './actors/queue-book.ts';
import type { Regulation } from './actors/regulation.ts';
import { InvalidArgumentError, QueueNotFoundError } from './errors.ts';
import { checkObject, oneOf } from './job/check.ts';
import { durationMs, momentMs } from './job/duration.ts';
import { JOB_STATES, type JobState } from './job/machine.ts';
import { checkId, checkQueue } from './job/name.ts';
import type { Rate } from './job/window.ts';
import type { Clock } from './kernel/clock.ts';
import type { Log } from './log/log.ts';
import type { PauseOptions, QueueMethods, QueueView } from './queue-face.ts';
import { encodeLevel } from './policy.ts';
import { checkConsumed, checkQueueOptions, type QueueLayer, type QueueOptions } from './queue-options.ts';

export interface QueueMethodParts {
  readonly clock: Clock;
  readonly consumption: Consumption;
  readonly book: () => QueueBook | undefined;
  readonly core: () => Core | undefined;
  readonly log: () => Log;
  readonly ask: <Value>(message: (settle: Settle<Value>) => JournalMessage, isCommand?: boolean) => Promise<Value>;
  readonly tellDispatcher: (message: DispatcherMessage) => void;
}

/** What is forgotten by a setting of null. */
const FIELDS: Readonly<Record<keyof QueueOptions, ReadonlyArray<keyof QueueLayer>>> = {
  concurrency: ['concurrency'],
  timeout: ['timeoutMs'],
  retry: ['retry'],
  weight: ['weight'],
  minimum: ['minimum'],
  aging: ['agingMs'],
  rate: ['rate'],
  perKey: ['keyConcurrency', 'keyRate'],
  maxEntries: ['maxEntries'],
  whenFull: ['whenFull'],
  maxAge: ['maxAgeMs'],
};

const LONGEST_TEXT = 1_000;

export function queueMethods(parts: QueueMethodParts): QueueMethods {
  const { ask, clock } = parts;

  function regulate(regulation: Regulation): Promise<boolean> {
    return ask<boolean>((settle) => ({ kind: 'regulate', regulation, settle }));
  }

  function flush(): Promise<void> {
    return ask<void>((settle) => ({ kind: 'flush', settle }), false);
  }

  function view(name: string): QueueView | undefined {
    const book = parts.book();
    const { table } = parts.log();
    const number = table.queues.find(name);
    if (book === undefined || (number < 0 && !book.has(name))) return undefined;
    const counts = JOB_STATES.map((state) => [state, number < 0 ? 0 : table.countOf(number, state)] as const);
    const paused = book.pauseOf(name, clock.now());
    return {
      name,
      settings: settingsView(book, name),
      ...(paused !== undefined && { paused }),
      isConsumed: parts.consumption.has(name),
      counts: Object.fromEntries(counts) as Record<JobState, number>,
    };
  }

  async function queue(name: string): Promise<QueueView> {
    checkQueue(name, 'name');
    await flush();
    const found = view(name);
    if (found === undefined) throw new QueueNotFoundError(name);
    return found;
  }

  return {
    async configureQueue(name, changes, options = {}) {
      checkQueue(name, 'name');
      checkObject(changes, 'changes', '{ concurrency: 5 }');
      checkObject(options, 'options', "{ ifMissing: 'refuse' }");
      const ifMissing = oneOf(options.ifMissing, 'ifMissing', ['create', 'refuse']);
      const given = Object.entries(changes).filter(([, value]) => value !== undefined && value !== null);
      const cleared = Object.entries(changes).flatMap(([field, value]) => (value === null ? fieldsOf(field) : []));
      for (const [field] of given) fieldsOf(field);
      const layer = checkQueueOptions(Object.fromEntries(given), '');
      // A function cannot be stored.
      encodeLevel(layer);
      const detail = JSON.stringify(changes);
      await regulate({ kind: 'configured', queue: name, layer, cleared, detail, ifMissing });
      return queue(name);
    },
    queue,
    async queues() {
      await flush();
      const { table } = parts.log();
      const names = new Set([...(parts.book()?.names() ?? []), ...table.queues.all()]);
      return [...names].flatMap((name) => view(name) ?? []);
    },
    async pause(options = {}) {
      checkObject(options, 'options', "{ queue: 'email' }");
      const { queue: name, by, reason } = options;
      if (name !== undefined) checkQueue(name);
      checkText(by, 'by');
      checkText(reason, 'reason');
      const until = untilOf(options, clock.now());
      const pause = {
        ...(by !== undefined && { by }),
        ...(reason !== undefined && { reason }),
        ...(until !== undefined && { until }),
      };
      await regulate({ kind: 'paused', queue: name, pause });
    },
    async resume(options = {}) {
      checkObject(options, 'options', "{ queue: 'email' }");
      const { queue: name, by } = options;
      if (name !== undefined) checkQueue(name);
      checkText(by, 'by');
      return regulate({ kind: 'resumed', queue: name, by });
    },
    async paused() {
      await flush();
      return parts.book()?.enginePause(clock.now());
    },
    async consume(queues) {
      const names = checkConsumed(queues, 'queues');
      // Those who ask after the engine has ended are told so.
      await flush();
      parts.consumption.set(names);
      parts.tellDispatcher({ kind: 'settings' });
    },
    async explain(id) {
      checkId(id);
      await flush();
      const { table } = parts.log();
      const slot = table.ids.find(id);
      if (slot < 0) return undefined;
      const state = table.stateOf(slot) as JobState;
      if (state !== 'waiting') return { id, state, reasons: [] };
      return { id, state, reasons: parts.core()?.explain(slot) ?? [{ why: 'loading' }] };
    },
  };
}

function fieldsOf(field: string): ReadonlyArray<keyof QueueLayer> {
  if (Object.hasOwn(FIELDS, field)) return FIELDS[field as keyof QueueOptions];
  throw new InvalidArgumentError({
    field: 'changes',
    expected: `one of ${Object.keys(FIELDS).join(', ')}`,
    got: field,
  });
}

function settingsView(book: QueueBook, name: string): QueueView['settings'] {
  const { concurrency, weight, minimum, agingMs, rate, keyConcurrency, keyRate, ...rest } = book.settingsOf(name);
  const { maxEntries, whenFull, maxAgeMs } = rest;
  return {
    concurrency,
    weight,
    minimum,
    aging: lengthView(agingMs),
    rate: rateView(rate),
    perKey: { concurrency: keyConcurrency, rate: rateView(keyRate) },
    maxEntries,
    whenFull,
    maxAge: lengthView(maxAgeMs),
  };
}

function lengthView(ms: number): number | 'none' {
  return ms === Infinity ? 'none' : ms;
}

function rateView({ limit, perMs }: Rate): { limit: number; per: number } | 'none' {
  return limit === Infinity ? 'none' : { limit, per: perMs };
}

function untilOf({ until, for: length }: PauseOptions, now: number): number | undefined {
  if (until !== undefined && length !== undefined) {
    throw new InvalidArgumentError({ field: 'until, for', expected: 'at most one of the two', got: 'both' });
  }
  if (length !== undefined) return now + durationMs(length, 'for');
  return until === undefined ? undefined : momentMs(until, 'until');
}

function checkText(value: string | undefined, field: string): void {
  if (value === undefined || (typeof value === 'string' && value.length <= LONGEST_TEXT)) return;
  throw new InvalidArgumentError({ field, expected: `a text of at most ${LONGEST_TEXT} characters`, got: value });
}
