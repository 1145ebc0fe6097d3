// What of a schedule is stored, and what of it the jobs know.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { everyRule } from '../../src/job/calendar.ts';
import {
  decodeDefinition,
  decodeProgress,
  type Definition,
  encodeDefinition,
  encodeProgress,
  newProgress,
  type Occurrence,
  occurrenceId,
  occurrenceIn,
  timesOf,
} from '../../src/job/schedule.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

function definitionWith(bound: number): Definition {
  return {
    plan: {
      rule: everyRule('1h', NOON, 'x'),
      catchUp: { max: bound, withinMs: bound, keep: 'newest', order: 'oldest' },
      ...{ overlap: 'queue', toleranceMs: 5, minGapMs: 0, jitterMs: 7, endAt: bound, limit: bound },
    },
    template: {
      ...{ type: 't', queue: 'q', priority: 3, key: 'k', tags: ['a'], settings: '{}', deadlineMs: 9, payload: '1' },
    },
    ...{ given: '{}', createdAt: NOON, changedAt: NOON + 1 },
  };
}

describe('a schedule', () => {
  for (const bound of [0, 1, 5, Infinity]) {
    test(`is the same after it was stored, with bounds of ${bound}`, () => {
      const text = encodeDefinition(definitionWith(bound));
      assert.deepEqual(decodeDefinition(text), definitionWith(bound));
      // JSON has no Infinity.
      const { plan } = JSON.parse(text) as { plan: Readonly<Record<string, unknown>> };
      assert.equal(plan['limit'], bound === Infinity ? null : bound);
    });
  }

  test('begins with nothing, from where it is told to', () => {
    const begun = { cursorAt: NOON, owed: [], runs: 0, triggers: 0, skipped: {}, chain: 0, isBatch: false };
    assert.deepEqual(newProgress(NOON), begun);
    assert.deepEqual(decodeProgress(encodeProgress(newProgress(NOON))), begun);
  });
});

describe('a job of a schedule', () => {
  const occurrence: Occurrence = {
    ...{ schedule: 's', nominalAt: NOON, cause: 'catch-up', lateMs: 5, standsFor: 3, since: NOON - 7 },
  };

  test('has its name and its nominal time for an id', () => {
    assert.equal(occurrenceId('nightly', NOON), 'nightly@2026-01-01T12:00:00.000Z');
  });

  test('knows its nominal time, which may be before it was due', () => {
    const settings = JSON.stringify({ attempts: 3, occurrence });
    assert.deepEqual(occurrenceIn(settings), occurrence);
    assert.deepEqual(timesOf(NOON + 99, settings), { scheduledFor: NOON, occurrence });
  });

  test('is told from others, which know only when they were due', () => {
    for (const settings of ['', '{}', '{"attempts":3}', '{"note":"\\"occurrence\\""}']) {
      assert.deepEqual(timesOf(NOON + 99, settings), { scheduledFor: NOON + 99 }, settings);
    }
    assert.equal(occurrenceIn('{"attempts":3}'), undefined);
  });
});
