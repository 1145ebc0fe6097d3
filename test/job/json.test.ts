import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { decodeJson, encodeJson, type JsonRole } from '../../src/job/json.ts';

const LIMITS = { maxBytes: 1_048_576, maxDepth: 64 };
const encode = (value: unknown, limits = LIMITS): string | undefined => encodeJson(value, 'payload', limits);

/** Of what fast-check calls a JSON value we take all but -0 and the key `__proto__`. */
function isOurs(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return !Object.is(value, -0);
  return Object.entries(value).every(([key, property]) => key !== '__proto__' && isOurs(property));
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

describe('what goes into JSON comes back', () => {
  const KEPT: readonly [string, unknown][] = [
    ['null', null],
    ['a boolean', false],
    ['zero', 0],
    ['the largest number', Number.MAX_VALUE],
    ['the smallest number', Number.MIN_VALUE],
    ['an empty string', ''],
    ['control characters', '\u0000\u001f\u2028"\\'],
    ['half a surrogate pair', 'a\ud800b\udc00'],
    ['half a surrogate pair in a key', { '\ud800': 1 }],
    ['an emoji', '😀'],
    ['an empty array', []],
    ['an empty object', {}],
    ['odd keys', { '': 1, '1': 2, constructor: 3, toString: 4, 'a b': 5, hasOwnProperty: 6, length: 7 }],
    ['toJSON that is no function', { toJSON: 'a string' }],
    ['the text __proto__ as a value', { key: '__proto__' }],
    ['64 levels', nested(64)],
    ['a frozen object', Object.freeze({ a: Object.freeze([1]) })],
    ['one object in two places', (() => ((same) => [same, same])({ a: 1 }))()],
    ['a proxy of plain data', new Proxy({ a: [1] }, {})],
  ];
  for (const [what, value] of KEPT) {
    test(what, () => {
      const text = encode(value);
      assert.equal(text, JSON.stringify(value));
      assert.deepEqual(decodeJson(text), value);
    });
  }

  test('any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        fc.pre(isOurs(value));
        assert.deepEqual(decodeJson(encode(value)), value);
      }),
    );
  });

  test('an object without a prototype, as an object with one', () => {
    assert.deepEqual(decodeJson(encode(Object.assign(Object.create(null), { a: 1 }))), { a: 1 });
  });

  test('arrays and objects of another realm', () => {
    assert.equal(encode(runInNewContext('({ a: [1, { b: null }] })')), '{"a":[1,{"b":null}]}');
  });

  test('nothing at all is no payload', () => {
    assert.equal(encode(undefined), undefined);
    assert.equal(decodeJson(undefined), undefined);
  });

  test('but for properties that are undefined: they are left out', () => {
    assert.equal(encode({ a: undefined, b: { c: undefined }, d: 1 }), '{"b":{},"d":1}');
  });
});

describe('the size of JSON', () => {
  const within = (value: unknown, maxBytes: number): boolean => {
    try {
      encode(value, { maxBytes, maxDepth: 64 });
      return true;
    } catch (error) {
      assert.ok(error instanceof Error);
      assert.match(error.message, new RegExp(`^payload: its JSON is larger than ${maxBytes} bytes`));
      return false;
    }
  };

  const VALUES = [
    'aaaa',
    'éé',
    '€€€',
    '😀😀',
    '\ud800',
    '"\\\n',
    'a€😀é',
    [1, 2, 3],
    { a: 'b', c: [] },
    12_345.678,
    true,
    null,
  ];
  for (const value of VALUES) {
    test(`is counted in bytes of UTF-8: ${JSON.stringify(value)}`, () => {
      const bytes = Buffer.byteLength(JSON.stringify(value));
      assert.deepEqual(
        [bytes - 1, bytes, bytes + 1].map((limit) => within(value, limit)),
        [false, true, true],
      );
    });
  }

  test('is the limit, exactly, for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        fc.pre(isOurs(value));
        const bytes = Buffer.byteLength(JSON.stringify(value));
        assert.equal(within(value, bytes), true);
        assert.equal(within(value, bytes - 1), false);
      }),
    );
  });

  test('of what shared objects multiply to is refused before it is made', () => {
    let bomb: unknown = ['boom'];
    for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
    assert.equal(within(bomb, 100_000), false);
  });
});

describe('the depth and the role', () => {
  test('n-1, n and n+1 levels', () => {
    const accepted = (depth: number, maxDepth: number): boolean => {
      try {
        encode(nested(depth), { maxBytes: 1_000, maxDepth });
        return true;
      } catch {
        return false;
      }
    };
    for (const limit of [1, 2, 64]) {
      assert.deepEqual(
        [limit - 1, limit, limit + 1].map((depth) => accepted(depth, limit)),
        [true, true, false],
      );
    }
  });

  const ROLES: readonly [JsonRole, string][] = [
    ['payload', 'HOLDFAST_INVALID_PAYLOAD'],
    ['result', 'HOLDFAST_INVALID_RESULT'],
    ['checkpoint', 'HOLDFAST_INVALID_RESULT'],
    ['progress', 'HOLDFAST_INVALID_RESULT'],
  ];
  for (const [role, code] of ROLES) {
    test(`a ${role} is refused as ${code}, and its path begins with its role`, () => {
      assert.throws(() => encodeJson({ a: NaN }, role, LIMITS), { code, path: `${role}.a` });
    });
  }
});

describe('reading JSON', () => {
  for (const text of ['{"a":{"__proto__":{"x":1},"b":2}}', '{"a":{"\\u005f_proto__":{"x":1},"b":2}}']) {
    test(`drops a prototype that somebody else wrote: ${text}`, () => {
      assert.deepEqual(Object.entries((decodeJson(text) as { a: object }).a), [['b', 2]]);
    });
  }

  test('refuses what is no JSON', () => {
    for (const text of ['', '{', 'undefined', 'NaN']) assert.throws(() => decodeJson(text), SyntaxError);
  });
});
