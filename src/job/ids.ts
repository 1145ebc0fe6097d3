/**
 * The ids of all stored jobs: which slot has this id, and which id has this slot. A ULID is kept as 16 bytes and found
 * through an open-addressing hash (4 to 8 bytes more), where a `Map` of strings would take about 200. Other ids, given
 * by users, are kept as the strings they are.
 */
import { packUlid, unpackUlid } from './id.ts';

const WORDS = 4;
const EMPTY = -1;
/** Above this share of the index being full it is doubled; linear probing stays short below it. */
const FULLEST = 0.6;

export class Ids {
  #words = new Uint32Array(64 * WORDS);
  #index = new Int32Array(128).fill(EMPTY);
  #size = 0;
  readonly #custom = new Map<number, string>();
  readonly #sought = new Uint32Array(WORDS);

  get size(): number {
    return this.#size;
  }

  /** The id of a slot that holds one. */
  of(slot: number): string {
    return this.#custom.get(slot) ?? unpackUlid(this.#words, slot * WORDS);
  }

  /** Word `n` (0 to 3) of a slot's id; the hash of it when the id is not a ULID. */
  word(slot: number, n: number): number {
    return this.#words[slot * WORDS + n] as number;
  }

  isUlid(slot: number): boolean {
    return this.#custom.size === 0 || !this.#custom.has(slot);
  }

  /** The slot that holds `id`, or -1. */
  find(id: string): number {
    const isUlid = this.#pack(id);
    const mask = this.#index.length - 1;
    for (let place = this.#hash(this.#sought, 0) & mask; ; place = (place + 1) & mask) {
      const slot = this.#index[place] as number;
      if (slot === EMPTY) return -1;
      if (this.#isSought(slot) && (isUlid ? this.isUlid(slot) : this.#custom.get(slot) === id)) return slot;
    }
  }

  /** Stores `id` under a slot that holds none. The caller has seen that the id is not stored yet. */
  set(slot: number, id: string): void {
    if ((this.#size + 1) / this.#index.length > FULLEST) this.#growIndex(this.#index.length * 2);
    if ((slot + 1) * WORDS > this.#words.length) {
      this.#growWords(Math.max(slot + 1, Math.ceil((this.#words.length / WORDS) * 1.5)));
    }
    if (!this.#pack(id)) this.#custom.set(slot, id);
    // One by one: `set` costs four times as much for so few.
    for (let n = 0; n < WORDS; n++) this.#words[slot * WORDS + n] = this.#sought[n] as number;
    this.#enter(slot);
    this.#size++;
  }

  /** So many ids are expected, in slots from 0 on. */
  expect(count: number): void {
    let length = this.#index.length;
    while (count / length > FULLEST) length *= 2;
    if (length > this.#index.length) this.#growIndex(length);
    if (count * WORDS > this.#words.length) this.#growWords(count);
  }

  /** Forgets the id of `slot`. */
  delete(slot: number): void {
    const mask = this.#index.length - 1;
    let place = this.#hash(this.#words, slot * WORDS) & mask;
    while (this.#index[place] !== slot) place = (place + 1) & mask;
    // Linear probing has no gaps, so everything behind the freed place that may move up does (Knuth 6.4, algorithm R).
    for (let next = (place + 1) & mask; this.#index[next] !== EMPTY; next = (next + 1) & mask) {
      const other = this.#index[next] as number;
      const wanted = this.#hash(this.#words, other * WORDS) & mask;
      const mayMove = ((next - wanted) & mask) >= ((next - place) & mask);
      if (!mayMove) continue;
      this.#index[place] = other;
      place = next;
    }
    this.#index[place] = EMPTY;
    this.#custom.delete(slot);
    this.#size--;
  }

  /** Puts `id` into `#sought`; a hash of it stands there, and false is returned, when it is not a ULID. */
  #pack(id: string): boolean {
    if (packUlid(id, this.#sought, 0)) return true;
    let hash = 0x811c9dc5;
    for (let n = 0; n < id.length; n++) hash = Math.imul(hash ^ id.charCodeAt(n), 0x01000193);
    this.#sought.fill(hash);
    return false;
  }

  #isSought(slot: number): boolean {
    const from = slot * WORDS;
    return (
      this.#words[from + 3] === this.#sought[3] &&
      this.#words[from + 2] === this.#sought[2] &&
      this.#words[from + 1] === this.#sought[1] &&
      this.#words[from] === this.#sought[0]
    );
  }

  /** The low words are random, or count up within a millisecond; the multiplication spreads both. */
  #hash(words: Uint32Array, from: number): number {
    const mixed = Math.imul((words[from + 3] as number) ^ Math.imul(words[from + 1] as number, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  #enter(slot: number): void {
    const mask = this.#index.length - 1;
    let place = this.#hash(this.#words, slot * WORDS) & mask;
    while (this.#index[place] !== EMPTY) place = (place + 1) & mask;
    this.#index[place] = slot;
  }

  #growIndex(length: number): void {
    const old = this.#index;
    this.#index = new Int32Array(length).fill(EMPTY);
    for (const slot of old) if (slot !== EMPTY) this.#enter(slot);
  }

  #growWords(slots: number): void {
    const larger = new Uint32Array(slots * WORDS);
    larger.set(this.#words);
    this.#words = larger;
  }
}
