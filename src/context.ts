/**
 * What a handler sees of its attempt. The same class serves inline and on a thread; what differs is the `Link` behind it,
 * which there leads over a port and here to the runner. One is made for every attempt, so it costs next to nothing
 * until it is used: the signal, the log and the parsed checkpoint are made when somebody asks for them.
 */
import { format } from 'node:util';
import type { AttemptControl } from './attempt-control.ts';
import type { JobDefinition } from './definition.ts';
import { AttemptEndedError, flattenError, InvalidArgumentError, InvalidResultError } from './errors.ts';
import { decodeJson, encodeJson, type JsonRole } from './job/json.ts';
import type { JobOptions } from './job-options.ts';
import type { JobFacts, Limits, LogLevel } from './protocol.ts';

export { AttemptControl } from './attempt-control.ts';
export { decodeJson } from './job/json.ts';

/**
 * The second argument of every handler. It may be taken apart: `async run(payload, { signal, save }) { … }`.
 * After the attempt has ended nothing here has an effect: what answers with a promise rejects with `AttemptEndedError`,
 * the rest does nothing.
 */
export interface JobContext<Checkpoint = unknown> {
  /** The job and this attempt. Frozen. */
  readonly job: JobFacts;
  /**
   * Aborts when the attempt shall stop: the job was cancelled, the attempt took too long, or the engine closes. Its
   * `reason` is a `JobCancelledError`, an `AttemptTimeoutError` or an `InterruptedError`. A handler that goes on is ended
   * by force after the grace period, on a thread at least. On a thread `signal.aborted` and `signal.throwIfAborted()`
   * also work inside a loop that never awaits.
   */
  readonly signal: AbortSignal;
  /**
   * The checkpoint that was saved last, by this attempt or an earlier one; undefined if there is none. Its type is what
   * the handler says it saves; nobody checks it, and an older version of the handler may have saved something else.
   */
  readonly checkpoint: Checkpoint | undefined;
  /**
   * Saves a checkpoint: plain JSON data. When the promise resolves it is durable, and an attempt after a crash, a
   * failure or an interruption gets it. Checkpoints are kept in the order of the calls. Rejects with `InvalidResultError`
   * for what cannot be stored, and then the one before stays.
   */
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
  /**
   * Says how far the work is: a number, or a small object of plain data. Call it as often as you like: only the latest
   * is passed on, a few times a second. Throws `InvalidResultError` for what cannot be stored.
   */
  readonly progress: (progress: number | object) => void;
  /** Writes to the engine's logger, tagged with this job, and to the job's own bounded log. */
  readonly log: JobLog;
  /** Moves the timeout of this attempt to `ms` milliseconds from now. */
  readonly extend: (ms: number) => Promise<void>;
  /** The results of the jobs this one waited for, by their ids. */
  readonly results: Readonly<Record<string, unknown>>;
  /**
   * Enqueues another job, named by its definition or its type, and resolves with its id once it is durable. With
   * `atEnd: true` the id is only reserved: the job comes into being together with the completion of this one, in one
   * write, and not at all if this attempt ends otherwise. What its keys lead to is looked at then: if another job stands for
   * it by its `unique` key or `idempotencyKey`, there never is a job with the id; with `mode: 'reject'`, as with an id that
   * is taken or a queue that is full, this attempt has failed.
   */
  readonly enqueue: ContextEnqueue;
}

/** A definition types the payload; a type by name takes any. */
export interface ContextEnqueue {
  <Payload>(
    job: JobDefinition<Payload, unknown>,
    ...rest: undefined extends Payload
      ? [payload?: NoInfer<Payload>, options?: ContextEnqueueOptions]
      : [payload: NoInfer<Payload>, options?: ContextEnqueueOptions]
  ): Promise<string>;
  (type: string, payload?: unknown, options?: ContextEnqueueOptions): Promise<string>;
}

export interface ContextEnqueueOptions extends JobOptions {
  /** Hold the job until this one completes. @default false */
  readonly atEnd?: boolean;
}

/** Like a pino logger: a message, or fields and a message; `%s`, `%d` and `%o` in it are filled from what follows. */
export type JobLog = Readonly<Record<LogLevel, LogMethod>>;

export interface LogMethod {
  (message: string, ...values: unknown[]): void;
  (fields: object, message?: string, ...values: unknown[]): void;
}

/** A handler. Where it runs on a thread it is the default export of its module. */
export type Handler<Payload = unknown, Result = unknown, Checkpoint = unknown> = (
  payload: Payload,
  context: JobContext<Checkpoint>,
) => Result | Promise<Result>;

/** Gives a handler its types in one line: `export default defineHandler<Payload, Result>(async (payload, ctx) => …)`. */
export function defineHandler<Payload = unknown, Result = unknown, Checkpoint = unknown>(
  handler: Handler<Payload, Result, Checkpoint>,
): Handler<Payload, Result, Checkpoint> {
  return handler;
}

/** The way from a context to the engine. Arguments are plain data; texts are JSON. */
export interface Link {
  /** Resolves once durable. */
  save(checkpoint: string): Promise<void>;
  extend(ms: number): Promise<void>;
  progress(progress: string): void;
  log(level: LogLevel, message: string, fields: string | undefined): void;
  enqueue(
    type: string,
    payload: string | undefined,
    options: Readonly<Record<string, unknown>>,
    atEnd: boolean,
  ): Promise<string>;
}

/** What a context is made of; a `RunOrder` is one. */
export interface Attempt {
  readonly job: JobFacts;
  readonly checkpoint: string | undefined;
  readonly results?: string | undefined;
  readonly limits: Limits;
}

