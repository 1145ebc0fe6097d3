// Changes of clocks that are known, in zones whose names are spelled anew each time: what is known of a zone is kept by its name.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instantsOf, isZone, nextChange, offsetAt, transitionBetween, wallAt } from '../../src/job/zone.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const iso = (at: number | undefined): string => (at === undefined ? 'none' : new Date(at).toISOString().slice(0, -5));
const at = (text: string): number => Date.parse(`${text}Z`);

let spellings = 0;
/** The same zone, in small and capital letters as it has not been written before. */
function anew(zone: string): string {
  let bits = ++spellings;
  return zone.replace(/[a-z]/gi, (letter) => {
    const isCapital = bits % 2 === 1;
    bits = Math.floor(bits / 2);
    return isCapital ? letter.toUpperCase() : letter.toLowerCase();
  });
}

/** Zone, instant, and how far its clocks are ahead of UTC before and after, in hours. */
const CHANGES: ReadonlyArray<readonly [zone: string, instant: string, before: number, after: number]> = [
  ['Europe/Oslo', '2026-03-29T01:00:00', 1, 2],
  ['Europe/Oslo', '2026-10-25T01:00:00', 2, 1],
  ['America/New_York', '2026-03-08T07:00:00', -5, -4],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00', 11, 10.5],
  ['Pacific/Apia', '2011-12-30T10:00:00', -10, 14],
  ['Asia/Dhaka', '2009-12-31T17:00:00', 7, 6],
  ['Africa/Sao_Tome', '2018-01-01T01:00:00', 0, 1],
  ['Africa/Sao_Tome', '2019-01-01T01:00:00', 1, 0],
  ['America/Caracas', '2016-05-01T07:00:00', -4.5, -4],
];

describe('a time zone', () => {
  for (const [name, instant, before, after] of CHANGES) {
    test(`has its offset from the very millisecond of a change: ${name} at ${instant}`, () => {
      const zone = anew(name);
      const change = at(instant);
      const offsets = [-DAY_MS, -1_000, -1, 0, 1, DAY_MS].map((step) => offsetAt(zone, change + step) / HOUR_MS);
      assert.deepEqual(offsets, [before, before, before, after, after, after]);
      assert.equal(wallAt(zone, change), change + after * HOUR_MS);
    });

    test(`names that change as the next one from before, and not from it on: ${name} at ${instant}`, () => {
      const zone = anew(name);
      const change = at(instant);
      assert.equal(iso(nextChange(zone, change - 40 * DAY_MS, change)), instant, 'the end of the span is in it');
      assert.equal(iso(nextChange(zone, change - 1, change + 400 * DAY_MS)), instant);
      assert.equal(nextChange(zone, change - 40 * DAY_MS, change - 1), undefined);
      assert.notEqual(nextChange(zone, change, change + 400 * DAY_MS), change);
      assert.equal(iso(transitionBetween(zone, change - DAY_MS, change + DAY_MS)), instant);
    });
  }

  test('goes from one change to the next, through years', () => {
    const zone = anew('Europe/Oslo');
    const found: string[] = [];
    const end = at('2028-01-01T00:00:00');
    for (let from = at('2025-11-01T00:00:00'); ;) {
      const change = nextChange(zone, from, end);
      if (change === undefined) break;
      found.push(iso(change));
      from = change;
    }
    assert.deepEqual(found, [
      '2026-03-29T01:00:00',
      '2026-10-25T01:00:00',
      '2027-03-28T01:00:00',
      '2027-10-31T01:00:00',
    ]);
  });

  test('without changes has none, and neither has UTC', () => {
    const [from, to] = [at('2020-01-01T00:00:00'), at('2030-01-01T00:00:00')];
    for (const zone of [anew('Asia/Kolkata'), 'UTC', 'Etc/UTC']) assert.equal(nextChange(zone, from, to), undefined);
    assert.equal(offsetAt(anew('Asia/Kolkata'), from), 5.5 * HOUR_MS);
    assert.deepEqual([offsetAt('UTC', from), offsetAt('Etc/UTC', from)], [0, 0]);
  });

  test('is known to the system, or is none', () => {
    const names = ['Europe/Oslo', anew('Europe/Oslo'), 'UTC', 'Mars/Olympus', '', 'Europe'];
    assert.deepEqual(names.map(isZone), [true, true, true, false, false, false]);
    assert.equal(isZone('Mars/Olympus'), false, 'also the second time');
  });
});

/** What clocks show, and when they do so; where they never do, the end of the gap. */
const SHOWN: ReadonlyArray<readonly [zone: string, wall: string, instants: readonly string[], gapEnd?: string]> = [
  ['Europe/Oslo', '2026-07-01T12:00:00', ['2026-07-01T10:00:00']],
  ['Europe/Oslo', '2026-03-29T01:59:59', ['2026-03-29T00:59:59']],
  ['Europe/Oslo', '2026-03-29T02:00:00', [], '2026-03-29T01:00:00'],
  ['Europe/Oslo', '2026-03-29T02:59:59', [], '2026-03-29T01:00:00'],
  ['Europe/Oslo', '2026-03-29T03:00:00', ['2026-03-29T01:00:00']],
  ['Europe/Oslo', '2026-03-28T12:00:00', ['2026-03-28T11:00:00']],
  ['Europe/Oslo', '2026-03-29T20:00:00', ['2026-03-29T18:00:00']],
  ['Europe/Oslo', '2026-10-25T01:59:59', ['2026-10-24T23:59:59']],
  ['Europe/Oslo', '2026-10-25T02:00:00', ['2026-10-25T00:00:00', '2026-10-25T01:00:00']],
  ['Europe/Oslo', '2026-10-25T02:59:59', ['2026-10-25T00:59:59', '2026-10-25T01:59:59']],
  ['Europe/Oslo', '2026-10-25T03:00:00', ['2026-10-25T02:00:00']],
  ['Pacific/Apia', '2011-12-29T23:59:59', ['2011-12-30T09:59:59']],
  ['Pacific/Apia', '2011-12-30T00:00:00', [], '2011-12-30T10:00:00'],
  ['Pacific/Apia', '2011-12-30T23:59:59', [], '2011-12-30T10:00:00'],
  ['Pacific/Apia', '2011-12-31T00:00:00', ['2011-12-30T10:00:00']],
  ['America/New_York', '2026-11-01T01:30:00', ['2026-11-01T05:30:00', '2026-11-01T06:30:00']],
  ['UTC', '2026-03-29T02:30:00', ['2026-03-29T02:30:00']],
];

describe('a wall time', () => {
  for (const [name, wall, instants, gapEnd] of SHOWN) {
    test(`is shown when it is: ${wall} in ${name}`, () => {
      const found = instantsOf(name === 'UTC' ? name : anew(name), at(wall));
      assert.deepEqual(found.instants.map(iso), instants);
      assert.equal(iso(found.gapEnd), gapEnd ?? 'none');
    });
  }
});
