/** Every option of `open` and of `enqueue`: what it means, its unit, its default. Checked once, complete and readonly inside. */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { isDefinition, type AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError } from './errors.ts';
import { safeLogger, type SafeLogger } from './kernel/safe-logger.ts';
import { checkFlag, checkObject, count, oneOf } from './job/check.ts';
import { durationMs, momentMs, type Duration } from './job/duration.ts';
import { EDGE_CONDITIONS, encodeEdges, type Edge, type EdgeCondition } from './job/edges.ts';
import { checkId, checkQueue } from './job/name.ts';
import { checkMiddleware, type Middleware } from './middleware.ts';
import { checkPriority, checkRetry, checkTimeout, encodeLevel, type PolicyLevel, type RetryOptions } from './policy.ts';

export interface QueueOptions {
  /** How many of its jobs may run at once, counting threads that are still being ended. @default the engine's */
  readonly concurrency?: number;
  /** @default the engine's */
  readonly timeout?: Duration | 'none';
  /** @default the engine's */
  readonly retry?: RetryOptions;
}

export interface KeepOptions {
  /** Forget a job this long after its end. @default '24h'; dead jobs: never */
  readonly age?: Duration | 'forever';
  /** Keep at most this many, the newest; 0 forgets a job as it ends. @default 1000; dead jobs: Infinity */
  readonly count?: number;
}

export interface OpenOptions {
  /** The job types this engine runs. Jobs of other types may be enqueued; they wait until a handler is there. */
  readonly jobs?: readonly AnyJobDefinition[];
  /** Wrapped around every handler, the first one outermost. @default none */
  readonly use?: readonly Middleware[];
  /**
   * What happens to a job whose type nobody serves when its turn comes: it waits until somebody does, or it dies.
   * @default 'wait'
   */
  readonly unknownTypes?: 'wait' | 'die';
  /** Settings by name of queue; a queue that is not named has the engine's. */
  readonly queues?: Readonly<Record<string, QueueOptions>>;
  /** How many jobs may run at once in all queues together. @default 100 */
  readonly concurrency?: number;
  /** How many threads run handlers given as `worker`. @default the number of processors */
  readonly threads?: number;
  /**
   * When a promise of ours resolves: `'disk'` after an fsync, so that a power cut loses nothing; `'os'` when the
   * operating system has it, which survives the death of the process but not of the machine, and is faster.
   * @default 'disk'
   */
  readonly durability?: 'disk' | 'os';
  /**
   * What to do with a damaged folder: refuse to open it, or put it aside under another name (`salvaged.keptAt` of the
   * engine), and open a new one with what can be proved good of it, for apps that must open.
   * @default 'refuse'
   */
  readonly onDamage?: 'refuse' | 'salvage';
  /**
   * Bytes that are kept on the disk for the day when it is full, so that what runs can still save and end. 0 for none.
   * Not made where less than twice as much is free. @default 8 MiB
   */
  readonly reserveBytes?: number;
  /** How long an attempt may take unless its job, type or queue says otherwise. @default '1h' */
  readonly timeout?: Duration | 'none';
  /** @default 10 attempts with exponential backoff */
  readonly retry?: RetryOptions;
  /** How long a handler has after its signal before its thread is ended. @default '5s' */
  readonly grace?: Duration;
  /** After how many deaths of the process during its attempts a job is dead as `crashed`. @default 3 */
  readonly maxCrashes?: number;
  /** What is kept of finished jobs, by final state. */
  readonly keep?: { readonly completed?: KeepOptions; readonly cancelled?: KeepOptions; readonly dead?: KeepOptions };
  /** The largest payload, result or checkpoint, as JSON, in bytes. @default 1 MiB */
  readonly maxBodyBytes?: number;
  /** How many commands may wait to be written before `enqueue` refuses with `HOLDFAST_BUSY`. @default 1,000,000 */
  readonly maxPending?: number;
  /** Recently used parts of the log are kept in memory up to this many bytes. @default 8 MiB */
  readonly cacheBytes?: number;
  /** Whether an open engine keeps the process alive, as a listening server does. @default true */
  readonly keepAlive?: boolean;
  /** A pino logger; without one, nothing is logged. */
  readonly logger?: Logger;
}

export interface Keep {
  /** Infinity for ever. */
  readonly ageMs: number;
  readonly count: number;
}
export interface QueueSettings extends PolicyLevel {
  readonly concurrency: number;
}
export interface Settings {
  readonly definitions: readonly AnyJobDefinition[];
  readonly use: readonly Middleware[];
  readonly unknownTypes: 'wait' | 'die';
  readonly queues: ReadonlyMap<string, QueueSettings>;
  readonly concurrency: number;
  readonly threads: number;
  readonly durability: 'disk' | 'os';
  readonly onDamage: 'refuse' | 'salvage';
  readonly reserveBytes: number;
  readonly level: PolicyLevel;
  readonly graceMs: number;
  readonly maxCrashes: number;
  readonly keep: { readonly completed: Keep; readonly cancelled: Keep; readonly dead: Keep };
  readonly maxBodyBytes: number;
  readonly maxPending: number;
  readonly cacheBytes: number;
  /** How much longer than twice what is alive the log may be, in bytes. Not an option: only tests want another. */
  readonly trimSlackBytes: number;
  readonly keepAlive: boolean;
  readonly logger: SafeLogger | undefined;
}

