/**
 * What people do beside enqueuing: they pause, regulate queues, change jobs that are stored, and make schedules. Drawn on
 * dice of its own, so that the rest of a plan does not depend on it.
 */
import type { Dice } from './dice.ts';
import type { Op } from './plan.ts';

/** At most `limit` starts in any stretch of `perMs`. */
export interface PlannedRate {
  readonly limit: number;
  readonly perMs: number;
}

/** What holds in a queue beside the number of its slots. */
export interface QueueRule {
  readonly concurrency?: number;
  readonly rate?: PlannedRate;
  readonly keyConcurrency?: number;
  readonly keyRate?: PlannedRate;
}

export interface PlannedSchedule {
  readonly name: string;
  /** A cron pattern for each of these lengths is known to `cronOf`. */
  readonly everyMs: number;
  readonly isCron: boolean;
  /** How many intervals before the beginning of the run it starts; undefined: when it is made. */
  readonly startsBefore?: number;
  readonly limit?: number;
  readonly catchUp: 'latest' | 'none' | { readonly max: number; readonly keep: 'newest' | 'oldest' };
  readonly overlap: 'skip' | 'queue' | 'replace' | 'allow';
  readonly jitterMs: number;
  readonly type: string;
  readonly queue: string;
}

export type ControlOp = { readonly at: number } & (
  | { readonly kind: 'pause'; readonly queue: string | undefined; readonly forMs: number | undefined }
  | { readonly kind: 'resume'; readonly queue: string | undefined }
  | { readonly kind: 'configure'; readonly queue: string; readonly rule: QueueRule }
  | {
      readonly kind: 'update';
      readonly target: number;
      /** The number of the new payload, if it has one. */
      readonly n?: number;
      readonly priority?: number;
      readonly delayMs?: number;
    }
  | { readonly kind: 'purge'; readonly filter: { readonly state?: string; readonly queue?: string } }
  | { readonly kind: 'schedule'; readonly schedule: PlannedSchedule }
  | { readonly kind: 'pauseSchedule'; readonly name: string; readonly forMs: number | undefined }
  | { readonly kind: 'resumeSchedule'; readonly name: string; readonly catchUp: 'latest' | 'none' }
  | { readonly kind: 'trigger' | 'deleteSchedule'; readonly name: string }
);

export const QUEUES = ['q0', 'q1', 'q2'] as const;
const NAMES = ['s0', 's1'] as const;
const EVERY_MS = [2_000, 10_000, 60_000, 3_600_000] as const;

/** Payloads that `update` gives have numbers from here on. */
const UPDATED = 900_000;

export function cronOf(everyMs: number): string {
  return (
    { 2_000: '*/2 * * * * *', 10_000: '*/10 * * * * *', 60_000: '* * * * *', 3_600_000: '0 * * * *' }[everyMs] ??
    '@daily'
  );
}

/** The rules that the program gives to its queues, in some runs. */
export function rulesOf(dice: Dice): Readonly<Record<string, QueueRule>> {
  if (dice.chance(0.7)) return {};
  return Object.fromEntries(QUEUES.filter(() => dice.chance(0.6)).map((name) => [name, ruleOf(dice)]));
}

function ruleOf(dice: Dice): QueueRule {
  return {
    ...(dice.chance(0.4) && { concurrency: dice.int(1, 3) }),
    ...(dice.chance(0.5) && { rate: rateOf(dice) }),
    ...(dice.chance(0.4) && { keyConcurrency: dice.int(1, 2) }),
    ...(dice.chance(0.3) && { keyRate: rateOf(dice) }),
  };
}

function rateOf(dice: Dice): PlannedRate {
  return { limit: dice.int(1, 4), perMs: dice.pick([20, 500, 10_000]) };
}

