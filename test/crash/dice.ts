/** Chance from a seed: the same seed gives the same run, as far as a real machine allows. (Mulberry32.) */
export interface Dice {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from `least` up to and with `most`. */
  between(least: number, most: number): number;
  /** True that often: 0 never, 1 always. */
  chance(odds: number): boolean;
  oneOf<Value>(values: readonly Value[]): Value;
}

export function diceFrom(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    chance: (odds) => next() < odds,
    oneOf(values) {
      const value = values[between(0, values.length - 1)];
      if (value === undefined) throw new RangeError('There is nothing to choose from.');
      return value;
    },
  };
}
