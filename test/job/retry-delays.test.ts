import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Backoff,
  constant,
  exponential,
  linear,
  linearMod,
  nextDelay,
  normaliseBackoff,
  stepped,
} from '../../src/job/retry.ts';

const ERROR = { name: 'Error', message: 'boom' };
const LOWEST = (): number => 0;
const HIGHEST = (): number => 1 - 2 ** -53;

function delay(backoff: Backoff, attempt: number, random: () => number = LOWEST): number {
  const { delayMs, warning } = nextDelay(backoff, attempt, random, ERROR);
  assert.equal(warning, undefined);
  return delayMs;
}

function delays(backoff: Backoff, attempts: number, random?: () => number): number[] {
  return Array.from({ length: attempts }, (_, index) => delay(backoff, index + 1, random));
}

describe('the delays that are exact', () => {
  const TABLE: readonly [string, Backoff, readonly number[]][] = [
    ['constant', constant('2s'), [2_000, 2_000, 2_000]],
    ['constant 0', constant(0), [0, 0]],
    [
      'linear reaches its maximum and stays there',
      linear({ initial: 900, max: '3s' }),
      [900, 1_800, 2_700, 3_000, 3_000],
    ],
    ['linear with one step', linear({ initial: 5, max: 5 }), [5, 5]],
    [
      'linearMod is the sawtooth of the Go worker',
      linearMod({ initial: 900, max: '3s' }),
      [900, 1_800, 2_700, 600, 1_500],
    ],
    ['linearMod may be 0', linearMod({ initial: '1s', max: '3s' }), [1_000, 2_000, 0, 1_000]],
    ['linearMod with an initial above its maximum', linearMod({ initial: 7, max: 5 }), [2, 4, 1, 3, 0]],
    ['a list repeats its last delay', normaliseBackoff(['1s', 250, '1m'], 'backoff'), [1_000, 250, 60_000, 60_000]],
    ['a list of one', normaliseBackoff([5], 'backoff'), [5, 5]],
    ['exponential with 2', exponential({ multiplier: 2, initial: 1, max: 10, jitter: 0 }), [1, 2, 4, 8, 10, 10]],
    ['exponential with 1', exponential({ multiplier: 1, initial: 7, max: 10, jitter: 0 }), [7, 7, 7]],
    ['exponential of 0', exponential({ multiplier: 1_000, initial: 0, max: 10 }), [0, 0, 0]],
  ];
  for (const [what, backoff, expected] of TABLE) {
    test(what, () => {
      assert.deepEqual(delays(backoff, expected.length), expected);
      assert.deepEqual(delays(backoff, expected.length, HIGHEST), expected);
    });
  }

  test('exponential by default: 1.6 to the power of n-1, not of its whole part, as the Go worker had it', () => {
    const expected = [
      ...[1_000, 1_600, 2_560, 4_096, 6_554, 10_486, 16_778, 26_844, 42_950, 68_720, 109_952, 175_922, 281_475],
      ...[450_360, 720_576, 900_000, 900_000],
    ];
    assert.deepEqual(delays(exponential({ jitter: 0 }), expected.length), expected);
  });

  test('exponential with its jitter adds nothing at the lowest throw and 20 % at the highest, but never passes the cap', () => {
    const lowest = delays(exponential(), 17);
    const highest = delays(exponential(), 17, HIGHEST);
    assert.deepEqual(lowest.slice(0, 4), [1_000, 1_600, 2_560, 4_096]);
    assert.deepEqual(lowest.slice(14), [720_576, 750_000, 750_000]);
    assert.deepEqual(highest.slice(0, 4), [1_199, 1_919, 3_071, 4_915]);
    assert.deepEqual(highest.slice(14), [864_691, 899_999, 899_999]);
  });

  // interval × jitter, and interval × (jitter + 1), for the first, the second, the last step and the one after it.
  const STEPS = [
    ['1m', 20, [500, 2_053, 30_000, 30_000], [1_499, 6_157, 89_999, 89_999]],
    ['10m', 50, [54_000, 63_919, 540_000, 540_000], [113_999, 134_938, 1_139_999, 1_139_999]],
    ['default', 50, [54_000, 63_919, 540_000, 540_000], [113_999, 134_938, 1_139_999, 1_139_999]],
    ['1h', 50, [540_000, 595_103, 3_240_000, 3_240_000], [1_139_999, 1_256_326, 6_839_999, 6_839_999]],
  ] as const;
  for (const [name, count, lowest, highest] of STEPS) {
    test(`stepped ${name} begins and ends at its stated intervals, in ${count} steps`, () => {
      const attempts = [1, 2, count, count + 1];
      assert.deepEqual(
        attempts.map((attempt) => delay(stepped(name), attempt)),
        lowest,
      );
      assert.deepEqual(
        attempts.map((attempt) => delay(stepped(name), attempt, HIGHEST)),
        highest,
      );
      assert.ok(delay(stepped(name), count - 1) < delay(stepped(name), count));
    });
  }

  test('a power beyond all numbers does no harm', () => {
    assert.equal(delay(exponential({ multiplier: 1_000, initial: 0, max: 10 }), 1e6), 0);
    assert.equal(delay(exponential({ multiplier: 1_000, initial: 1, max: 10, jitter: 0 }), 1e6), 10);
  });

  test('an attempt below the first counts as the first', () => {
    for (const backoff of [constant(5), linear({ initial: 5, max: 9 }), exponential(), stepped('1m'), list(3, 4)]) {
      for (const attempt of [0, -1, -1e9]) assert.equal(delay(backoff, attempt), delay(backoff, 1));
    }
  });
});

