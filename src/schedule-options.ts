/** What can be said of a schedule: its meaning, unit and default. Checked once, complete and readonly inside. */
import { InvalidArgumentError } from './errors.ts';
import { cronRule, everyRule, LAST_MOMENT_MS, type Rule } from './job/calendar.ts';
import { checkObject, count, oneOf } from './job/check.ts';
import { durationMs, momentMs, type Duration } from './job/duration.ts';
import { checkQueue } from './job/name.ts';
import { OVERLAPS, type CatchUp, type Overlap, type Plan } from './job/schedule.ts';
import { checkPriority, type RetryOptions } from './policy.ts';

/** A moment: a Date, epoch ms, or an ISO text with its zone. */
export type Moment = Date | number | string;

export interface CatchUpOptions {
  /** How many missed runs are made up at most; `Infinity` needs a `within`. */
  readonly max: number;
  /** Only those that were due within this long before now. @default no limit */
  readonly within?: Duration;
  /** Which ones, when there are more than `max`. @default 'newest' */
  readonly keep?: 'newest' | 'oldest';
  /** Which of them comes first. @default 'oldest' */
  readonly order?: 'oldest' | 'newest';
}

/** When a schedule is due, and what becomes of each nominal time. */
export interface ScheduleRule {
  /** A cron pattern of 5 or 6 fields, or a word such as `@daily`; this or `every`. */
  readonly cron?: string;
  /** An interval that counts from `start`, or from when the schedule was made, without drift; this or `cron`. */
  readonly every?: Duration;
  /** The time zone of `cron`, by its IANA name. @default the system's when the schedule is made */
  readonly tz?: string;
  /** Not due before this moment. In the past, it makes the times since then missed ones. @default when it is made */
  readonly start?: Moment;
  /** Not due after this moment. @default never */
  readonly end?: Moment;
  /** How many runs there are in all; those that are skipped do not count. @default no limit */
  readonly limit?: number;
  /**
   * What becomes of runs that were missed: `'latest'`: one run stands for all of them; `'all'`: each is made up, oldest
   * first, one after the other, at most 1,000 and 30 days back; `'none'`: they are skipped. @default 'latest'
   */
  readonly catchUp?: 'all' | 'latest' | 'none' | CatchUpOptions;
  /**
   * What becomes of a run when the one before has not ended: it is skipped, waits in line, takes its place, or runs beside
   * it. @default 'skip'; with `catchUp: 'all'` or `max` above 1 'queue'
   */
  readonly overlap?: Overlap;
  /** Up to this late a run is on time and not missed. @default half of the interval, at most 1 minute */
  readonly tolerance?: Duration;
  /** With `latest`: a run that close to the next regular one is left to that. @default a tenth of the interval, at most 1 hour */
  readonly minGap?: Duration;
  /** Puts each run off by a time that is drawn from 0 to this and stored with its job. @default 0 */
  readonly jitter?: Duration;
}

/** What each job of a schedule is like. */
export interface ScheduleJobOptions {
  /** @default the type's */
  readonly queue?: string;
  /** Higher runs first. @default the type's */
  readonly priority?: number;
  /** Whom the job belongs to: see `JobOptions`. @default none */
  readonly key?: string;
  /** Words it is found by. @default none */
  readonly tags?: readonly string[];
  /** How long after its nominal time, or after it was made up, a run may still be started. @default for ever */
  readonly deadline?: Duration;
  readonly timeout?: Duration | 'none';
  readonly retry?: RetryOptions;
}

/** A plan whose `every` has no anchor yet. */
export interface CheckedRule {
  readonly plan: Plan;
  /** When it begins; undefined: when it is made. */
  readonly startAt: number | undefined;
}

const RULE_FIELDS = [
  ...['cron', 'every', 'tz', 'start', 'end', 'limit', 'catchUp', 'overlap', 'tolerance', 'minGap', 'jitter'],
];
const JOB_FIELDS = ['queue', 'priority', 'key', 'tags', 'deadline', 'timeout', 'retry'];
const CATCH_UP_FIELDS = ['max', 'within', 'keep', 'order'];
const DAY_MS = 86_400_000;
const ALL: CatchUp = { max: 1_000, withinMs: 30 * DAY_MS, keep: 'newest', order: 'oldest' };
const LATEST: CatchUp = { max: 1, withinMs: Infinity, keep: 'newest', order: 'oldest' };
export const NONE: CatchUp = { max: 0, withinMs: Infinity, keep: 'newest', order: 'oldest' };
/** The name, `@` and a moment make the id of a job, which may have 128 characters. */
const NAME = /^[A-Za-z0-9_.:-]{1,96}$/;

