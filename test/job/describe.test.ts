import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describe } from '../../src/job/describe.ts';

const hostile = new Proxy(
  {},
  {
    get: () => assert.fail('get'),
    getPrototypeOf: () => assert.fail('getPrototypeOf'),
    ownKeys: () => assert.fail('ownKeys'),
  },
);
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

const TABLE: readonly [unknown, string][] = [
  ['5 parsecs', '"5 parsecs"'],
  ['', '""'],
  ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
  [NaN, 'NaN'],
  [-0, '-0'],
  [1.5, '1.5'],
  [10n, '10n'],
  [2n ** 70n, 'a bigint of more than 64 bits'],
  [true, 'true'],
  [undefined, 'undefined'],
  [null, 'null'],
  [Symbol('s'), 'a symbol'],
  [() => 1, 'a function'],
  [[1, 2, 3], 'an array of 3'],
  [new Date(NaN), 'a Date'],
  [new Uint8Array(2), 'a Uint8Array'],
  [new Error('x'), 'an Error'],
  [Object.create({}), 'a class instance'],
  [new (class {})(), 'a class instance'],
  [{}, 'an empty object'],
  [{ to: 1, from: 2 }, 'an object with the keys to, from'],
  [{ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }, 'an object with the keys a, b, c, d, e, f, …'],
  [Object.create(null), 'an empty object'],
  [hostile, 'an object'],
  [revoked, 'an object'],
];

for (const [index, [value, words]] of TABLE.entries()) {
  test(`a value is described in a few words: ${words} (${index})`, () => assert.equal(describe(value), words));
}

test('a description is short, whatever it describes', () => {
  fc.assert(fc.property(fc.anything(), (value) => describe(value).length < 500));
});