const MiB = 1024 * 1024;

/** @throws {InvalidArgumentError} naming the option that is wrong */
export function checkOpenOptions(options: OpenOptions): Settings {
  checkObject(options, 'options', '{ jobs: [welcome] }');
  const { jobs = [], queues = {}, keep = {}, use = [] } = options;
  checkMiddleware(use, 'use');
  if (!Array.isArray(jobs))
    throw new InvalidArgumentError({ field: 'jobs', expected: 'a list of definitions', got: jobs });
  checkObject(queues, 'queues', '{ email: { concurrency: 50 } }');
  checkObject(keep, 'keep', "{ completed: { age: '1h' } }");
  const concurrency = count(options.concurrency, 'concurrency', 100, 1, 100_000);
  return {
    definitions: checkDefinitions(jobs),
    use: [...use],
    unknownTypes: oneOf(options.unknownTypes, 'unknownTypes', ['wait', 'die']),
    queues: new Map(Object.entries(queues).map(([name, queue]) => [name, checkQueueOptions(name, queue, concurrency)])),
    concurrency,
    threads: count(options.threads, 'threads', availableParallelism(), 1, 1024),
    durability: oneOf(options.durability, 'durability', ['disk', 'os']),
    onDamage: oneOf(options.onDamage, 'onDamage', ['refuse', 'salvage']),
    reserveBytes: count(options.reserveBytes, 'reserveBytes', 8 * MiB, 0, 4096 * MiB),
    level: checkLevel(options, ''),
    graceMs: durationMs(options.grace ?? 5_000, 'grace'),
    maxCrashes: count(options.maxCrashes, 'maxCrashes', 3, 1, 255),
    keep: {
      completed: checkKeep(keep.completed, 'keep.completed', { ageMs: 86_400_000, count: 1000 }),
      cancelled: checkKeep(keep.cancelled, 'keep.cancelled', { ageMs: 86_400_000, count: 1000 }),
      dead: checkKeep(keep.dead, 'keep.dead', { ageMs: Infinity, count: Infinity }),
    },
    maxBodyBytes: count(options.maxBodyBytes, 'maxBodyBytes', MiB, 64, 256 * MiB),
    maxPending: count(options.maxPending, 'maxPending', 1_000_000, 1, 100_000_000),
    cacheBytes: count(options.cacheBytes, 'cacheBytes', 8 * MiB, 0, 4096 * MiB),
    trimSlackBytes: 8 * MiB,
    keepAlive: checkFlag(options.keepAlive ?? true, 'keepAlive'),
    logger: options.logger === undefined ? undefined : safeLogger(checkLogger(options.logger)),
  };
}

function checkDefinitions(jobs: readonly AnyJobDefinition[]): readonly AnyJobDefinition[] {
  for (const [index, job] of jobs.entries()) {
    if (!isDefinition(job)) {
      throw new InvalidArgumentError({ field: `jobs[${index}]`, expected: 'a definition made by defineJob', got: job });
    }
  }
  return [...jobs];
}

function checkQueueOptions(name: string, queue: QueueOptions, engineConcurrency: number): QueueSettings {
  checkQueue(name, 'queues');
  checkObject(queue, `queues.${name}`, '{ concurrency: 50 }');
  const concurrency = count(queue.concurrency, `queues.${name}.concurrency`, engineConcurrency, 1, 100_000);
  return { concurrency, ...checkLevel(queue, `queues.${name}.`) };
}

function checkLevel({ timeout, retry }: QueueOptions, prefix: string): PolicyLevel {
  return {
    timeoutMs: timeout === undefined ? undefined : checkTimeout(timeout, `${prefix}timeout`),
    retry: retry === undefined ? undefined : checkRetry(retry, `${prefix}retry`),
  };
}

function checkKeep(keep: KeepOptions | undefined, field: string, otherwise: Keep): Keep {
  if (keep !== undefined) checkObject(keep, field, "{ age: '1h' }");
  const { age, count: most } = keep ?? {};
  const isCount = most === undefined || most === Infinity || (Number.isInteger(most) && most >= 0);
  if (!isCount) {
    throw new InvalidArgumentError({ field: `${field}.count`, expected: 'an integer from 0, or Infinity', got: most });
  }
  return {
    ageMs: age === 'forever' ? Infinity : age === undefined ? otherwise.ageMs : durationMs(age, `${field}.age`),
    count: most ?? otherwise.count,
  };
}

