/** What users can say and ask about queues: the methods of the engine for that, and what they give. */
import type { Reason } from './actors/explain.ts';
import type { Duration } from './job/duration.ts';
import type { JobState } from './job/machine.ts';
import type { QueueOptions } from './queue-options.ts';

/** Settings to be stored. `null` forgets what was stored of one, so that the options of `open` count again. */
export type QueueChanges = { readonly [Name in keyof QueueOptions]?: QueueOptions[Name] | null };

export interface ConfigureOptions {
  /** What to do when there is no such queue: make it, or refuse with `HOLDFAST_QUEUE_NOT_FOUND`. @default 'create' */
  readonly ifMissing?: 'create' | 'refuse';
}

export interface PauseOptions {
  /** @default the whole engine */
  readonly queue?: string;
  /** Who does it, and why; for people. */
  readonly by?: string;
  readonly reason?: string;
  /** When it is to end by itself: a moment, or a length of time; at most one of the two. @default when it is resumed */
  readonly until?: Date | number | string;
  readonly for?: Duration;
}

export interface ResumeOptions {
  /** @default the whole engine; queues that are paused themselves stay so */
  readonly queue?: string;
  readonly by?: string;
}

export interface PauseView {
  /** When it began, epoch ms. */
  readonly at: number;
  readonly by?: string;
  readonly reason?: string;
  /** When it ends by itself, epoch ms. */
  readonly until?: number;
}

/** A queue, and all that holds for it. Lengths of time are ms. */
export interface QueueView {
  readonly name: string;
  /** In force: what is stored, then what `open` was told, then the defaults. */
  readonly settings: {
    readonly concurrency: number;
    readonly weight: number;
    readonly minimum: number;
    readonly aging: number | 'none';
    readonly rate: { readonly limit: number; readonly per: number } | 'none';
    readonly perKey: {
      readonly concurrency: number;
      readonly rate: { readonly limit: number; readonly per: number } | 'none';
    };
    readonly maxEntries: number;
    readonly whenFull: 'reject' | 'dropOldest';
    readonly maxAge: number | 'none';
  };
  /** While it is paused itself. */
  readonly paused?: PauseView;
  /** Whether this engine works on it. */
  readonly isConsumed: boolean;
  /** Its jobs by state. */
  readonly counts: Readonly<Record<JobState, number>>;
}

/** Why a job does not run. */
export interface Explanation {
  readonly id: string;
  readonly state: JobState;
  /** All that holds now; empty only when the job does not wait. */
  readonly reasons: readonly Reason[];
}

export interface QueueMethods {
  /**
   * Stores settings of a queue, which hold from now on and after every restart, and count more than those given to `open`.
   * What is not named stays as it is. A queue that nobody has heard of is made.
   *
   * @throws {InvalidArgumentError | QueueNotFoundError}
   */
  configureQueue(name: string, changes: QueueChanges, options?: ConfigureOptions): Promise<QueueView>;

  /** A queue as it stands. @throws {QueueNotFoundError} when nobody has named it and no job was in it */
  queue(name: string): Promise<QueueView>;

  /** All queues: those that somebody has named, and those that have jobs. */
  queues(): Promise<QueueView[]>;

  /** Starts nothing more, of one queue or at all; what runs goes on. Stored: a restart does not end it. */
  pause(options?: PauseOptions): Promise<void>;

  /** Ends a pause. Resolves to false when there was none. */
  resume(options?: ResumeOptions): Promise<boolean>;

  /** The pause of the engine itself; undefined when there is none. Those of queues are in `queue` and `queues`. */
  paused(): Promise<PauseView | undefined>;

  /** Which queues this engine works on from now on; `[]` for none. Others wait, and are not lost. Not stored. */
  consume(queues: 'all' | readonly string[]): Promise<void>;

  /** Why a job does not run, and when that can change; undefined if there is no job with this id. */
  explain(id: string): Promise<Explanation | undefined>;
}
