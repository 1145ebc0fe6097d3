import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  codeOf,
  type FlatError,
  flattenError,
  rebuildError,
  RetryableError,
  SnoozeError,
  TerminateError,
} from '../../src/errors.ts';
import { hasCode, verdictOf } from '../../src/job/flat-error.ts';

const fails = (): never => {
  throw new Error('trap');
};
const hostileProxy = new Proxy({}, { get: fails, has: fails, ownKeys: fails, getPrototypeOf: fails });
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const ownCause = new Error('my own cause');
ownCause.cause = ownCause;
const [ping, pong] = [new Error('ping'), new Error('pong')];
ping.cause = pong;
pong.cause = ping;

const HOSTILE: readonly [string, unknown][] = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 42],
  ['NaN', NaN],
  ['a boolean', false],
  ['a bigint of a million bits', 2n ** 1_000_000n],
  ['a symbol', Symbol('boom')],
  ['a function', fails],
  ['a class', class Boom {}],
  ['an array', [1, 2]],
  ['an object without a prototype', Object.create(null)],
  ['a proxy whose traps throw', hostileProxy],
  ['a revoked proxy', revoked],
  ['a proxy of a function', new Proxy(fails, { get: fails })],
  ['an object whose toString throws', { toString: fails, valueOf: fails, [Symbol.toPrimitive]: fails }],
  ['an object whose getters throw', Object.defineProperties({}, { message: { get: fails }, name: { get: fails } })],
  ['an error whose stack throws', Object.defineProperty(new Error('x'), 'stack', { get: fails })],
  ['an error whose cause throws', Object.defineProperty(new Error('x'), 'cause', { get: fails })],
  ['an error whose fields have the wrong types', Object.assign(new Error('x'), { name: 7, message: {}, stack: [] })],
  ['an error with an invalid delay', Object.assign(new Error('x'), { retryAfterMs: NaN, delayMs: '5' })],
  ['an error that is its own cause', ownCause],
  ['two errors that cause each other', ping],
  ['an error with null as its cause', new Error('x', { cause: null })],
  ['an error with a hostile proxy as its cause', new Error('x', { cause: hostileProxy })],
  ['a chain of 10,000 causes', chainOf(10_000)],
  ['endless new causes', endless()],
  ['half a surrogate pair', 'a\ud800b'],
  ['an error with halves of surrogate pairs', Object.assign(new Error('\udc00'), { code: '\ud800', name: '\ud801' })],
  ['an AggregateError', new AggregateError([new Error('a')], 'several')],
  ['a DOMException', new DOMException('stop', 'AbortError')],
];

function chainOf(length: number): Error {
  let error = new Error('the root');
  for (let n = 1; n < length; n++) error = new Error(`level ${n}`, { cause: error });
  return error;
}

function endless(): object {
  return Object.defineProperty({ message: 'again' }, 'cause', { get: endless });
}

/** What every flat error must be, whatever it was made of. */
function assertFlat(flat: FlatError, causes = 0): void {
  assert.ok(causes <= 5, 'at most five causes');
  assert.equal(Object.getPrototypeOf(flat), Object.prototype);
  const { name, message, stack, code, retryAfterMs, delayMs, cause, ...rest } = flat;
  assert.deepEqual(rest, {});
  assert.ok(typeof name === 'string' && name.length <= 128);
  assert.ok(typeof message === 'string' && message.length <= 8_192);
  assert.ok(!('stack' in flat) || (typeof stack === 'string' && stack.length <= 8_192));
  assert.ok(!('code' in flat) || (typeof code === 'string' && code.length <= 128));
  for (const ms of [retryAfterMs, delayMs]) assert.ok(ms === undefined || Number.isSafeInteger(ms));
  for (const word of [name, message, stack, code]) assert.doesNotMatch(word ?? '', /\p{Surrogate}/u);
  if (cause !== undefined) assertFlat(cause, causes + 1);
}

