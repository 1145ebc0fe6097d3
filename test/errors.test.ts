import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as errors from '../src/errors.ts';

const because = new Error('because');

/** Every error as it is made, with its code, its own fields, and what its message must say. */
const TABLE: readonly [errors.HoldfastError, errors.HoldfastErrorCode, Readonly<Record<string, unknown>>, RegExp][] = [
  [
    new errors.InvalidArgumentError({ field: 'delay', expected: 'a duration', got: '5 parsecs', cause: because }),
    'HOLDFAST_INVALID_ARGUMENT',
    { field: 'delay', expected: 'a duration', got: '"5 parsecs"' },
    /^delay: expected a duration, got "5 parsecs"\.$/,
  ],
  [
    new errors.InvalidPayloadError({ path: 'payload.when', problem: 'a Date is refused', cause: because }),
    'HOLDFAST_INVALID_PAYLOAD',
    { path: 'payload.when', problem: 'a Date is refused' },
    /^payload\.when: a Date is refused\.$/,
  ],
  [
    new errors.InvalidResultError({ path: 'result[0]', problem: 'NaN would become null', cause: because }),
    'HOLDFAST_INVALID_RESULT',
    { path: 'result[0]', problem: 'NaN would become null' },
    /^result\[0\]: NaN would become null\.$/,
  ],
  [new errors.JobExistsError('a:1', { cause: because }), 'HOLDFAST_JOB_EXISTS', { id: 'a:1' }, /a:1.*ifExists/],
  [
    new errors.ScheduleNotFoundError('nightly', { cause: because }),
    'HOLDFAST_SCHEDULE_NOT_FOUND',
    { schedule: 'nightly' },
    /no schedule.*nightly/,
  ],
  [new errors.JobNotFoundError('a:1', { cause: because }), 'HOLDFAST_JOB_NOT_FOUND', { id: 'a:1' }, /no job.*a:1/],
  [
    new errors.QueueFullError({ queue: 'mail', limit: 3, cause: because }),
    'HOLDFAST_QUEUE_FULL',
    { queue: 'mail', limit: 3 },
    /mail is full.*3 jobs/,
  ],
  [
    new errors.QueueNotFoundError('mail', { cause: because }),
    'HOLDFAST_QUEUE_NOT_FOUND',
    { queue: 'mail' },
    /no queue mail.*configureQueue/,
  ],
  [
    new errors.IllegalTransitionError({ id: 'a:1', state: 'running', event: 'revived', cause: because }),
    'HOLDFAST_ILLEGAL_TRANSITION',
    { id: 'a:1', state: 'running', event: 'revived' },
    /a:1 is running.*'revived'/,
  ],
  [new errors.EngineClosedError(undefined, { cause: because }), 'HOLDFAST_CLOSED', {}, /closed.*Open/],
  [
    new errors.BusyError({ what: 'The queue email', limit: 10, cause: because }),
    'HOLDFAST_BUSY',
    { what: 'The queue email', limit: 10 },
    /The queue email: the limit of 10/,
  ],
  [
    new errors.UnknownOutcomeError('enqueue', { cause: because }),
    'HOLDFAST_OUTCOME_UNKNOWN',
    {},
    /enqueue.*may or may/,
  ],
  [
    new errors.StoreInUseError({ folder: '/jobs', holder: 'this process', cause: because }),
    'HOLDFAST_IN_USE',
    { folder: '/jobs' },
    /\/jobs is open already in this process/,
  ],
  [
    new errors.StoreDamagedError({ what: 'frame 7 is missing', where: 'frames 1 to 9', cause: because }),
    'HOLDFAST_DAMAGED',
    { what: 'frame 7 is missing', where: 'frames 1 to 9' },
    /frame 7 is missing \(frames 1 to 9\)/,
  ],
  [
    new errors.StoreFormatError({ where: 'frame 3', found: 9, supported: 1, cause: because }),
    'HOLDFAST_FORMAT',
    { where: 'frame 3', found: 9, supported: 1 },
    /frame 3 has format 9.*up to 1/,
  ],
  [new errors.StoreUnavailableError('disk full', { cause: because }), 'HOLDFAST_STORE_UNAVAILABLE', {}, /disk full/],
  [
    new errors.JobFailedError({ id: 'a:1', reason: 'exhausted', cause: because }),
    'HOLDFAST_JOB_FAILED',
    { id: 'a:1', reason: 'exhausted' },
    /a:1 is dead \(exhausted\): because$/,
  ],
  [
    new errors.JobCancelledError({ id: 'a:1', reason: 'album closed', cause: because }),
    'HOLDFAST_JOB_CANCELLED',
    { id: 'a:1', reason: 'album closed' },
    /a:1 was cancelled: album closed$/,
  ],
  [
    new errors.AttemptTimeoutError(500, { cause: because }),
    'HOLDFAST_ATTEMPT_TIMEOUT',
    { timeoutMs: 500 },
    /timeout of 500 ms/,
  ],
  [new errors.AttemptEndedError('save', { cause: because }), 'HOLDFAST_ATTEMPT_ENDED', { method: 'save' }, /^save\(\)/],
  [
    new errors.ThreadLostError('exit code 3', { cause: because }),
    'HOLDFAST_THREAD_LOST',
    { problem: 'exit code 3' },
    /exit code 3/,
  ],
  [
    new errors.CommandNotFoundError('ffmpeg', { cause: because }),
    'HOLDFAST_COMMAND_NOT_FOUND',
    { file: 'ffmpeg' },
    /^ffmpeg could not be started.*PATH/,
  ],
  [
    new errors.CommandFailedError({
      file: 'ffmpeg',
      exitCode: 1,
      signalName: null,
      lastLines: ['no such codec'],
      cause: because,
    }),
    'HOLDFAST_COMMAND_FAILED',
    { file: 'ffmpeg', exitCode: 1, signalName: null },
    /^ffmpeg failed: it ended with exit code 1:\nno such codec$/,
  ],
  [
    new errors.HandlerLoadError({ module: 'file:///a.js', problem: 'not found', cause: because }),
    'HOLDFAST_HANDLER_LOAD',
    { module: 'file:///a.js' },
    /file:\/\/\/a\.js.*not found/,
  ],
  [
    new errors.DuplicateJobError({ key: 'k', id: 'holder', cause: because }),
    'HOLDFAST_DUPLICATE_JOB',
    { key: 'k', id: 'holder' },
    /unique key k is held by the job holder/,
  ],
  [
    new errors.DuplicateHandlerError('a', { cause: because }),
    'HOLDFAST_DUPLICATE_HANDLER',
    { type: 'a' },
    /type a has/,
  ],
  [
    new errors.EventsTrimmedError({ since: 3, oldest: 90, cause: because }),
    'HOLDFAST_EVENTS_TRIMMED',
    { since: 3, oldest: 90 },
    /since 3.*oldest is 90/,
  ],
  [
    new errors.InterruptedError('closing', { cause: because }),
    'HOLDFAST_INTERRUPTED',
    { reason: 'closing' },
    /\(closing\)/,
  ],
  [
    new errors.RetryableError('busy', { retryAfter: '5m', cause: because }),
    'HOLDFAST_RETRYABLE',
    { retryAfterMs: 300_000 },
    /^busy$/,
  ],
  [new errors.TerminateError('no use', { cause: because }), 'HOLDFAST_TERMINATE', {}, /^no use$/],
  [new errors.SnoozeError('10m', 'later', { cause: because }), 'HOLDFAST_SNOOZE', { delayMs: 600_000 }, /^later$/],
];

