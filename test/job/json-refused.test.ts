import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { decodeJson, encodeJson } from '../../src/job/json.ts';

const encode = (value: unknown): string | undefined =>
  encodeJson(value, 'payload', { maxBytes: 1_048_576, maxDepth: 64 });

describe('what JSON would change or lose is refused with the path to it', () => {
  class Point {
    x = 1;
  }
  const circle: Record<string, unknown> = { name: 'circle' };
  circle.self = circle;
  const longer: Record<string, unknown> = { items: [1, { next: {} }] };
  ((longer.items as unknown[])[1] as { next: Record<string, unknown> }).next.back = longer;
  const bare = Object.assign(Object.create(null) as object, { a: 1 });
  const ring: unknown[] = [];
  const start = { ring };
  ring.push(0, ring);
  const holes = Object.assign(new Array<number>(3), { 0: 1, 2: 3 });

  const REFUSED: readonly [string, unknown, string, RegExp][] = [
    ['undefined in an array', { a: [1, undefined] }, 'payload.a[1]', /undefined in an array/],
    ['a hole in an array', { a: holes }, 'payload.a[1]', /hole/],
    ['a long array of holes', new Array(1_000), 'payload[0]', /hole/],
    ['an array as long as can be', new Array(2 ** 32 - 1), 'payload', /larger than/],
    ['an array with a name', Object.assign([1], { name: 'x' }), 'payload', /besides its elements/],
    ['a match of a pattern', /a/.exec('a'), 'payload', /besides its elements/],
    ['a hole and a name, which add up', Object.assign(new Array(2), { 0: 1, name: 'x' }), 'payload[1]', /hole/],
    ['a symbol key of an array', Object.assign([1], { [Symbol('s')]: 1 }), 'payload', /symbol/],
    ['a getter in an array', Object.defineProperty([1], 0, { get: () => 1, enumerable: true }), 'payload[0]', /getter/],
    ['an instance of a subclass of Array', new (class List extends Array {})(), 'payload', /a List is not plain data/],
    ['a function', { run: () => 1 }, 'payload.run', /a function/],
    ['a function at the top', () => 1, 'payload', /a function/],
    ['toJSON', { a: { toJSON: () => 1 } }, 'payload.a.toJSON', /a function/],
    ['a symbol', [Symbol('s')], 'payload[0]', /a symbol/],
    ['a symbol key', { a: { [Symbol('s')]: 1 } }, 'payload.a', /symbol/],
    ['a bigint', { n: 10n }, 'payload.n', /10n/],
    ['NaN', { n: NaN }, 'payload.n', /NaN would become null/],
    ['Infinity', [Infinity], 'payload[0]', /Infinity would become null/],
    ['-Infinity', -Infinity, 'payload', /-Infinity would become null/],
    ['-0', { n: [-0] }, 'payload.n[0]', /-0 would become 0/],
    ['a Date', { items: [0, 1, 2, { when: new Date(0) }] }, 'payload.items[3].when', /a Date is not plain data/],
    ['a Map', new Map([[1, 2]]), 'payload', /a Map/],
    ['a Set', { s: new Set() }, 'payload.s', /a Set/],
    ['a RegExp', [/x/], 'payload[0]', /a RegExp/],
    ['a Promise', { p: Promise.resolve() }, 'payload.p', /a Promise/],
    ['an Error', { e: new TypeError('x') }, 'payload.e', /a TypeError/],
    ['a Buffer', { b: Buffer.from('x') }, 'payload.b', /a Buffer/],
    ['a typed array', { b: new Uint8Array(2) }, 'payload.b', /a Uint8Array/],
    ['an ArrayBuffer', { b: new ArrayBuffer(2) }, 'payload.b', /an ArrayBuffer/],
    ['a URL', { u: new URL('http://a/') }, 'payload.u', /a URL/],
    ['a class instance', { p: new Point() }, 'payload.p', /a Point/],
    ['a nameless instance', { p: new (class {})() }, 'payload.p', /a class instance/],
    ['an inherited property', Object.create({ a: 1 }), 'payload', /class instance/],
    ['one inherited from an object without a prototype', Object.create(bare), 'payload', /not plain data/],
    ['a boxed string', { s: new String('x') }, 'payload.s', /a String/],
    ['a boxed number', { n: new Number(1) }, 'payload.n', /a Number/],
    ['a boxed boolean', { b: new Boolean(false) }, 'payload.b', /a Boolean/],
    ['a getter', { get a() { return 1; } }, 'payload.a', /getter/], // prettier-ignore
    ['a setter', { set a(_: number) {} }, 'payload.a', /setter/], // prettier-ignore
    ['a hidden property', { o: Object.defineProperty({}, 'h', { value: 1 }) }, 'payload.o.h', /not enumerable/],
    ['__proto__ as a key', JSON.parse('{"a":{"__proto__":{"x":1}}}'), 'payload.a.__proto__', /prototype/],
    ['arguments', runInNewContext('(function () { return arguments; })()'), 'payload.length', /not enumerable/],
    ['Math', Math, 'payload.abs', /not enumerable/],
    ['a cycle', circle, 'payload.self', /a cycle: it is payload again/],
    ['a longer cycle', longer, 'payload.items[1].next.back', /a cycle: it is payload again/],
    ['a cycle further down', start, 'payload.ring[1]', /a cycle: it is payload\.ring again/],
    ['65 levels', deep(65), `payload${'[0]'.repeat(64)}`, /nested too deeply/],
    ['a million levels', deep(1_000_000), `payload${'[0]'.repeat(64)}`, /nested too deeply/],
    ['odd keys in the path', { 'a b': { '1': [NaN] } }, 'payload["a b"]["1"][0]', /NaN/],
    ['a key of a megabyte in the path', { ['k'.repeat(500_000)]: NaN }, `payload["${'k'.repeat(60)}…"]`, /NaN/],
    ['a proxy whose traps throw', new Proxy({}, { ownKeys: () => assert.fail('trap') }), 'payload', /cannot be read/],
  ];
  for (const [what, value, path, problem] of REFUSED) {
    test(what, () => {
      assert.throws(() => encode(value), { code: 'HOLDFAST_INVALID_PAYLOAD', path, problem });
    });
  }

  test('also when JSON has been patched', () => {
    for (const prototype of [Object.prototype, Array.prototype] as { toJSON?: unknown }[]) {
      prototype.toJSON = () => 'patched';
      try {
        assert.throws(() => encode({ a: [1] }), { code: 'HOLDFAST_INVALID_PAYLOAD', problem: /toJSON/ });
      } finally {
        delete prototype.toJSON;
      }
    }
    assert.equal(encode({ a: [1] }), '{"a":[1]}');
  });

  test('whatever is taken comes back equal, and whatever is refused says where', () => {
    const anything = fc.anything({
      withDate: true,
      withMap: true,
      withSet: true,
      withBigInt: true,
      withTypedArray: true,
      withSparseArray: true,
      withBoxedValues: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        let text: string | undefined;
        try {
          text = encode(value);
        } catch (error) {
          assert.ok(error instanceof Error && error.name === 'InvalidPayloadError');
          assert.ok(String(Reflect.get(error, 'path')).startsWith('payload'));
          return;
        }
        assert.deepEqual(decodeJson(text), plain(value));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** What a value looks like after the one change that is let through, and with the prototypes that JSON gives. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, property]) => property !== undefined);
  return Object.fromEntries(kept.map(([key, property]) => [key, plain(property)]));
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
