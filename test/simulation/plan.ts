/**
 * What a run consists of, drawn from its seed: the settings, the operations with their moments, and the faults. Which
 * features and which faults a run has, and how often, is drawn for each run ("swarm testing", Groce and others, 2012):
 * a run with a little of everything finds less than many runs with much of something.
 */
import type { Manners } from './behaviour.ts';
import { QUEUES, rulesOf, withControl, type ControlOp, type QueueRule } from './control.ts';
import { Dice } from './dice.ts';
import { withKeys } from './keys.ts';
import type { Fault, FaultKind, Site } from './faults.ts';

export interface Config {
  readonly concurrency: number;
  readonly queues: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly maxCrashes: number;
  readonly graceMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoffMs: number;
  readonly keep: { readonly age: number | 'forever'; readonly count: number };
  readonly keepDead: { readonly age: number | 'forever'; readonly count: number };
  readonly maxPending: number;
  readonly cacheBytes: number;
  readonly durability: 'disk' | 'os';
  readonly trimSlackBytes: number;
  readonly latencyMs: number;
  readonly stepMs: number;
  readonly latenessMs: number;
  readonly drift: number;
  /** Whether the engine is told when the disk is full. */
  readonly seesRoom?: boolean;
  readonly unknownTypes?: 'wait' | 'die';
  /** What holds in queues beside the number of their slots. */
  readonly rules?: Readonly<Record<string, QueueRule>>;
  readonly settleMs?: number;
  readonly paddingBytes: number;
  readonly manners: Manners;
}

export interface EnqueueOp {
  readonly n: number;
  readonly type: string;
  readonly id?: string;
  readonly ifExists?: 'reject' | 'return';
  readonly unique?: { readonly key: string; readonly mode: 'keep' | 'reject' | 'replace' | 'keepLast' };
  readonly idempotency?: { readonly key: string; readonly windowMs: number };
  readonly queue?: string;
  readonly priority?: number;
  readonly delayMs?: number;
  readonly timeoutMs?: number | 'none';
  readonly attempts?: number;
  readonly deadlineMs?: number;
  /** Jobs to wait for: known ones by number, or one that may be there. */
  readonly after?: ReadonlyArray<{ readonly target: number | string; readonly on: 'success' | 'failure' | 'always' }>;
}

export type Op = PlainOp | ControlOp;

export type PlainOp = { readonly at: number } & (
  | { readonly kind: 'enqueue'; readonly job: EnqueueOp; readonly waits: boolean }
  | { readonly kind: 'enqueueAll'; readonly jobs: readonly EnqueueOp[] }
  | { readonly kind: 'cancel' | 'get' | 'wait'; readonly target: number }
  | {
      readonly kind: 'change';
      readonly what: 'revive' | 'retry' | 'clear' | 'promote' | 'delete';
      readonly keeps: boolean;
      readonly targets: readonly number[];
    }
  | { readonly kind: 'list'; readonly filter: { state?: string; type?: string; queue?: string; limit?: number } }
  | { readonly kind: 'follow'; readonly from: 'start' | 'now' | 'last'; readonly forMs: number }
  | { readonly kind: 'close'; readonly drainMs: number; readonly downMs: number }
  | { readonly kind: 'kill' | 'power' | 'damage'; readonly downMs: number }
  | { readonly kind: 'jump' | 'freeze'; readonly byMs: number }
  | { readonly kind: 'fill'; readonly forMs: number }
  /** A result or a checkpoint with the token of another attempt. */
  | { readonly kind: 'foreign'; readonly target: number; readonly what: 'end' | 'save' }
);

export interface Plan {
  readonly seed: number;
  readonly config: Config;
  readonly ops: readonly Op[];
  readonly faults: readonly Fault[];
}

export const INLINE_TYPES = ['in:a', 'in:b'] as const;
export const THREAD_TYPES = ['th:a', 'th:b'] as const;
/** A type without a handler: its jobs wait. */
export const ORPHAN_TYPE = 'nobody';

export function planOf(seed: number): Plan {
  const dice = new Dice(seed, 'plan');
  const control = new Dice(seed, 'control');
  const config = { ...configOf(dice), rules: rulesOf(control), settleMs: control.pick([0, 1_000, 10_000]) };
  const ops = withControl(control, withKeys(new Dice(seed, 'keys'), opsOf(dice)));
  return { seed, config, ops, faults: faultsOf(dice) };
}

