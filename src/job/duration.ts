import ms from 'ms';
import { InvalidArgumentError } from './holdfast-error.ts';

type Unit =
  | 'ms'
  | 's'
  | 'sec'
  | 'second'
  | 'seconds'
  | 'm'
  | 'min'
  | 'minute'
  | 'minutes'
  | 'h'
  | 'hour'
  | 'hours'
  | 'd'
  | 'day'
  | 'days'
  | 'w'
  | 'week'
  | 'weeks'
  | 'y'
  | 'year'
  | 'years';

/**
 * A length of time: milliseconds, or a number and a unit (`'30s'`, `'5m'`, `'1.5h'`, `'2 days'`). A year is 365.25 days.
 * It is our own type since those of `ms` are a package that our users would have to install.
 */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

/** 100 years, in ms: longer than any of this lasts, and short enough that no sum of moments leaves the calendar. */
export const MAX_DURATION_MS = 100 * 365.25 * 86_400_000;

/** The last moment a `Date` can hold, epoch ms. */
export const MAX_MOMENT_MS = 8.64e15;

/** The longest string that is looked at; `ms` takes up to 100 characters, none of which are needed. */
const MAX_TEXT = 40;

/**
 * A duration as a whole number of milliseconds from 0 to 100 years. It is rounded, but never to 0: for many options 0
 * has a meaning of its own, and a caller who asks for 0.2 ms does not mean that one.
 *
 * @throws InvalidArgumentError that names `field`.
 */
export function durationMs(value: number | string, field: string): number {
  const exact = parse(value);
  if (exact === undefined || !(exact >= 0 && exact <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError({
      field,
      expected: "milliseconds or a string such as '30s', '5m', '1.5h', from 0 to 100 years",
      got: value,
    });
  }
  return exact === 0 ? 0 : Math.max(1, Math.round(exact));
}

function parse(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) return undefined;
  // Its types do not say so, but `ms` answers undefined to what it does not know.
  const parsed: number | undefined = ms(value as ms.StringValue);
  return parsed;
}

/** A date and a time with its zone. Without the zone the text would mean another moment on another machine. */
const ISO = /^(\d{4}-\d{2}-(\d{2}))T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * A moment as whole epoch milliseconds, from 1970 to the end of what a `Date` can hold. It takes a `Date`, epoch
 * milliseconds (rounded up, so that nothing happens before its time), or an ISO 8601 date and time with its zone.
 *
 * @throws InvalidArgumentError that names `field`.
 */
export function momentMs(value: Date | number | string, field: string): number {
  const exact = typeof value === 'number' ? value : value instanceof Date ? timeIn(value) : iso(value);
  if (!(exact >= 0 && exact <= MAX_MOMENT_MS)) {
    throw new InvalidArgumentError({
      field,
      expected: 'a valid Date, epoch milliseconds from 0 to 8.64e15, or an ISO string such as 2030-01-31T09:00:00Z',
      got: value,
    });
  }
  return exact === 0 ? 0 : Math.ceil(exact);
}

function timeIn(date: Date): number {
  try {
    return Date.prototype.getTime.call(date);
  } catch {
    // It only has the prototype of a date.
    return NaN;
  }
}

function iso(value: unknown): number {
  const match = typeof value === 'string' ? ISO.exec(value) : null;
  if (match === null) return NaN;
  const [text, date, day] = match;
  // V8 reads the 30th of February as the 1st of March.
  if (new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return NaN;
  return Date.parse(text);
}
