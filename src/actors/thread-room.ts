/**
 * Whether another job may be started on a thread: one is free, or a job may lie ready behind those that run. One that lies
 * ready counts as running everywhere. Should the process die meanwhile it is blamed beside those that ran; so a job that
 * was blamed once is only started on a thread that is free, and none lies ready where a few crashes are the end of a job,
 * since nobody would find out there who did it (`suspects.ts`).
 *
 * Who needs a free thread would never see one while others come and lie ready. So as long as anybody waits for that,
 * nobody does.
 */
import type { JobTable } from '../job/table.ts';
import type { Middleware } from '../middleware.ts';
import type { Router } from '../router.ts';
import type { Queue } from './queue.ts';
import { FEWEST_CRASHES } from './suspects.ts';
import type { Source } from './turns.ts';

export interface ThreadRoomParts {
  readonly table: JobTable;
  readonly router: Router;
  readonly threads: number;
  /** How many jobs there should be that lie ready. */
  readonly ahead: () => number;
  readonly maxCrashes: number;
  /** The engine's middleware. */
  readonly use: readonly Middleware[];
  /** Whether a queue or its keys have a rate: a start counts there, also one that is taken back. */
  readonly hasRate: (queue: string) => boolean;
}

export class ThreadRoom {
  /** Attempts of this lane whose slot was not released. */
  running = 0;
  readonly #parts: ThreadRoomParts;
  /** The queues whose next job needs a thread that is free. */
  readonly #wanting = new Set<Queue>();

  constructor(parts: ThreadRoomParts) {
    this.#parts = parts;
  }

  /**
   * Where the job stands that this queue would start now, on a thread or not; undefined when it may not start any.
   *
   * @param restsUntil told of each moment, epoch ms, at which a rate lets something start
   */
  nextOf(queue: Queue, now: number, restsUntil: (at: number) => void): Source | undefined {
    this.#wanting.delete(queue);
    if (this.#isThreadFree) return this.#nextOn(true, queue, now, restsUntil);
    // Whoever asks for all of them may find one that needs a free thread.
    const source = queue.restsUntil > now ? undefined : queue.next(true);
    if (source?.hold.lane === 'thread') {
      if (!this.#mayLieReady(source.jobs.peek())) this.#wanting.add(queue);
      else if (this.#isAnyAhead) return source;
    } else if (queue.rates === undefined) return source;
    return this.#nextOn(false, queue, now, restsUntil);
  }

  /** Nothing of this queue may start now, for another reason. */
  nothingOf(queue: Queue): undefined {
    this.#wanting.delete(queue);
  }

  #nextOn(isThreadFree: boolean, queue: Queue, now: number, restsUntil: (at: number) => void): Source | undefined {
    return queue.rates === undefined ? queue.next(isThreadFree) : queue.nextByRates(isThreadFree, now, restsUntil);
  }

  /** Whether this job may be started on a thread. */
  isFor(slot: number): boolean {
    return this.#isThreadFree || (this.#isAnyAhead && this.#mayLieReady(slot));
  }

  get #isThreadFree(): boolean {
    return this.running < this.#parts.threads;
  }

  get #isAnyAhead(): boolean {
    const { threads, ahead } = this.#parts;
    return this.#wanting.size === 0 && this.running < threads + ahead() && !this.#isAnyWrapped;
  }

  /**
   * Middleware begins on the main thread, and the thread that is kept for what it wraps is idle meanwhile: it must not be
   * taken by what lies ready.
   */
  get #isAnyWrapped(): boolean {
    const { use, router } = this.#parts;
    return use.length > 0 || router.all().some(({ lane, use: own }) => lane === 'thread' && own.length > 0);
  }

  /** How many threads there may be, and how many are taken: what lies ready takes none. */
  get taken(): { readonly limit: number; readonly running: number } {
    const { threads } = this.#parts;
    return { limit: threads, running: Math.min(this.running, threads) };
  }

  #mayLieReady(slot: number): boolean {
    const { table, maxCrashes, hasRate } = this.#parts;
    return maxCrashes >= FEWEST_CRASHES && table.crashesOf(slot) === 0 && !hasRate(table.queueOf(slot));
  }
}