function list(...given: number[]): Backoff {
  return normaliseBackoff(given, 'backoff');
}

/** Of the bounds as they are calculated here. */
const NOISE = 1e-6;

/** The same throws in every run (mulberry32). */
function dice(): () => number {
  let state = 20_260_101;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    const result = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61));
    return ((result ^ (result >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('10,000 samples stay within the stated bounds', () => {
  const grown = (attempt: number): number => Math.min(1_000 * 1.6 ** (attempt - 1), 900_000 / 1.2);
  const step = (count: number, min: number, max: number) => (attempt: number) =>
    min + ((Math.min(attempt, count) - 1) * (max - min)) / (count - 1);
  const POLICIES: readonly [string, Backoff, (attempt: number) => number, number, number][] = [
    ['constant', constant(700), () => 700, 1, 1],
    ['linear', linear({ initial: 900, max: 30_000 }), (n) => Math.min(900 * n, 30_000), 1, 1],
    ['linearMod', linearMod({ initial: 900, max: 30_000 }), (n) => (900 * n) % 30_000, 1, 1],
    ['exponential', exponential(), grown, 1, 1.2],
    ['stepped 1m', stepped('1m'), step(20, 1_000, 60_000), 0.5, 1.5],
    ['stepped 10m', stepped('10m'), step(50, 60_000, 600_000), 0.9, 1.9],
    ['stepped default', stepped('default'), step(50, 60_000, 600_000), 0.9, 1.9],
    ['stepped 1h', stepped('1h'), step(50, 600_000, 3_600_000), 0.9, 1.9],
  ];
  for (const [name, backoff, interval, least, most] of POLICIES) {
    test(name, () => {
      const random = dice();
      const spread = new Set<number>();
      for (let sample = 0; sample < 10_000; sample++) {
        const attempt = 1 + (sample % 60);
        const actual = delay(backoff, attempt, random);
        const [low, high] = [interval(attempt) * least, interval(attempt) * most];
        assert.ok(Number.isSafeInteger(actual));
        assert.ok(
          actual > low - NOISE && (least === most ? actual === high : actual < high),
          `${low} ${actual} ${high}`,
        );
        if (attempt === 60) spread.add(Math.floor((4 * (actual - low + NOISE)) / (high - low)));
      }
      if (least !== most) assert.deepEqual([...spread].sort(), [0, 1, 2, 3], 'all quarters of the range are thrown');
    });
  }

  test('exponential is never above its cap, whatever its numbers and however many attempts', () => {
    const duration = fc.integer({ min: 0, max: 10_000_000 });
    const numbers = fc.tuple(
      duration,
      duration,
      fc.double({ min: 1, max: 1_000, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        numbers,
        fc.integer({ min: 1, max: 100_000 }),
        dice,
        ([a, b, multiplier, jitter], attempt, thrown) => {
          const [initial, max] = [Math.min(a, b), Math.max(a, b)];
          const actual = delay(exponential({ initial, max, multiplier, jitter }), attempt, () => thrown);
          return Number.isSafeInteger(actual) && actual >= 0 && actual <= max;
        },
      ),
    );
  });

  test('exponential never falls from one attempt to the next by more than its jitter', () => {
    const lowest = delays(exponential(), 40);
    const highest = delays(exponential(), 40, HIGHEST);
    for (let n = 1; n < 40; n++)
      assert.ok((lowest[n] ?? 0) >= (lowest[n - 1] ?? 0) && (highest[n] ?? 0) >= (highest[n - 1] ?? 0));
  });
});

describe('a backoff function', () => {
  test('is asked with the number of the failure and the error', () => {
    const asked: unknown[] = [];
    const backoff: Backoff = (...given) => (asked.push(given), '5s');
    assert.equal(delay(backoff, 3), 5_000);
    assert.deepEqual(asked, [[3, ERROR]]);
  });

  const rejected = Promise.reject(new Error('async'));
  const MISBEHAVING: readonly [string, () => unknown, RegExp][] = [
    ['throws', () => assert.fail('broken'), /broken/],
    ['throws null', () => { throw null; }, /null was thrown/], // prettier-ignore
    ['gives NaN', () => NaN, /got NaN/],
    ['gives a negative number', () => -1, /got -1/],
    ['gives nothing', () => undefined, /got undefined/],
    ['gives a text that is no duration', () => 'soon', /got "soon"/],
    ['gives more than 100 years', () => 1e300, /got 1e\+300/],
    ['gives a promise', () => Promise.resolve(5), /got a Promise/],
    ['gives a promise that rejects', () => rejected, /got a Promise/],
    ['gives an object that throws', () => ({ valueOf: () => assert.fail('valueOf') }), /got an object/],
  ];
  for (const [what, backoff, warning] of MISBEHAVING) {
    test(`that ${what} is replaced by the default, with a warning`, () => {
      const next = nextDelay(backoff as Backoff, 3, LOWEST, ERROR);
      assert.equal(next.delayMs, 2_560);
      assert.match(next.warning ?? '', /^The backoff function failed/);
      assert.match(next.warning ?? '', warning);
    });
  }
});
