// A value that goes into the log as JSON must come back as it went in. `JSON.stringify` does not promise that: it turns
// NaN into null, a Date into a string and a Map into {}, and leaves out what it does not know. So the value is walked
// first, and what would change is refused with the path to it. The walk costs about as much as the writing itself.
import { InvalidPayloadError, InvalidResultError } from '../errors.ts';
import { describe } from './describe.ts';

/** What is being stored: the first word of the path in an error. */
export type JsonRole = 'payload' | 'result' | 'checkpoint' | 'progress';

export interface JsonLimits {
  /** Of the text in UTF-8. */
  readonly maxBytes: number;
  /** Of arrays and objects inside each other: `1` has depth 0, `[1]` has 1, `[{ a: 1 }]` has 2. */
  readonly maxDepth: number;
}

/** Deep enough for anything people write, and far from the 20,000 levels at which `JSON.stringify` overflows the stack. */
export const DEFAULT_MAX_DEPTH = 64;

/**
 * The JSON of `value`, or undefined for `undefined`, which is no value at all. Plain data is taken: null, booleans,
 * finite numbers, strings (half surrogate pairs too, which JSON escapes), arrays and objects of these. All else is
 * refused: bigints, symbols, functions, NaN, infinities, -0, instances of classes, arrays with holes or with undefined
 * in them, getters, hidden and symbol keys, `__proto__` as a key, cycles, and what is too large or too deep.
 *
 * A property of an object that is undefined is left out, as JSON does. It is the one change that is let through:
 * reading it gives undefined before and after, and `{ cc: form.cc }` is how people write optional fields.
 *
 * @throws InvalidPayloadError for a payload, InvalidResultError for what a handler hands over.
 */
export function encodeJson(value: unknown, role: JsonRole, limits: JsonLimits): string | undefined {
  if (value === undefined) return undefined;
  let text: string | undefined;
  try {
    const found = new Walk(limits).problemOf(value, 0);
    if (found !== undefined) throw refuse(role, found, value);
    // JSON.stringify would ask somebody's patch of a prototype what to write instead. Arrays inherit from objects.
    if ('toJSON' in Array.prototype) throw refuse(role, problem(PATCHED), value);
    text = JSON.stringify(value);
  } catch (error) {
    if (error instanceof InvalidPayloadError || error instanceof InvalidResultError) throw error;
    // A proxy whose traps throw.
    throw refuse(role, problem('what was given cannot be read'), value, error);
  }
  if (text === undefined || !fits(text, limits.maxBytes)) throw refuse(role, tooLarge(limits), value);
  return text;
}

/** The value of a text that `encodeJson` made. @throws SyntaxError if it is none. */
export function decodeJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  // No text of ours has this key, but a log may have been written by something else, and the key would replace the
  // prototype of whatever the object is later copied to. It may hide behind an escape.
  if (text.includes('__proto__') || text.includes('\\u00')) {
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  }
  return JSON.parse(text);
}

const PATCHED = 'a toJSON was added to Object.prototype or Array.prototype, so JSON would not hold what was given';
const ACCESSOR = 'a getter or setter cannot be stored as JSON; pass the value it gives';
const HIDDEN = 'a property that is not enumerable would be lost in JSON';
const HOLE = 'a hole in an array would become null in JSON';
const UNDEFINED = 'undefined in an array would become null in JSON';
const NAMED_IN_ARRAY = 'an array with properties besides its elements would lose them in JSON';
const SYMBOL = 'a key that is a symbol would be lost in JSON';
const PROTO = 'this key is refused, since it would replace the prototype of an object that it is copied to';
const NESTED = 'arrays and objects are nested too deeply';

/** Old, but a quarter of the price of a property descriptor where there are 100,000 elements to ask for one. */
const lookupGetter = (Object.prototype as unknown as { __lookupGetter__: (this: object, key: number) => unknown })
  .__lookupGetter__;

interface Problem {
  readonly text: string;
  /** Keys from the inside out: each level adds its own while the walk returns. */
  readonly path: (string | number)[];
  readonly kind?: 'tooDeep' | 'tooLarge';
}

