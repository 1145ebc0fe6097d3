// Counting against listing: the same number, and the same places, without looking at each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countDue, placeOf } from '../../src/job/calendar-count.ts';
import { cronRule, everyRule, nextAfter, type Rule } from '../../src/job/calendar.ts';
import { nextChange } from '../../src/job/zone.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';

const HOUR_MS = 3_600_000;
const ZONES = ['UTC', 'Europe/Oslo', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Africa/Casablanca', 'Pacific/Apia'];
const PATTERNS = [
  ...['* * * * *', '*/15 * * * *', '30 2 * * *', '0,30 0-3 * * *', '15 1-3 * * 0', '0 9 L * *', '0 3 29 2 *'],
  ...['7 0,2 1,15 * *', '0 12 * * MON#1', '20 */2 * * *', '0 * * * *'],
];

function list(rule: Rule, from: number, to: number): number[] {
  const due: number[] = [];
  for (let at = nextAfter(rule, from); at !== undefined && at <= to; at = nextAfter(rule, at)) due.push(at);
  return due;
}

test('counting gives what listing gives, wherever a span begins and ends', () => {
  const { random } = createFakeClock({ seed: 11 });
  const pick = (below: number): number => Math.floor(random() * below);
  for (let n = 0; n < 1_000; n++) {
    const zone = ZONES[pick(ZONES.length)] as string;
    const start = Date.UTC(2008 + pick(20), pick(12), pick(28));
    // Most spans begin or end near a change of the clocks, within the hours that are skipped or come twice.
    const change = nextChange(zone, start, start + 300 * 24 * HOUR_MS) ?? start;
    const around = change + (pick(8 * 60) - 4 * 60) * 60_000 + pick(2) * pick(60_000);
    const length = pick(3) === 0 ? pick(20 * 24) * HOUR_MS : pick(6 * 60) * 60_000;
    const [from, to] = pick(2) === 0 ? [around, around + length] : [around - length, around];
    const rule =
      pick(8) === 0
        ? everyRule(1_000 + pick(HOUR_MS), start - pick(HOUR_MS), 'x')
        : cronRule(PATTERNS[pick(PATTERNS.length)] as string, zone, 'x');
    const due = list(rule, from, to);
    const what = `${JSON.stringify(rule)} from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
    assert.equal(countDue(rule, from, to), due.length, what);
    const nth = pick(due.length + 1);
    const place = placeOf(rule, from, to, nth);
    assert.equal(list(rule, from, place).length, nth, `${what}: the place of ${nth}`);
  }
});

test('ten years of minutes are counted without looking at them', () => {
  const rule = cronRule('* * * * *', 'Europe/Oslo', 'x');
  const [from, to] = [Date.UTC(2016, 0, 1), Date.UTC(2026, 0, 1)];
  assert.equal(countDue(rule, from, to), (to - from) / 60_000);
  assert.equal(countDue(rule, placeOf(rule, from, to, 5_000_000), to), (to - from) / 60_000 - 5_000_000);
});

test('an hour is counted when clocks show it, and not at the moment of a change that shows another', () => {
  const rule = cronRule('0 * * * *', 'Australia/Lord_Howe', 'x');
  // At 2:00 they are set back to 1:30.
  const change = Date.UTC(2026, 3, 4, 15);
  assert.deepEqual(
    [-HOUR_MS, -1, 0, HOUR_MS / 2, HOUR_MS].map((until) => countDue(rule, change - HOUR_MS - 1, change + until)),
    [1, 1, 1, 2, 2],
  );
});

test('a span that ends before it begins holds nothing', () => {
  for (const rule of [everyRule(10, 0, 'x'), cronRule('* * * * *', 'UTC', 'x'), cronRule('0 9 * * *', 'UTC', 'x')]) {
    assert.deepEqual([countDue(rule, 1e9, 0), countDue(rule, 1e9, 1e9)], [0, 0]);
  }
});

test('the place of none is the beginning, and of more than there are the end', () => {
  const day = Date.UTC(2026, 0, 1);
  const [from, to] = [day + 12_345, day + 3 * 24 * HOUR_MS + 678];
  const rules = [everyRule('7m', day, 'x'), cronRule('*/7 * * * *', 'UTC', 'x'), cronRule('0 9 * * *', 'UTC', 'x')];
  for (const rule of rules) {
    const due = list(rule, from, to);
    assert.deepEqual([placeOf(rule, from, to, 0), placeOf(rule, from, to, due.length + 1)], [from, to]);
    assert.equal(placeOf(rule, from, to, 1e6), to);
    // One that is due at the very end.
    const last = due.at(-1) as number;
    assert.equal(placeOf(rule, from, last, due.length), last);
    assert.equal(list(rule, placeOf(rule, last - 1, last, 1), last).length, 0);
  }
});
