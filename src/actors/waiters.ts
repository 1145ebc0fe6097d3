/** Who waits for the end of which job. */
import type { Settle, WaitAnswer, Whereabouts } from './messages.ts';
import type { Pending } from './pending.ts';

interface Waiting extends Whereabouts {
  readonly settles: Array<Settle<WaitAnswer>>;
}

const NOBODY: ReadonlyArray<Settle<WaitAnswer>> = [];

export class Waiters {
  readonly #bySlot = new Map<number, Waiting>();

  add(slot: number, order: number, settle: Settle<WaitAnswer>): void {
    const waiting = this.#bySlot.get(slot);
    if (waiting === undefined) this.#bySlot.set(slot, { slot, order, settles: [settle] });
    else waiting.settles.push(settle);
  }

  /** Those who wait for this job, who wait no more. */
  take(slot: number): ReadonlyArray<Settle<WaitAnswer>> {
    const waiting = this.#bySlot.get(slot);
    if (waiting === undefined) return NOBODY;
    this.#bySlot.delete(slot);
    return waiting.settles;
  }

  /**
   * Answers all who wait for this job as soon as the open frame is durable. If it is lost they wait on, since the end of
   * the job will be told again.
   */
  answer({ slot, order }: Whereabouts, answer: WaitAnswer, pending: Pending): void {
    if (this.#bySlot.size === 0) return;
    for (const settle of this.take(slot)) {
      pending.answer(
        { resolve: (value) => settle.resolve(value), reject: () => this.add(slot, order, settle) },
        answer,
      );
    }
  }

  /** The jobs that are waited for. */
  all(): Whereabouts[] {
    return [...this.#bySlot.values()];
  }

  lose(error: Error): void {
    for (const { settles } of this.#bySlot.values()) for (const settle of settles) settle.reject(error);
    this.#bySlot.clear();
  }
}
