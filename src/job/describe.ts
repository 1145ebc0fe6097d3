const MAX_TEXT = 60;
const MAX_KEYS = 6;

/**
 * Says in a few words what a value is, for the "got …" of an error message: `"5 parsecs"`, `NaN`, `an array of 3`,
 * `a Date`, `an object with the keys to, from`. It is at most some hundred characters long, never holds the inside of
 * an object (which may be secret), and never throws, whatever it is given: a proxy whose traps throw is `an object`.
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      // The text of a bigint of a million digits takes seconds to make.
      return BigInt.asIntN(64, value) === value ? `${value}n` : 'a bigint of more than 64 bits';
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return 'an unknown value';
  }
}

function describeObject(value: object): string {
  try {
    // The prototype of plain arrays is an array itself, that of a subclass is not.
    if (Array.isArray(value) && Array.isArray(Object.getPrototypeOf(value))) return `an array of ${value.length}`;
    const kind = kindOf(value);
    if (kind !== undefined) return /^[aeio]/i.test(kind) ? `an ${kind}` : `a ${kind}`;
    const keys = Object.keys(value);
    if (keys.length === 0) return 'an empty object';
    const named = keys.slice(0, MAX_KEYS).map((key) => key.slice(0, MAX_TEXT));
    return `an object with the keys ${named.join(', ')}${keys.length > MAX_KEYS ? ', …' : ''}`;
  } catch {
    return 'an object';
  }
}

/** The name of the class that made it, if it is more than a plain object. */
function kindOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  const made: unknown = (value as { constructor?: unknown }).constructor;
  const name: unknown = typeof made === 'function' ? made.name : undefined;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name.slice(0, MAX_TEXT) : 'class instance';
}
