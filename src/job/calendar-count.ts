/** How often a rule is due within a span, and where its n-th time lies: by arithmetic, since spans may be ten years of minutes. */
import { nextAfter, type Rule } from './calendar.ts';
import { Pattern } from './pattern.ts';
import { nextChange, offsetAt } from './zone.ts';

const DAY_MS = 86_400_000;
const LONGEST_REPEAT_MS = 3 * 3_600_000;
/** The steps in which a span is gone through to find a place in it. */
const STEPS_MS = [365 * DAY_MS, 30 * DAY_MS, DAY_MS, 3_600_000, 60_000, 1_000];

/** How many instants after `from`, up to `to`, the rule is due at. */
export function countDue(rule: Rule, from: number, to: number): number {
  if (to <= from) return 0;
  if (rule.kind === 'every') {
    const upTo = (instant: number): number =>
      instant < rule.anchorAt ? 0 : Math.floor((instant - rule.anchorAt) / rule.everyMs) + 1;
    return upTo(to) - upTo(from);
  }
  const pattern = Pattern.of(rule.expression);
  return pattern.isEveryHour ? countShown(pattern, rule.zone, from, to) : countOnce(pattern, rule.zone, from, to);
}

/** Whenever clocks show a matching time: in pieces within which they are not changed. */
function countShown(pattern: Pattern, zone: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to;) {
    const change = nextChange(zone, at + 1, to);
    const end = change === undefined ? to : change - 1;
    const offset = offsetAt(zone, at + 1);
    count += pattern.count(at + offset, end + offset);
    at = end;
  }
  return count;
}

/** Each matching wall time once: not again in a repeated span, and one for all within a gap, at its end. */
function countOnce(pattern: Pattern, zone: string, from: number, to: number): number {
  let count = 0;
  let at = Math.max(from, endOfRepeat(zone, from) - 1);
  while (at < to) {
    const change = nextChange(zone, at + 1, to);
    const end = change === undefined ? to : change - 1;
    const offset = offsetAt(zone, at + 1);
    count += pattern.count(at + offset, end + offset);
    at = end;
    if (change === undefined) break;
    const after = offsetAt(zone, change);
    if (after < offset) at = change + offset - after - 1;
    else if (hasGapMatch(pattern, change + offset, change + after)) count++;
  }
  return count;
}

/** Where the span ends in which clocks at `instant` show times that they have shown already; `instant` if they do not. */
function endOfRepeat(zone: string, instant: number): number {
  const change = nextChange(zone, instant - LONGEST_REPEAT_MS, instant);
  if (change === undefined) return instant;
  return change + offsetAt(zone, change - 1) - offsetAt(zone, change);
}

/** Whether a skipped time matches, and the end of the gap does not count by itself. */
function hasGapMatch(pattern: Pattern, from: number, end: number): boolean {
  return pattern.count(from - 1, end - 1) > 0 && pattern.count(end - 1, end) === 0;
}

/** An instant up to which the rule is due `n` times after `from`; `to` if it is due less often until then. */
export function placeOf(rule: Rule, from: number, to: number, n: number): number {
  if (n <= 0) return from;
  if (rule.kind === 'every') {
    const first = nextAfter(rule, from) ?? to;
    return Math.min(to, first + (n - 1) * rule.everyMs);
  }
  let [at, left] = [from, n];
  for (const step of STEPS_MS) {
    while (left > 0 && at + step <= to) {
      const count = countDue(rule, at, at + step);
      if (count > left) break;
      at += step;
      left -= count;
    }
  }
  // Less than a second is left now, in which it is due once at most.
  return left > 0 ? to : at;
}