/** One look at everything in a value. Its methods give the first problem they meet, or undefined when there is none. */
class Walk {
  readonly #limits: JsonLimits;
  /** Were every character one byte long. It ends the walk of what is too large, also where shared objects multiply. */
  #bytesLeft: number;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
    this.#bytesLeft = limits.maxBytes;
  }

  problemOf(value: unknown, depth: number): Problem | undefined {
    switch (typeof value) {
      case 'string':
        return this.#take(value.length + 2);
      case 'number':
        if (!Number.isFinite(value)) return problem(`${value} would become null in JSON`);
        return Object.is(value, -0) ? problem('-0 would become 0 in JSON') : this.#take(1);
      case 'boolean':
        return this.#take(4);
      case 'object':
        if (value === null) return this.#take(4);
        if (depth === this.#limits.maxDepth) return { text: NESTED, path: [], kind: 'tooDeep' };
        return Array.isArray(value) ? this.#problemInArray(value, depth + 1) : this.#problemInObject(value, depth + 1);
      case 'undefined':
      case 'bigint':
      case 'symbol':
      case 'function':
      default:
        return problem(`${describe(value)} cannot be stored as JSON`);
    }
  }

  #problemInArray(array: readonly unknown[], depth: number): Problem | undefined {
    // Not compared with our own Array.prototype: an array may come from another realm, as it does in some test runners.
    if (!Array.isArray(Object.getPrototypeOf(array))) return notPlain(array);
    const full = this.#take(array.length + 1);
    if (full !== undefined) return full;
    for (let index = 0; index < array.length; index++) {
      const found = this.#problemOfElement(array, index, depth);
      if (found !== undefined) return below(index, found);
    }
    // Hidden properties of an array are the one thing not looked for: listing them takes ten times as long as the rest.
    if (Object.keys(array).length !== array.length) return problem(NAMED_IN_ARRAY);
    return Object.getOwnPropertySymbols(array).length === 0 ? undefined : problem(SYMBOL);
  }

  #problemOfElement(array: readonly unknown[], index: number, depth: number): Problem | undefined {
    if (lookupGetter.call(array, index) !== undefined) return problem(ACCESSOR);
    const element = array[index];
    if (element === undefined) return problem(Object.hasOwn(array, index) ? UNDEFINED : HOLE);
    return this.problemOf(element, depth);
  }

  #problemInObject(object: object, depth: number): Problem | undefined {
    if (!isPlain(object)) return notPlain(object);
    const full = this.#take(2);
    if (full !== undefined) return full;
    for (const key of Object.getOwnPropertyNames(object)) {
      // It is there, since its name was just listed; only a proxy could have lost it, and then reading it throws.
      const property = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor;
      const found = this.#problemOfProperty(key, property, depth);
      if (found !== undefined) return below(key, found);
    }
    return Object.getOwnPropertySymbols(object).length === 0 ? undefined : problem(SYMBOL);
  }

  #problemOfProperty(key: string, property: PropertyDescriptor, depth: number): Problem | undefined {
    if (key === '__proto__') return problem(PROTO);
    if (property.get !== undefined || property.set !== undefined) return problem(ACCESSOR);
    if (property.enumerable !== true) return problem(HIDDEN);
    if (property.value === undefined) return undefined;
    return this.#take(key.length + 3) ?? this.problemOf(property.value, depth);
  }

  #take(bytes: number): Problem | undefined {
    this.#bytesLeft -= bytes;
    return this.#bytesLeft < 0 ? tooLarge(this.#limits) : undefined;
  }
}

function problem(text: string): Problem {
  return { text, path: [] };
}

function below(key: string | number, found: Problem): Problem {
  found.path.push(key);
  return found;
}

function notPlain(value: object): Problem {
  return problem(`${describe(value)} is not plain data; convert it to strings, numbers, arrays and objects first`);
}

/** An object literal, of this realm or another one, or an object without a prototype. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

function tooLarge({ maxBytes }: JsonLimits): Problem {
  return { text: `its JSON is larger than ${maxBytes} bytes`, path: [], kind: 'tooLarge' };
}

/** Whether a text takes at most so many bytes in UTF-8. Only what is near the limit needs to be counted. */
function fits(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return false;
  if (text.length * 3 <= maxBytes) return true;
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // JSON escapes half surrogate pairs, so a surrogate is one of two that take four bytes together.
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) bytes += 2;
    else bytes += 3;
  }
  return bytes <= maxBytes;
}

function refuse(
  role: JsonRole,
  found: Problem,
  value: unknown,
  cause?: unknown,
): InvalidPayloadError | InvalidResultError {
  // Where the walk had got to when the bytes ran out says nothing about what is large.
  const keys = found.kind === 'tooLarge' ? [] : found.path.toReversed();
  const loop = found.kind === 'tooDeep' ? findCycle(value, keys) : undefined;
  const given = {
    path: written(role, loop === undefined ? keys : keys.slice(0, loop.to)),
    problem: loop === undefined ? found.text : `a cycle: it is ${written(role, keys.slice(0, loop.from))} again`,
    ...(cause !== undefined && { cause }),
  };
  return role === 'payload' ? new InvalidPayloadError(given) : new InvalidResultError(given);
}

/** Where, on the way down to what is too deep, an object stands inside itself: `keys[0..to]` is `keys[0..from]` again. */
function findCycle(root: unknown, keys: readonly (string | number)[]): { from: number; to: number } | undefined {
  const above: unknown[] = [];
  let value = root;
  for (let to = 0; ; to++) {
    const from = above.indexOf(value);
    if (from !== -1) return { from, to };
    const key = keys[to];
    if (key === undefined) return undefined;
    above.push(value);
    value = (value as Record<string | number, unknown>)[key];
  }
}

function written(role: JsonRole, keys: readonly (string | number)[]): string {
  return role + keys.map(step).join('');
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  const short = key.length > 60 ? `${key.slice(0, 60)}…` : key;
  return /^[A-Za-z_$][\w$]*$/.test(short) ? `.${short}` : `[${JSON.stringify(short)}]`;
}
