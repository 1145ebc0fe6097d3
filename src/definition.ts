/** What a job type is: a name, how its jobs are run, and the defaults they have. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkCodec, type Codec } from './codec.ts';
import type { JobContext } from './context.ts';
import { InvalidArgumentError } from './errors.ts';
import { count } from './job/check.ts';
import { checkQueue, checkRoute } from './job/name.ts';
import { checkMiddleware, type Middleware, type MiddlewareOf } from './middleware.ts';
import type { Duration } from './job/duration.ts';
import { checkPriority, checkRetry, checkTimeout, type Retry, type RetryOptions } from './policy.ts';

/** Runs one attempt. What it returns is the job's result; what it throws decides whether there is another attempt. */
export type Run<Payload, Result, Checkpoint = unknown> = (
  payload: Payload,
  context: JobContext<Checkpoint>,
) => Promise<Result> | Result;

interface CommonOptions {
  /**
   * The name under which jobs are stored; letters, digits and `_ . : -`, at most 128. Never change it under waiting jobs.
   * With a star at the end (`email:*`, `*`) it serves all types that begin so and have no definition of their own.
   */
  readonly type: string;
  /** Where its jobs wait. @default 'default' */
  readonly queue?: string;
  /** Higher runs first; a 32-bit integer. @default 0 */
  readonly priority?: number;
  /** How many jobs of this definition may run at once, in all queues together. @default no limit */
  readonly concurrency?: number;
  /** How long an attempt may take: milliseconds or `'30s'`; `'none'` for no limit. @default the engine's */
  readonly timeout?: Duration | 'none';
  /** How often, and after which delays, a failed attempt is followed by another. @default the engine's */
  readonly retry?: RetryOptions;
}

/** Exactly one of the two: a function for the main thread, or a module for a thread. */
interface Inline<Payload, Result, Checkpoint> {
  /** The handler, on the main thread; for work that waits. */
  readonly run: Run<Payload, Result, Checkpoint>;
  readonly worker?: never;
}
interface OnThread {
  /**
   * The module whose default export is the handler, run on a thread; for work that computes. A URL
   * (`new URL('./photos.worker.js', import.meta.url)`) or an absolute path.
   */
  readonly worker: URL | string;
  readonly run?: never;
}

export type SchemaJobOptions<Schema extends StandardSchemaV1, Result, Checkpoint = unknown> = CommonOptions &
  (Inline<StandardSchemaV1.InferOutput<Schema>, Result, Checkpoint> | OnThread) & {
    /** Validates and types the payload when a job is enqueued; what it gives back is what is stored. */
    readonly payload: Schema;
    /** Stores payloads that JSON would change; a module for a thread exports its own as `codec`. @default JSON alone */
    readonly codec?: Codec<StandardSchemaV1.InferOutput<NoInfer<Schema>>>;
    /** Wrapped around the handler, the first one outermost. @default none */
    readonly use?: ReadonlyArray<MiddlewareOf<StandardSchemaV1.InferOutput<NoInfer<Schema>>, NoInfer<Result>>>;
  };

export type PlainJobOptions<Payload, Result, Checkpoint = unknown> = CommonOptions &
  (Inline<Payload, Result, Checkpoint> | OnThread) & {
    readonly payload?: never;
    /** Stores payloads that JSON would change; a module for a thread exports its own as `codec`. @default JSON alone */
    readonly codec?: Codec<NoInfer<Payload>>;
    /** Wrapped around the handler, the first one outermost. @default none */
    readonly use?: ReadonlyArray<MiddlewareOf<NoInfer<Payload>, NoInfer<Result>>>;
  };

/**
 * A checked definition. Made by `defineJob`, and used wherever a job type is meant. `Payload` is what is given to
 * `enqueue`, `Stored` what a validator made of it.
 */
export interface JobDefinition<Payload, Result, Checkpoint = unknown, Stored = unknown> {
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly concurrency: number | undefined;
  /** Milliseconds; Infinity for no limit; undefined for the engine's default. */
  readonly timeoutMs: number | undefined;
  readonly retry: Retry | undefined;
  readonly schema: StandardSchemaV1 | undefined;
  readonly codec: Codec | undefined;
  readonly use: readonly Middleware[];
  /** How it runs: `inline` has the function, `thread` the URL of the module. */
  readonly lane: 'inline' | 'thread';
  readonly run: Run<never, unknown> | undefined;
  readonly module: string | undefined;
  /** For the type system only; never set. */
  readonly '~types'?: {
    readonly payload: Payload;
    readonly result: Result;
    readonly checkpoint: Checkpoint;
    readonly stored: Stored;
  };
}