export function createContext(attempt: Attempt, link: Link, control: AttemptControl): JobContext {
  return new Context(attempt, link, control);
}

/** What a handler returned, as JSON. @throws InvalidResultError that says where it cannot be stored. */
export function encodeResult(result: unknown, { resultBytes, depth }: Limits): string | undefined {
  return encodeJson(result, 'result', { maxBytes: resultBytes, maxDepth: depth });
}

const NO_RESULTS: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * The methods are getters that give a new function each, so that a handler may take its context apart and the context
 * costs no function that nobody calls.
 */
class Context implements JobContext {
  readonly #attempt: Attempt;
  readonly #link: Link;
  readonly #control: AttemptControl;
  #checkpoint: string | undefined;
  #parsed: { readonly checkpoint: unknown } | undefined;
  #results: Readonly<Record<string, unknown>> | undefined;
  #log: JobLog | undefined;

  constructor(attempt: Attempt, link: Link, control: AttemptControl) {
    this.#attempt = attempt;
    this.#link = link;
    this.#control = control;
    this.#checkpoint = attempt.checkpoint;
  }

  get job(): JobFacts {
    return Object.freeze(this.#attempt.job);
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  get checkpoint(): unknown {
    this.#parsed ??= { checkpoint: decodeJson(this.#checkpoint) };
    return this.#parsed.checkpoint;
  }

  get results(): Readonly<Record<string, unknown>> {
    const { results } = this.#attempt;
    if (results === undefined) return NO_RESULTS;
    this.#results ??= decodeJson(results) as Readonly<Record<string, unknown>>;
    return this.#results;
  }

  get save(): JobContext['save'] {
    return async (checkpoint) => {
      this.#refuseAfterEnd('save');
      const text = this.#encode(checkpoint, 'checkpoint', this.#attempt.limits.checkpointBytes);
      await this.#link.save(text);
      this.#checkpoint = text;
      this.#parsed = undefined;
    };
  }

  get progress(): JobContext['progress'] {
    return (progress) => {
      if (this.#control.ended) return;
      this.#link.progress(this.#encode(progress, 'progress', this.#attempt.limits.progressBytes));
    };
  }

  get log(): JobLog {
    this.#log ??= jobLog((level, message, fields) => {
      if (!this.#control.ended) this.#link.log(level, message, fields);
    });
    return this.#log;
  }

  get extend(): JobContext['extend'] {
    return async (ms) => {
      this.#refuseAfterEnd('extend');
      if (!(Number.isFinite(ms) && ms > 0)) {
        throw new InvalidArgumentError({ field: 'extend', expected: 'a number of milliseconds above 0', got: ms });
      }
      await this.#link.extend(ms);
    };
  }

  get enqueue(): JobContext['enqueue'] {
    return async (job: unknown, payload?: unknown, given: ContextEnqueueOptions = {}) => {
      this.#refuseAfterEnd('enqueue');
      if (typeof given !== 'object' || given === null) {
        throw new InvalidArgumentError({ field: 'options', expected: 'an object such as { atEnd: true }', got: given });
      }
      const { atEnd = false, ...options } = given;
      const type: unknown =
        typeof job === 'string' ? job : (job as { readonly type?: unknown } | null | undefined)?.type;
      if (typeof type !== 'string') {
        throw new InvalidArgumentError({ field: 'enqueue', expected: 'a job definition or a type', got: job });
      }
      const { payloadBytes, depth } = this.#attempt.limits;
      const text = encodeJson(payload, 'payload', { maxBytes: payloadBytes, maxDepth: depth });
      const { trace } = this.#attempt.job;
      return this.#link.enqueue(type, text, trace === undefined ? options : { trace, ...options }, atEnd);
    };
  }

  #refuseAfterEnd(method: string): void {
    if (this.#control.ended) throw new AttemptEndedError(method);
  }

  #encode(value: unknown, role: JsonRole, maxBytes: number): string {
    const text = encodeJson(value, role, { maxBytes, maxDepth: this.#attempt.limits.depth });
    if (text === undefined)
      throw new InvalidResultError({ path: role, problem: 'is undefined, which JSON cannot hold' });
    return text;
  }
}

/** Characters of a log line's message, and of its fields as JSON. */
const MAX_LOG_TEXT = 8_192;

function jobLog(write: Link['log']): JobLog {
  const method = (level: LogLevel): LogMethod => {
    return (first: string | object, ...rest: unknown[]) => {
      const [message, ...values] = typeof first === 'string' ? [first, ...rest] : rest;
      const fields = typeof first === 'string' ? undefined : fieldsText(first);
      write(level, messageText(message ?? (first instanceof Error ? first.message : ''), values), fields);
    };
  };
  const [trace, debug, info] = [method('trace'), method('debug'), method('info')];
  return { trace, debug, info, warn: method('warn'), error: method('error'), fatal: method('fatal') };
}

/** A log line must never fail the work it tells about, so that the next two never throw. */
function messageText(message: unknown, values: readonly unknown[]): string {
  try {
    return (values.length === 0 && typeof message === 'string' ? message : format(message, ...values)).slice(
      0,
      MAX_LOG_TEXT,
    );
  } catch {
    return 'a message that cannot be read';
  }
}

function fieldsText(fields: object): string | undefined {
  try {
    const text = JSON.stringify(fields instanceof Error ? { err: fields } : fields, (_key, value: unknown) => {
      if (value instanceof Error) return flattenError(value);
      return typeof value === 'bigint' ? String(value) : value;
    });
    return text.length <= MAX_LOG_TEXT ? text : JSON.stringify({ omitted: `${text.length} characters of fields` });
  } catch {
    return JSON.stringify({ omitted: 'fields that JSON cannot hold' });
  }
}
