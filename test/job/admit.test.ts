// What the model of `schedules.test.ts` does not do: backfills, jobs that are there already, and what is told of each run.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admit, type Admitted, type Facts } from '../../src/job/admit.ts';
import { everyRule } from '../../src/job/calendar.ts';
import { newProgress, type Overlap, OVERLAPS, type Owed, type Plan, type Progress } from '../../src/job/schedule.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 0, 1, 12);
const hour = (n: number): number => NOON + n * HOUR_MS;

const planWith = (overlap: Overlap): Plan => ({
  rule: everyRule('1h', NOON, 'x'),
  catchUp: { max: Infinity, withinMs: Infinity, keep: 'newest', order: 'oldest' },
  ...{ overlap, toleranceMs: undefined, minGapMs: undefined, jitterMs: 0, endAt: Infinity, limit: Infinity },
});

/** The hours from one to another are owed. */
function owes(first: number, last: number, more: Partial<Owed> = {}): Owed {
  return {
    ...{ from: hour(first) - 1, to: hour(last), count: last - first + 1, cause: 'backfill', order: 'oldest' },
    ...more,
  };
}

const LAST = { id: 'before', nominalAt: hour(-1), at: hour(-1) };

/** A look at noon of the next day, while the job before goes on. */
function look(
  overlap: Overlap,
  owed: readonly Owed[],
  facts: Partial<Facts> = {},
  more: Partial<Progress> = {},
): Admitted {
  const progress = { ...newProgress(hour(24)), last: LAST, chain: 1, owed, ...more };
  const usual = { name: 's', now: hour(24), isOpen: true, isSettled: true, most: 1_000, isTaken: () => false };
  return admit(planWith(overlap), progress, { ...usual, ...facts });
}

/** The hours that run, each with the job that it waits for. */
function hoursOf({ runs }: Admitted): ReadonlyArray<readonly [hour: number, after: string | undefined]> {
  return runs.map(({ occurrence, after }) => [(occurrence.nominalAt - NOON) / HOUR_MS, after]);
}

const idOf = (n: number): string => `s@${new Date(hour(n)).toISOString()}`;

describe('a backfill', () => {
  for (const overlap of OVERLAPS) {
    test(`runs all of its times one after the other, whatever happens to overlaps: ${overlap}`, () => {
      const made = look(overlap, [owes(0, 2)]);
      assert.deepEqual(hoursOf(made), [
        [0, 'before'],
        [1, idOf(0)],
        [2, idOf(1)],
      ]);
      assert.ok(made.runs.every(({ cancels, occurrence }) => cancels === undefined && occurrence.cause === 'backfill'));
      assert.deepEqual([made.skips, made.waitsFor, made.progress.owed], [[], undefined, []]);
      assert.equal(made.progress.runs, 0, 'it does not count against a limit');
    });

    test(`runs its times side by side if that was asked for: ${overlap}`, () => {
      const made = look(overlap, [owes(0, 2, { isParallel: true })]);
      assert.deepEqual(hoursOf(made), [
        [0, undefined],
        [1, undefined],
        [2, undefined],
      ]);
    });
  }

  test('begins with the newest if that was asked for, also in several goes', () => {
    const first = look('queue', [owes(0, 3, { order: 'newest' })], { most: 3 });
    assert.deepEqual(
      hoursOf(first).map(([n]) => n),
      [3, 2, 1],
    );
    assert.equal(first.waitsFor, 'turn');
    assert.deepEqual(hoursOf(look('queue', first.progress.owed)), [[0, 'before']]);
  });

  test('keeps to the rule that held when it was asked for', () => {
    const made = look('replace', [{ ...owes(0, 4), count: 3, rule: everyRule('2h', NOON, 'x') }]);
    assert.deepEqual(
      hoursOf(made).map(([n]) => n),
      [0, 2, 4],
    );
  });

  test('is held when a hundred jobs wait for one another, unless its jobs wait for none', () => {
    const chain = { chain: 100 };
    const held = look('allow', [owes(0, 2)], {}, chain);
    assert.deepEqual([hoursOf(held), held.waitsFor], [[], 'end']);
    assert.equal(look('allow', [owes(0, 2, { isParallel: true })], {}, chain).runs.length, 3);
    assert.equal(look('allow', [owes(0, 2)], { isOpen: false }, chain).runs.length, 3);
    assert.equal(look('skip', [owes(0, 199)]).progress.chain, 100);
  });

  test('lets no overlap count as one of what is made up for, and what is on time does', () => {
    const onTime = owes(24, 24, { cause: 'on-time' });
    const made = look('skip', [owes(0, 1), onTime]);
    assert.deepEqual(
      made.skips.map(({ reason, count }) => [reason, count]),
      [['overlap', 1]],
    );
    // It comes behind the runs of the backfill, which are a batch.
    assert.equal(look('skip', [owes(0, 1), owes(5, 6, { cause: 'catch-up' })]).runs.length, 4);
    assert.equal(look('skip', [owes(5, 6, { cause: 'catch-up' })]).runs.length, 0, 'behind a run that was on time');
  });
});

describe('a run', () => {
  test('whose job is there already is skipped, and what it stood for is left to the next', () => {
    const missed = { count: 4, from: hour(-5) };
    const made = look('queue', [owes(0, 2, { cause: 'catch-up', missed })], { isTaken: (id) => id === idOf(0) });
    assert.deepEqual(made.skips, [{ reason: 'exists', count: 1, from: hour(0) - 1, to: hour(0) }]);
    assert.deepEqual(
      hoursOf(made).map(([n]) => n),
      [1, 2],
    );
    assert.deepEqual([made.progress.missed, made.progress.skipped], [missed, { exists: 1 }]);
  });

  test('knows how late it was made, and is not early when the clock was set back', () => {
    const late = (now: number): number[] =>
      look('allow', [owes(0, 1)], { now }).runs.map(({ occurrence }) => occurrence.lateMs);
    assert.deepEqual(late(hour(24)), [24 * HOUR_MS, 23 * HOUR_MS]);
    assert.deepEqual(late(hour(0.5)), [HOUR_MS / 2, 0]);
  });

  test('knows what it stands for, and only the first of several does', () => {
    const made = look('queue', [owes(0, 1, { cause: 'catch-up', missed: { count: 4, from: hour(-5) } })]);
    assert.deepEqual(
      made.runs.map(({ occurrence: { standsFor, since } }) => [standsFor, (since - NOON) / HOUR_MS]),
      [
        [5, -5],
        [1, 1],
      ],
    );
  });

  test('that is alone and replaces the one before skips nothing', () => {
    const made = look('replace', [owes(3, 3, { cause: 'on-time' })]);
    assert.deepEqual([hoursOf(made), made.skips, made.runs[0]?.cancels], [[[3, 'before']], [], 'before']);
  });

  test('that is on time and may overlap waits for no long chain', () => {
    const made = look('allow', [owes(3, 3, { cause: 'on-time' })], {}, { chain: 100 });
    assert.deepEqual([hoursOf(made), made.waitsFor, made.progress.chain], [[[3, undefined]], undefined, 1]);
  });
});

test('a schedule that owes nothing is left as it is', () => {
  const before = { ...newProgress(NOON), last: LAST, chain: 3, isBatch: true };
  const facts = { name: 's', now: NOON, isOpen: false, isSettled: true, most: 1, isTaken: () => false };
  assert.equal(admit(planWith('queue'), before, facts).progress, before);
});
