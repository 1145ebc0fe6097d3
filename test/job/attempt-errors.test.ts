// What each error of an attempt says and keeps; that all errors have a code, a name and a cause is in `test/errors.test.ts`.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AttemptEndedError,
  AttemptTimeoutError,
  CommandFailedError,
  CommandNotFoundError,
  HandlerLoadError,
  InterruptedError,
  RetryableError,
  SnoozeError,
  TerminateError,
  ThreadLostError,
} from '../../src/job/attempt-errors.ts';
import { InvalidArgumentError } from '../../src/job/holdfast-error.ts';
import { QueueFullError, QueueNotFoundError } from '../../src/job/queue-errors.ts';

const cause = new Error('because');
const ended = { file: 'ffmpeg', exitCode: 1, signalName: null, lastLines: [] };

/** How each is made, what it says, and what it has to say it with. */
const TABLE: ReadonlyArray<
  readonly [
    make: () => Error & { code: string },
    code: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ]
> = [
  [() => new RetryableError('busy', { cause }), 'RETRYABLE', 'busy', { retryAfterMs: undefined }],
  [() => new RetryableError('busy', { retryAfter: '5m', cause }), 'RETRYABLE', 'busy', { retryAfterMs: 300_000 }],
  [() => new RetryableError('busy', { retryAfter: 0, cause }), 'RETRYABLE', 'busy', { retryAfterMs: 0 }],
  [() => new TerminateError('no use', { cause }), 'TERMINATE', 'no use', {}],
  [() => new SnoozeError('2m', 'later', { cause }), 'SNOOZE', 'later', { delayMs: 120_000 }],
  [() => new SnoozeError(5, undefined, { cause }), 'SNOOZE', 'The handler asked to be run later.', { delayMs: 5 }],
  [
    () => new AttemptTimeoutError(500, { cause }),
    'ATTEMPT_TIMEOUT',
    'The attempt took longer than its timeout of 500 ms.',
    { timeoutMs: 500 },
  ],
  [
    () => new AttemptEndedError('save', { cause }),
    'ATTEMPT_ENDED',
    'save() came after the end of the attempt and did nothing. Await it before the handler returns.',
    { method: 'save' },
  ],
  [
    () => new ThreadLostError('exit code 3', { cause }),
    'THREAD_LOST',
    'The thread ended before the handler did: exit code 3.',
    { problem: 'exit code 3' },
  ],
  [
    () => new HandlerLoadError({ module: 'file:///a.js', problem: 'not found', cause }),
    'HANDLER_LOAD',
    'The handler in file:///a.js could not be loaded: not found.',
    { module: 'file:///a.js' },
  ],
  [
    () => new InterruptedError(undefined, { cause }),
    'INTERRUPTED',
    'The attempt was interrupted (closing); the job will run again from its last checkpoint.',
    { reason: 'closing' },
  ],
  [
    () => new CommandNotFoundError('ffmpeg', { cause }),
    'COMMAND_NOT_FOUND',
    'ffmpeg could not be started. Is it installed, on the PATH, executable, and is its cwd there?',
    { file: 'ffmpeg' },
  ],
  [
    () => new CommandFailedError({ ...ended, cause }),
    'COMMAND_FAILED',
    'ffmpeg failed: it ended with exit code 1.',
    { file: 'ffmpeg', exitCode: 1, signalName: null },
  ],
  [
    () => new CommandFailedError({ ...ended, exitCode: null, signalName: 'SIGKILL', lastLines: ['a', 'b'], cause }),
    'COMMAND_FAILED',
    'ffmpeg failed: it was ended by SIGKILL:\na\nb',
    { exitCode: null, signalName: 'SIGKILL' },
  ],
  [
    () => new CommandFailedError({ ...ended, exitCode: 0, problem: 'its output is no JSON', cause }),
    'COMMAND_FAILED',
    'ffmpeg failed: its output is no JSON.',
    { exitCode: 0 },
  ],
  [
    () => new QueueFullError({ queue: 'mail', limit: 3, cause }),
    'QUEUE_FULL',
    'The queue mail is full: at most 3 jobs may wait in it.',
    { queue: 'mail', limit: 3 },
  ],
  [
    () => new QueueNotFoundError('mail', { cause }),
    'QUEUE_NOT_FOUND',
    'There is no queue mail. Check its name, or create it with configureQueue.',
    { queue: 'mail' },
  ],
  [
    () => new InvalidArgumentError({ field: 'delay', expected: 'a duration', got: '5 parsecs', cause }),
    'INVALID_ARGUMENT',
    'delay: expected a duration, got "5 parsecs".',
    { field: 'delay', expected: 'a duration', got: '"5 parsecs"' },
  ],
];

describe('an error', () => {
  for (const [index, [make, code, message, fields]] of TABLE.entries()) {
    test(`says in a sentence what happened, and keeps what it says: ${code} (${index})`, () => {
      const error = make();
      assert.deepEqual([error.code, error.message], [`HOLDFAST_${code}`, message]);
      assert.equal(error.cause, cause);
      for (const [field, value] of Object.entries(fields)) assert.equal(Reflect.get(error, field), value, field);
    });
  }

  test('has the name of its class where all errors have it, to be set by whoever likes', () => {
    for (const [make] of TABLE) {
      const { constructor } = make();
      const where = Object.getOwnPropertyDescriptor(constructor.prototype, 'name');
      assert.deepEqual(where, { value: constructor.name, configurable: true, writable: true, enumerable: false });
    }
  });

  test('with a delay that is none names the option', () => {
    assert.throws(() => new RetryableError('x', { retryAfter: NaN }), { field: 'retryAfter' });
    assert.throws(() => new SnoozeError(-1), { field: 'delay' });
  });
});
