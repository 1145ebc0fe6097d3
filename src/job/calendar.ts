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
import { CronExpressionParser, type CronExpression } from 'cron-parser';
import { durationMs, MAX_MOMENT_MS, type Duration } from './duration.ts';
import { InvalidArgumentError } from './holdfast-error.ts';
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
const MOST_CHARACTERS = 256;
const LONGEST_REPEAT_MS = 3 * 3_600_000;
/** Two skipped or repeated times are passed over at most this often before a match is found. */
const MOST_MATCHES = 5_000;
/** cron-parser takes a step of 99999 minutes for every hour; so a step must fit its field. */
const LARGEST_STEP: readonly number[] = [59, 59, 23, 31, 12, 7];

interface Pattern {
  readonly expression: CronExpression;
  readonly isEveryHour: boolean;
}
const patterns = new Map<string, Pattern>();
const MOST_PATTERNS = 10_000;

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
    patternOf(normal).expression.reset(new Date(0));
    patternOf(normal).expression.next();
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
    if (pattern !== undefined && Object.hasOwn(WORDS, trimmed)) return pattern;
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
    const step = /\/(\d+)/.exec(text)?.[1];
    if (step === undefined || (Number(step) >= 1 && Number(step) <= (limits[n] ?? 0))) continue;
    throw new InvalidArgumentError({ field, expected: `steps of 1 to ${limits[n]} in field ${n + 1}`, got: text });
  }
  return fields.join(' ');
}

function patternOf(expression: string): Pattern {
  const known = patterns.get(expression);
  if (known !== undefined) return known;
  const parsed = CronExpressionParser.parse(expression, { tz: 'UTC', currentDate: new Date(0) });
  const pattern = { expression: parsed, isEveryHour: parsed.fields.hour.values.length === 24 };
  if (patterns.size >= MOST_PATTERNS) patterns.clear();
  patterns.set(expression, pattern);
  return pattern;
}

/** The first instant after `instant` at which the rule is due, epoch ms; undefined if there is none. */
export function nextAfter(rule: Rule, instant: number): number | undefined {
  if (rule.kind === 'every') {
    const { everyMs, anchorAt } = rule;
    const next = instant < anchorAt ? anchorAt : anchorAt + (Math.floor((instant - anchorAt) / everyMs) + 1) * everyMs;
    return next <= MAX_MOMENT_MS ? next : undefined;
  }
  const { expression, isEveryHour } = patternOf(rule.expression);
  return isEveryHour ? nextShown(expression, rule.zone, instant) : nextOnce(expression, rule.zone, instant);
}

/** The next wall time that matches. cron-parser throws when it finds none within its bounds. */
function nextWall(expression: CronExpression, wall: number): number | undefined {
  try {
    expression.reset(new Date(wall));
    return expression.next().getTime();
  } catch {
    return undefined;
  }
}

/** Each matching wall time is due once. */
function nextOnce(expression: CronExpression, zone: string, instant: number): number | undefined {
  let wall = wallAt(zone, instant);
  for (let n = 0; n < MOST_MATCHES; n++) {
    const match = nextWall(expression, wall);
    if (match === undefined) return undefined;
    const { instants, gapEnd } = instantsOf(zone, match);
    const due = instants[0] ?? gapEnd;
    if (due !== undefined && due > instant) return due;
    wall = match;
  }
  return undefined;
}

/** Due whenever clocks show a matching time. */
function nextShown(expression: CronExpression, zone: string, instant: number): number | undefined {
  const repeated = nextInRepeat(expression, zone, instant);
  let wall = wallAt(zone, instant);
  for (let n = 0; n < MOST_MATCHES; n++) {
    const match = nextWall(expression, wall);
    if (match === undefined) return repeated;
    const due = instantsOf(zone, match).instants.find((shown) => shown > instant);
    if (due !== undefined) return repeated === undefined ? due : Math.min(due, repeated);
    wall = match;
  }
  return repeated;
}

/** Where clocks are about to be set back, times that were shown already come again. */
function nextInRepeat(expression: CronExpression, zone: string, instant: number): number | undefined {
  const before = offsetAt(zone, instant);
  const after = offsetAt(zone, instant + LONGEST_REPEAT_MS);
  if (after >= before) return undefined;
  const transition = transitionBetween(zone, instant, instant + LONGEST_REPEAT_MS);
  const match = nextWall(expression, transition + after - 1);
  return match === undefined ? undefined : Math.max(match - after, transition);
}