/** Puts what people do into a plan, in some runs. */
export function withControl(dice: Dice, ops: readonly Op[]): Op[] {
  const moments = ops.map(({ at }) => at);
  const more: Op[] = [];
  const often = (least: number, most: number, draw: (at: number) => Op): void => {
    for (let count = dice.int(least, most); count > 0; count--) {
      more.push(draw(moments[dice.int(0, moments.length - 1)] ?? 0));
    }
  };
  if (dice.chance(0.35)) often(1, 6, (at) => queueOp(dice, at));
  if (dice.chance(0.35)) often(1, 6, (at) => changeOp(dice, at, UPDATED + more.length));
  if (dice.chance(0.3)) {
    often(1, 2, (at) => ({ at: Math.floor(at / 3), kind: 'schedule', schedule: scheduleOf(dice) }));
    often(2, 8, (at) => scheduleOp(dice, at));
  }
  return more.length === 0 ? [...ops] : [...ops, ...more].sort((a, b) => a.at - b.at);
}

function queueOp(dice: Dice, at: number): ControlOp {
  const queue = dice.pick([...QUEUES, 'default', undefined]);
  const kind = dice.pick(['pause', 'pause', 'resume', 'configure']);
  if (kind === 'configure') return { at, kind, queue: dice.pick(QUEUES), rule: ruleOf(dice) };
  if (kind === 'resume') return { at, kind, queue };
  return { at, kind, queue, forMs: dice.pick([undefined, 10, 1_000, 60_000]) };
}

function changeOp(dice: Dice, at: number, n: number): Op {
  const kind = dice.pick(['update', 'update', 'purge', 'change']);
  const target = dice.int(0, 1_000_000);
  switch (kind) {
    case 'update':
      return {
        ...{ at, kind, target },
        ...(dice.chance(0.6) && { n }),
        ...(dice.chance(0.5) && { priority: dice.int(-2, 2) }),
        ...(dice.chance(0.5) && { delayMs: dice.pick([0, 20, 5_000]) }),
      };
    case 'purge': {
      const state = dice.pick(['completed', 'dead', 'cancelled', 'waiting']);
      return { at, kind, filter: { state, ...(dice.chance(0.6) && { queue: dice.pick(QUEUES) }) } };
    }
    case 'change': {
      const targets = Array.from({ length: dice.int(1, 5) }, () => dice.int(0, 1_000_000));
      return { at, kind, what: dice.pick(['promote', 'delete']), keeps: false, targets };
    }
  }
}

function scheduleOf(dice: Dice): PlannedSchedule {
  const everyMs = dice.pick(EVERY_MS);
  return {
    ...{ name: dice.pick(NAMES), everyMs, isCron: dice.chance(0.4) },
    ...(dice.chance(0.5) && { startsBefore: dice.int(1, 5) }),
    ...(dice.chance(0.3) && { limit: dice.int(1, 6) }),
    catchUp: dice.pick([
      ...(['latest', 'latest', 'none'] as const),
      { max: 3, keep: 'newest' } as const,
      { max: 2, keep: 'oldest' } as const,
    ]),
    overlap: dice.pick(['skip', 'queue', 'replace', 'allow']),
    jitterMs: dice.pick([0, 0, 500]),
    type: dice.pick(['in:a', 'in:b', 'th:a']),
    queue: dice.pick(['default', 'q0']),
  };
}

function scheduleOp(dice: Dice, at: number): ControlOp {
  const name = dice.pick(NAMES);
  const kind = dice.pick(['pauseSchedule', 'pauseSchedule', 'resumeSchedule', 'trigger', 'deleteSchedule', 'schedule']);
  switch (kind) {
    case 'pauseSchedule':
      return { at, kind, name, forMs: dice.pick([undefined, 5_000, 90_000]) };
    case 'resumeSchedule':
      return { at, kind, name, catchUp: dice.pick(['latest', 'none']) };
    case 'trigger':
    case 'deleteSchedule':
      return { at, kind, name };
    case 'schedule':
      return { at, kind, schedule: scheduleOf(dice) };
  }
}
