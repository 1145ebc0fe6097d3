/** Why a waiting job does not run: all that holds it back now, in words of a closed set, and when each can change. */
import type { JobTable } from '../job/table.ts';
import type { Router } from '../router.ts';
import type { Dependencies } from './dependencies.ts';
import type { Queue } from './queue.ts';
import type { Pause, QueueBook } from './queue-book.ts';
import type { Rates } from './rates.ts';
import type { Suspects } from './suspects.ts';
import type { ThreadRoom } from './thread-room.ts';
import type { TypeLimits } from './type-limits.ts';

export const REASONS = [
  'scheduled',
  'retrying',
  'blocked',
  'no-handler',
  'engine-paused',
  'queue-paused',
  'not-consumed',
  'loading',
  'disk-full',
  'held',
  'engine-limit',
  'thread-limit',
  'queue-limit',
  'key-limit',
  'type-limit',
  'queue-rate',
  'key-rate',
  'kept-slots',
  'runs-alone',
  'starting',
] as const;
export type ReasonWord = (typeof REASONS)[number];

/** One thing that holds a job back. What does not apply is absent. */
export interface Reason {
  readonly why: ReasonWord;
  /** The earliest moment at which this can change by itself, epoch ms; absent where only an event can change it. */
  readonly at?: number;
  /** Of a limit: how much it allows, and how much is taken. */
  readonly limit?: number;
  readonly running?: number;
  /** Of a rate: the length of the window. */
  readonly perMs?: number;
  /** Of a pause: who began it, and why. */
  readonly by?: string;
  readonly reason?: string;
  /** `blocked`: the ids of the jobs that have to end first. */
  readonly waitsFor?: readonly string[];
}

export interface Moment {
  readonly now: number;
  /** How many jobs the engine may run at once. */
  readonly concurrency: number;
}

/** What holds for the whole engine. */
export interface EngineFacts extends Moment {
  readonly mode: 'loading' | 'dispatching' | 'stopped';
  readonly running: number;
  readonly isFull: boolean;
  readonly isHeld: boolean;
  readonly isOneAlone: boolean;
}

export interface ExplainParts {
  readonly table: JobTable;
  readonly router: Router;
  readonly dependencies: Dependencies;
  readonly book: QueueBook;
  readonly rates: Rates;
  readonly isConsumed: (queue: string) => boolean;
  readonly limits: TypeLimits;
  readonly suspects: Suspects;
  readonly room: ThreadRoom;
  /** Whether the free slots are kept for other queues. */
  readonly isKeptFrom: (queue: Queue) => boolean;
}

/**
 * Whether a job that is due lacks something else than a free slot of the engine: somebody to serve it, a queue that starts
 * anything, or room below the limits and rates of its queue, its key and its type.
 *
 * @param queue where it waits; undefined when the dispatcher does not know of it yet
 */
export function isHeldBack(parts: ExplainParts, slot: number, queue: Queue | undefined, engine: Moment): boolean {
  if (parts.router.find(parts.table.typeOf(slot)) === undefined) return true;
  if (ofPauses(parts, slot, engine).next().done !== true) return true;
  if (queue === undefined) return false;
  for (const { why } of ofQueue(parts, slot, queue, engine)) if (why !== 'kept-slots') return true;
  return false;
}

/** @param queue where it waits; undefined when the dispatcher does not know of it yet */
export function explainJob(parts: ExplainParts, slot: number, queue: Queue | undefined, engine: EngineFacts): Reason[] {
  const reasons = [
    ...ofJob(parts, slot, engine),
    ...ofPauses(parts, slot, engine),
    ...ofEngine(parts, slot, engine),
    ...(queue === undefined ? [] : ofQueue(parts, slot, queue, engine)),
  ];
  // Nothing holds it back: it has been told to start, or it is about to be.
  return reasons.length > 0 ? reasons : [{ why: 'starting' }];
}

function* ofJob({ table, router, dependencies }: ExplainParts, slot: number, { now }: EngineFacts): Generator<Reason> {
  const dueAt = table.dueAtOf(slot);
  if (dueAt > now) yield { why: table.attemptsOf(slot) > 0 ? 'retrying' : 'scheduled', at: dueAt };
  if (dependencies.of(slot) === 'blocked') yield { why: 'blocked', waitsFor: dependencies.parentsIn(slot, 'pending') };
  if (router.find(table.typeOf(slot)) === undefined) yield { why: 'no-handler' };
}

function* ofPauses({ table, book, isConsumed }: ExplainParts, slot: number, { now }: Moment): Generator<Reason> {
  const name = table.queueOf(slot);
  const ofEngine = book.enginePause(now);
  if (ofEngine !== undefined) yield paused('engine-paused', ofEngine);
  const ofQueue = book.pauseOf(name, now);
  if (ofQueue !== undefined) yield paused('queue-paused', ofQueue);
  if (!isConsumed(name)) yield { why: 'not-consumed' };
}

function paused(why: 'engine-paused' | 'queue-paused', { until, by, reason }: Pause): Reason {
  return {
    why,
    ...(until !== undefined && { at: until }),
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
  };
}

function* ofEngine(parts: ExplainParts, slot: number, engine: EngineFacts): Generator<Reason> {
  const { suspects, router, table, room } = parts;
  const { running, concurrency } = engine;
  if (engine.mode === 'loading') yield { why: 'loading' };
  if (engine.isFull) yield { why: 'disk-full' };
  if (engine.isHeld) yield { why: 'held' };
  if (running >= concurrency) yield { why: 'engine-limit', limit: concurrency, running };
  const isOnThread = router.find(table.typeOf(slot))?.lane === 'thread';
  if (isOnThread && !room.isFor(slot)) yield { why: 'thread-limit', ...room.taken };
  // Either it must run alone, or somebody else does, or waits until he can.
  if (engine.isOneAlone || (suspects.isAnyLeft && running > 0)) yield { why: 'runs-alone' };
}

function* ofQueue(parts: ExplainParts, slot: number, queue: Queue, engine: Moment): Generator<Reason> {
  const { table, router, limits, rates } = parts;
  const { now } = engine;
  const { concurrency, keyConcurrency, rate, keyRate } = queue.settings;
  // A queue that nobody has set anything for has the limit of the engine.
  if (queue.running >= concurrency && concurrency < engine.concurrency)
    yield { why: 'queue-limit', limit: concurrency, running: queue.running };
  const type = limits.of(router.find(table.typeOf(slot)));
  if (type !== undefined && type.running >= type.limit) {
    yield { why: 'type-limit', limit: type.limit, running: type.running };
  }
  const at = rates.of(queue.name)?.nextAt(now) ?? 0;
  if (at > 0) yield { why: 'queue-rate', at, limit: rate.limit, perMs: rate.perMs };
  if (parts.isKeptFrom(queue)) yield { why: 'kept-slots' };
  const key = table.keyOf(slot);
  if (key === undefined) return;
  const running = queue.turnOf(key)?.running ?? 0;
  if (running >= keyConcurrency) yield { why: 'key-limit', limit: keyConcurrency, running };
  const keyAt = rates.of(queue.name)?.keyNextAt(key, now) ?? 0;
  if (keyAt > 0) yield { why: 'key-rate', at: keyAt, limit: keyRate.limit, perMs: keyRate.perMs };
}
