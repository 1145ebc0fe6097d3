import { defineHandler, RetryableError, SnoozeError, TerminateError } from '../../../workers/index.ts';

class OddError extends Error {
  override readonly name = 'OddError';
  readonly code = 'E_ODD';
}

const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('a trap');
    },
    ownKeys() {
      throw new Error('a trap');
    },
    getPrototypeOf() {
      throw new Error('a trap');
    },
  },
);

/** What is thrown, by name. */
export const THROWN: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  text: () => 'just text',
  number: () => 42,
  symbol: () => Symbol('s'),
  function: () => () => 1,
  proxy: () => hostile,
  object: () => ({ message: 'no error', code: 'E_PLAIN' }),
  custom: () => new OddError('odd', { cause: new TypeError('below') }),
  retryable: () => new RetryableError('later', { retryAfter: '5m' }),
  terminate: () => new TerminateError('never'),
  snooze: () => new SnoozeError('10s'),
  huge: () => new Error('x'.repeat(1_000_000)),
};

export default defineHandler<{ readonly what: string; readonly how: 'throw' | 'reject' }>(({ what, how }) => {
  const thrown = THROWN[what]?.();
  if (how === 'throw') throw thrown;
  return Promise.reject(thrown);
});
