/**
 * The waiting jobs of one queue: those whose time has come, by priority and then by order, and those that are due
 * later, by their moment. So a job that is due later never blocks one that is ready.
 *
 * The ready ones stand in a heap for each lane, since a job that needs a thread must not hold up one that does not.
 */
import type { JobTable } from '../job/table.ts';
import { Heap, type Places } from '../kernel/heap.ts';
import type { Lane } from './messages.ts';

export class Queue {
  readonly name: string;
  readonly concurrency: number;
  /** Attempts of this queue's jobs that hold a slot, those whose thread is still being ended included. */
  running = 0;
  readonly #table: JobTable;
  readonly #ready: Readonly<Record<Lane, Heap>>;
  readonly #later: Heap;

  constructor(name: string, concurrency: number, table: JobTable, places: Places) {
    this.name = name;
    this.concurrency = concurrency;
    this.#table = table;
    this.#ready = { inline: new Heap(places), thread: new Heap(places), none: new Heap(places) };
    this.#later = new Heap(places);
  }

  /** The moment at which the next job becomes ready, epoch ms; Infinity if none will. */
  get dueAt(): number {
    return this.#later.peekFirst();
  }

  /** Adds a waiting job. */
  add(slot: number, lane: Lane, now: number): void {
    const dueAt = this.#table.dueAtOf(slot);
    if (dueAt > now) this.#later.push(slot, dueAt, this.#table.orderOf(slot));
    else this.#ready[lane].push(slot, -this.#table.priorityOf(slot), this.#table.orderOf(slot));
  }

  /** Takes out a job that waits no more; false if it was not here. */
  remove(slot: number): boolean {
    const { inline, thread, none } = this.#ready;
    return inline.remove(slot) || thread.remove(slot) || none.remove(slot) || this.#later.remove(slot);
  }

  /** The jobs whose type nobody serves, taken out. */
  takeUnserved(): number[] {
    const slots = [...this.#ready.none];
    for (const slot of slots) this.#ready.none.remove(slot);
    return slots;
  }

  /** A job whose time has come, to be added again; -1 if there is none. */
  takeDue(now: number): number {
    return this.#later.peekFirst() <= now ? this.#later.pop() : -1;
  }

  /** The lane of the next job that could start, or undefined. */
  nextLane(isThreadFree: boolean): Exclude<Lane, 'none'> | undefined {
    const { inline, thread } = this.#ready;
    if (this.running >= this.concurrency) return undefined;
    if (thread.size === 0 || !isThreadFree) return inline.size === 0 ? undefined : 'inline';
    if (inline.size === 0) return 'thread';
    const first = thread.peekFirst() - inline.peekFirst();
    return first < 0 || (first === 0 && thread.peekSecond() < inline.peekSecond()) ? 'thread' : 'inline';
  }

  /** The job that `take` would give. */
  peek(lane: Lane): number {
    return this.#ready[lane].peek();
  }

  take(lane: Lane): number {
    return this.#ready[lane].pop();
  }
}
