// How much of what was thrown is kept, to the character, and what is kept of odd values.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FlatError, flattenError, rebuildError } from '../../src/errors.ts';
import { hasCode, verdictOf } from '../../src/job/flat-error.ts';

const MAX_TEXT = 8_192;
const MAX_WORD = 128;

describe('what is kept of an error', () => {
  test('is whole up to its bound, and ends in an ellipsis beyond', () => {
    const kept = (length: number): FlatError => {
      const text = 'x'.repeat(length);
      const error = Object.assign(new Error(text), { code: text, name: text });
      error.stack = text;
      return flattenError(error);
    };
    const whole = kept(MAX_WORD);
    const word = 'x'.repeat(MAX_WORD);
    assert.deepEqual(whole, { name: word, message: word, stack: word, code: word });
    const long = kept(MAX_TEXT);
    assert.deepEqual([long.message, long.stack], ['x'.repeat(MAX_TEXT), 'x'.repeat(MAX_TEXT)]);
    const cut = `${'x'.repeat(MAX_WORD - 2)}…`;
    assert.deepEqual([kept(MAX_WORD + 1).name, kept(MAX_WORD + 1).code, long.name], [cut, cut, cut]);
    const longer = kept(MAX_TEXT + 1);
    assert.deepEqual([longer.message, longer.stack], [`${'x'.repeat(MAX_TEXT - 2)}…`, `${'x'.repeat(MAX_TEXT - 2)}…`]);
  });

  test('is no half of a character', () => {
    assert.equal(flattenError('😀 and \ud800').message, '😀 and \ufffd');
    const cut = flattenError(`x${'😀'.repeat(5_000)}`).message;
    assert.ok(cut.startsWith('x😀😀') && cut.endsWith('😀\ufffd…'));
    assert.equal(flattenError({ [`\udc00`]: 1 }).message, 'an object with the keys \ufffd was thrown');
  });

  test('has the frames of a stack, also where the message before them is too long', () => {
    const frames = '\n    at somewhere (file.js:1:1)'.repeat(400);
    const kept = (message: string): string => {
      const error = new Error('x');
      error.stack = `${message}${frames}`;
      return flattenError(error).stack as string;
    };
    const end = (text: string): string => `${text.slice(0, MAX_TEXT - 2)}…`;
    assert.equal(kept('m'.repeat(1_024)), end(`${'m'.repeat(1_024)}${frames}`));
    assert.equal(kept('m'.repeat(1_025)), end(`${'m'.repeat(1_024)}…${frames}`));
    assert.equal(kept('m'.repeat(20_000)), end(`${'m'.repeat(1_024)}…${frames}`));
  });

  test('has a name of our own where it had none', () => {
    assert.equal(flattenError({ message: 'm' }).name, 'NonError');
    assert.equal(flattenError({ message: 'm', stack: 's' }).name, 'Error');
    assert.equal(flattenError({ message: 'm', name: 'Mine' }).name, 'Mine');
    assert.equal(flattenError({ message: 7, name: {} }).message, 'an object with the keys message, name was thrown');
  });

  test('has delays in whole milliseconds from 0 to 100 years', () => {
    const century = 100 * 365.25 * 86_400_000;
    const delays = (ms: unknown): unknown => {
      const { retryAfterMs, delayMs } = flattenError({ message: 'm', retryAfterMs: ms, delayMs: ms });
      const verdict = verdictOf({ code: 'HOLDFAST_RETRYABLE', retryAfterMs: ms, delayMs: ms });
      assert.deepEqual([verdict?.retryAfterMs, verdict?.delayMs], [retryAfterMs, delayMs]);
      assert.equal(retryAfterMs, delayMs);
      return retryAfterMs;
    };
    assert.deepEqual([0, 1.4, 1.6, century].map(delays), [0, 1, 2, century]);
    for (const none of [-1, century + 1, NaN, '5', undefined]) assert.equal(delays(none), undefined);
  });

  test('is nothing that it did not have', () => {
    assert.deepEqual(Object.keys(flattenError({ message: 'm' })), ['name', 'message']);
    assert.deepEqual(flattenError({ message: 'm', code: true, cause: 'text' }), {
      ...{ name: 'NonError', message: 'm' },
      cause: { name: 'NonError', message: 'text' },
    });
  });
});

describe('an error that is rebuilt', () => {
  test('hides its name and stack as errors do, and lets them be changed', () => {
    const error = rebuildError({ name: 'Odd', message: 'm', stack: 's', code: 'E' });
    assert.deepEqual([error.name, error.message, error.stack, Object.keys(error)], ['Odd', 'm', 's', ['code']]);
    assert.equal('cause' in error, false);
    for (const field of ['name', 'stack'] as const) {
      error[field] = 'changed';
      assert.equal(error[field], 'changed');
      assert.ok(Reflect.deleteProperty(error, field));
    }
  });
});

describe('a code', () => {
  const lost = Object.assign(new Error('x'), { code: 'HOLDFAST_THREAD_LOST' });

  test('is found in an error and in its causes, among several that are meant', () => {
    const codes = ['HOLDFAST_CLOSED', 'HOLDFAST_THREAD_LOST'];
    assert.ok(hasCode(lost, codes) && hasCode(new Error('y', { cause: lost }), codes) && hasCode({ code: 14 }, ['14']));
    assert.ok(!hasCode(lost, ['HOLDFAST_CLOSED']) && !hasCode(lost, []) && !hasCode('HOLDFAST_THREAD_LOST', codes));
  });

  test('is looked for in what is caused in a circle only once', () => {
    const [one, other] = [new Error('one'), new Error('other')];
    [one.cause, other.cause] = [other, one];
    assert.equal(hasCode(one, ['HOLDFAST_THREAD_LOST']), false);
    assert.equal(verdictOf(one), undefined);
  });
});
