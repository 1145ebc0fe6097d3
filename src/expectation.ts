/** What a test expects of stored jobs, and what it is told when that is not so. */
import { AssertionError } from 'node:assert';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { AnyJobDefinition } from './definition.ts';
import type { JobView } from './view.ts';

/** A part of a value: properties that are left out may be anything. */
export type Part<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]?: Part<Value[Key]> }
    : Value;

/** Objects may have more than is expected of them, all else is compared as a whole. */
export function hasPart(actual: unknown, expected: unknown): boolean {
  if (!isPlain(expected)) return isDeepStrictEqual(actual, expected);
  return isPlain(actual) && Object.entries(expected).every(([key, part]) => hasPart(actual[key], part));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MOST_LISTED = 20;

export function complaint(
  operator: string,
  problem: string,
  job: AnyJobDefinition | string,
  expected: object,
  found: readonly JobView[],
): AssertionError {
  const type = typeof job === 'string' ? job : job.type;
  const actual = found.slice(0, MOST_LISTED).map((view) => {
    const { id, type: its, state, face, queue, priority, payload } = view;
    return { type: its, id, state: face ?? state, queue, priority, payload };
  });
  const more = found.length > MOST_LISTED ? `\n… and ${found.length - MOST_LISTED} more` : '';
  const list = actual.map((view) => `\n  ${inspect(view, { breakLength: Infinity, depth: 6 })}`).join('');
  const message = `${problem} of ${type} with ${inspect(expected, { depth: 6 })}. There are ${found.length}:${list}${more}`;
  return new AssertionError({ message, actual, expected, operator });
}
