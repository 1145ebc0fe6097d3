/**
 * A 4-ary min-heap of small integers (slots), ordered by two numbers, from which any item can be removed.
 *
 * Everything is in typed arrays: a heap of a million items is three arrays that the garbage collector need not walk.
 * Four children to a node make the tree half as deep as two would, which saves more cache misses than the extra
 * comparisons cost (LaMarca and Ladner, "The influence of caches on the performance of heaps", 1996).
 */

/** Most heaps of an engine with many queues and keys are empty: what holds nothing has no arrays of its own. */
const NOTHING = new Int32Array(0);
const NO_KEYS = new Float64Array(0);
const SMALLEST = 16;

/** Where each item stands in its heap; shared by heaps that never hold the same item at once. */
export class Places {
  #at: Int32Array = NOTHING;

  of(item: number): number {
    return this.#at[item] ?? -1;
  }

  set(item: number, place: number): void {
    if (item >= this.#at.length) this.#grow(item);
    this.#at[item] = place;
  }

  #grow(item: number): void {
    const larger = new Int32Array(Math.max(item + 1, SMALLEST, Math.ceil(this.#at.length * 1.5))).fill(-1);
    larger.set(this.#at);
    this.#at = larger;
  }
}

const CHILDREN = 4;

export class Heap {
  #items: Int32Array = NOTHING;
  #firsts: Float64Array = NO_KEYS;
  #seconds: Float64Array = NO_KEYS;
  #size = 0;
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  get size(): number {
    return this.#size;
  }

  /** The least item, or -1 when empty. */
  peek(): number {
    return this.#size === 0 ? -1 : (this.#items[0] as number);
  }

  /** The first key of the least item, or Infinity when empty. */
  peekFirst(): number {
    return this.#size === 0 ? Infinity : (this.#firsts[0] as number);
  }

  /** The second key of the least item, or Infinity when empty. */
  peekSecond(): number {
    return this.#size === 0 ? Infinity : (this.#seconds[0] as number);
  }

  /** Adds an item that is in no heap. Least `first` comes out first; equal `first`: least `second`. */
  push(item: number, first: number, second: number): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#rise(this.#size++, item, first, second);
  }

  /** Takes out the least item; -1 when empty. */
  pop(): number {
    if (this.#size === 0) return -1;
    const least = this.#items[0] as number;
    this.#removeAt(0);
    return least;
  }

  has(item: number): boolean {
    const place = this.#places.of(item);
    return place >= 0 && place < this.#size && this.#items[place] === item;
  }

  /** The second key of `item`, or NaN if it is not here. */
  secondOf(item: number): number {
    return this.has(item) ? (this.#seconds[this.#places.of(item)] as number) : Number.NaN;
  }

  /** Takes out `item`; false if it is not here. */
  remove(item: number): boolean {
    if (!this.has(item)) return false;
    this.#removeAt(this.#places.of(item));
    return true;
  }

  /** All items, in no order. */
  *[Symbol.iterator](): Generator<number> {
    for (let place = 0; place < this.#size; place++) yield this.#items[place] as number;
  }

  #removeAt(place: number): void {
    this.#places.set(this.#items[place] as number, -1);
    const last = --this.#size;
    if (place === last) return;
    const item = this.#items[last] as number;
    const first = this.#firsts[last] as number;
    const second = this.#seconds[last] as number;
    const parent = (place - 1) >> 2;
    if (place > 0 && this.#isBefore(first, second, parent)) this.#rise(place, item, first, second);
    else this.#sink(place, item, first, second);
  }

  #isBefore(first: number, second: number, place: number): boolean {
    const otherFirst = this.#firsts[place] as number;
    return first < otherFirst || (first === otherFirst && second < (this.#seconds[place] as number));
  }

  #rise(from: number, item: number, first: number, second: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (!this.#isBefore(first, second, parent)) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#put(place, item, first, second);
  }

  #sink(from: number, item: number, first: number, second: number): void {
    let place = from;
    for (;;) {
      const child = this.#leastChild(place);
      if (child < 0 || this.#isBefore(first, second, child)) break;
      this.#move(child, place);
      place = child;
    }
    this.#put(place, item, first, second);
  }

  #leastChild(place: number): number {
    const start = place * CHILDREN + 1;
    if (start >= this.#size) return -1;
    const end = Math.min(start + CHILDREN, this.#size);
    let least = start;
    for (let child = start + 1; child < end; child++) {
      if (this.#isBefore(this.#firsts[child] as number, this.#seconds[child] as number, least)) least = child;
    }
    return least;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#items[from] as number, this.#firsts[from] as number, this.#seconds[from] as number);
  }

  #put(place: number, item: number, first: number, second: number): void {
    this.#items[place] = item;
    this.#firsts[place] = first;
    this.#seconds[place] = second;
    this.#places.set(item, place);
  }

  #grow(): void {
    const capacity = Math.max(SMALLEST, Math.ceil(this.#items.length * 1.5));
    const items = new Int32Array(capacity);
    items.set(this.#items);
    this.#items = items;
    const firsts = new Float64Array(capacity);
    firsts.set(this.#firsts);
    this.#firsts = firsts;
    const seconds = new Float64Array(capacity);
    seconds.set(this.#seconds);
    this.#seconds = seconds;
  }
}
