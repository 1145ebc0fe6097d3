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
  for (const [n, [pattern, zone, field]] of REFUSED.entries()) {
    test(`is refused at the door: ${String(pattern).slice(0, 20)} in ${String(zone)} (${n})`, () => {
      assert.throws(() => cronRule(pattern as string, zone as string, 'nightly'), {
        code: 'HOLDFAST_INVALID_ARGUMENT',
        field,
      });
    });
  }

  const fields = '5 or 6 fields: [second] minute hour day month weekday';
  const letters = 'numbers, names, and * ? , - / L #';
  const EXPLAINED: ReadonlyArray<readonly [pattern: unknown, expected: string | RegExp, got: string]> = [
    [5, 'a pattern of at most 256 characters', '5'],
    [`0 0 * * *${' '.repeat(248)}`, 'a pattern of at most 256 characters', `"0 0 * * *${' '.repeat(51)}…"`],
    ['@never', 'one of @yearly @annually @monthly @weekly @daily @midnight @hourly', '"@never"'],
    ['* * * *', fields, '"* * * *"'],
    ['* * * * * * *', fields, '"* * * * * * *"'],
    ['H * * * *', letters, '"H"'],
    ['0 h * * *', letters, '"h"'],
    ['1,H * * * *', letters, '"1,H"'],
    ['0 1-H/2 * * *', letters, '"1-H/2"'],
    ['*/H * * * *', letters, '"*/H"'],
    ['*/0 * * * *', 'steps of 1 to 59 in field 1', '"*/0"'],
    ['*/60 * * * *', 'steps of 1 to 59 in field 1', '"*/60"'],
    ['0 */24 * * *', 'steps of 1 to 23 in field 2', '"*/24"'],
    ['0 0 1 */13 *', 'steps of 1 to 12 in field 4', '"*/13"'],
    ['0 0 */24 * * *', 'steps of 1 to 23 in field 3', '"*/24"'],
    ['61 * * * *', /^a pattern that can be met \(.*61/, '"61 * * * *"'],
  ];
  for (const [pattern, expected, got] of EXPLAINED) {
    test(`is refused with a reason: ${String(pattern).slice(0, 20)}`, () => {
      assert.throws(
        () => cronRule(pattern as string, 'UTC', 'x'),
        (error: { field: string; expected: string; got: string }) => {
          if (typeof expected === 'string') assert.equal(error.expected, expected);
          else assert.match(error.expected, expected);
          assert.deepEqual([error.field, error.got], ['x.cron', got]);
          return true;
        },
      );
    });
  }

  test('in a zone that is none says what a zone looks like', () => {
    const expected = "an IANA time zone such as 'Europe/Oslo'";
    assert.throws(() => cronRule('* * * * *', 'Mars/Olympus', 'x'), { field: 'x.tz', expected, got: '"Mars/Olympus"' });
    assert.throws(() => cronRule('* * * * *', 5 as unknown as string, 'x'), { field: 'x.tz', expected, got: '5' });
  });

  test('may have the largest steps, names with an H in them, and any space between its fields', () => {
    for (const pattern of ['*/59 */23 */31 */12 */7', '*/59 * * * * *', '0 9 * MAR THU', `0 0 * * *${' '.repeat(247)}`])
      assert.equal(cronRule(pattern, 'UTC', 'x').kind, 'cron');
    const normal = { kind: 'cron', expression: '0 9 * * MON', zone: 'UTC' };
    assert.deepEqual(cronRule(' 0  9 *\t* MON ', 'UTC', 'x'), normal);
  });

  test('is due once where a time comes twice, also for one who asks between the two', () => {
    // At 3:00 clocks are set back to 2:00.
    const [first, second] = [Date.UTC(2026, 9, 25, 0, 10), Date.UTC(2026, 9, 25, 1, 10)];
    const rule = cronRule('30 2 * * *', 'Europe/Oslo', 'x');
    assert.equal(nextAfter(rule, first), Date.UTC(2026, 9, 25, 0, 30));
    assert.equal(nextAfter(rule, second), Date.UTC(2026, 9, 26, 1, 30));
    assert.equal(nextAfter(cronRule('30 * * * *', 'Europe/Oslo', 'x'), second), Date.UTC(2026, 9, 25, 1, 30));
  });

  test('is not due behind the year 9999', () => {
    const [before, end] = [Date.UTC(9999, 11, 31, 23), Date.UTC(10_000, 0, 1)];
    for (const pattern of ['0 0 1 1 *', '* * * * *', '0 * * * *']) {
      assert.equal(nextAfter(cronRule(pattern, 'UTC', 'x'), end - 1), undefined, pattern);
    }
    assert.equal(nextAfter(cronRule('59 * * * *', 'UTC', 'x'), before), end - 60_000);
  });
});

describe('a rule that is due at intervals', () => {
  test('keeps to its anchor and never drifts', () => {
    const rule = everyRule('90s', 1_000_000, 'x');
    assert.equal(nextAfter(rule, 0), 1_000_000);
    assert.equal(nextAfter(rule, 1_000_000), 1_090_000);
    assert.equal(nextAfter(rule, 1_089_999), 1_090_000);
    assert.equal(nextAfter(rule, 1_000_000 + 90_000 * 1e6 + 5), 1_000_000 + 90_000 * (1e6 + 1));
    assert.equal(nextAfter(rule, 8.64e15), undefined);
    const last = Date.UTC(10_000, 0, 1) - 1;
    assert.equal(nextAfter(everyRule(1, last, 'x'), last - 1), last);
    assert.equal(nextAfter(everyRule(1, last, 'x'), last), undefined);
  });

  test('is at least a millisecond', () => {
    const refused = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'x.every', expected: 'at least 1 ms', got: '0' };
    assert.throws(() => everyRule(0, 0, 'x'), refused);
    assert.deepEqual(everyRule(1, 5, 'x'), { kind: 'every', everyMs: 1, anchorAt: 5 });
  });
});
