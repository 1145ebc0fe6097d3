/** What users hold in their hands: the engine's methods, and the handle of a job. */
import type { AnyJobDefinition, JobDefinition } from './definition.ts';
import type { Duration } from './job/duration.ts';
import type { ChangeOutcome, JobUpdate, PurgeReport, ReviveOptions } from './changing.ts';
import type { GraphView } from './graph.ts';
import type { JobHandle } from './handle.ts';
import type { JobFilter } from './listing.ts';
import type { CountsOf, JobCounts, QueueStats, TypeStats } from './statistics.ts';
import type { BackupReport } from './log/backup.ts';
import type { ProgressOptions } from './log/verify.ts';
import type { SalvageReport } from './log/set-aside.ts';
import type { Middleware } from './middleware.ts';
import type { JobOptions } from './job-options.ts';
import type { Schedules, ScheduleView } from './schedule-face.ts';
import type { ScheduleJobOptions, ScheduleRule } from './schedule-options.ts';
import type { QueueMethods } from './queue-face.ts';
import type { EventView, JobView } from './view.ts';

/** The same for a schedule. */
export type ScheduleArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: ScheduleJobOptions]
  : [payload: Payload, options?: ScheduleJobOptions];

/** The payload may be left out where the type allows undefined. */
export type PayloadArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: JobOptions]
  : [payload: Payload, options?: JobOptions];

type PayloadOf<Job> = Job extends JobDefinition<infer Payload, unknown> ? Payload : unknown;
type ResultOf<Job> = Job extends JobDefinition<unknown, infer Result> ? Result : unknown;

/** One entry of `enqueueAll`: a definition or a type, its payload, options. */
export type EnqueueEntry<Job extends AnyJobDefinition | string = AnyJobDefinition | string> = readonly [
  job: Job,
  ...rest: PayloadArguments<PayloadOf<Job>>,
];

/** The handles of `enqueueAll`, each with the result of its job. */
export type JobHandles<Jobs extends readonly unknown[]> = {
  -readonly [Index in keyof Jobs]: JobHandle<ResultOf<Jobs[Index]>>;
};

/** The handles of `enqueueGraph`, by key. */
export type GraphHandles<Jobs> = { readonly [Key in keyof Jobs]: JobHandle<ResultOf<Jobs[Key]>> };

export interface ListFilter extends JobFilter {
  /** How many at most; from 1 to 1,000. @default 200 */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface JobPage<Payload = unknown, Result = unknown, Checkpoint = unknown> {
  /** The oldest first. */
  readonly jobs: ReadonlyArray<JobView<Payload, Result, Checkpoint>>;
  /** Given when there may be more. */
  readonly cursor?: string;
}

export interface EventOptions {
  /** Begin behind the event with this `seq`; 0 for the oldest that is stored. @default only events from now on */
  readonly since?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

export interface UnregisterOptions {
  /**
   * What becomes of its attempts: they go on (`'finish'`); they are asked to stop, keep their attempt, and run again when
   * there is a handler (`'interrupt'`); or they are asked to stop since the process in which they ran is dead, which is
   * counted for `maxCrashes` (`'lost'`). @default 'finish'
   */
  readonly running?: 'finish' | 'interrupt' | 'lost';
}

export interface CancelOptions {
  /** Cancels all jobs that wait for it as well, and all that wait for those. @default false */
  readonly descendants?: boolean;
}

export interface CloseOptions {
  /** How long running jobs may go on before they are asked to stop. @default '5s' */
  readonly drain?: Duration;
}

export interface CloseReport {
  /** Attempts that ended by themselves while the engine closed. */
  readonly completed: number;
  /** Attempts that were asked to stop; they keep their checkpoint and run again at the next start. */
  readonly interrupted: number;
  /** Handlers on the main thread that ignored their signal and still run; their jobs run again at the next start. */
  readonly abandoned: number;
  readonly durationMs: number;
}

/**
 * An open folder of jobs. Every method answers when what it says is durable. Once closed, all of them reject with
 * `EngineClosedError`; while the store is being recovered, with `StoreUnavailableError`.
 */
export interface Engine extends QueueMethods, AsyncDisposable {
  /** The real path of the folder. */
  readonly path: string;

