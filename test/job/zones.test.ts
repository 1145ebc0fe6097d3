/**
 * The rule for changes of clocks, held against a search through every minute, in all zones that the system knows and around all their
 * changes from 2000 to 2037. By default it takes some of them; `SWEEP=all` takes all.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cron } from 'croner';
import { cronRule, nextAfter } from '../../src/job/calendar.ts';
import { nextChange, offsetAt } from '../../src/job/zone.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const [FROM, TO] = [Date.UTC(2000, 0, 1), Date.UTC(2038, 0, 1)];
const STRIDE = process.env['SWEEP'] === 'all' ? 1 : 8;
const CRONER_STRIDE = STRIDE === 1 ? 10 : 3;

interface Pattern {
  readonly text: string;
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
}

const every = (below: number, step = 1): number[] =>
  Array.from({ length: Math.ceil(below / step) }, (_, n) => n * step);
const PATTERNS: readonly Pattern[] = [
  { text: '*/15 * * * *', minutes: every(60, 15), hours: every(24) },
  { text: '30 * * * *', minutes: [30], hours: every(24) },
  { text: '30 2 * * *', minutes: [30], hours: [2] },
  { text: '0 2 * * *', minutes: [0], hours: [2] },
  { text: '0 0 * * *', minutes: [0], hours: [0] },
  { text: '45 23 * * *', minutes: [45], hours: [23] },
  { text: '15 1-3 * * *', minutes: [15], hours: [1, 2, 3] },
  { text: '*/20 */2 * * *', minutes: every(60, 20), hours: every(24, 2) },
  { text: '7,37 0,1,2 * * *', minutes: [7, 37], hours: [0, 1, 2] },
];

interface Change {
  readonly zone: string;
  readonly at: number;
}

/** With some that are special: half an hour, at midnight, for Ramadan, a whole day, two hours. */
const SPECIAL = [
  'Australia/Lord_Howe',
  'America/Havana',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Antarctica/Troll',
  'Africa/Cairo',
];

function zonesTaken(): string[] {
  const zones = Intl.supportedValuesOf('timeZone');
  return STRIDE === 1 ? zones : [...SPECIAL, ...zones.filter((_zone, n) => n % 20 === 0)];
}

/** Zones that change alike are one. */
function allChanges(): { readonly changes: Change[]; readonly zones: number; readonly total: number } {
  const zones = zonesTaken();
  const seen = new Set<string>();
  const changes: Change[] = [];
  let total = 0;
  for (const zone of zones) {
    for (let at = nextChange(zone, FROM, TO); at !== undefined; at = nextChange(zone, at, TO)) {
      total++;
      const key = [at, offsetAt(zone, at - 1), offsetAt(zone, at)].join();
      if (seen.has(key)) continue;
      seen.add(key);
      changes.push({ zone, at });
    }
  }
  return { changes, zones: zones.length, total };
}

function windowOf({ zone, at }: Change): [number, number] {
  const shift = Math.abs(offsetAt(zone, at) - offsetAt(zone, at - 1));
  const span = shift + 3 * HOUR_MS;
  return [at - span, at + span];
}

/** All that is due in the window by the words of the rule, minute by minute. */
function expected({ minutes, hours }: Pattern, { zone, at: change }: Change): number[] {
  const [from, to] = windowOf({ zone, at: change });
  const [before, after] = [offsetAt(zone, change - 1), offsetAt(zone, change)];
  const isEveryHour = hours.length === 24;
  const matches = (wall: number): boolean =>
    minutes.includes(Math.floor(wall / MINUTE_MS) % 60) && hours.includes(Math.floor(wall / HOUR_MS) % 24);
  const due = new Set<number>();
  const shown = new Set<number>();
  // Offsets that are no whole minutes are long gone.
  for (let at = from; at <= to; at += MINUTE_MS) {
    if (at === change && !isEveryHour) {
      for (let wall = change + before; wall < change + after; wall += MINUTE_MS) if (matches(wall)) due.add(change);
    }
    const wall = at + (at < change ? before : after);
    if (!matches(wall)) continue;
    if (isEveryHour || !shown.has(wall)) due.add(at);
    shown.add(wall);
  }
  return [...due].sort((a, b) => a - b);
}

