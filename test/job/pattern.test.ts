// A pattern on wall time, held against a search through every second of some days.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pattern } from '../../src/job/pattern.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** From a Sunday over the end of a February with 29 days to a Thursday. */
const [FROM, TO] = [Date.UTC(2028, 1, 27), Date.UTC(2028, 2, 3)];

interface Example {
  readonly text: string;
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Days of the span, as days of their months; undefined for all. */
  readonly days?: readonly number[];
}

const every = (below: number): number[] => Array.from({ length: below }, (_, n) => n);
const EXAMPLES: readonly Example[] = [
  { text: '* * * * *', seconds: [0], minutes: every(60), hours: every(24) },
  { text: '*/15 * * * * *', seconds: [0, 15, 30, 45], minutes: every(60), hours: every(24) },
  { text: '7 10 * * * *', seconds: [7], minutes: [10], hours: every(24) },
  { text: '5,59 0,59 0,23 * * *', seconds: [5, 59], minutes: [0, 59], hours: [0, 23] },
  { text: '59 59 23 * * *', seconds: [59], minutes: [59], hours: [23] },
  { text: '50,5,20 23,1,12 * * *', seconds: [0], minutes: [5, 20, 50], hours: [1, 12, 23] },
  { text: '30 2 * * *', seconds: [0], minutes: [30], hours: [2] },
  { text: '20,40 9-11 * * MON', seconds: [0], minutes: [20, 40], hours: [9, 10, 11], days: [28] },
  { text: '0 9 L * *', seconds: [0], minutes: [0], hours: [9], days: [29] },
  { text: '0 0 29 2 *', seconds: [0], minutes: [0], hours: [0], days: [29] },
  { text: '0 12 * FEB *', seconds: [0], minutes: [0], hours: [12], days: [27, 28, 29] },
  { text: '0 12 1 * TUE', seconds: [0], minutes: [0], hours: [12], days: [29, 1] },
];

function matchesOf({ seconds, minutes, hours, days }: Example): number[] {
  const found: number[] = [];
  for (let at = FROM; at < TO; at += 1_000) {
    const date = new Date(at);
    if (days?.includes(date.getUTCDate()) === false) continue;
    if (!hours.includes(date.getUTCHours()) || !minutes.includes(date.getUTCMinutes())) continue;
    if (seconds.includes(date.getUTCSeconds())) found.push(at);
  }
  return found;
}

const iso = (at: number | undefined): string => (at === undefined ? 'never' : new Date(at).toISOString());

describe('a pattern', () => {
  for (const example of EXAMPLES) {
    test(`matches each of its times once and no other: ${example.text}`, () => {
      const pattern = new Pattern(example.text);
      const expected = matchesOf(example);
      const found: number[] = [];
      for (let at = pattern.next(FROM - 1); at !== undefined && at < TO; at = pattern.next(at)) found.push(at);
      assert.deepEqual(found.map(iso), expected.map(iso));
      // From any moment, not only from one that matches.
      for (const match of expected.slice(-500)) {
        for (const before of [1, 999, 1_000]) assert.equal(iso(pattern.next(match - before)), iso(match));
      }
    });

    test(`counts its times within any span: ${example.text}`, () => {
      const pattern = new Pattern(example.text);
      const expected = matchesOf(example);
      const { random } = createFakeClock({ seed: 5 });
      const pick = (below: number): number => Math.floor(random() * below);
      const moment = (): number => {
        const near = [expected[pick(expected.length)] as number, FROM + pick(5) * DAY_MS, FROM + pick(5 * DAY_MS)];
        return Math.min(TO - 1, Math.max(FROM, (near[pick(3)] as number) + pick(3) - 1));
      };
      for (let n = 0; n < 200; n++) {
        const [from, to] = [moment(), moment()].sort((a, b) => a - b) as [number, number];
        const due = expected.filter((at) => at > from && at <= to);
        assert.equal(pattern.count(from, to), due.length, `after ${iso(from)}, up to ${iso(to)}`);
      }
      assert.equal(pattern.count(FROM - 1, TO - 1), expected.length);
    });
  }

  test('matches on its days only, through years, in any order that one asks', () => {
    const pattern = new Pattern('30 9 * * 1-5');
    const days = Array.from({ length: 800 }, (_, n) => Date.UTC(2026, 0, 1) + n * DAY_MS);
    const isWorkday = (day: number): boolean => ![0, 6].includes(new Date(day).getUTCDay());
    for (const day of [...days, ...days.reverse()]) {
      let expected = day;
      while (!isWorkday(expected)) expected += DAY_MS;
      assert.equal(iso(pattern.next(day - 1)), iso(expected + 9.5 * HOUR_MS));
      assert.equal(pattern.count(day - 1, day + DAY_MS - 1), isWorkday(day) ? 1 : 0);
    }
    assert.equal(pattern.count(Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)), 261);
  });

  test('that is met every four years is met four years later', () => {
    const pattern = new Pattern('0 3 29 2 *');
    assert.equal(iso(pattern.next(Date.UTC(2028, 1, 29, 3))), '2032-02-29T03:00:00.000Z');
    assert.equal(pattern.count(Date.UTC(2028, 1, 29, 3), Date.UTC(2040, 1, 29, 3)), 3);
  });

  test('is not met any more at the end of the calendar, however often one asks', () => {
    const last = 8.64e15;
    for (const text of ['0 3 29 2 *', '0 0 1 1 *']) {
      const pattern = new Pattern(text);
      for (const from of [last - DAY_MS, last - DAY_MS, last]) assert.equal(pattern.next(from), undefined);
      assert.equal(pattern.count(last - 2 * DAY_MS, last), 0);
    }
  });

  test('tells whether it matches in every hour of its days', () => {
    const isEveryHour = (text: string): boolean => new Pattern(text).isEveryHour;
    assert.deepEqual(
      ['* * * * *', '5 */1 * * MON', '0 0-23 1 1 *', '0 1-23 * * *', '*/5 */2 * * *', '0 0 * * *'].map(isEveryHour),
      [true, true, true, false, false, false],
    );
  });

  test('has nothing to do with the zone of the machine', () => {
    const zone = process.env['TZ'];
    try {
      for (const other of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
        process.env['TZ'] = other;
        const pattern = new Pattern('30 9 28 2 *');
        assert.equal(iso(pattern.next(FROM)), '2028-02-28T09:30:00.000Z', other);
        assert.equal(pattern.count(FROM, TO), 1, other);
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  test('of the same text is the same one', () => {
    const one = Pattern.of('1 2 3 4 5');
    assert.notEqual(Pattern.of('1 2 3 4 6'), one);
    assert.equal(Pattern.of('1 2 3 4 5'), one);
    assert.throws(() => Pattern.of('61 * * * *'));
    assert.throws(() => Pattern.of('61 * * * *'), 'also the second time');
  });
});
