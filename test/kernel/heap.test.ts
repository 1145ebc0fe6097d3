import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Heap, Places } from '../../src/kernel/heap.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';

interface Entry {
  readonly item: number;
  readonly first: number;
  readonly second: number;
}

/** What a heap must do, done slowly: an array kept in order. Equal keys never meet here, since `second` is an order. */
class SortedArray {
  entries: Entry[] = [];

  push(entry: Entry): void {
    this.entries.push(entry);
    this.entries.sort((a, b) => a.first - b.first || a.second - b.second);
  }
  pop(): number {
    return this.entries.shift()?.item ?? -1;
  }
  remove(item: number): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.item !== item);
    return this.entries.length < before;
  }
}

function assertSame(heap: Heap, model: SortedArray): void {
  const [least] = model.entries;
  assert.equal(heap.size, model.entries.length);
  assert.equal(heap.peek(), least?.item ?? -1);
  assert.equal(heap.peekFirst(), least?.first ?? Infinity);
  assert.equal(heap.peekSecond(), least?.second ?? Infinity);
}

function assertSameItems(heap: Heap, model: SortedArray): void {
  assert.deepEqual(
    [...heap].sort((a, b) => a - b),
    model.entries.map(({ item }) => item).sort((a, b) => a - b),
  );
  for (const { item, second } of model.entries) assert.equal(heap.secondOf(item), second);
}

/** One step on one of a few heaps that share their places, as the heaps of a queue do. */
type Step =
  | { readonly kind: 'push'; readonly heap: number; readonly item: number; readonly first: number }
  | { readonly kind: 'pop'; readonly heap: number }
  | { readonly kind: 'remove'; readonly heap: number; readonly item: number }
  | { readonly kind: 'move'; readonly heap: number; readonly to: number };

const HEAPS = 3;
const heapNumber = fc.nat({ max: HEAPS - 1 });
const item = fc.nat({ max: 300 });
/** Few priorities, so that many are equal, and every odd number there is. */
const key = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(-0, 1e15, -1e15, Infinity, -Infinity),
  fc.double({ noNaN: true }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('push' as const), heap: heapNumber, item, first: key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pop' as const), heap: heapNumber }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), heap: heapNumber, item }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), heap: heapNumber, to: heapNumber }) },
);

describe('a heap', () => {
  test('gives what a sorted array would give, with removals, beside others that share its places', () => {
    let steps = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 400, size: 'max' }), (script) => {
        const places = new Places();
        const heaps = Array.from({ length: HEAPS }, () => new Heap(places));
        const models = Array.from({ length: HEAPS }, () => new SortedArray());
        let order = 0;
        const push = (n: number, { item, first }: { item: number; first: number }): void => {
          // An item is in one heap at a time; where it is already, it is taken out first, as the queues do.
          for (const [m, heap] of heaps.entries())
            assert.equal(heap.remove(item), (models[m] as SortedArray).remove(item));
          (heaps[n] as Heap).push(item, first, ++order);
          (models[n] as SortedArray).push({ item, first, second: order });
        };
        for (const next of script) {
          const heap = heaps[next.heap] as Heap;
          const model = models[next.heap] as SortedArray;
          if (next.kind === 'push') push(next.heap, next);
          else if (next.kind === 'pop') assert.equal(heap.pop(), model.pop());
          else if (next.kind === 'remove') {
            assert.equal(
              heap.has(next.item),
              model.entries.some((entry) => entry.item === next.item),
            );
            assert.equal(heap.remove(next.item), model.remove(next.item));
          } else if (heap.size > 0) {
            const first = heap.peekFirst();
            const moved = heap.pop();
            assert.equal(moved, model.pop());
            push(next.to, { item: moved, first });
          }
          for (const [n, other] of heaps.entries()) assertSame(other, models[n] as SortedArray);
          steps++;
        }
        for (const [n, other] of heaps.entries()) assertSameItems(other, models[n] as SortedArray);
      }),
      { numRuns: 150 },
    );
    assert.ok(steps >= 10_000, `only ${steps} steps were tried`);
  });

  test('sorts fifty thousand items of few priorities first in, first out, half of them removed in between', () => {
    const { random } = createFakeClock({ seed: 5 });
    const heap = new Heap(new Places());
    const expected: Entry[] = [];
    for (let n = 0; n < 50_000; n++) {
      const entry = { item: n, first: -Math.floor(random() * 4), second: n * 65_536 };
      heap.push(entry.item, entry.first, entry.second);
      expected.push(entry);
    }
    for (let n = 0; n < 50_000; n += 2) assert.ok(heap.remove(n));
    const kept = expected.filter(({ item }) => item % 2 === 1);
    kept.sort((a, b) => a.first - b.first || a.second - b.second);
    for (const { item } of kept) assert.equal(heap.pop(), item);
    assert.equal(heap.pop(), -1);
    assert.equal(heap.size, 0);
  });

  test('moves an item up as well as down when it fills the place of a removed one', () => {
    const heap = new Heap(new Places());
    // The last one is less than the parent of the place that is removed: it must rise, not sink.
    const firsts = [0, 100, 1, 2, 3, 101, 102, 103, 104, 5];
    firsts.forEach((first, n) => heap.push(n, first, n));
    assert.ok(heap.remove(5));
    const out: number[] = [];
    while (heap.size > 0) {
      out.push(heap.peekFirst());
      heap.pop();
    }
    assert.deepEqual(
      out,
      [...out].sort((a, b) => a - b),
    );
    assert.equal(out.length, firsts.length - 1);
  });

  test('knows only its own items', () => {
    const places = new Places();
    const [ready, later] = [new Heap(places), new Heap(places)];
    ready.push(7, 1, 1);
    later.push(9, 1, 1);
    assert.ok(ready.has(7) && !ready.has(9) && !ready.has(8) && !ready.has(100_000));
    assert.equal(ready.remove(9), false);
    assert.equal(later.remove(9), true);
    assert.equal(later.remove(9), false);
    assert.deepEqual([...ready], [7]);
    assert.deepEqual([ready.secondOf(7), ready.secondOf(9), later.secondOf(7)], [1, NaN, NaN]);
  });

  test('that is empty says so', () => {
    const heap = new Heap(new Places());
    assert.equal(heap.pop(), -1);
    assert.equal(heap.peek(), -1);
    assert.equal(heap.peekFirst(), Infinity);
    assert.equal(heap.peekSecond(), Infinity);
    assert.equal(heap.remove(0), false);
    assert.deepEqual([...heap], []);
  });
});
