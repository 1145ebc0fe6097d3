/**
 * A cron pattern on wall time. cron-parser is the parser and the dialect, and is asked which days match; the times of a
 * day are the same on each of them, so the next one, and how many there are, is arithmetic. That makes a step a
 * hundred times cheaper than one of cron-parser, and lets years of missed minutes be counted without listing them.
 */
import { CronExpressionParser, type CronExpression } from 'cron-parser';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Of the days that were asked for, so many are remembered. */
const MOST_DAYS = 64;

const patterns = new Map<string, Pattern>();
const MOST_PATTERNS = 10_000;

export class Pattern {
  /** Whether it matches in every hour of its days. */
  readonly isEveryHour: boolean;
  readonly #expression: CronExpression;
  readonly #isEveryDay: boolean;
  readonly #hours: readonly number[];
  readonly #minutes: readonly number[];
  readonly #seconds: readonly number[];
  readonly #firstMs: number;
  /** The first matching day from a day on; Infinity if there is none. */
  readonly #days = new Map<number, number>();

  /** The pattern of this text. @throws what cron-parser throws */
  static of(text: string): Pattern {
    let pattern = patterns.get(text);
    if (pattern !== undefined) return pattern;
    pattern = new Pattern(text);
    if (patterns.size >= MOST_PATTERNS) patterns.clear();
    patterns.set(text, pattern);
    return pattern;
  }

  constructor(text: string) {
    this.#expression = CronExpressionParser.parse(text, { tz: 'UTC', currentDate: new Date(0) });
    const { second, minute, hour, dayOfMonth, month, dayOfWeek } = this.#expression.fields;
    this.isEveryHour = hour.values.length === 24;
    this.#isEveryDay = dayOfMonth.isWildcard && dayOfWeek.isWildcard && month.values.length === 12;
    // They come in ascending order.
    [this.#hours, this.#minutes, this.#seconds] = [hour, minute, second].map(({ values }) => values.map(Number)) as [
      number[],
      number[],
      number[],
    ];
    this.#firstMs = this.#timeOf(0, 0, 0);
  }

  /** The first wall time after `wall` that matches; undefined if there is none. */
  next(wall: number): number | undefined {
    const day = Math.floor(wall / DAY_MS) * DAY_MS;
    if (this.#dayFrom(day) === day) {
      const time = this.#nextTime(wall - day);
      if (time !== undefined) return day + time;
    }
    const later = this.#dayFrom(day + DAY_MS);
    return later === Infinity ? undefined : later + this.#firstMs;
  }

  /** How many matching wall times there are after `from`, up to `to`. */
  count(from: number, to: number): number {
    let count = 0;
    let day = this.#dayFrom(Math.floor(from / DAY_MS) * DAY_MS);
    while (day <= to) {
      count += this.#timesUpTo(to - day) - this.#timesUpTo(from - day);
      day = this.#dayFrom(day + DAY_MS);
    }
    return count;
  }

  #dayFrom(day: number): number {
    if (this.#isEveryDay) return day;
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    if (this.#days.size >= MOST_DAYS) this.#days.clear();
    const found = Math.floor(this.#nextMatch(day - 1) / DAY_MS) * DAY_MS;
    this.#days.set(day, found);
    return found;
  }

  /** cron-parser throws when it finds none within its bounds. */
  #nextMatch(wall: number): number {
    try {
      this.#expression.reset(new Date(wall));
      return this.#expression.next().getTime();
    } catch {
      return Infinity;
    }
  }

  #timeOf(hour: number, minute: number, second: number): number {
    const [h, m, s] = [this.#hours[hour], this.#minutes[minute], this.#seconds[second]] as [number, number, number];
    return h * HOUR_MS + m * MINUTE_MS + s * SECOND_MS;
  }

  /** The first time of a day after `time`, both in ms from midnight. */
  #nextTime(time: number): number | undefined {
    const n = this.#timesUpTo(time);
    const [perMinute, perHour] = [this.#seconds.length, this.#seconds.length * this.#minutes.length];
    if (n === perHour * this.#hours.length) return undefined;
    return this.#timeOf(Math.floor(n / perHour), Math.floor((n % perHour) / perMinute), n % perMinute);
  }

  /** How many times of a day there are from midnight up to `time`: none before the day, and all behind it. */
  #timesUpTo(time: number): number {
    const hour = Math.floor(time / HOUR_MS);
    const minute = Math.floor((time % HOUR_MS) / MINUTE_MS);
    const second = Math.floor((time % MINUTE_MS) / SECOND_MS);
    const [hours, minutes, seconds] = [this.#hours, this.#minutes, this.#seconds];
    let count = below(hours, hour) * minutes.length * seconds.length;
    if (!hours.includes(hour)) return count;
    count += below(minutes, minute) * seconds.length;
    return minutes.includes(minute) ? count + below(seconds, second + 1) : count;
  }
}

function below(sorted: readonly number[], limit: number): number {
  let n = 0;
  while ((sorted[n] ?? Infinity) < limit) n++;
  return n;
}
