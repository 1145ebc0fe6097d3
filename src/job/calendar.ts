/**
 * When a schedule is due: `nextAfter(rule, instant)`, without a state, so that it gives the same after a restart as
 * before. cron-parser is the parser and the dialect; it is asked about wall time only, where it is right, and the rule
 * for time zones is ours (docs/schedules.md):
 *
 * - A wall time that clocks skip is due once, at the first instant after the gap.
 * - A wall time that comes twice is due the first time.
 * - A pattern that matches in every hour of a day is due whenever clocks show a time it matches: in both passes of a
 *   repeated hour, and not for hours that never came.
 */
import { durationMs, type Duration } from './duration.ts';
import { InvalidArgumentError } from './holdfast-error.ts';
import { Pattern } from './pattern.ts';
import { instantsOf, isZone, offsetAt, transitionBetween, wallAt } from './zone.ts';

export type Rule =
  | { readonly kind: 'cron'; readonly expression: string; readonly zone: string }
  /** Due at `anchorAt` and every `everyMs` after it, without drift. */
  | { readonly kind: 'every'; readonly everyMs: number; readonly anchorAt: number };

const WORDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
/** The end of the year 9999: later moments have no ISO text of the usual length, which the ids of occurrences need. */
export const LAST_MOMENT_MS = Date.UTC(10_000, 0, 1) - 1;
const MOST_CHARACTERS = 256;
const LONGEST_REPEAT_MS = 3 * 3_600_000;
/** Two skipped or repeated times are passed over at most this often before a match is found. */
const MOST_MATCHES = 5_000;
/** cron-parser takes a step of 99999 minutes for every hour; so a step must fit its field. */
const LARGEST_STEP: readonly number[] = [59, 59, 23, 31, 12, 7];

/**
 * Checks a cron rule.
 *
 * @throws {InvalidArgumentError} naming the field of the pattern that is wrong and why, or the zone
 */
export function cronRule(expression: string, zone: string, field: string): Rule {
  if (typeof zone !== 'string' || !isZone(zone)) {
    throw new InvalidArgumentError({
      field: `${field}.tz`,
      expected: "an IANA time zone such as 'Europe/Oslo'",
      got: zone,
    });
  }
  if (typeof expression !== 'string' || expression.length > MOST_CHARACTERS) {
    throw new InvalidArgumentError({
      field: `${field}.cron`,
      expected: `a pattern of at most ${MOST_CHARACTERS} characters`,
      got: expression,
    });
  }
  const normal = normalised(expression, `${field}.cron`);
  try {
    if (Pattern.of(normal).next(0) === undefined) throw new Error('no day matches it');
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError({
      field: `${field}.cron`,
      expected: `a pattern that can be met (${problem})`,
      got: expression,
      cause,
    });
  }
  return { kind: 'cron', expression: normal, zone };
}

/** @throws {InvalidArgumentError} */
export function everyRule(every: Duration, anchorAt: number, field: string): Rule {
  const everyMs = durationMs(every, `${field}.every`);
  if (everyMs < 1) throw new InvalidArgumentError({ field: `${field}.every`, expected: 'at least 1 ms', got: every });
  return { kind: 'every', everyMs, anchorAt };
}

function normalised(expression: string, field: string): string {
  const trimmed = expression.trim().toLowerCase();
  if (trimmed.startsWith('@')) {
    const pattern = WORDS[trimmed];
    if (pattern !== undefined) return pattern;
    throw new InvalidArgumentError({ field, expected: `one of ${Object.keys(WORDS).join(' ')}`, got: expression });
  }
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    throw new InvalidArgumentError({
      field,
      expected: '5 or 6 fields: [second] minute hour day month weekday',
      got: expression,
    });
  }
  const limits = LARGEST_STEP.slice(6 - fields.length);
  for (const [n, text] of fields.entries()) {
    // cron-parser takes H for a number that it draws anew each time.
    if (/(?:^|[,/-])h/i.test(text)) {
      throw new InvalidArgumentError({ field, expected: 'numbers, names, and * ? , - / L #', got: text });
    }
    const step = /\/(\d+)/.exec(text)?.[1];
    if (step === undefined || (Number(step) >= 1 && Number(step) <= (limits[n] ?? 0))) continue;
    throw new InvalidArgumentError({ field, expected: `steps of 1 to ${limits[n]} in field ${n + 1}`, got: text });
  }
  return fields.join(' ');
}

/** The first instant after `instant` at which the rule is due, epoch ms; undefined if there is none. */
export function nextAfter(rule: Rule, instant: number): number | undefined {
  if (rule.kind === 'every') {
    const { everyMs, anchorAt } = rule;
    const next = instant < anchorAt ? anchorAt : anchorAt + (Math.floor((instant - anchorAt) / everyMs) + 1) * everyMs;
    return next <= LAST_MOMENT_MS ? next : undefined;
  }
  const pattern = Pattern.of(rule.expression);
  const next = pattern.isEveryHour ? nextShown(pattern, rule.zone, instant) : nextOnce(pattern, rule.zone, instant);
  return next !== undefined && next <= LAST_MOMENT_MS ? next : undefined;
}

/** Each matching wall time is due once. */
function nextOnce(pattern: Pattern, zone: string, instant: number): number | undefined {
  let wall = wallAt(zone, instant);
  for (let n = 0; n < MOST_MATCHES; n++) {
    const match = pattern.next(wall);
    if (match === undefined) return undefined;
    const { instants, gapEnd } = instantsOf(zone, match);
    const due = instants[0] ?? gapEnd;
    if (due !== undefined && due > instant) return due;
    wall = match;
  }
  return undefined;
}

/** Due whenever clocks show a matching time. */
function nextShown(pattern: Pattern, zone: string, instant: number): number | undefined {
  const repeated = nextInRepeat(pattern, zone, instant);
  let wall = wallAt(zone, instant);
  for (let n = 0; n < MOST_MATCHES; n++) {
    const match = pattern.next(wall);
    if (match === undefined) return repeated;
    const due = instantsOf(zone, match).instants.find((shown) => shown > instant);
    if (due !== undefined) return repeated === undefined ? due : Math.min(due, repeated);
    wall = match;
  }
  return repeated;
}

/** Where clocks are about to be set back, times that were shown already come again. */
function nextInRepeat(pattern: Pattern, zone: string, instant: number): number | undefined {
  const before = offsetAt(zone, instant);
  const after = offsetAt(zone, instant + LONGEST_REPEAT_MS);
  if (after >= before) return undefined;
  const transition = transitionBetween(zone, instant, instant + LONGEST_REPEAT_MS);
  const match = pattern.next(transition + after - 1);
  return match === undefined ? undefined : Math.max(match - after, transition);
}
