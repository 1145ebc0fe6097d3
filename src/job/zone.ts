/**
 * Wall time and instants of a time zone. Wall time is written as if it were UTC, so that a calendar which knows nothing
 * of zones can work on it: `2026-03-29 02:30` in Oslo is `Date.UTC(2026, 2, 29, 2, 30)`, though that moment never came.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No zone has changed twice within so long since 2000; the shortest that came between two were four weeks. */
const STEP_MS = 5 * DAY_MS;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return format;
}

/** Whether the system knows a time zone of this name. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** The offset at the beginning of a year, and its changes within it. */
interface ZoneYear {
  readonly offset: number;
  readonly changes: ReadonlyArray<{ readonly at: number; readonly offset: number }>;
}
/** By zone and year: to ask the system takes as long as the rest of a look into the calendar, ten times over. */
const years = new Map<string, Map<number, ZoneYear>>();
const MOST_YEARS = 20_000;
let yearCount = 0;

function yearOf(zone: string, instant: number): ZoneYear {
  let ofZone = years.get(zone) ?? new Map<number, ZoneYear>();
  const year = new Date(instant).getUTCFullYear();
  const known = ofZone.get(year);
  if (known !== undefined) return known;
  if (++yearCount > MOST_YEARS) {
    years.clear();
    ofZone = new Map<number, ZoneYear>();
    yearCount = 1;
  }
  const [from, to] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)];
  const offset = askOffset(zone, from);
  const changes: Array<{ at: number; offset: number }> = [];
  let before = offset;
  for (let day = from; day < to; day += STEP_MS) {
    const end = Math.min(day + STEP_MS, to);
    const after = askOffset(zone, end);
    if (after === before) continue;
    changes.push({ at: changeBetween(zone, day, end, before), offset: after });
    before = after;
  }
  const found: ZoneYear = { offset, changes };
  years.set(zone, ofZone.set(year, found));
  return found;
}

function changeBetween(zone: string, from: number, to: number, before: number): number {
  let low = Math.floor(from / 1000);
  let high = Math.ceil(to / 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (askOffset(zone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

function askOffset(zone: string, instant: number): number {
  const second = Math.floor(instant / 1000) * 1000;
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(zone).formatToParts(second)) {
    // What stands between the numbers is put there, too, and nobody reads it.
    parts[type as keyof typeof parts] = Number(value);
  }
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - second;
}

/** How far wall time is ahead of UTC at an instant, ms. */
export function offsetAt(zone: string, instant: number): number {
  if (zone === 'UTC') return 0;
  const { offset, changes } = yearOf(zone, instant);
  let found = offset;
  for (const change of changes) if (change.at <= instant) found = change.offset;
  return found;
}

/** The first instant after `from` and not after `to` at which the offset changes. */
export function nextChange(zone: string, from: number, to: number): number | undefined {
  for (let year = from; ;) {
    for (const { at } of yearOf(zone, year).changes) {
      if (at > to) return undefined;
      if (at > from) return at;
    }
    year = Date.UTC(new Date(year).getUTCFullYear() + 1, 0, 1);
    if (year > to) return undefined;
  }
}

/** The wall time at an instant. */
export function wallAt(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant);
}

/**
 * The instants at which clocks show `wall`: one as a rule, two (the earlier first) where clocks are set back over it.
 * Where they are set forward over it there is none, and `gapEnd` is the first instant after the gap.
 */
export function instantsOf(
  zone: string,
  wall: number,
): { readonly instants: readonly number[]; readonly gapEnd: number | undefined } {
  // No zone is more than a day from UTC, and none changes twice within two days.
  const before = offsetAt(zone, wall - DAY_MS);
  const after = offsetAt(zone, wall + DAY_MS);
  if (before === after) return { instants: [wall - before], gapEnd: undefined };
  // Where both are, clocks were further ahead before.
  const instants = [wall - before, wall - after].filter((instant) => wallAt(zone, instant) === wall);
  if (instants.length > 0) return { instants, gapEnd: undefined };
  return { instants, gapEnd: transitionBetween(zone, wall - DAY_MS, wall + DAY_MS) };
}

/** The instant at which the offset changes; it does so once between the two. */
export function transitionBetween(zone: string, from: number, to: number): number {
  return nextChange(zone, from, to) as number;
}
