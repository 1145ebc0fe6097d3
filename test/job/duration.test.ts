import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { durationMs, MAX_DURATION_MS, momentMs } from '../../src/job/duration.ts';

describe('a duration', () => {
  const ACCEPTED: readonly [number | string, number][] = [
    [0, 0],
    [-0, 0],
    [250, 250],
    [1.4, 1],
    [1.5, 2],
    [0.2, 1],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['.5h', 1_800_000],
    ['1.1h', 3_960_000],
    ['2 days', 172_800_000],
    ['1 Week', 604_800_000],
    ['500', 500],
    ['500ms', 500],
    ['0s', 0],
    ['100y', MAX_DURATION_MS],
    [`${'0'.repeat(38)}5m`, 300_000],
    [MAX_DURATION_MS, MAX_DURATION_MS],
  ];
  for (const [given, expected] of ACCEPTED) {
    test(`of ${JSON.stringify(given)} is ${expected} ms`, () => {
      const actual = durationMs(given, 'delay');
      assert.ok(Object.is(actual, expected), String(actual));
    });
  }

  const REFUSED: readonly unknown[] = [
    ...['', ' ', '5 parsecs', 'soon', '-5m', '5m 3s', '5m5m', ' 5m', '1e3', '0x10', '١s', 'NaN', 'Infinity', '101y'],
    ...[NaN, Infinity, -Infinity, -1, -0.001, MAX_DURATION_MS + 1, Number.MAX_VALUE],
    ...[null, undefined, true, 5n, [], ['5m'], {}, new Date(5), { valueOf: () => 5 }, () => 5, Symbol('5m')],
    `${'0'.repeat(39)}5m`,
    `${'0'.repeat(50)}5m`,
    '9'.repeat(1_000_000),
  ];
  for (const [index, given] of REFUSED.entries()) {
    test(`is not ${String(given).slice(0, 20)} (${index})`, () => {
      assert.throws(
        () => durationMs(given as number, 'delay'),
        (error: unknown) => {
          assert.ok(error instanceof Error && error.name === 'InvalidArgumentError');
          const { field, expected, got } = error as unknown as Record<string, unknown>;
          assert.equal(field, 'delay');
          assert.equal(expected, "milliseconds or a string such as '30s', '5m', '1.5h', from 0 to 100 years");
          return typeof got === 'string' && got.length < 100;
        },
      );
    });
  }

  test('in milliseconds is the same number, rounded, and never rounded to nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: MAX_DURATION_MS, noNaN: true }), (given) => {
        const actual = durationMs(given, 'delay');
        return Number.isSafeInteger(actual) && Math.abs(actual - given) <= 1 && (given === 0) === (actual === 0);
      }),
    );
  });

  test('is a whole number from 0 to 100 years or an error, whatever the text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.double(), fc.constantFrom('ms', 's', 'm', 'h', 'y', 'x')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          const actual = durationMs(given, 'delay');
          return Number.isSafeInteger(actual) && actual >= 0 && actual <= MAX_DURATION_MS;
        } catch (error) {
          return error instanceof Error && error.name === 'InvalidArgumentError';
        }
      }),
    );
  });
});

describe('a moment', () => {
  const noon = Date.UTC(2030, 0, 31, 12);
  const ACCEPTED: readonly [Date | number | string, number][] = [
    [0, 0],
    [-0, 0],
    [noon, noon],
    [noon + 0.2, noon + 1],
    [8.64e15, 8.64e15],
    [new Date(noon), noon],
    [new Date(0), 0],
    [new Date(8.64e15), 8.64e15],
    ['2030-01-31T12:00:00Z', noon],
    ['2030-01-31T12:00Z', noon],
    ['2030-01-31T12:00:00.000Z', noon],
    ['2030-01-31T13:00:00+01:00', noon],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ];
  for (const [given, expected] of ACCEPTED) {
    test(`given as ${String(given)} is ${expected}`, () => {
      assert.ok(Object.is(momentMs(given, 'runAt'), expected));
    });
  }

  const REFUSED: readonly unknown[] = [
    ...[NaN, Infinity, -1, 8.64e15 + 2, new Date(NaN), new Date(-1), Object.create(Date.prototype)],
    ...['', '5m', '2030', '2030-01-31', '2030-01-31T12:00:00', '2030-02-30T12:00:00Z', '2027-02-29T00:00:00Z'],
    ...['2030-13-01T00:00:00Z', '2030-01-31T25:00:00Z', 'Jan 31 2030 12:00 GMT', '1960-01-01T00:00:00Z'],
    ...[null, undefined, {}, [], true, 5n, { getTime: () => 5 }],
    ...[['2030-01-31T12:00:00Z'], { toString: () => '2030-01-31T12:00:00Z' }],
  ];
  for (const [index, given] of REFUSED.entries()) {
    test(`is not a moment: number ${index} of the refused`, () => {
      const expected =
        'a valid Date, epoch milliseconds from 0 to 8.64e15, or an ISO string such as 2030-01-31T09:00:00Z';
      const refused = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'runAt', expected };
      assert.throws(() => momentMs(given as number, 'runAt'), refused);
    });
  }

  test('is the same as a Date, as its number and as its ISO text', () => {
    const date = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
    fc.assert(
      fc.property(date, (given) => {
        const at = momentMs(given, 'runAt');
        return at === momentMs(given.getTime(), 'runAt') && at === momentMs(given.toISOString(), 'runAt');
      }),
    );
  });
});
