/**
 * Whether another job may be started on a thread: one is free, or a job may lie ready behind those that run. One that lies
 * ready counts as running everywhere. Should the process die meanwhile it is blamed beside those that ran; so a job that
 * was blamed once is only started on a thread that is free, and none lies ready where a few crashes are the end of a job,
 * since nobody would find out there who did it (`suspects.ts`).
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
  /** The engine's middleware. It begins on the main thread, so that what it wraps cannot lie ready on another. */
  readonly use: readonly Middleware[];
  /** Whether a queue or its keys have a rate: a start counts there, also one that is taken back. */
  readonly hasRate: (queue: string) => boolean;
}

export class ThreadRoom {
  /** Attempts of this lane whose slot was not released. */
  running = 0;
  readonly #parts: ThreadRoomParts;

  constructor(parts: ThreadRoomParts) {
    this.#parts = parts;
  }

  /**
   * Where the job stands that this queue would start now, on a thread or not; undefined when it may not start any.
   *
   * @param restsUntil told of each moment, epoch ms, at which a rate lets something start
   */
  nextOf(queue: Queue, now: number, restsUntil: (at: number) => void): Source | undefined {
    if (queue.rates !== undefined) return queue.nextByRates(this.#isThreadFree, now, restsUntil);
    const source = queue.next(this.#isThreadFree || this.#isAnyAhead);
    const isFound = source?.hold.lane !== 'thread' || this.isFor(source.jobs.peek());
    return isFound ? source : queue.next(false);
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
    return this.running < threads + ahead();
  }

  /** How many threads there may be, and how many are taken: what lies ready takes none. */
  get taken(): { readonly limit: number; readonly running: number } {
    const { threads } = this.#parts;
    return { limit: threads, running: Math.min(this.running, threads) };
  }

  #mayLieReady(slot: number): boolean {
    const { table, router, maxCrashes, use, hasRate } = this.#parts;
    if (maxCrashes < FEWEST_CRASHES || table.crashesOf(slot) > 0 || use.length > 0) return false;
    return router.find(table.typeOf(slot))?.use.length === 0 && !hasRate(table.queueOf(slot));
  }
}
