import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkId, checkKey, checkQueue, checkRoute, checkType } from '../../src/job/name.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Asserted through a variable with a type of its own, as TypeScript wants for functions that assert. */
const CHECKS: readonly [string, (value: unknown, field?: string) => void, string][] = [
  ['id', checkId, `${LETTERS}_.:@-`],
  ['type', checkType, `${LETTERS}_.:-`],
  ['queue', checkQueue, `${LETTERS}_.:-`],
];

for (const [field, check, allowed] of CHECKS) {
  describe(`the name of a job's ${field}`, () => {
    const accepts = (value: unknown): boolean => {
      try {
        check(value);
        return true;
      } catch (error) {
        assert.ok(error instanceof Error && error.name === 'InvalidArgumentError');
        assert.equal(Reflect.get(error, 'field'), field);
        return false;
      }
    };

    test('takes the characters of its rule and no other', () => {
      for (let code = 0; code <= 0xffff; code++) {
        const letter = String.fromCharCode(code);
        assert.equal(accepts(letter), allowed.includes(letter), `U+${code.toString(16)}`);
      }
    });

    test('refuses a wrong character wherever it stands', () => {
      for (const at of [0, 1, 5, 9]) assert.equal(accepts(`${'a'.repeat(at)} ${'a'.repeat(9 - at)}`), false);
      assert.equal(accepts('a\n'), false);
      assert.equal(accepts('😀'), false);
    });

    test('has 1 to 128 characters', () => {
      assert.deepEqual(
        [0, 1, 127, 128, 129, 1_000_000].map((length) => accepts('a'.repeat(length))),
        [false, true, true, true, false, false],
      );
    });

    test('is a string', () => {
      for (const value of [undefined, null, 1, true, {}, ['a'], new String('a'), Symbol('a'), () => 'a', 1n]) {
        assert.equal(accepts(value), false);
      }
    });

    test('is named in the error by the field it was given for', () => {
      assert.throws(() => check('a b', 'jobs[3]'), { field: 'jobs[3]', got: '"a b"' });
    });
  });
}

describe('a route', () => {
  const check: (value: unknown) => void = checkRoute;

  test('is a type, the beginning of one with a star, or a star', () => {
    for (const route of ['email', 'email:*', '*', 'a*']) check(route);
  });

  test('has no star elsewhere, and is nothing else', () => {
    for (const route of ['*email', 'e*mail', 'email:**', '**', '', ' *', 7, undefined, ['*']])
      assert.throws(() => check(route), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'type' }, String(route));
  });
});

describe('a key', () => {
  test('is any text of 1 to 128 characters', () => {
    for (const key of ['a', ' ', 'ä 😀', 'x'.repeat(128)]) assert.equal(checkKey(key, 'key'), key);
    for (const key of ['', 'x'.repeat(129), 7, undefined, ['a'], '\ud800'])
      assert.throws(() => checkKey(key, 'key'), { field: 'key', expected: 'a text of 1 to 128 characters' });
  });
});