function ours(text: string, change: Change): number[] {
  const [from, to] = windowOf(change);
  const rule = cronRule(text, change.zone, 'x');
  const due: number[] = [];
  // From each one alone, as after a restart.
  for (let at = nextAfter(rule, from - 1); at !== undefined && at <= to; at = nextAfter(rule, at)) due.push(at);
  return due;
}

function croners(text: string, change: Change): number[] {
  const [from, to] = windowOf(change);
  const cron = new Cron(text, { timezone: change.zone });
  const due: number[] = [];
  for (let at = cron.nextRun(new Date(from - 1)); at !== null && at.getTime() <= to; at = cron.nextRun(at))
    due.push(at.getTime());
  return due;
}

const iso = (moments: readonly number[]): string => moments.map((at) => new Date(at).toISOString()).join(' ');

describe('around every change of clocks', () => {
  const { changes, zones, total } = allChanges();
  const taken = changes.filter((_change, n) => n % STRIDE === 0);

  test(`a pattern is due when the rule says so: ${zones} zones, ${total} changes, ${PATTERNS.length} patterns`, (t) => {
    assert.ok(taken.length > 50, `${taken.length} changes`);
    for (const change of taken) {
      for (const pattern of PATTERNS) {
        const what = `${pattern.text} in ${change.zone} around ${new Date(change.at).toISOString()}`;
        assert.equal(iso(ours(pattern.text, change)), iso(expected(pattern, change)), what);
      }
    }
    t.diagnostic(`${taken.length} different changes, ${taken.length * PATTERNS.length} cases, 0 differences`);
  });

  test('croner agrees, but where several hours and not all of them match: those it takes for an interval', (t) => {
    let [cases, differences] = [0, 0];
    for (const change of taken.filter((_change, n) => n % CRONER_STRIDE === 0)) {
      const [before, after] = [offsetAt(change.zone, change.at - 1), offsetAt(change.zone, change.at)];
      for (const { text, hours } of PATTERNS) {
        cases++;
        const [we, they] = [ours(text, change), croners(text, change)];
        const what = `${text} in ${change.zone} around ${iso([change.at])}: we ${iso(we)}, they ${iso(they)}`;
        if (iso(we) === iso(they)) continue;
        differences++;
        // With one hour they do as we do, but for a gap that ends at midnight.
        const endsDay = (change.at + after) % (24 * HOUR_MS) === 0;
        assert.ok(hours.length < 24 && (hours.length > 1 || (after > before && endsDay)), what);
        // A time that is skipped is due at the end of the gap with us, and not at all with them.
        assert.deepEqual(
          we.filter((at) => !they.includes(at)),
          after > before ? [change.at] : [],
          what,
        );
        // A time that comes twice is due once with us, and twice with them.
        const again = they.filter((at) => !we.includes(at));
        assert.ok(
          again.every((at) => after < before && at >= change.at && at < change.at + before - after),
          what,
        );
      }
    }
    t.diagnostic(`${cases} cases, ${differences} differences, all of these two kinds`);
  });

  test('the table of changes is the one that the system gives', () => {
    for (const zone of zonesTaken().slice(0, STRIDE === 1 ? undefined : 4)) {
      const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
      const offsetOf = (at: number): string | undefined =>
        format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value;
      for (let day = FROM; day < TO; day += 24 * HOUR_MS) {
        const [, sign = '', hours = '0', minutes = '0'] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(offsetOf(day) ?? '') ?? [];
        const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS * (sign === '-' ? -1 : 1);
        assert.equal(offsetAt(zone, day), offset, `${zone} at ${iso([day])}`);
      }
    }
  });
});
