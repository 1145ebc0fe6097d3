/**
 * Type and queue names as small numbers, so that a job holds two bytes for each. A name keeps its number for the life
 * of the process; the log stores names, never these numbers.
 */
import { InvalidArgumentError } from '../errors.ts';

/** How many different names of one kind an engine can tell apart. */
export const MOST_NAMES = 65_535;

export class Names {
  readonly #what: string;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  /** @param what for messages: 'type' or 'queue'. */
  constructor(what: string) {
    this.#what = what;
  }

  get size(): number {
    return this.#names.length;
  }

  /** The number of `name`, which is given one if it is new. @throws what `refusalOf` gives for it */
  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (!this.hasRoomFor(1)) throw this.#refused(name);
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  /** Whether `count` more names would fit, were they all new. */
  hasRoomFor(count: number): boolean {
    return this.#names.length + count <= MOST_NAMES;
  }

  /** Why these names cannot all be given numbers, or undefined when they can. */
  refusalOf(names: readonly string[]): InvalidArgumentError | undefined {
    const fresh = new Set<string>();
    for (const name of names) {
      if (!this.#numbers.has(name)) fresh.add(name);
      if (!this.hasRoomFor(fresh.size)) return this.#refused(name);
    }
    return undefined;
  }

  #refused(name: string): InvalidArgumentError {
    const expected = `at most ${MOST_NAMES} different names in one engine`;
    return new InvalidArgumentError({ field: this.#what, expected, got: name });
  }

  /** The number of `name`, or -1 if no job ever had it. */
  find(name: string): number {
    return this.#numbers.get(name) ?? -1;
  }

  /** All names, by number. */
  all(): readonly string[] {
    return this.#names;
  }

  name(number: number): string {
    const name = this.#names[number];
    if (name === undefined) throw new RangeError(`No ${this.#what} has the number ${number}.`);
    return name;
  }
}