function checkLogger(value: Logger): Logger {
  if (typeof value?.info === 'function' && typeof value.child === 'function') return value;
  throw new InvalidArgumentError({ field: 'logger', expected: 'a pino logger', got: value });
}

/** What can be said for one job when it is enqueued. Everything it leaves open is the type's, the queue's, the engine's. */
export interface JobOptions {
  /** An id of your own, `A-Z a-z 0-9 _ . : @ -`, at most 128 characters. @default a new ULID */
  readonly id?: string;
  /** What to do when a job with this id is stored: refuse with `HOLDFAST_JOB_EXISTS`, or give that job. @default 'reject' */
  readonly ifExists?: 'reject' | 'return';
  /** @default the type's */
  readonly queue?: string;
  /** Higher runs first. @default the type's */
  readonly priority?: number;
  /** Not to be started before this long from now: milliseconds or `'5m'`. */
  readonly delay?: Duration;
  /** Not to be started before this moment: a Date, epoch ms, or an ISO string; a past one means at once. */
  readonly runAt?: Date | number | string;
  /** Not to be started after this moment; past it the job dies as `expired`. A running job is not stopped by it. */
  readonly deadline?: Date | number | string;
  /**
   * The jobs whose ends it waits for, by id. With `on: 'success'` (the default) it dies as `unreachable` if one of them is
   * dead, cancelled or missing; `'failure'` waits for a death or cancellation, `'always'` for any end.
   */
  readonly after?: readonly AfterOption[];
  readonly timeout?: Duration | 'none';
  readonly retry?: RetryOptions;
}

/** A job to wait for. `as` is the name under which `ctx.results` has its result. @default its id */
export type AfterOption = string | { readonly id: string; readonly on?: EdgeCondition; readonly as?: string };

/** The options of one job, checked; `queue` and `priority` undefined leave it to the type. */
export interface CheckedJobOptions {
  readonly id: string | undefined;
  readonly ifExists: 'reject' | 'return';
  readonly queue: string | undefined;
  readonly priority: number | undefined;
  readonly delayMs: number;
  readonly runAt: number | undefined;
  /** 0 for none. */
  readonly deadlineAt: number;
  /** The jobs it waits for, as they are stored; empty for none. */
  readonly parents: string;
  /** The options to be stored with the job, as JSON; empty for none. */
  readonly settings: string;
}

const NO_OPTIONS: CheckedJobOptions = Object.freeze({
  id: undefined,
  ifExists: 'reject',
  queue: undefined,
  priority: undefined,
  delayMs: 0,
  runAt: undefined,
  deadlineAt: 0,
  parents: '',
  settings: '',
});

/** @throws {InvalidArgumentError} naming the option that is wrong */
export function checkJobOptions(options: JobOptions | undefined): CheckedJobOptions {
  if (options === undefined) return NO_OPTIONS;
  checkObject(options, 'options', '{ priority: 10 }');
  const { id, queue, priority, delay, runAt, deadline } = options;
  if (id !== undefined) checkId(id);
  if (queue !== undefined) checkQueue(queue);
  if (priority !== undefined) checkPriority(priority, 'priority');
  if (delay !== undefined && runAt !== undefined) {
    throw new InvalidArgumentError({ field: 'delay, runAt', expected: 'at most one of the two', got: 'both' });
  }
  return {
    id,
    ifExists: oneOf(options.ifExists, 'ifExists', ['reject', 'return']),
    queue,
    priority,
    delayMs: delay === undefined ? 0 : durationMs(delay, 'delay'),
    runAt: runAt === undefined ? undefined : momentMs(runAt, 'runAt'),
    deadlineAt: deadline === undefined ? 0 : Math.max(1, momentMs(deadline, 'deadline')),
    parents: options.after === undefined ? '' : encodeEdges(checkAfter(options.after)),
    settings: encodeLevel(checkLevel(options, '')),
  };
}

/** Duplicates are dropped; the first one counts. */
function checkAfter(after: readonly AfterOption[]): Edge[] {
  if (!Array.isArray(after)) throw new InvalidArgumentError({ field: 'after', expected: 'a list of ids', got: after });
  const edges = new Map<string, Edge>();
  for (const [n, parent] of (after as readonly AfterOption[]).entries()) {
    const field = `after[${n}]`;
    if (typeof parent !== 'string') checkObject(parent, field, "{ id: 'import', on: 'always' }");
    const { id, on = 'success', as = id } = typeof parent === 'string' ? { id: parent } : parent;
    checkId(id, field);
    if (!EDGE_CONDITIONS.includes(on)) {
      throw new InvalidArgumentError({
        field: `${field}.on`,
        expected: `one of ${EDGE_CONDITIONS.join(', ')}`,
        got: on,
      });
    }
    checkId(as, `${field}.as`);
    if (!edges.has(id)) edges.set(id, { id, on, as });
  }
  return [...edges.values()];
}
