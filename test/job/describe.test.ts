import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
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

class List extends Array {}
class Item {}
class Long {
  static readonly name = 'K'.repeat(99);
}
class Nameless {
  static readonly name = 7;
}

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
  ['x'.repeat(60), `"${'x'.repeat(60)}"`],
  [false, 'false'],
  [0, '0'],
  [2n ** 63n - 1n, '9223372036854775807n'],
  [-(2n ** 63n), '-9223372036854775808n'],
  [2n ** 63n, 'a bigint of more than 64 bits'],
  [[], 'an array of 0'],
  [new List(), 'a List'],
  [new Item(), 'an Item'],
  [new (class extends Item {})(), 'a class instance'],
  [new (class archive {})(), 'an archive'],
  [new Nameless(), 'a class instance'],
  [runInNewContext('[1, 2]'), 'an array of 2'],
  [runInNewContext('({ a: 1 })'), 'a class instance'],
  [Object.assign(Object.create(Item.prototype) as object, { constructor: 5 }), 'a class instance'],
  [Object.assign(Object.create(null) as object, { a: 1 }), 'an object with the keys a'],
  [{ constructor: Item }, 'an object with the keys constructor'],
  [{ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }, 'an object with the keys a, b, c, d, e, f'],
  [{ ['k'.repeat(99)]: 1 }, `an object with the keys ${'k'.repeat(60)}`],
  [new Long(), `a ${'K'.repeat(60)}`],
  [hostile, 'an object'],
  [revoked, 'an object'],
];

for (const [index, [value, words]] of TABLE.entries()) {
  test(`a value is described in a few words: ${words} (${index})`, () => assert.equal(describe(value), words));
}

test('a description is short, whatever it describes', () => {
  fc.assert(fc.property(fc.anything(), (value) => describe(value).length < 500));
});
