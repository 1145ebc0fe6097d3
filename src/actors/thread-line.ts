/**
 * The attempts that a thread was handed and has not given back, in order. The first one runs, or is about to; the others
 * lie ready behind it. Which of them the thread has begun, both sides know by a word of shared memory for each (`take` in
 * `protocol.ts`), so that those it has not can be taken back at any moment.
 */
import { isPlaceFree, layReady, numberAfter, take } from '../protocol.ts';
import type { Run } from './thread-run.ts';

export class ThreadLine {
  readonly #flags: Int32Array;
  #runs: Run[] = [];
  /** Of the one that was added last. */
  #number = 0;

  constructor(flags: Int32Array) {
    this.#flags = flags;
  }

  get size(): number {
    return this.#runs.length;
  }

  get first(): Run | undefined {
    return this.#runs[0];
  }

  /** The one that the thread may speak of. */
  get current(): Run | undefined {
    return this.#runs.find(({ ended }) => !ended);
  }

  /** Those behind the first. */
  get ready(): readonly Run[] {
    return this.#runs.slice(1);
  }

  get hasPlace(): boolean {
    return isPlaceFree(this.#flags, numberAfter(this.#number));
  }

  /** To be posted after that. */
  add(run: Run): void {
    this.#number = numberAfter(this.#number);
    run.number = this.#number;
    layReady(this.#flags, run.number);
    this.#runs.push(run);
  }

  includes(run: Run): boolean {
    return this.#runs.includes(run);
  }

  /** The first one is over; returns the next, whose turn it is. */
  shift(): Run | undefined {
    this.#runs.shift();
    return this.#runs[0];
  }

  /** Takes back one that lies ready; false if it is the first, or was begun. */
  takeBack(run: Run): boolean {
    const at = this.#runs.indexOf(run);
    if (at < 1 || !take(this.#flags, run.number)) return false;
    this.#runs.splice(at, 1);
    run.thread = undefined;
    return true;
  }

  /** Takes back what lies ready behind this one. */
  takeBackBehind(run: Run): readonly Run[] {
    return this.#runs.slice(this.#runs.indexOf(run) + 1).filter((other) => this.takeBack(other));
  }

  /** Whether another one stands behind it, which was begun if it could not be taken back: then this one is over. */
  isFollowed(run: Run): boolean {
    return this.#runs.at(-1) !== run;
  }

  /**
   * The thread is gone: those it had not begun, and those it had. The order was refused, or the thread died of an earlier
   * attempt before it came. A thread that died of its first one, though, would only be followed by its like.
   */
  dissolve(): { readonly unbegun: readonly Run[]; readonly begun: readonly Run[] } {
    const unbegun = this.#runs.filter(({ killed, number }) => !killed && number > 1 && take(this.#flags, number));
    const begun = this.#runs.filter((run) => !unbegun.includes(run));
    for (const run of unbegun) run.thread = undefined;
    this.#runs = [];
    return { unbegun, begun };
  }
}
