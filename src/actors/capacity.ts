/** Queues that hold a bounded number of waiting jobs: what is refused, and which jobs go when others come. */
import { QueueFullError, type QueueNotFoundError } from '../errors.ts';
import type { JobTable } from '../job/table.ts';
import { ENCOUNTERS } from '../job/unique.ts';
import { Heap, Places } from '../kernel/heap.ts';
import type { NewJob } from './messages.ts';
import type { QueueBook } from './queue-book.ts';

export class Capacity {
  readonly #table: JobTable;
  readonly #book: QueueBook;
  /** The waiting jobs of queues that drop their oldest, by order. Some do not wait any more, and are passed over. */
  readonly #oldest = new Map<number, Heap>();

  constructor(table: JobTable, book: QueueBook) {
    this.#table = table;
    this.#book = book;
  }

  /** Why these jobs cannot all be taken. */
  refusalOf(jobs: readonly NewJob[], at: number): QueueFullError | QueueNotFoundError | undefined {
    for (const { queue } of jobs) {
      const refusal = this.#book.refusalOf(queue, this.#table.queues);
      if (refusal !== undefined) return refusal;
    }
    if (this.#book.isUnbounded) return undefined;
    const coming = new Map<string, number>();
    for (const job of jobs) if (!this.#isStored(job, at)) coming.set(job.queue, (coming.get(job.queue) ?? 0) + 1);
    for (const [queue, count] of coming) {
      const { maxEntries, whenFull } = this.#book.settingsOf(queue);
      if (whenFull === 'reject' && this.#waitingIn(queue) + count > maxEntries) {
        return new QueueFullError({ queue, limit: maxEntries });
      }
    }
    return undefined;
  }

  /** Not to be started after this moment, epoch ms; 0 for none. */
  deadlineOf({ queue, deadlineAt }: NewJob, at: number): number {
    if (this.#book.isUnbounded) return deadlineAt;
    const { maxAgeMs } = this.#book.settingsOf(queue);
    if (maxAgeMs === Infinity) return deadlineAt;
    return deadlineAt === 0 ? at + maxAgeMs : Math.min(deadlineAt, at + maxAgeMs);
  }

  /** A job waits, or waits again. */
  add(slot: number): void {
    if (this.#oldest.size === 0) return;
    const heap = this.#oldest.get(this.#table.queueNumberOf(slot));
    if (heap === undefined) return;
    // Another job that had the slot may still be in there.
    heap.remove(slot);
    heap.push(slot, this.#table.orderOf(slot), 0);
  }

  /** A job was accepted: the oldest waiting job of its queue, if one must go for it, else -1. */
  excess(slot: number): number {
    if (this.#book.isUnbounded) return -1;
    const number = this.#table.queueNumberOf(slot);
    const { maxEntries, whenFull } = this.#book.settingsOf(this.#table.queueOf(slot));
    if (whenFull === 'reject' || this.#table.countOf(number, 'waiting') <= maxEntries) return -1;
    return this.#takeOldest(number);
  }

  /** Whether another job stands for this one, which so takes no room. */
  #isStored({ id, type, labels }: NewJob, at: number): boolean {
    const { ids, types, labelled } = this.#table;
    if (id !== undefined && ids.find(id) >= 0) return true;
    if (labels === undefined) return false;
    const { idempotency, unique } = labels;
    const number = types.find(type);
    if (idempotency !== undefined && labelled.idempotent(number, idempotency.key, at) >= 0) return true;
    const holder = unique === undefined ? undefined : labelled.holdersOf(number, unique.key).at(-1);
    if (unique === undefined || holder === undefined) return false;
    const state = this.#table.stateOf(holder) === 'running' ? 'running' : 'waiting';
    return ENCOUNTERS[unique.mode][state] !== 'follow';
  }

  #waitingIn(queue: string): number {
    const number = this.#table.queues.find(queue);
    return number < 0 ? 0 : this.#table.countOf(number, 'waiting');
  }

  #takeOldest(queue: number): number {
    const heap = this.#oldest.get(queue) ?? this.#gather(queue);
    for (;;) {
      const order = heap.peekFirst();
      const slot = heap.pop();
      if (slot < 0 || (this.#isWaitingIn(slot, queue) && this.#table.orderOf(slot) === order)) return slot;
    }
  }

  /** Once for each queue: from then on its jobs are added as they come. */
  #gather(queue: number): Heap {
    const heap = new Heap(new Places());
    this.#oldest.set(queue, heap);
    for (let slot = 0; slot < this.#table.end; slot++) if (this.#isWaitingIn(slot, queue)) this.add(slot);
    return heap;
  }

  #isWaitingIn(slot: number, queue: number): boolean {
    return this.#table.stateOf(slot) === 'waiting' && this.#table.queueNumberOf(slot) === queue;
  }
}