/** @throws {InvalidArgumentError} */
export function checkScheduleName(value: unknown, field = 'name'): asserts value is string {
  if (typeof value === 'string' && NAME.test(value)) return;
  throw new InvalidArgumentError({ field, expected: '1 to 96 of the characters A-Z a-z 0-9 _ . : -', got: value });
}

/** @throws {InvalidArgumentError} naming the field that is wrong */
export function checkScheduleRule(rule: ScheduleRule, field = 'rule'): CheckedRule {
  checkObject(rule, field, "{ cron: '0 3 * * *' }");
  checkFields(rule, RULE_FIELDS, field);
  const { start, end, limit } = rule;
  const startAt = start === undefined ? undefined : momentMs(start, `${field}.start`);
  const endAt = end === undefined ? Infinity : momentMs(end, `${field}.end`);
  if (endAt < (startAt ?? 0)) {
    throw new InvalidArgumentError({ field: `${field}.end`, expected: 'a moment after start', got: end });
  }
  const catchUp = checkCatchUp(rule.catchUp, `${field}.catchUp`);
  const plan: Plan = {
    rule: checkTimes(rule, startAt ?? 0, field),
    catchUp,
    overlap:
      rule.overlap === undefined && catchUp.max > 1 ? 'queue' : oneOf(rule.overlap, `${field}.overlap`, OVERLAPS),
    toleranceMs: optionalMs(rule.tolerance, `${field}.tolerance`),
    minGapMs: optionalMs(rule.minGap, `${field}.minGap`),
    jitterMs: optionalMs(rule.jitter, `${field}.jitter`) ?? 0,
    endAt,
    limit: limit === undefined || limit === Infinity ? Infinity : count(limit, `${field}.limit`, 1, 1, 1e9),
  };
  return { plan, startAt };
}

function checkTimes({ cron, every, tz }: ScheduleRule, anchorAt: number, field: string): Rule {
  if ((cron === undefined) === (every === undefined)) {
    const got = cron === undefined ? 'neither' : 'both';
    throw new InvalidArgumentError({ field: `${field}.cron, ${field}.every`, expected: 'one of the two', got });
  }
  if (cron !== undefined) return cronRule(cron, tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone, field);
  if (tz !== undefined) {
    throw new InvalidArgumentError({ field: `${field}.tz`, expected: 'a zone only with cron', got: tz });
  }
  return everyRule(every as Duration, Math.min(anchorAt, LAST_MOMENT_MS), field);
}

/** @throws {InvalidArgumentError} */
export function checkCatchUp(value: ScheduleRule['catchUp'], field: string): CatchUp {
  if (value === undefined || value === 'latest') return LATEST;
  if (value === 'all') return ALL;
  if (value === 'none') return NONE;
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgumentError({ field, expected: "'all', 'latest', 'none', or { max, within }", got: value });
  }
  checkFields(value, CATCH_UP_FIELDS, field);
  const withinMs = optionalMs(value.within, `${field}.within`) ?? Infinity;
  if (value.max === Infinity && withinMs === Infinity) {
    const expected = 'a number, or a within beside it, so that what is made up has a bound';
    throw new InvalidArgumentError({ field: `${field}.max`, expected, got: value.max });
  }
  return {
    max: value.max === Infinity ? Infinity : count(value.max ?? -1, `${field}.max`, 0, 0, 1e9),
    withinMs,
    keep: oneOf(value.keep, `${field}.keep`, ['newest', 'oldest']),
    order: oneOf(value.order, `${field}.order`, ['oldest', 'newest']),
  };
}

/** What `checkJobOptions` does not know. @throws {InvalidArgumentError} */
export function checkScheduleJob(options: ScheduleJobOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  checkObject(options, 'options', '{ priority: 10 }');
  checkFields(options, JOB_FIELDS, 'options');
  if (options.queue !== undefined) checkQueue(options.queue);
  if (options.priority !== undefined) checkPriority(options.priority, 'priority');
  return optionalMs(options.deadline, 'deadline');
}

function optionalMs(value: Duration | undefined, field: string): number | undefined {
  return value === undefined ? undefined : durationMs(value, field);
}

/** A field that is spelled otherwise would be one that nobody heeds. */
function checkFields(value: object, known: readonly string[], field: string): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw new InvalidArgumentError({ field: `${field}.${key}`, expected: `one of ${known.join(', ')}`, got: key });
  }
}
