/**
 * How many attempts should lie ready behind the one that a thread runs. Between the end of an attempt and the begin of one
 * that is not there yet lie a commit and two messages; what lies ready is to last for that long and not much longer,
 * since a job that was started can be overtaken by none that is more urgent. So it depends on how long handlers run.
 */

/** How long a thread would wait for its next attempt, ms. */
const GAP_MS = 2;
/** How many may lie ready for one thread: of jobs of 0.1 ms as many as last for most of the gap. */
export const MOST_READY = 16;
/** Where handlers run for longer, in ms, the gap matters little, and what lies ready would be put back again and again. */
const LONGEST_MS = 50;
/** How much the last attempt counts in the moving average. */
const WEIGHT = 1 / 8;

export class StartsAhead {
  /** How long handlers ran of late, ms; Infinity before the first. */
  #averageMs = Infinity;

  /** A handler ran for `ms` on a thread. */
  ran(ms: number): void {
    const known = Math.max(0, ms);
    if (this.#averageMs === Infinity) this.#averageMs = known;
    else this.#averageMs += (known - this.#averageMs) * WEIGHT;
  }

  /** What lay ready was taken back, because handlers run for longer than was thought. */
  waitedTooLong(): void {
    this.#averageMs = Math.max(this.#averageMs, 2 * LONGEST_MS);
  }

  /** For one thread. */
  get perThread(): number {
    if (this.#averageMs > LONGEST_MS) return 0;
    return Math.min(Math.max(Math.ceil(GAP_MS / this.#averageMs), 1), MOST_READY);
  }
}