/** Any definition, whatever its payload and result. */
export type AnyJobDefinition = JobDefinition<unknown, unknown>;

/** Whether `value` looks like what `defineJob` makes, in this copy of the library or another one. */
export function isDefinition(value: unknown): value is AnyJobDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { type, queue, priority, lane } = value as Partial<AnyJobDefinition>;
  return (
    typeof type === 'string' &&
    typeof queue === 'string' &&
    typeof priority === 'number' &&
    (lane === 'inline' || lane === 'thread')
  );
}

/**
 * Defines a job type.
 *
 * ```ts
 * const welcome = defineJob({
 *   type: 'email:welcome',
 *   payload: z.object({ to: z.string() }),
 *   async run(payload, ctx) { await send(payload.to, { signal: ctx.signal }); },
 * });
 * ```
 *
 * @throws {InvalidArgumentError} naming the option that is wrong
 */
export function defineJob<Schema extends StandardSchemaV1, Result = void, Checkpoint = unknown>(
  options: SchemaJobOptions<Schema, Result, Checkpoint>,
): JobDefinition<StandardSchemaV1.InferInput<Schema>, Result, Checkpoint, StandardSchemaV1.InferOutput<Schema>>;
export function defineJob<Payload = undefined, Result = void, Checkpoint = unknown>(
  options: PlainJobOptions<Payload, Result, Checkpoint>,
): JobDefinition<Payload, Result, Checkpoint, Payload>;
export function defineJob(
  options:
    SchemaJobOptions<StandardSchemaV1, unknown> | PlainJobOptions<never, unknown> | PlainJobOptions<unknown, unknown>,
): AnyJobDefinition {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError({
      field: 'options',
      expected: 'an object with a type and a run or worker',
      got: options,
    });
  }
  const {
    type,
    queue = 'default',
    priority = 0,
    concurrency,
    timeout,
    retry,
    payload,
    codec,
    run,
    worker,
    use = [],
  } = options;
  checkRoute(type, 'type');
  checkMiddleware(use, `use of '${type}'`);
  checkQueue(queue, 'queue');
  checkPriority(priority, 'priority');
  if ((run === undefined) === (worker === undefined)) {
    throw new InvalidArgumentError({
      field: `run, worker of '${type}'`,
      expected: 'exactly one of a function `run` and a module `worker`',
      got: run === undefined ? 'neither' : 'both',
    });
  }
  if (run !== undefined && typeof run !== 'function') {
    throw new InvalidArgumentError({ field: `run of '${type}'`, expected: 'a function', got: run });
  }
  if (payload !== undefined && typeof payload?.['~standard']?.validate !== 'function') {
    throw new InvalidArgumentError({
      field: `payload of '${type}'`,
      expected: 'a Standard Schema validator',
      got: payload,
    });
  }
  if (codec !== undefined) checkCodec(codec, `codec of '${type}'`);
  return Object.freeze({
    type,
    queue,
    priority,
    concurrency: concurrency === undefined ? undefined : count(concurrency, `concurrency of '${type}'`, 1, 1, 100_000),
    timeoutMs: timeout === undefined ? undefined : checkTimeout(timeout, `timeout of '${type}'`),
    retry: retry === undefined ? undefined : checkRetry(retry, `retry of '${type}'`),
    schema: payload,
    codec,
    use: [...use],
    lane: run === undefined ? 'thread' : 'inline',
    run,
    module: worker === undefined ? undefined : moduleUrl(worker, type),
  });
}

function moduleUrl(worker: URL | string, type: string): string {
  if (worker instanceof URL && worker.protocol === 'file:') return pathToFileURL(fileURLToPath(worker)).href;
  if (typeof worker === 'string' && worker.startsWith('file:')) return worker;
  if (typeof worker === 'string' && isAbsolute(worker)) return pathToFileURL(worker).href;
  throw new InvalidArgumentError({
    field: `worker of '${type}'`,
    expected: 'a file URL such as new URL("./x.worker.js", import.meta.url), or an absolute path',
    got: worker,
  });
}
