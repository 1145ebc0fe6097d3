/** What users hold in their hands for schedules. */
import type { Missed, Overlap, SkipReason } from './job/schedule.ts';
import type { Moment, ScheduleRule } from './schedule-options.ts';

/** A stored schedule. Moments are epoch ms; what does not apply is absent. */
export interface ScheduleView {
  readonly name: string;
  /** `ended`: nothing is due any more, by its end or its limit. */
  readonly state: 'active' | 'paused' | 'ended';
  /** As it was said, with the moments as texts. */
  readonly rule: ScheduleRule;
  /** The zone of a `cron`. */
  readonly tz?: string;
  readonly overlap: Overlap;
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly payload?: unknown;
  /** When it is due next; absent while it is paused and when it has ended. Jitter comes on top. */
  readonly nextAt?: number;
  /** Its newest job. */
  readonly last?: { readonly id: string; readonly nominalAt: number; readonly at: number };
  /** Jobs made for nominal times, missed ones that were made up included. */
  readonly runs: number;
  readonly triggers: number;
  /** How many nominal times are to be made up, or have to wait for a run before them. */
  readonly owed: number;
  /** Nominal times without a run of their own, by reason. */
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** What the next run stands for besides. */
  readonly missed?: Missed;
  readonly paused?: { readonly at: number; readonly reason?: string; readonly until?: number };
  readonly createdAt: number;
  readonly changedAt: number;
}

export interface SchedulePage {
  /** By name. */
  readonly schedules: readonly ScheduleView[];
  /** Given when there may be more. */
  readonly cursor?: string;
}

export interface ScheduleListFilter {
  /** How many at most; from 1 to 1,000. @default 200 */
  readonly limit?: number;
  /** The `cursor` of the page before. */
  readonly cursor?: string;
}

export interface BackfillOptions {
  /** The nominal times from here on … */
  readonly from: Moment;
  /** … up to here, which is not after now. */
  readonly to: Moment;
  /** More than this many are refused. @default 1000 */
  readonly max?: number;
  /** @default 'oldest' */
  readonly order?: 'oldest' | 'newest';
  /** Whether they may run beside one another. @default false */
  readonly parallel?: boolean;
  /** Only counts them. @default false */
  readonly dryRun?: boolean;
}

/** The stored schedules. Methods reject with `ScheduleNotFoundError` for a name that nobody has. */
export interface Schedules {
  /** A schedule, or undefined. */
  get(name: string): Promise<ScheduleView | undefined>;

  /** All of them, by name, a page at a time. */
  list(filter?: ScheduleListFilter): Promise<SchedulePage>;

  /**
   * The next moments at which a schedule, or a rule that is not stored, is due; epoch ms. Nothing is changed. The limit and
   * the jitter are not looked at.
   *
   * @param options.count from 1 to 1,000; 5 by default
   * @param options.from only after this moment; now by default
   */
  preview(
    schedule: string | ScheduleRule,
    options?: { readonly count?: number; readonly from?: Moment },
  ): Promise<number[]>;

  /**
   * Changes what is given of its rule, and its payload if that is given. It affects what comes after: what was missed
   * before is judged by what held before.
   */
  update(name: string, changes: ScheduleRule & { readonly payload?: unknown }): Promise<ScheduleView>;

  /** Nothing is due until it is resumed, or until `until`. Jobs that are there already go on. */
  pause(name: string, options?: { readonly reason?: string; readonly until?: Moment }): Promise<void>;

  /** @param options.catchUp what becomes of the times that the pause skipped; `'none'` by default */
  resume(name: string, options?: { readonly catchUp?: ScheduleRule['catchUp'] }): Promise<void>;

  /** Makes a job now, whatever the rule says and whatever runs; its id. */
  trigger(name: string, options?: { readonly payload?: unknown }): Promise<string>;

  /**
   * Makes the jobs of past nominal times, by the ids they would have had; those that are stored are left alone.
   *
   * @returns how many nominal times there are
   */
  backfill(name: string, options: BackfillOptions): Promise<number>;

  /** Nothing is made any more; jobs that are there stay. False when there was no such schedule. */
  delete(name: string): Promise<boolean>;
}
