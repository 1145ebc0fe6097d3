/** Every option of `open`: what it means, its unit, its default. Checked once, complete and readonly inside. */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { isDefinition, type AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError } from './errors.ts';
import { safeLogger, type SafeLogger } from './kernel/safe-logger.ts';
import { checkFlag, checkObject, count, oneOf } from './job/check.ts';
import { durationMs, type Duration } from './job/duration.ts';
import { checkMiddleware, type Middleware } from './middleware.ts';
import { checkLevel, type PolicyLevel, type RetryOptions } from './policy.ts';
import { checkConsumed, checkQueues, type QueueLayer, type QueueOptions } from './queue-options.ts';

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
  /**
   * What happens when a job is enqueued into a queue that nobody has heard of: neither `queues` nor `configureQueue` names
   * it, and it never had a job here. It is made, or the call is refused with `HOLDFAST_QUEUE_NOT_FOUND`. `'default'` is
   * always there. @default 'create'
   */
  readonly unknownQueues?: 'create' | 'refuse';
  /** Which queues this engine works on, by name; `[]` for none. The jobs of others wait. @default 'all' */
  readonly consume?: 'all' | readonly string[];
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
  /**
   * How long after an opening, and after the machine slept, missed runs of schedules are not made up yet; in awake time.
   * Runs that are on time are not held up. @default '10s'
   */
  readonly settle?: Duration;
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
export interface Settings {
  readonly definitions: readonly AnyJobDefinition[];
  readonly use: readonly Middleware[];
  readonly unknownTypes: 'wait' | 'die';
  readonly queues: ReadonlyMap<string, QueueLayer>;
  readonly unknownQueues: 'create' | 'refuse';
  readonly consume: 'all' | readonly string[];
  readonly concurrency: number;
  readonly threads: number;
  readonly durability: 'disk' | 'os';
  readonly onDamage: 'refuse' | 'salvage';
  readonly reserveBytes: number;
  readonly level: PolicyLevel;
  readonly settleMs: number;
  readonly graceMs: number;
  readonly maxCrashes: number;
  readonly keep: { readonly completed: Keep; readonly cancelled: Keep; readonly dead: Keep };
  readonly maxBodyBytes: number;
  readonly maxPending: number;
  readonly cacheBytes: number;
  /** How much longer than twice what is alive the log may be, in bytes. Not an option: only tests want another. */
  readonly trimSlackBytes: number;
  /** How many jobs of a list are taken in before others get their turn: about a millisecond's. Not an option either. */
  readonly listSlice: number;
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
  checkObject(keep, 'keep', "{ completed: { age: '1h' } }");
  const concurrency = count(options.concurrency, 'concurrency', 100, 1, 100_000);
  const checkedQueues = checkQueues(queues, concurrency);
  return {
    definitions: checkDefinitions(jobs),
    use: [...use],
    unknownTypes: oneOf(options.unknownTypes, 'unknownTypes', ['wait', 'die']),
    queues: checkedQueues,
    unknownQueues: oneOf(options.unknownQueues, 'unknownQueues', ['create', 'refuse']),
    consume: checkConsumed(options.consume ?? 'all', 'consume'),
    concurrency,
    threads: count(options.threads, 'threads', availableParallelism(), 1, 1024),
    durability: oneOf(options.durability, 'durability', ['disk', 'os']),
    onDamage: oneOf(options.onDamage, 'onDamage', ['refuse', 'salvage']),
    reserveBytes: count(options.reserveBytes, 'reserveBytes', 8 * MiB, 0, 4096 * MiB),
    level: checkLevel(options, ''),
    settleMs: durationMs(options.settle ?? 10_000, 'settle'),
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
    listSlice: 500,
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