  /** What was salvaged, and where the damaged folder is kept, if it was damaged and `onDamage` is `'salvage'`. */
  readonly salvaged: SalvageReport | undefined;

  /** Aborts when the engine begins to close: for what shall end with it. */
  readonly closing: AbortSignal;

  /**
   * Accepts a job; it is on disk when this resolves.
   *
   * @throws {InvalidArgumentError | InvalidPayloadError} nothing was stored
   * @throws {JobExistsError} a job with this id is stored, and was not touched
   * @throws {DuplicateJobError} an unfinished job has the unique key, and `mode` is `'reject'`
   * @throws {UnknownOutcomeError} the store failed meanwhile
   */
  enqueue<Payload, Result>(
    job: JobDefinition<Payload, Result>,
    ...rest: PayloadArguments<NoInfer<Payload>>
  ): Promise<JobHandle<Result>>;
  enqueue(type: string, payload?: unknown, options?: JobOptions): Promise<JobHandle<unknown>>;

  /** Accepts several jobs, all or none; the handles come in their order. Rejects as `enqueue` does. */
  enqueueAll<const Jobs extends ReadonlyArray<AnyJobDefinition | string>>(entries: {
    readonly [Index in keyof Jobs]: EnqueueEntry<Jobs[Index]>;
  }): Promise<JobHandles<Jobs>>;

  /**
   * Accepts jobs that wait for one another, all or none: `after` may name other jobs of the graph by their keys. The
   * handles come by key.
   *
   * ```ts
   * const { index } = await jobs.enqueueGraph({
   *   import: [importPhotos, { folder }],
   *   index: [buildIndex, { folder }, { after: ['import'] }],
   * });
   * ```
   *
   * @throws {InvalidArgumentError} for a cycle, which it names; rejects as `enqueue` does
   */
  enqueueGraph<const Jobs extends Readonly<Record<string, AnyJobDefinition | string>>>(nodes: {
    readonly [Key in keyof Jobs]: EnqueueEntry<Jobs[Key]>;
  }): Promise<GraphHandles<Jobs>>;

  /**
   * Makes a job again and again, by a rule; under a name that is stored already it changes that schedule, and the same
   * words again change nothing. So it can stand where the app starts.
   *
   * ```ts
   * await jobs.schedule('nightly', { cron: '0 3 * * *', tz: 'Europe/Oslo', catchUp: 'all' }, importPhotos, { folder });
   * ```
   *
   * @param name 1 to 96 of the characters `A-Z a-z 0-9 _ . : -`; a job for a nominal time has the id `name@2026-01-31T03:00:00.000Z`
   * @throws {InvalidArgumentError | InvalidPayloadError} nothing was changed
   */
  schedule<Payload>(
    name: string,
    rule: ScheduleRule,
    job: JobDefinition<Payload, unknown>,
    ...rest: ScheduleArguments<NoInfer<Payload>>
  ): Promise<ScheduleView>;
  schedule(
    name: string,
    rule: ScheduleRule,
    type: string,
    payload?: unknown,
    options?: ScheduleJobOptions,
  ): Promise<ScheduleView>;

  /** The stored schedules. */
  readonly schedules: Schedules;

  /** A job with all jobs it waits for, all that wait for it, and so on; undefined if there is none with this id. */
  graph(id: string): Promise<GraphView | undefined>;

  /**
   * Adds job types while the engine runs; waiting jobs of these types begin to run.
   *
   * @throws {DuplicateHandlerError} at the call, for the first that is there already; those before it were added
   */
  register(...definitions: readonly AnyJobDefinition[]): void;

  /**
   * Takes a job type away while the engine runs: its jobs wait as if nobody had registered it (with `unknownTypes: 'die'`
   * they die). What runs goes on, unless `running` says otherwise. One that is not registered is no mistake, so that it
   * may be called first to let attempts finish and then to end those that did not.
   */
  unregister(definition: AnyJobDefinition, options?: UnregisterOptions): void;

  /** What is registered: types, and prefixes with their star. */
  handlers(): string[];

  /** Adds middleware inside that which is there already; attempts that run keep theirs. */
  use(...middleware: readonly Middleware[]): void;

