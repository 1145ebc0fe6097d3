/**
 * One attempt, from its durable start until its end is durable and its slot is free. It is also the near end of the
 * context's `Link`: what a handler asks for goes from here to the journal.
 */
import type { AttemptControl } from '../context.ts';
import type { Link } from '../context.ts';
import type { AnyJobDefinition } from '../definition.ts';
import { AttemptEndedError, AttemptTimeoutError, flattenError } from '../errors.ts';
import type { SafeLogger } from '../kernel/safe-logger.ts';
import { timesOf } from '../job/schedule.ts';
import type { JobTable } from '../job/table.ts';
import type { StartRecords } from '../log/history.ts';
import { decodeTrace, type Policy } from '../policy.ts';
import type { AbortReason, Answer, EnqueueRequest, JobFacts, Limits, LogLevel, Outcome, Request } from '../protocol.ts';
import type { Hold, NewJob, Start, Verdict } from './messages.ts';
import { checkWords } from './thread-words.ts';
import type { ThreadRun } from './threads.ts';

/** What an attempt asks of the engine. */
export interface AttemptHost {
  save(attempt: Attempt, checkpoint: string): Promise<void>;
  extend(attempt: Attempt, ms: number): void;
  enqueue(attempt: Attempt, request: EnqueueRequest): Promise<string>;
  readonly logger: SafeLogger | undefined;
  /** Epoch ms. */
  now(): number;
}

/** One line of a job's own log. */
export interface LogLine {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  /** JSON. */
  readonly fields?: string;
}

const MOST_LINES = 100;
/** Its end is not durable yet. */
export const AWAITS_END = 1;
/** Its handler has not returned, or its thread is still there. */
export const AWAITS_SLOT = 2;

export class Attempt implements Link {
  readonly slot: number;
  readonly order: number;
  readonly token: number;
  /** What it takes up until its slot is free. */
  readonly hold: Hold;
  readonly definition: AnyJobDefinition;
  /** Jobs to be stored together with this one's completion. */
  followUps: NewJob[] | undefined;
  /** Known once the job's records have been read. */
  facts: JobFacts | undefined;
  policy: Policy | undefined;
  /** Inline only. */
  control: AttemptControl | undefined;
  /** On a thread only. */
  thread: ThreadRun | undefined;
  /** Why it was asked to stop; the first reason stands. */
  abortReason: AbortReason | undefined;
  /** Its thread was ended by us. */
  isKilled = false;
  /** Whoever ran it outside of this process died. */
  isLost = false;
  /** How it ended, as told to the journal. Nothing that comes later counts. */
  verdict: Verdict | undefined;
  /** Its last progress, as JSON. */
  lastProgress: string | undefined;
  lines: LogLine[] | undefined;
  /** What is still to come: `AWAITS_END`, `AWAITS_SLOT`, or both. Then it is forgotten. */
  awaits: number = AWAITS_END | AWAITS_SLOT;
  readonly #host: AttemptHost;
  #logger: SafeLogger | undefined;

  constructor(host: AttemptHost, start: Start, definition: AnyJobDefinition) {
    this.#host = host;
    this.slot = start.slot;
    this.order = start.order;
    this.token = start.token;
    this.hold = start.hold;
    this.definition = definition;
  }

  /** What comes of its outcome depends on whether it had been asked to stop. */
  verdictOf(outcome: Outcome): Verdict {
    const { abortReason, followUps } = this;
    const policy = this.policy as Policy;
    // The journal knows that a job is being cancelled and does not ask how its attempt ended.
    if (abortReason?.kind === 'timeout') {
      return { kind: 'failed', error: flattenError(new AttemptTimeoutError(abortReason.timeoutMs)), policy };
    }
    if (outcome.ok) return { kind: 'completed', result: outcome.result, followUps, policy };
    if (abortReason !== undefined) return { kind: 'interrupted', why: this.isLost ? 'crashed' : 'closing' };
    return { kind: 'failed', error: outcome.error, policy };
  }

  /** The last progress and the job's log, as JSON; undefined if there is neither. */
  get report(): string | undefined {
    if (this.lastProgress === undefined && this.lines === undefined) return undefined;
    const log = JSON.stringify(this.lines ?? []);
    return this.lastProgress === undefined ? `{"log":${log}}` : `{"progress":${this.lastProgress},"log":${log}}`;
  }

  async save(checkpoint: string): Promise<void> {
    if (this.verdict !== undefined) throw new AttemptEndedError('save');
    await this.#host.save(this, checkpoint);
  }

  async extend(ms: number): Promise<void> {
    if (this.verdict !== undefined) throw new AttemptEndedError('extend');
    this.#host.extend(this, ms);
    return Promise.resolve();
  }

  progress(progress: string): void {
    this.lastProgress = progress;
  }

  log(level: LogLevel, message: string, fields: string | undefined): void {
    const lines = (this.lines ??= []);
    lines.push({ at: this.#host.now(), level, message, ...(fields === undefined ? {} : { fields }) });
    if (lines.length > MOST_LINES) lines.shift();
    const { logger } = this.#host;
    if (logger === undefined) return;
    this.#logger ??= logger.child({ job: this.facts?.id, type: this.definition.type, attempt: this.facts?.attempt });
    this.#logger[level](fieldsOf(fields), message);
  }

  /** What a handler on a thread asks for: the same methods, and an answer that can cross. */
  async serve(request: Request, { checkpointBytes }: Limits): Promise<Answer> {
    try {
      switch (request.kind) {
        case 'save':
          await this.save(checkWords(request.checkpoint, 'checkpoint', checkpointBytes));
          return { ok: true };
        case 'extend':
          await this.extend(request.ms);
          return { ok: true };
        case 'enqueue':
          return { ok: true, value: await this.enqueue(request.type, request.payload, request.options, request.atEnd) };
      }
    } catch (error) {
      return { ok: false, error: flattenError(error) };
    }
  }

  async enqueue(
    type: string,
    payload: string | undefined,
    options: Readonly<Record<string, unknown>>,
    atEnd: boolean,
  ): Promise<string> {
    if (this.verdict !== undefined) throw new AttemptEndedError('enqueue');
    return this.#host.enqueue(this, { kind: 'enqueue', type, payload, options, atEnd });
  }
}

/** What its handler is told about its job. */
export function factsOf(table: JobTable, slot: number, records: StartRecords, maxAttempts: number): JobFacts {
  const { createdAt, settings } = records;
  const facts: JobFacts = {
    id: table.ids.of(slot),
    type: table.typeOf(slot),
    queue: table.queueOf(slot),
    priority: table.priorityOf(slot),
    attempt: table.attemptsOf(slot) + 1,
    maxAttempts,
    createdAt,
    scheduledFor: table.dueAtOf(slot),
  };
  if (settings === '') return facts;
  const trace = decodeTrace(settings);
  return { ...facts, ...timesOf(facts.scheduledFor, settings), ...(trace && { trace }) };
}

/** The fields of a log line; they may come from a thread that was made to say anything. */
function fieldsOf(text: string | undefined): object {
  try {
    return text === undefined ? {} : (JSON.parse(text) as object);
  } catch {
    return {};
  }
}
