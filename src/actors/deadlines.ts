/** When attempts are to be asked to stop, or ended: one alarm for all of them. By the monotonic clock, in ms. */
import type { Alarm, Clock } from '../kernel/clock.ts';
import { Heap, Places } from '../kernel/heap.ts';

export class Deadlines {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #heap = new Heap(new Places());
  #alarmAt = Infinity;

  /** @param ring called when at least one deadline has come; then `takeMet` is to be asked until it gives none */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#alarm = clock.alarm('monotonic', () => {
      this.#alarmAt = Infinity;
      ring();
    });
  }

  /** Sets the deadline of the attempt with this token, in this slot, `afterMs` from now; Infinity for none. */
  set(slot: number, token: number, afterMs: number): void {
    this.#heap.remove(slot);
    if (afterMs === Infinity) return;
    this.#heap.push(slot, this.#clock.monotonic() + afterMs, token);
    this.#wind();
  }

  has(slot: number, token: number): boolean {
    return this.#heap.secondOf(slot) === token;
  }

  /** Forgets the deadline of this attempt; a later one in the same slot keeps its own. */
  clear(slot: number, token: number): void {
    if (this.has(slot, token)) this.#heap.remove(slot);
  }

  /** The token of an attempt whose deadline has come, taken out; undefined when there is none. */
  takeMet(): number | undefined {
    if (this.#heap.peekFirst() <= this.#clock.monotonic()) {
      const token = this.#heap.peekSecond();
      this.#heap.pop();
      return token;
    }
    this.#wind();
    return undefined;
  }

  /** An alarm that rings early finds nothing and is wound again: cheaper than moving it with every attempt. */
  #wind(): void {
    const at = this.#heap.peekFirst();
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    this.#alarm.set(at);
  }
}
