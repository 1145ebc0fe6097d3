import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type BackoffOption,
  constant,
  exponential,
  isSerialisable,
  linear,
  linearMod,
  nextDelay,
  normaliseBackoff,
  stepped,
  type SteppedName,
} from '../../src/job/retry.ts';

const ERROR = { name: 'Error', message: 'boom' };

const duration = fc.integer({ min: 1, max: 10_000_000 });
const pair = fc.tuple(duration, duration).map(([a, b]) => ({ initial: Math.min(a, b), max: Math.max(a, b) }));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const policy = fc.oneof(
  duration.map((delay) => constant(delay)),
  pair.map((given) => linear(given)),
  pair.map((given) => linearMod(given)),
  fc
    .tuple(pair, share, fc.double({ min: 1, max: 1_000, noNaN: true }))
    .map(([given, jitter, multiplier]) => exponential({ ...given, jitter, multiplier })),
  fc.constantFrom<SteppedName>('default', '1m', '10m', '1h').map((name) => stepped(name)),
  fc.array(duration, { minLength: 1, maxLength: 10 }).map((delays) => normaliseBackoff(delays, 'backoff')),
);

describe('a backoff', () => {
  test('has stated defaults', () => {
    assert.deepEqual(exponential(), {
      kind: 'exponential',
      multiplier: 1.6,
      initialMs: 1_000,
      maxMs: 900_000,
      jitter: 0.2,
    });
  });

  test('is data that stays the same through the door and through JSON, and gives the same delays', () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 100 }), share, (given, attempt, thrown) => {
        const stored = normaliseBackoff(JSON.parse(JSON.stringify(given)) as BackoffOption, 'backoff');
        assert.deepEqual(stored, given);
        assert.deepEqual(normaliseBackoff(stored, 'backoff'), given);
        assert.deepEqual(
          nextDelay(stored, attempt, () => thrown, ERROR),
          nextDelay(given, attempt, () => thrown, ERROR),
        );
      }),
    );
  });

  test('is frozen, and does not follow a list that changes later', () => {
    const delays = [1, 2];
    const backoff = normaliseBackoff(delays, 'backoff');
    delays.push(3);
    assert.deepEqual(backoff, { kind: 'list', delaysMs: [1, 2] });
    assert.ok(Object.isFrozen(backoff) && Object.isFrozen(Reflect.get(backoff, 'delaysMs')));
    const others = [
      constant(1),
      exponential(),
      stepped('1m'),
      linear({ initial: 1, max: 2 }),
      linearMod({ initial: 1, max: 2 }),
    ];
    for (const other of others) assert.ok(Object.isFrozen(other), JSON.stringify(other));
  });

  test('keeps nothing it was not asked for', () => {
    const given = { kind: 'constant', delayMs: '5s', extra: new Date(0) } as unknown as BackoffOption;
    assert.deepEqual(normaliseBackoff(given, 'backoff'), { kind: 'constant', delayMs: 5_000 });
  });

  test('by name is the stepped one', () => {
    for (const name of ['default', '1m', '10m', '1h'] as const) {
      assert.deepEqual(normaliseBackoff(name, 'backoff'), stepped(name));
    }
  });

  test('can be stored unless it is a function', () => {
    fc.assert(fc.property(policy, (given) => isSerialisable(given)));
    const backoff = (): number => 5;
    assert.equal(normaliseBackoff(backoff, 'backoff'), backoff);
    assert.equal(isSerialisable(backoff), false);
  });

  test('takes a list of 1 to 1,000 delays', () => {
    const accepts = (length: number): boolean => {
      try {
        normaliseBackoff(Array<number>(length).fill(1), 'backoff');
        return true;
      } catch {
        return false;
      }
    };
    assert.deepEqual([0, 1, 999, 1_000, 1_001].map(accepts), [false, true, true, true, false]);
  });
});

describe('a backoff that cannot work is refused where it is made', () => {
  const wrong =
    (options: object): (() => unknown) =>
    () =>
      exponential(options);
  const REFUSED: readonly [string, () => unknown, string][] = [
    ['constant of nonsense', () => constant(NaN), 'constant.delay'],
    ['linear with a maximum below its start', () => linear({ initial: 5, max: 4 }), 'linear.max'],
    ['linear with a negative start', () => linear({ initial: -1, max: 4 }), 'linear.initial'],
    ['linearMod with a maximum of 0', () => linearMod({ initial: 5, max: 0 }), 'linearMod.max'],
    ['linearMod without a start', () => linearMod({ initial: NaN, max: 5 }), 'linearMod.initial'],
    ['exponential that shrinks', wrong({ multiplier: 0.99 }), 'exponential.multiplier'],
    ['exponential that explodes', wrong({ multiplier: 1_001 }), 'exponential.multiplier'],
    ['exponential with NaN', wrong({ multiplier: NaN }), 'exponential.multiplier'],
    ['exponential with a text', wrong({ multiplier: '2' }), 'exponential.multiplier'],
    ['exponential with a jitter above 1', wrong({ jitter: 1.01 }), 'exponential.jitter'],
    ['exponential with a jitter below 0', wrong({ jitter: -0.01 }), 'exponential.jitter'],
    ['exponential with a cap below its start', wrong({ initial: '2s', max: '1s' }), 'exponential.max'],
    ['exponential with a start that is none', wrong({ initial: 'soon' }), 'exponential.initial'],
    ['stepped with a name nobody knows', () => stepped('2h' as SteppedName), 'stepped'],
    ['stepped with a name every object knows', () => stepped('toString' as SteppedName), 'stepped'],
  ];
  for (const [what, make, field] of REFUSED) {
    test(what, () => assert.throws(make, { code: 'HOLDFAST_INVALID_ARGUMENT', field }));
  }

  const GIVEN: readonly [string, unknown, string][] = [
    ['an unknown name', '2h', 'retry.backoff'],
    ['an empty list', [], 'retry.backoff'],
    ['a list with nonsense in it', [1, 'soon'], 'retry.backoff[1]'],
    ['a list with a hole', [1, , 3], 'retry.backoff[1]'], // eslint-disable-line no-sparse-arrays -- the hole is what is refused
    ['null', null, 'retry.backoff'],
    ['a number', 5_000, 'retry.backoff'],
    ['an object without a kind', { initial: 5 }, 'retry.backoff'],
    ['an unknown kind', { kind: 'quadratic' }, 'retry.backoff'],
    ['a stored policy whose cap is gone', { kind: 'linear', initialMs: 5 }, 'retry.backoff.max'],
    ['a stored list that is none', { kind: 'list', delaysMs: 'soon' }, 'retry.backoff'],
    ['a stored list that only looks like one', { kind: 'list', delaysMs: { length: 2 } }, 'retry.backoff'],
    ['a stored name that is none', { kind: 'stepped', name: '__proto__' }, 'retry.backoff'],
  ];
  for (const [what, given, field] of GIVEN) {
    test(`${what}, given as an option`, () => {
      const refused = { code: 'HOLDFAST_INVALID_ARGUMENT', field };
      assert.throws(() => normaliseBackoff(given as BackoffOption, 'retry.backoff'), refused);
    });
  }
});
