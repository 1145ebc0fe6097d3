/** Checks of values that come from outside. Each throws an `InvalidArgumentError` that names the field. */
import { InvalidArgumentError } from './holdfast-error.ts';

/** A function or a list has properties too, but never those that are meant. */
export function checkObject(value: unknown, field: string, example: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidArgumentError({ field, expected: `an object such as ${example}`, got: value });
}

export function checkFlag(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidArgumentError({ field, expected: 'true or false', got: value });
}

export function count(
  value: number | undefined,
  field: string,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidArgumentError({ field, expected: `an integer from ${least} to ${most}`, got: value });
}

export function oneOf<Word extends string>(
  value: Word | undefined,
  field: string,
  words: readonly [Word, ...Word[]],
): Word {
  if (value === undefined) return words[0];
  if (words.includes(value)) return value;
  throw new InvalidArgumentError({ field, expected: words.map((word) => `'${word}'`).join(' or '), got: value });
}