  /**
   * Cancels a job: a waiting one never starts; a running one sees its signal, and after the grace period its thread is
   * ended. Resolves to false when the job had ended already, otherwise. Calling it again changes nothing.
   *
   * @throws {JobNotFoundError}
   */
  cancel(id: string, reason?: string, options?: CancelOptions): Promise<boolean>;

  /**
   * Lets dead or cancelled jobs (and completed ones) wait again. All of them in one commit; for each id the report says
   * whether it was done.
   */
  revive(ids: readonly string[], options?: ReviveOptions): Promise<ChangeOutcome[]>;

  /** Makes waiting jobs due now, and runs finished ones again, with new attempts. Reports as `revive` does. */
  retry(ids: readonly string[]): Promise<ChangeOutcome[]>;

  /** Makes waiting jobs due now. Reports as `revive` does. */
  promote(ids: readonly string[]): Promise<ChangeOutcome[]>;

  /**
   * Changes a waiting job: its priority, its moment, its payload. Its failed attempts still count.
   *
   * @throws {IllegalTransitionError} it does not wait; nothing was changed
   * @throws {JobNotFoundError | InvalidArgumentError | InvalidPayloadError}
   */
  update(id: string, changes: JobUpdate): Promise<void>;

  /**
   * Forgets jobs that do not run: waiting ones never start, and who waits for their result gets a `JobNotFoundError`. One
   * that unfinished others wait for is refused. Reports as `revive` does.
   */
  delete(ids: readonly string[]): Promise<ChangeOutcome[]>;

  /**
   * Deletes all jobs that a filter means, some at a time. What runs is left alone, and what comes meanwhile may be.
   *
   * @throws {InvalidArgumentError} also for a filter without a word
   */
  purge(filter: JobFilter): Promise<PurgeReport>;

  /** Forgets finished jobs. Reports as `revive` does. */
  clear(ids: readonly string[]): Promise<ChangeOutcome[]>;

  /**
   * What there is of each type: jobs by state, for how long the oldest ready one has waited, what ended lately. Registered
   * types are there even without jobs.
   */
  stats(): Promise<TypeStats[]>;

  /** The same of each queue that has or had jobs. */
  queueStats(): Promise<QueueStats[]>;

  /** How many jobs are in which state: all of them, or those of one queue or one type. It costs no look at the jobs. */
  counts(of?: CountsOf): Promise<JobCounts>;

  /** A job as it is stored, or undefined. A definition types what comes back, and changes nothing else. */
  get<Result, Checkpoint, Stored>(
    id: string,
    job: JobDefinition<unknown, Result, Checkpoint, Stored>,
  ): Promise<JobView<Stored, Result, Checkpoint> | undefined>;
  get(id: string): Promise<JobView | undefined>;

  /** Stored jobs in the order in which they were accepted, a page at a time. The filter comes before the limit. */
  list<Result, Checkpoint, Stored>(
    filter: ListFilter & { readonly type: JobDefinition<unknown, Result, Checkpoint, Stored> },
  ): Promise<JobPage<Stored, Result, Checkpoint>>;
  list(filter?: ListFilter): Promise<JobPage>;

  /** The result of a job, as `JobHandle.result` gives it. */
  wait<Result>(id: string, job: JobDefinition<unknown, Result>): Promise<Result>;
  wait(id: string): Promise<unknown>;

  /**
   * Copies the log, as it is durable now, into a new folder, which can be opened or be given to `restore`. The engine goes on
   * meanwhile. What runs now is found there as after a power cut.
   */
  backup(to: string, options?: ProgressOptions): Promise<BackupReport>;

  /**
   * What happens to jobs, and to what is stored beside them, in order and without gaps, also across restarts.
   *
   * @throws {EventsTrimmedError} while iterating: events behind `since` are not stored any more
   */
  events(options?: EventOptions): AsyncIterableIterator<EventView>;

  /**
   * The same, those that were stored together at a time: at most a few thousand, and never none. For whoever follows
   * everything, at a third of the price.
   */
  eventBatches(options?: EventOptions): AsyncIterableIterator<readonly EventView[]>;

  /**
   * Starts no more jobs, waits for `drain`, asks the running ones to stop, ends their threads after the grace period,
   * and lets go of the folder. Calling it again gives the same promise.
   */
  close(options?: CloseOptions): Promise<CloseReport>;
}
