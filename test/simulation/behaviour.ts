/** What a handler does in one attempt: drawn from the number of its job and of the attempt, so it is the same each time. */
import { Dice } from './dice.ts';

export type Step =
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'save' | 'progress' | 'log' }
  | { readonly kind: 'extend'; readonly ms: number }
  | {
      readonly kind: 'enqueue';
      readonly atEnd: boolean;
      readonly id: string | undefined;
      readonly ifExists: 'reject' | 'return';
    };

export type End = 'return' | 'returnJunk' | 'throw' | 'throwNull' | 'retryable' | 'terminate' | 'snooze' | 'hang';

export interface Behaviour {
  readonly steps: readonly Step[];
  readonly end: End;
  /** What it does when it is asked to stop. */
  readonly onAbort: 'throw' | 'return' | 'ignore';
  /** Whether an inline handler answers without a promise. */
  readonly isAtOnce: boolean;
  // What follows is for threads only.
  readonly loadMs: number;
  /** How long after its end the thread is dirty or dying, ms. */
  readonly releaseMs: number;
  readonly killMs: number;
  readonly dies: 'no' | 'before' | 'after' | 'loading';
  /** Whether it says twice how it ended, and goes on talking. */
  readonly isDouble: boolean;
}

/** How badly handlers behave, each from 0 to 1. */
export interface Manners {
  readonly fails: number;
  readonly hangs: number;
  readonly dies: number;
  readonly saves: number;
  readonly enqueues: number;
  readonly longestMs: number;
}

export function behaviourOf(seed: number, manners: Manners, n: number, start: number): Behaviour {
  const dice = new Dice(seed, `handler ${n} ${start}`);
  const steps: Step[] = [];
  for (let count = dice.int(0, 4); count > 0; count--) {
    steps.push({ kind: 'sleep', ms: dice.int(0, manners.longestMs) });
    if (dice.chance(manners.saves)) steps.push({ kind: 'save' });
    if (dice.chance(manners.saves / 2)) steps.push({ kind: dice.pick(['progress', 'log']) });
    if (dice.chance(0.05)) steps.push({ kind: 'extend', ms: dice.int(1, 3 * manners.longestMs) });
    // The children of children would never end.
    if (n < CHILDREN && dice.chance(manners.enqueues)) {
      const id = dice.chance(0.4) ? `own-${dice.int(1, 8)}` : undefined;
      steps.push({ kind: 'enqueue', atEnd: dice.chance(0.6), id, ifExists: dice.pick(['reject', 'return']) });
    }
  }
  return {
    steps,
    end: endOf(dice, manners),
    onAbort: dice.pick(['throw', 'throw', 'return', 'ignore']),
    isAtOnce: steps.length === 0 && dice.chance(0.5),
    loadMs: dice.int(0, 50),
    releaseMs: dice.chance(0.3) ? dice.int(1, 300) : 0,
    killMs: dice.int(0, 100),
    dies: dice.chance(manners.dies) ? dice.pick(['before', 'after', 'loading']) : 'no',
    isDouble: dice.chance(0.2),
  };
}

function endOf(dice: Dice, { hangs, fails }: Manners): End {
  if (dice.chance(hangs)) return 'hang';
  if (!dice.chance(fails)) return 'return';
  return dice.pick(['throw', 'throw', 'throw', 'throwNull', 'returnJunk', 'retryable', 'terminate', 'snooze']);
}

/** The jobs that handlers enqueue have numbers from here on. */
export const CHILDREN = 1_000_000;

export function childNumber(n: number, start: number, step: number): number {
  return CHILDREN + (n * 50 + (start % 50)) * 100 + step;
}

/** Jobs with numbers from here on hold their slots until they are let go: the last check of a run. */
export const PROBES = 500_000_000;

/** What handlers do when all shall end well. */
export const CALM: Behaviour = {
  steps: [],
  end: 'return',
  onAbort: 'throw',
  isAtOnce: false,
  loadMs: 1,
  releaseMs: 0,
  killMs: 1,
  dies: 'no',
  isDouble: false,
};

export const PROBE: Behaviour = { ...CALM, end: 'hang', onAbort: 'ignore' };