/** The classes among what the module exports. */
function classesOf(module: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(module).filter((name) => /^[A-Z]/.test(name) && name !== 'HoldfastError');
}

describe('errors', () => {
  test('every exported error is in the table, once', () => {
    assert.deepEqual(TABLE.map(([error]) => error.constructor.name).sort(), classesOf(errors).sort());
  });

  test('no two errors share a code', () => {
    assert.equal(new Set(TABLE.map(([error]) => error.code)).size, TABLE.length);
  });

  for (const [error, code, fields, message] of TABLE) {
    test(`${code} says what happened and keeps its fields and its cause`, () => {
      assert.ok(error instanceof errors.HoldfastError && error instanceof Error);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.equal(error.cause, because);
      for (const [field, value] of Object.entries(fields)) assert.equal(Reflect.get(error, field), value, field);
    });

    test(`${code} has the name of its class in its stack too`, () => {
      assert.equal(error.name, error.constructor.name);
      assert.ok(error.stack?.startsWith(`${error.name}: `));
    });
  }

  test('an error made without a cause has none', () => {
    assert.equal('cause' in new errors.TerminateError('x'), false);
    assert.equal('cause' in new errors.JobFailedError({ id: 'a', reason: 'expired' }), false);
    assert.equal('cause' in new errors.InvalidArgumentError({ field: 'a', expected: 'b', got: 1 }), false);
  });

  test('what was not said has a sensible default', () => {
    assert.match(new errors.JobFailedError({ id: 'a', reason: 'expired' }).message, /dead \(expired\)\.$/);
    assert.match(new errors.JobCancelledError({ id: 'a' }).message, /a was cancelled\.$/);
    assert.match(new errors.StoreInUseError({ folder: '/a' }).message, /another process/);
    assert.equal(new errors.InterruptedError().reason, 'closing');
    assert.equal(new errors.RetryableError('x').retryAfterMs, undefined);
    assert.match(new errors.SnoozeError(5).message, /later/);
  });

  test('a delay that is no duration is refused where the error is made', () => {
    assert.throws(() => new errors.RetryableError('x', { retryAfter: NaN }), { code: 'HOLDFAST_INVALID_ARGUMENT' });
    assert.throws(() => new errors.SnoozeError(-1), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'delay' });
  });

  test('an invalid argument describes what it got and does not hold it', () => {
    const secret = { password: 'hunter2' };
    const error = new errors.InvalidArgumentError({ field: 'payload', expected: 'a string', got: secret });
    assert.equal(error.got, 'an object with the keys password');
    assert.doesNotMatch(error.message, /hunter2/);
  });
});
