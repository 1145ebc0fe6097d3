/**
 * Chance from a seed. Every question has dice of its own, named by a label, so that taking an operation or a fault out
 * of a run leaves the throws of all others as they were: that is what makes a failing seed shrink.
 */
export class Dice {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #count = 1;

  constructor(seed: number, label: string) {
    let hash = 0x811c9dc5 ^ seed;
    for (let n = 0; n < label.length; n++) hash = Math.imul(hash ^ label.charCodeAt(n), 0x01000193);
    this.#a = hash | 0;
    this.#b = Math.imul(hash ^ (hash >>> 15) ^ seed, 0x85ebca6b);
    for (let n = 0; n < 8; n++) this.roll();
  }

  /** From 0 up to, but not including, 1 (sfc32, C. Doty-Humphrey). */
  roll(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  chance(odds: number): boolean {
    return this.roll() < odds;
  }

  /** A whole number, both ends included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.roll() * (most - least + 1));
  }

  pick<const Item>(items: readonly [Item, ...Item[]]): Item {
    return items[Math.floor(this.roll() * items.length)] as Item;
  }

  /** One of the keys, with odds as their weights stand to each other. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as Array<[Key, number]>;
    let left = this.roll() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries[0] as [Key, number])[0];
  }
}
