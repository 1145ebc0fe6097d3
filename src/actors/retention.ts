/** Which finished jobs are to be forgotten, by age and by count, for each final state. */
import { Heap, Places } from '../kernel/heap.ts';
import type { JobTable } from '../job/table.ts';
import { FINAL_STATES, isFinal } from '../job/machine.ts';
import type { Keep } from '../options.ts';

type FinalState = (typeof FINAL_STATES)[number];

export class Retention {
  readonly #table: JobTable;
  readonly #keep: Readonly<Record<FinalState, Keep>>;
  /** Ordered by the moment of the end. */
  readonly #finished: Readonly<Record<FinalState, Heap>>;
  /** Those that an idempotency key still leads to, by the end of its window: they are not forgotten before. */
  readonly #held: Heap;

  constructor(table: JobTable, keep: Readonly<Record<FinalState, Keep>>) {
    this.#table = table;
    this.#keep = keep;
    // Its own places: a job that is cancelled while it waits is here before the dispatcher takes it out of its queue.
    const places = new Places();
    this.#finished = { completed: new Heap(places), cancelled: new Heap(places), dead: new Heap(places) };
    this.#held = new Heap(places);
  }

  /** A job has ended. */
  add(slot: number): void {
    const state = this.#table.stateOf(slot);
    if (!isFinal(state)) throw new RangeError(`A job that is ${state} has not ended.`);
    const { ageMs, count } = this.#keep[state as FinalState];
    if (ageMs === Infinity && count === Infinity) return;
    const heldUntil = this.#table.labelled.of(slot)?.idempotentUntil ?? 0;
    if (heldUntil > this.#table.dueAtOf(slot)) this.#held.push(slot, heldUntil, this.#table.orderOf(slot));
    else this.#finish(slot, state as FinalState);
  }

  #finish(slot: number, state: FinalState): void {
    this.#finished[state].push(slot, this.#table.dueAtOf(slot), this.#table.orderOf(slot));
  }

  has(slot: number): boolean {
    const { completed, cancelled, dead } = this.#finished;
    return completed.has(slot) || cancelled.has(slot) || dead.has(slot) || this.#held.has(slot);
  }

  /** A finished job was revived or removed by somebody else. */
  forget(slot: number): void {
    if (this.#held.remove(slot)) return;
    for (const state of FINAL_STATES) if (this.#finished[state].remove(slot)) return;
  }

  /** A job whose time has come, taken out; -1 when there is none. */
  takeDue(now: number): number {
    while (this.#held.peekFirst() <= now) {
      const slot = this.#held.pop();
      this.#finish(slot, this.#table.stateOf(slot) as FinalState);
    }
    for (const state of FINAL_STATES) {
      const finished = this.#finished[state];
      const { ageMs, count } = this.#keep[state];
      if (finished.size > count || finished.peekFirst() + ageMs <= now) return finished.pop();
    }
    return -1;
  }

  /** When the next job reaches its age, epoch ms; Infinity if none will. */
  get dueAt(): number {
    let dueAt = this.#held.peekFirst();
    for (const state of FINAL_STATES) {
      dueAt = Math.min(dueAt, this.#finished[state].peekFirst() + this.#keep[state].ageMs);
    }
    return dueAt;
  }
}
