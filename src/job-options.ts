/** Every option of `enqueue`: what it means, its unit, its default. Checked once, complete and readonly inside. */
import { InvalidArgumentError } from './errors.ts';
import { checkObject, oneOf } from './job/check.ts';
import { durationMs, momentMs, type Duration } from './job/duration.ts';
import { EDGE_CONDITIONS, encodeEdges, type Edge, type EdgeCondition } from './job/edges.ts';
import type { NewLabels } from './job/labels.ts';
import { checkId, checkKey, checkQueue } from './job/name.ts';
import { UNIQUE_MODES, type UniqueMode } from './job/unique.ts';
import { checkLevel, checkPriority, checkTrace, encodeLevel, type RetryOptions, type TraceContext } from './policy.ts';

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
  /**
   * At most one unfinished job of its type has this key, 1 to 128 characters. `mode` says what happens while one has it:
   * `'keep'` gives that job, `'reject'` refuses with `HOLDFAST_DUPLICATE_JOB`, `'replace'` gives it the new payload, priority
   * and moment, `'keepLast'` only the new payload and priority; with the last two, a job that already runs is followed by
   * the new one. A text alone means `'keep'`. @default none
   */
  readonly unique?: string | { readonly key: string; readonly mode?: UniqueMode };
  /**
   * The same call again, with the same type and key within the window, gives the job of the first, whatever became of it.
   * @default none; with a key, a window of 10 minutes
   */
  readonly idempotencyKey?: string | { readonly key: string; readonly window?: Duration };
  /** Words to find it by, 1 to 128 characters each, at most 16. @default none */
  readonly tags?: readonly string[];
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
  /**
   * Where it belongs in a distributed trace; its handler sees it as `ctx.job.trace`. `observe` of `holdfast/telemetry` sets
   * it. @default that of the job whose handler enqueues it; otherwise none
   */
  readonly trace?: TraceContext;
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
  /** Undefined for none. */
  readonly labels: NewLabels | undefined;
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
  labels: undefined,
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
    labels: checkLabels(options),
    parents: options.after === undefined ? '' : encodeEdges(checkAfter(options.after)),
    settings: encodeLevel(checkLevel(options, ''), options.trace === undefined ? undefined : checkTrace(options.trace)),
  };
}

const MOST_TAGS = 16;
const WINDOW_MS = 600_000;
const LONGEST_WINDOW_MS = 30 * 86_400_000;

function checkLabels({ unique, idempotencyKey, tags }: JobOptions): NewLabels | undefined {
  if (unique === undefined && idempotencyKey === undefined && tags === undefined) return undefined;
  return {
    unique: unique === undefined ? undefined : checkUnique(unique),
    idempotency: idempotencyKey === undefined ? undefined : checkIdempotency(idempotencyKey),
    tags: tags === undefined ? undefined : checkTags(tags),
  };
}

function checkUnique(unique: NonNullable<JobOptions['unique']>): NewLabels['unique'] {
  if (typeof unique === 'string') return { key: checkKey(unique, 'unique'), mode: 'keep' };
  checkObject(unique, 'unique', "{ key: 'album:7', mode: 'keepLast' }");
  return { key: checkKey(unique.key, 'unique.key'), mode: oneOf(unique.mode, 'unique.mode', UNIQUE_MODES) };
}

function checkIdempotency(given: NonNullable<JobOptions['idempotencyKey']>): NewLabels['idempotency'] {
  if (typeof given === 'string') return { key: checkKey(given, 'idempotencyKey'), windowMs: WINDOW_MS };
  checkObject(given, 'idempotencyKey', "{ key: 'order:42', window: '1h' }");
  const windowMs = given.window === undefined ? WINDOW_MS : durationMs(given.window, 'idempotencyKey.window');
  if (windowMs < 1 || windowMs > LONGEST_WINDOW_MS) {
    const expected = 'a duration above 0 and up to 30 days';
    throw new InvalidArgumentError({ field: 'idempotencyKey.window', expected, got: given.window });
  }
  return { key: checkKey(given.key, 'idempotencyKey.key'), windowMs };
}

/** Each once; undefined for none. */
function checkTags(tags: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(tags) || tags.length > MOST_TAGS) {
    throw new InvalidArgumentError({ field: 'tags', expected: `a list of at most ${MOST_TAGS} texts`, got: tags });
  }
  const checked = new Set((tags as readonly string[]).map((tag, n) => checkKey(tag, `tags[${n}]`)));
  return checked.size === 0 ? undefined : [...checked];
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