function configOf(dice: Dice): Config {
  const longestMs = dice.pick([5, 30, 200, 2_000]);
  return {
    concurrency: dice.pick([1, 2, 3, 5, 100]),
    queues: Object.fromEntries(QUEUES.filter(() => dice.chance(0.5)).map((name) => [name, dice.int(1, 3)])),
    threads: dice.int(1, 3),
    maxCrashes: dice.pick([1, 2, 3, 3, 5]),
    graceMs: dice.pick([0, 10, 100, 1_000]),
    timeoutMs: dice.pick([50, 500, 5_000, 60_000]),
    attempts: dice.pick([1, 2, 3, 5]),
    backoffMs: dice.pick([0, 1, 50, 1_000]),
    keep: { age: dice.pick<number | 'forever'>(['forever', 0, 100, 10_000]), count: dice.pick([0, 1, 3, 20, 1_000]) },
    keepDead: { age: dice.pick<number | 'forever'>(['forever', 'forever', 1_000]), count: dice.pick([Infinity, 0, 2]) },
    maxPending: dice.pick([1_000_000, 1_000_000, 20, 3]),
    cacheBytes: dice.pick([0, 2_000, 1 << 23]),
    durability: dice.pick(['disk', 'disk', 'disk', 'os']),
    trimSlackBytes: dice.pick([1_500, 5_000, 20_000, 1 << 23]),
    latencyMs: dice.pick([0, 1, 10, 100]),
    stepMs: dice.chance(0.25) ? dice.pick([0.01, 1, 5]) : 0,
    latenessMs: dice.pick([0, 1, 20]),
    drift: dice.chance(0.3) ? dice.pick([1e-4, -1e-4, 1e-2]) : 0,
    seesRoom: dice.chance(0.5),
    unknownTypes: dice.pick(['wait', 'wait', 'wait', 'die']),
    paddingBytes: dice.pick([0, 0, 0, 300, 300, 20_000]),
    manners: {
      fails: dice.pick([0, 0.2, 0.7]),
      hangs: dice.pick([0, 0.05, 0.3]),
      dies: dice.pick([0, 0.1, 0.4]),
      saves: dice.pick([0, 0.3, 0.8]),
      enqueues: dice.pick([0, 0, 0.2]),
      longestMs,
    },
  };
}

type OpKind = PlainOp['kind'];
const USUAL: Readonly<Record<OpKind, number>> = {
  enqueue: 40,
  enqueueAll: 5,
  cancel: 8,
  change: 4,
  get: 5,
  wait: 5,
  list: 3,
  follow: 2,
  close: 1,
  kill: 1,
  power: 0.5,
  damage: 0.3,
  jump: 1,
  freeze: 1,
  fill: 0.5,
  foreign: 4,
};

function opsOf(dice: Dice): PlainOp[] {
  const weights = Object.fromEntries(
    Object.entries(USUAL).map(([kind, weight]) => [kind, weight * dice.pick([0, 0.3, 1, 1, 3])]),
  ) as Record<OpKind, number>;
  weights.enqueue = Math.max(weights.enqueue, 20);
  const pace = dice.pick([0, 2, 20, 300]);
  const traits = traitsOf(dice);
  const ops: PlainOp[] = [];
  let at = 0;
  let n = 1;
  for (let count = dice.pick([10, 30, 60, 100]); count > 0; count--) {
    if (!dice.chance(0.3)) at += dice.int(0, pace);
    if (dice.chance(0.02)) at += dice.int(0, 100_000);
    const op = opOf(dice, dice.weighted(weights), at, n, traits);
    n += op.kind === 'enqueueAll' ? op.jobs.length : 1;
    ops.push(op);
  }
  return ops;
}

interface Traits {
  readonly ids: number;
  readonly delays: number;
  readonly priorities: number;
  readonly own: number;
  readonly threads: number;
  readonly deadlines: number;
  readonly families: number;
}

function traitsOf(dice: Dice): Traits {
  return {
    ids: dice.pick([0, 0.1, 0.5]),
    delays: dice.pick([0, 0.1, 0.4]),
    priorities: dice.pick([0, 0.5, 1]),
    own: dice.pick([0, 0.2]),
    threads: dice.pick([0, 0.3, 0.8]),
    deadlines: dice.pick([0, 0, 0.2]),
    families: dice.pick([0, 0, 0.4]),
  };
}

