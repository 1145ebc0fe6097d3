/**
 * A map from numbers to values for what comes and goes all the time. A `Map` makes a new table every time it has been
 * filled with deleted entries, and each old table keeps alive what it held until the next full collection: with 50,000
 * attempts a second that was half of all the collector had to copy. Here nothing is ever made but to grow.
 *
 * Open addressing with linear probing; a deletion moves up what may move (Knuth 6.4, algorithm R).
 */
const SMALLEST = 16;
/** Above this share of the places being taken they are doubled. */
const FULLEST = 0.5;

export class NumberMap<Value> {
  #keys = new Float64Array(SMALLEST);
  #values: Array<Value | undefined> = newPlaces(SMALLEST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: number): Value | undefined {
    return this.#values[this.#placeOf(key)];
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  /** Any value but undefined, which says that there is none. */
  set(key: number, value: Value): void {
    if ((this.#size + 1) / this.#keys.length > FULLEST) this.#double();
    const place = this.#placeOf(key);
    if (this.#values[place] === undefined) this.#size++;
    this.#keys[place] = key;
    this.#values[place] = value;
  }

  delete(key: number): void {
    let place = this.#placeOf(key);
    if (this.#values[place] === undefined) return;
    const mask = this.#keys.length - 1;
    for (let next = (place + 1) & mask; this.#values[next] !== undefined; next = (next + 1) & mask) {
      const wanted = this.#wantedBy(this.#keys[next] as number);
      if (((next - wanted) & mask) < ((next - place) & mask)) continue;
      this.#keys[place] = this.#keys[next] as number;
      this.#values[place] = this.#values[next];
      place = next;
    }
    this.#values[place] = undefined;
    this.#size--;
  }

  /** In no order, as they are now. */
  keys(): number[] {
    return [...this.#keys].filter((_key, place) => this.#values[place] !== undefined);
  }

  /** In no order, as they are now. */
  values(): Value[] {
    return this.#values.filter((value) => value !== undefined);
  }

  /** Where the key stands, or would stand. */
  #placeOf(key: number): number {
    const mask = this.#keys.length - 1;
    let place = this.#wantedBy(key);
    while (this.#values[place] !== undefined && this.#keys[place] !== key) place = (place + 1) & mask;
    return place;
  }

  /** Slots count up; tokens lie some dozens apart, and exceed 32 bits. */
  #wantedBy(key: number): number {
    const mixed = Math.imul((key ^ (key / 0x1_0000_0000)) | 0, 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & (this.#keys.length - 1);
  }

  #double(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(keys.length * 2);
    this.#values = newPlaces(keys.length * 2);
    for (const [place, value] of values.entries()) {
      if (value === undefined) continue;
      const free = this.#placeOf(keys[place] as number);
      this.#keys[free] = keys[place] as number;
      this.#values[free] = value;
    }
  }
}

function newPlaces<Value>(count: number): Array<Value | undefined> {
  return new Array<Value | undefined>(count).fill(undefined);
}
