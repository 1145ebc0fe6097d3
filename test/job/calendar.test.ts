// When a schedule is due, held against an oracle that looks at every minute.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CronExpressionParser } from 'cron-parser';
import { cronRule, everyRule, nextAfter, type Rule } from '../../src/job/calendar.ts';
import { offsetAt } from '../../src/job/zone.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Zones that shift by an hour, by half of one, at midnight, on other days than others, and not at all. */
const ZONES = [
  ...[
    'Europe/Oslo',
    'America/New_York',
    'America/Havana',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'America/Santiago',
  ],
  ...['Asia/Beirut', 'Pacific/Auckland', 'Antarctica/Troll', 'America/Sao_Paulo', 'Asia/Tehran', 'Asia/Kolkata'],
];
const PATTERNS = [
  ...['30 2 * * *', '0 2 * * *', '*/15 * * * *', '15 1-3 * * *', '0 0 * * *', '30 * * * *', '*/20 */2 * * *'],
  ...['45 23 * * *', '0 3 * * 0', '7 0,1,2 * * *'],
];

/** The last changes of a zone's offset before 2038. */
function transitionsOf(zone: string, count: number): number[] {
  const found: number[] = [];
  const step = 6 * 24 * HOUR_MS;
  for (let at = Date.UTC(2000, 0, 1); at < Date.UTC(2038, 0, 1); at += step) {
    if (offsetAt(zone, at) === offsetAt(zone, at + step)) continue;
    let [low, high] = [at, at + step];
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (offsetAt(zone, middle) === offsetAt(zone, low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found.slice(-count);
}

/** All that the rule of the design makes due in the 30 hours on both sides of a transition, minute by minute. */
function expectedAround(pattern: string, zone: string, transition: number): number[] {
  const { minute, hour, dayOfWeek } = CronExpressionParser.parse(pattern, { tz: 'UTC' }).fields;
  const isEveryHour = hour.values.length === 24;
  const matches = (wall: number): boolean => {
    const date = new Date(wall);
    return (
      minute.values.includes(date.getUTCMinutes() as never) &&
      hour.values.includes(date.getUTCHours() as never) &&
      dayOfWeek.values.some((day) => Number(day) % 7 === date.getUTCDay())
    );
  };
  const before = offsetAt(zone, transition - 1000);
  const after = offsetAt(zone, transition);
  const due = new Set<number>();
  const shown = new Set<number>();
  for (let at = transition - 30 * HOUR_MS; at < transition + 30 * HOUR_MS; at += MINUTE_MS) {
    const wall = at + (at < transition ? before : after);
    for (let skipped = transition + before; at === transition && skipped < transition + after; skipped += MINUTE_MS) {
      if (!isEveryHour && matches(skipped)) due.add(transition);
    }
    if (matches(wall) && (isEveryHour || !shown.has(wall))) due.add(at);
    if (matches(wall)) shown.add(wall);
  }
  return [...due].sort((a, b) => a - b);
}

function dueBetween(rule: Rule, from: number, to: number): number[] {
  const due: number[] = [];
  // Each is worked out from the one before alone, as it is after a restart at every occurrence.
  for (let at = nextAfter(rule, from); at !== undefined && at < to; at = nextAfter(rule, at)) due.push(at);
  return due;
}

describe('a cron rule', () => {
  for (const zone of ZONES) {
    test(`is due in ${zone} when the rule for skipped and repeated times says so`, () => {
      for (const transition of transitionsOf(zone, 4)) {
        for (const pattern of PATTERNS) {
          const expected = expectedAround(pattern, zone, transition);
          const due = dueBetween(
            cronRule(pattern, zone, 'x'),
            transition - 30 * HOUR_MS - 1,
            transition + 30 * HOUR_MS,
          );
          const iso = (moments: readonly number[]): string[] => moments.map((at) => new Date(at).toISOString());
          assert.deepEqual(iso(due), iso(expected), `${pattern} around ${new Date(transition).toISOString()}`);
        }
      }
    });
  }

  test('knows the words, six fields, and the last day of a month', () => {
    const first = (pattern: string): string =>
      new Date(nextAfter(cronRule(pattern, 'UTC', 'x'), Date.UTC(2026, 1, 3, 4, 5, 6)) ?? 0).toISOString();
    assert.equal(first('@daily'), '2026-02-04T00:00:00.000Z');
    assert.equal(first('@Yearly'), '2027-01-01T00:00:00.000Z');
    assert.equal(first('*/10 * * * * *'), '2026-02-03T04:05:10.000Z');
    assert.equal(first('0 9 L * *'), '2026-02-28T09:00:00.000Z');
    assert.equal(first('0 9 * JAN MON'), '2027-01-04T09:00:00.000Z');
  });

  const REFUSED: ReadonlyArray<readonly [pattern: unknown, zone: unknown, field: string]> = [
    ['', 'UTC', 'nightly.cron'],
    ['* * *', 'UTC', 'nightly.cron'],
    ['5', 'UTC', 'nightly.cron'],
    ['* * * * * * *', 'UTC', 'nightly.cron'],
    ['*/99999 * * * *', 'UTC', 'nightly.cron'],
    ['*/0 * * * *', 'UTC', 'nightly.cron'],
    ['61 * * * *', 'UTC', 'nightly.cron'],
    ['0 0 30 2 *', 'UTC', 'nightly.cron'],
    ['@never', 'UTC', 'nightly.cron'],
    ['@constructor', 'UTC', 'nightly.cron'],
    ['x'.repeat(300), 'UTC', 'nightly.cron'],
    [5, 'UTC', 'nightly.cron'],
    ['0 0 * * *', 'Mars/Olympus', 'nightly.tz'],
    ['0 0 * * *', undefined, 'nightly.tz'],
  ];
  for (const [pattern, zone, field] of REFUSED) {
    test(`is refused at the door: ${String(pattern).slice(0, 20)} in ${String(zone)}`, () => {
      assert.throws(() => cronRule(pattern as string, zone as string, 'nightly'), {
        code: 'HOLDFAST_INVALID_ARGUMENT',
        field,
      });
    });
  }
});

describe('a rule that is due at intervals', () => {
  test('keeps to its anchor and never drifts', () => {
    const rule = everyRule('90s', 1_000_000, 'x');
    assert.equal(nextAfter(rule, 0), 1_000_000);
    assert.equal(nextAfter(rule, 1_000_000), 1_090_000);
    assert.equal(nextAfter(rule, 1_089_999), 1_090_000);
    assert.equal(nextAfter(rule, 1_000_000 + 90_000 * 1e6 + 5), 1_000_000 + 90_000 * (1e6 + 1));
    assert.equal(nextAfter(rule, 8.64e15), undefined);
  });

  test('is at least a millisecond', () => {
    assert.throws(() => everyRule(0, 0, 'x'), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'x.every' });
  });
});
