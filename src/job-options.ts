/** Every option of `enqueue`: what it means, its unit, its default. Checked once, complete and readonly inside. */
import { InvalidArgumentError } from './errors.ts';
import { checkObject, oneOf } from './job/check.ts';
import { durationMs, momentMs, type Duration } from './job/duration.ts';
import { EDGE_CONDITIONS, encodeEdges, type Edge, type EdgeCondition } from './job/edges.ts';
import { checkId, checkKey, checkQueue } from './job/name.ts';
import { checkLevel, checkPriority, encodeLevel, type RetryOptions } from './policy.ts';

/** What can be said for one job when it is enqueued. Everything it leaves open is the type's, the queue's, the engine's. */
export interface JobOptions {
  /** An id of your own, `A-Z a-z 0-9 _ . : @ -`, at most 128 characters. @default a new ULID */
  readonly id?: string;
  /** What to do when a job with this id is stored: refuse with `HOLDFAST_JOB_EXISTS`, or give that job. @default 'reject' */
  readonly ifExists?: 'reject' | 'return';
  /** @default the type's */
  readonly queue?: string;
  /**
   * Whom the job belongs to (a tenant, an album, a host), 1 to 128 characters: the keys of a queue take turns, and may have
   * limits of their own. @default none; the jobs without a key take turns with the keys as if they had one together
   */
  readonly key?: string;
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
  /** Empty for none. */
  readonly key: string;
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
  key: '',
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
    key: options.key === undefined ? '' : checkKey(options.key, 'key'),
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
