/** What callers, handlers, disks and threads may give us that no type allows, and how we look at what comes of it. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HoldfastError } from '../../src/errors.ts';

class Stranger {
  readonly secret = 1;
  get never(): never {
    throw new Error('a getter of somebody else');
  }
}

/** A proxy whose every trap throws. */
function trap(): object {
  const fail = (): never => {
    throw new Error('a trap of somebody else');
  };
  const names = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'set', 'deleteProperty'];
  return new Proxy({}, Object.fromEntries(names.map((name) => [name, fail])));
}

function cycle(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

/** Values that have caught out others before, built anew each time, since some are changed by being looked at. */
const MEAN: ReadonlyArray<() => unknown> = [
  () => undefined,
  () => null,
  () => Number.NaN,
  () => -0,
  () => Infinity,
  () => 2 ** 53,
  () => 10n ** 400n,
  () => '',
  () => '__proto__',
  () => 'constructor',
  () => '\u0000',
  () => '\ud800',
  () => 'x'.repeat(100_000),
  () => JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
  () => Object.create(null) as unknown,
  () => Object.create({ inherited: true }) as unknown,
  () => new Stranger(),
  () => trap(),
  () => cycle(),
  () => Symbol('x'),
  () => () => 1,
  () => Promise.resolve(1),
  () => new Date(Number.NaN),
  () => new Map([[1, 1]]),
  () => new Uint8Array(4),
  () => new Error('an error'),
  () => Array.from({ length: 3 }),
  () => {
    const holes: unknown[] = [];
    holes[5] = 1;
    return holes;
  },
  () => new Proxy([], {}),
  () => ({ toJSON: () => 1 }),
  () => ({ then: () => undefined }),
  () => ({ valueOf: () => 1, toString: () => '5m' }),
];

/**
 * Fast-check looks into what it draws, which sets off traps. So it draws recipes, and `built` makes what is meant inside
 * of the property.
 */
class Recipe {
  readonly parts: unknown;
  readonly build: () => unknown;

  constructor(parts: unknown, build: () => unknown) {
    this.parts = parts;
    this.build = build;
  }
}

export function built(drawn: unknown): unknown {
  return drawn instanceof Recipe ? drawn.build() : drawn;
}

export const junk: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(MEAN.length - 1).map((n) => new Recipe(`mean ${n}`, MEAN[n] as () => unknown)) },
  {
    weight: 3,
    arbitrary: fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      maxDepth: 3,
    }),
  },
);

export function listOf(item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.array(item, { maxLength: 5 }).map((items) => new Recipe(items, () => items.map(built)));
}

/** An object with these keys, of which some may be missing. */
export function record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  return fc.record(fields, { requiredKeys: [] }).map((values) => {
    return new Recipe(values, () =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, built(value)])),
    );
  });
}

/** An object in which some of these keys hold what they should and the others junk; or junk. */
export function options(valid: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const field = (value: unknown): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: junk });
  const fields = Object.fromEntries(Object.entries(valid).map(([key, value]) => [key, field(value)]));
  return fc.oneof({ weight: 5, arbitrary: record(fields) }, { weight: 1, arbitrary: junk });
}

/** How long all runs of one property may take, ms; the first one that fails counts, however few they were. */
export function within(ms: number): {
  numRuns: number;
  interruptAfterTimeLimit: number;
  markInterruptAsFailure: boolean;
} {
  return { numRuns: 100_000, interruptAfterTimeLimit: ms, markInterruptAsFailure: false };
}

/** What is never to happen: a call that takes longer, in ms of the processor, which others do not slow down. */
const HANG_MS = 100;

/** Calls, and lets nothing through but typed errors with these codes. Returns the value, if there is one. */
export function calm<Value>(call: () => Value, ...codes: readonly string[]): Value | undefined {
  const startedAt = process.cpuUsage();
  try {
    return call();
  } catch (error) {
    checkError(error, codes);
    return undefined;
  } finally {
    assertNoHang(startedAt);
  }
}

/** The same for what answers later. */
export async function calmly<Value>(
  call: () => Promise<Value>,
  ...codes: readonly string[]
): Promise<Value | undefined> {
  const startedAt = process.cpuUsage();
  try {
    return await call();
  } catch (error) {
    checkError(error, codes);
    return undefined;
  } finally {
    assertNoHang(startedAt);
  }
}

function assertNoHang(startedAt: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(startedAt);
  assert.ok((user + system) / 1000 < 2 * HANG_MS, `it took ${(user + system) / 1000} ms of the processor`);
}

function checkError(error: unknown, codes: readonly string[]): void {
  // What the getters and traps of a caller throw is the caller's.
  if (error instanceof Error && error.message.endsWith('of somebody else')) return;
  assert.ok(error instanceof HoldfastError, `not one of ours: ${error instanceof Error ? error.stack : typeof error}`);
  assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
  assert.ok(error.message.length < 2_000, 'a message that somebody can read');
}

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype];
const keysBefore = PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length);

export function assertUnpolluted(): void {
  assert.deepEqual(
    PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length),
    keysBefore,
  );
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}