function opOf(dice: Dice, kind: OpKind, at: number, n: number, traits: Traits): PlainOp {
  switch (kind) {
    case 'enqueue':
      return { at, kind, job: jobOf(dice, n, traits), waits: dice.chance(0.3) };
    case 'enqueueAll':
      return { at, kind, jobs: Array.from({ length: dice.int(0, 8) }, (_, index) => jobOf(dice, n + index, traits)) };
    case 'cancel':
    case 'get':
    case 'wait':
      return { at, kind, target: dice.int(0, 1_000_000) };
    case 'change':
      return {
        ...{ at, kind, what: dice.pick(['revive', 'retry', 'clear']), keeps: dice.chance(0.3) },
        targets: Array.from({ length: dice.int(1, 4) }, () => dice.int(0, 1_000_000)),
      };
    case 'list':
      return { at, kind, filter: filterOf(dice) };
    case 'follow':
      return { at, kind, from: dice.pick(['start', 'now', 'last']), forMs: dice.int(0, 5_000) };
    case 'close':
      return { at, kind, drainMs: dice.pick([0, 10, 5_000]), downMs: dice.int(0, 1_000) };
    case 'kill':
    case 'power':
    case 'damage':
      return { at, kind, downMs: dice.int(0, 1_000) };
    case 'jump':
      return { at, kind, byMs: dice.pick([1, -1, 500, -500, 60_000, -60_000, 86_400_000, -86_400_000]) };
    case 'freeze':
      return { at, kind, byMs: dice.pick([10, 1_000, 20_000]) };
    case 'fill':
      return { at, kind, forMs: dice.pick([100, 2_000, 20_000]) };
    case 'foreign':
      return { at, kind, target: dice.int(0, 1_000_000), what: dice.pick(['end', 'save']) };
  }
}

function jobOf(dice: Dice, n: number, traits: Traits): EnqueueOp {
  const type = dice.chance(0.02)
    ? ORPHAN_TYPE
    : dice.chance(traits.threads)
      ? dice.pick(THREAD_TYPES)
      : dice.pick(INLINE_TYPES);
  return {
    n,
    type,
    ...(dice.chance(traits.ids) && { id: `own-${dice.int(1, 8)}`, ifExists: dice.pick(['reject', 'return'] as const) }),
    ...(dice.chance(0.3) && { queue: dice.pick(QUEUES) }),
    ...(dice.chance(traits.priorities) && { priority: dice.int(-2, 2) }),
    ...(dice.chance(traits.delays) && { delayMs: dice.pick([0, 10, 500, 10_000, 3_600_000, 30 * 86_400_000]) }),
    ...(dice.chance(traits.deadlines) && { deadlineMs: dice.pick([0, 20, 500, 20_000]) }),
    ...(dice.chance(traits.families) && { after: Array.from({ length: dice.int(1, 3) }, () => parentOf(dice)) }),
    ...(dice.chance(traits.own) && { timeoutMs: dice.pick([20, 1_000]), attempts: dice.int(1, 4) }),
  };
}

function parentOf(dice: Dice): NonNullable<EnqueueOp['after']>[number] {
  const target = dice.chance(0.2) ? `own-${dice.int(1, 8)}` : dice.int(0, 1_000_000);
  return { target, on: dice.pick(['success', 'success', 'failure', 'always']) };
}

function filterOf(dice: Dice): { state?: string; type?: string; queue?: string; limit?: number } {
  return {
    ...(dice.chance(0.4) && { state: dice.pick(['waiting', 'running', 'completed', 'cancelled', 'dead']) }),
    ...(dice.chance(0.2) && { type: dice.pick(INLINE_TYPES) }),
    ...(dice.chance(0.2) && { queue: dice.pick(QUEUES) }),
    ...(dice.chance(0.3) && { limit: dice.int(1, 5) }),
  };
}

const KINDS: Readonly<Record<Site, readonly [FaultKind, ...FaultKind[]]>> = {
  write: ['gone', 'there', 'slow', 'crashBefore', 'crashAfter'],
  read: ['error', 'slow', 'crashBefore'],
  scan: ['error', 'crashBefore'],
  open: ['error', 'slow', 'crashBefore'],
  close: ['error', 'slow', 'crashBefore'],
  witness: ['error', 'crashBefore'],
  room: ['error', 'crashBefore'],
  record: ['error', 'crashBefore'],
};
/** How many operations of a site are looked at; those after them are without fault. */
const LOOKED_AT: Readonly<Record<Site, number>> = {
  write: 400,
  read: 100,
  scan: 60,
  open: 20,
  close: 20,
  witness: 5,
  room: 10,
  record: 300,
};
/** An engine that fails five times in a minute for no reason of the disk's is parked. */
const MOST_BUGS = 3;

function faultsOf(dice: Dice): Fault[] {
  if (dice.chance(0.2)) return [];
  const faults: Fault[] = [];
  let bugCount = 0;
  for (const [site, kinds] of Object.entries(KINDS) as Array<[Site, readonly [FaultKind, ...FaultKind[]]]>) {
    const odds = dice.pick([0, 0, 0.01, 0.05, 0.3]);
    const crashes = dice.pick([0, 0.3, 1]);
    for (let nth = 1; odds > 0 && nth <= LOOKED_AT[site]; nth++) {
      if (!dice.chance(odds)) continue;
      if (site === 'record' && ++bugCount > MOST_BUGS) break;
      const kind = dice.pick(kinds);
      if (kind.startsWith('crash') && !dice.chance(crashes)) continue;
      faults.push({ site, nth, kind });
    }
  }
  return faults;
}
