/** How many jobs are in which state, for each of many numbered things (queues, types). */
export class StateCounts {
  readonly #states: number;
  readonly #counts: number[] = [];

  /** @param states how many states there are */
  constructor(states: number) {
    this.#states = states;
  }

  of(thing: number, state: number): number {
    return this.#counts[thing * this.#states + state] ?? 0;
  }

  /** One fewer in the state before, one more in the state after. */
  move(thing: number, before: number, after: number): void {
    const row = thing * this.#states;
    this.#counts[row + before] = (this.#counts[row + before] ?? 0) - 1;
    this.#counts[row + after] = (this.#counts[row + after] ?? 0) + 1;
  }
}
