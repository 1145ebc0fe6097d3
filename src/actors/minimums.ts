/** Slots of the engine that are kept free for queues with a minimum. */
import type { Queue } from './queue.ts';

export class Minimums {
  readonly #entitled = new Set<Queue>();
  readonly #slots: number;

  /** @param slots how many the engine has */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** The settings of a queue may have changed. */
  consider(queue: Queue): void {
    if (queue.settings.minimum > 0) this.#entitled.add(queue);
    else this.#entitled.delete(queue);
  }

  /** Whether all slots that are free now are kept for other queues than this one. */
  keepFrom(queue: Queue, running: number, now: number): boolean {
    if (this.#entitled.size === 0 || queue.running < queue.settings.minimum) return false;
    let kept = 0;
    for (const other of this.#entitled) {
      if (other !== queue && other.heldUntil <= now) kept += Math.max(0, other.settings.minimum - other.running);
    }
    // What several queues were given may be too much together: one slot is always for everybody.
    return running + Math.min(kept, this.#slots - 1) >= this.#slots;
  }
}
