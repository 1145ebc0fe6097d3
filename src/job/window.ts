/**
 * A sliding window: at most so many starts in any stretch of time of a given length, wherever it begins. It remembers the
 * moments themselves, at most as many as the limit, so there is no bucket that fills up while nothing happens: after a
 * sleep or a restart no more may start than at any other time.
 */
export interface Rate {
  /** Infinity for none. */
  readonly limit: number;
  readonly perMs: number;
}

export class Window {
  #rate: Rate;
  /** Starts that were allowed and have not been noted yet. */
  #promised = 0;
  /** From `#from` on, ascending. */
  #moments: number[] = [];
  #from = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  get rate(): Rate {
    return this.#rate;
  }

  /** What was allowed before and is not noted yet has to be allowed again. */
  set rate(rate: Rate) {
    this.#rate = rate;
    this.#promised = 0;
  }

  /** 0 when a start is allowed now; else the earliest moment at which one may be, epoch ms. */
  nextAt(now: number): number {
    this.#forget(now);
    const { limit, perMs } = this.#rate;
    const over = this.#moments.length - this.#from + this.#promised - limit;
    if (over < 0) return 0;
    // Those that are only promised will be noted now or later.
    return (this.#moments[this.#from + over] ?? now) + perMs;
  }

  get hasPromised(): boolean {
    return this.#promised > 0;
  }

  /** Whether one that is to be noted now was allowed, or is. */
  allows(now: number): boolean {
    return this.#promised > 0 || this.nextAt(now) === 0;
  }

  /** A start is allowed: it counts from now on, whenever it is noted. */
  promise(): void {
    this.#promised++;
  }

  /** A start that was promised comes to nothing. */
  breakPromise(): void {
    this.#promised--;
  }

  /** It is noted. */
  keepPromise(at: number): void {
    if (this.#promised > 0) this.#promised--;
    this.note(at);
  }

  /** There was a start; moments come in their order, and a clock that was set back does not make them run backwards. */
  note(at: number): void {
    this.#moments.push(Math.max(at, this.#moments.at(-1) ?? at));
  }

  /** Whether it has nothing to remember. */
  isEmpty(now: number): boolean {
    this.#forget(now);
    return this.#moments.length === this.#from && this.#promised === 0;
  }

  /** The moments it still remembers. */
  moments(now: number): number[] {
    this.#forget(now);
    return this.#moments.slice(this.#from);
  }

  #forget(now: number): void {
    const ahead = (this.#moments.at(-1) ?? now) - now;
    // The clock was set back: what is in the future now happened a moment ago.
    if (ahead > 0) {
      this.#moments = this.moments(now + ahead).map((at) => at - ahead);
      this.#from = 0;
    }
    while ((this.#moments[this.#from] ?? Infinity) <= now - this.#rate.perMs) this.#from++;
    if (this.#from * 2 < this.#moments.length) return;
    this.#moments = this.#moments.slice(this.#from);
    this.#from = 0;
  }
}
