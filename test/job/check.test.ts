import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkFlag, checkObject, count, oneOf } from '../../src/job/check.ts';

/** The error that a value is refused with. */
const refused = (field: string, expected: string, got: string): object => ({
  ...{ name: 'InvalidArgumentError', code: 'HOLDFAST_INVALID_ARGUMENT', field, expected, got },
  message: `${field}: expected ${expected}, got ${got}.`,
});

describe('a value from outside', () => {
  test('that must be an object is one, and no list and no function', () => {
    for (const value of [{}, { a: 1 }, Object.create(null), new Map()]) checkObject(value, 'options', '{ a: 1 }');
    const others = [
      [null, 'null'],
      [undefined, 'undefined'],
      [[1], 'an array of 1'],
      ['{}', '"{}"'],
      [() => 1, 'a function'],
    ] as const;
    for (const [value, got] of others) {
      const expected = refused('options', 'an object such as { a: 1 }', got);
      assert.throws(() => checkObject(value, 'options', '{ a: 1 }'), expected);
    }
  });

  test('that must be a flag is true or false, and nothing that only counts as one', () => {
    assert.deepEqual([checkFlag(true, 'flag'), checkFlag(false, 'flag')], [true, false]);
    for (const [value, got] of [
      [1, '1'],
      ['true', '"true"'],
      [undefined, 'undefined'],
    ] as const) {
      assert.throws(() => checkFlag(value, 'flag'), refused('flag', 'true or false', got));
    }
  });

  test('that must be a number of things lies between its bounds, which are allowed', () => {
    const checked = (value: unknown): number => count(value as number | undefined, 'limit', 7, 2, 9);
    assert.deepEqual([undefined, 2, 5, 9].map(checked), [7, 2, 5, 9]);
    for (const value of [1, 10, 2.5, NaN, Infinity, -Infinity, '5', null]) {
      const got = typeof value === 'string' ? '"5"' : String(value);
      assert.throws(() => checked(value), refused('limit', 'an integer from 2 to 9', got));
    }
  });

  test('that must be one of some words is one of them, and the first where nothing was said', () => {
    const checked = (value: unknown): string => oneOf(value as 'a' | undefined, 'mode', ['a', 'b', 'c'] as never);
    assert.deepEqual([undefined, 'a', 'b', 'c'].map(checked), ['a', 'a', 'b', 'c']);
    for (const [value, got] of [
      ['d', '"d"'],
      ['', '""'],
      [0, '0'],
    ] as const) {
      assert.throws(() => checked(value), refused('mode', "'a' or 'b' or 'c'", got));
    }
  });
});