describe('flattening an error', () => {
  for (const [what, thrown] of HOSTILE) {
    test(`${what} becomes plain data that survives JSON`, () => {
      const flat = flattenError(thrown);
      assertFlat(flat);
      assert.deepEqual(JSON.parse(JSON.stringify(flat)), flat);
    });

    test(`${what} can be asked for its code`, () => {
      assert.equal(codeOf(thrown), undefined);
      assert.equal(hasCode(thrown, ['HOLDFAST_THREAD_LOST']), false);
    });
  }

  test('anything at all becomes plain data', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
        assertFlat(flattenError(thrown));
        codeOf(thrown);
      }),
    );
  });

  test('an error keeps its name, message, stack, code and causes', () => {
    class Odd extends Error {
      override name = 'Odd';
      code = 'E_ODD';
    }
    const error = new Odd('top', { cause: new TypeError('below') });
    const flat = flattenError(error);
    assert.deepEqual(
      { ...flat, cause: undefined },
      {
        name: 'Odd',
        message: 'top',
        code: 'E_ODD',
        stack: error.stack,
        cause: undefined,
      },
    );
    assert.equal(flat.cause?.name, 'TypeError');
    assert.equal(flat.cause?.message, 'below');
  });

  test('a thrown string is its own message', () => {
    assert.deepEqual(flattenError('boom'), { name: 'NonError', message: 'boom' });
  });

  test('a thrown value without a message says what it is', () => {
    assert.equal(flattenError(null).message, 'null was thrown');
    assert.equal(flattenError(fails).message, 'a function was thrown');
    assert.equal(flattenError({ status: 404 }).message, 'an object with the keys status was thrown');
    assert.equal(flattenError({ message: 'mine', code: 7 }).code, '7');
  });

  test('five causes are kept and the sixth is not', () => {
    const messages = (flat: FlatError | undefined): string[] =>
      flat === undefined ? [] : [flat.message, ...messages(flat.cause)];
    assert.deepEqual(messages(flattenError(chainOf(6))).at(-1), 'the root');
    assert.equal(messages(flattenError(chainOf(6))).length, 6);
    assert.equal(messages(flattenError(chainOf(7))).length, 6);
    assert.deepEqual(messages(flattenError(ping)), ['ping', 'pong']);
    assert.deepEqual(messages(flattenError(ownCause)), ['my own cause']);
  });

  test('a cause that is null or undefined is none', () => {
    assert.equal('cause' in flattenError(new Error('x', { cause: null })), false);
    assert.equal('cause' in flattenError(new Error('x', { cause: undefined })), false);
    assert.equal(flattenError(new Error('x', { cause: 0 })).cause?.message, '0 was thrown');
  });

  test('a message is cut at 8,192 characters', () => {
    const lengths = (length: number): number => flattenError('x'.repeat(length)).message.length;
    assert.equal(lengths(8_191), 8_191);
    assert.equal(lengths(8_192), 8_192);
    assert.ok(flattenError('x'.repeat(8_193)).message.endsWith('x…'));
    assertFlat(flattenError('😀'.repeat(8_000)));
    assertFlat(flattenError(`x${'😀'.repeat(8_000)}`));
  });

  test('a message of 100 MB is cut and its stack still shows where it was thrown', () => {
    const flat = flattenError(new Error('y'.repeat(100 * 1024 * 1024)));
    assertFlat(flat);
    assert.match(flat.stack ?? '', /^Error: y{900}.*…\n {4}at .*flat-error/s);
  });

  test('a long stack with a short message keeps its beginning', () => {
    const error = new Error('short');
    error.stack = `Error: short${'\n    at somewhere (file.js:1:1)'.repeat(1_000)}`;
    assert.ok(flattenError(error).stack?.startsWith('Error: short\n    at somewhere'));
  });
});

describe('rebuilding an error', () => {
  test('gives an error with all that was kept of it', () => {
    const flat = flattenError(new SnoozeError('5m', 'later', { cause: new RangeError('below') }));
    const error = rebuildError(flat);
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'SnoozeError');
    assert.equal(Reflect.get(error, 'delayMs'), 300_000);
    assert.ok(error.cause instanceof Error);
    assert.equal(error.cause.name, 'RangeError');
    assert.deepEqual(Object.keys(error), ['code', 'delayMs']);
  });

  test('and flattening it gives the same data again', () => {
    const text = fc.string({ maxLength: 100, unit: 'grapheme' });
    const link: fc.Arbitrary<FlatError> = fc.record(
      { name: text, message: text, stack: text, code: text, retryAfterMs: fc.nat(), delayMs: fc.nat() },
      { requiredKeys: ['name', 'message', 'stack'], noNullPrototype: true },
    );
    const flat = fc
      .array(link, { minLength: 1, maxLength: 6 })
      .map((links) => links.reduceRight((cause, above) => ({ ...above, cause })));
    fc.assert(fc.property(flat, (given) => assert.deepEqual(flattenError(rebuildError(given)), given)));
  });

  test('one without a stack has its name and message for a stack, not the place where it was rebuilt', () => {
    assert.equal(rebuildError({ name: 'Odd', message: 'm' }).stack, 'Odd: m');
  });
});

describe('the verdict of a handler', () => {
  const verdicts = [
    [new RetryableError('x', { retryAfter: 10 }), 'HOLDFAST_RETRYABLE', 10, undefined],
    [new TerminateError('x'), 'HOLDFAST_TERMINATE', undefined, undefined],
    [new SnoozeError(20), 'HOLDFAST_SNOOZE', undefined, 20],
  ] as const;

  for (const [error, code, retryAfterMs, delayMs] of verdicts) {
    const places: readonly [string, unknown][] = [
      ['as it was thrown', error],
      ['as data', flattenError(error)],
      ['rebuilt', rebuildError(flattenError(error))],
      ['as a cause', new Error('wrapped', { cause: error })],
      ['as the fifth cause', wrapped(error, 5)],
      ['as the fifth cause, as data', flattenError(wrapped(error, 5))],
      ['as a plain object', { ...error, code }],
    ];
    for (const [place, thrown] of places) {
      test(`${code} is found ${place}`, () => {
        assert.equal(codeOf(thrown), code);
        assert.deepEqual(verdictOf(thrown), { code, retryAfterMs, delayMs });
      });
    }

    test(`${code} is not found below the fifth cause, on either side of a thread`, () => {
      assert.equal(codeOf(wrapped(error, 6)), undefined);
      assert.equal(codeOf(flattenError(wrapped(error, 6))), undefined);
    });
  }

  test('the outermost one counts', () => {
    assert.equal(codeOf(new TerminateError('x', { cause: new SnoozeError(1) })), 'HOLDFAST_TERMINATE');
    assert.equal(codeOf(new RetryableError('x', { cause: new TerminateError('y') })), 'HOLDFAST_RETRYABLE');
  });

  test('other codes of ours are none', () => {
    assert.equal(codeOf({ code: 'HOLDFAST_CLOSED' }), undefined);
    assert.equal(codeOf({ code: 'RETRYABLE' }), undefined);
  });

  test('delays that are none are left out', () => {
    for (const delayMs of [NaN, -1, Infinity, '5', null, 1e300]) {
      assert.equal(verdictOf({ code: 'HOLDFAST_SNOOZE', delayMs })?.delayMs, undefined);
    }
  });
});

function wrapped(error: Error, times: number): Error {
  return times === 0 ? error : new Error(`wrapping ${times}`, { cause: wrapped(error, times - 1) });
}
