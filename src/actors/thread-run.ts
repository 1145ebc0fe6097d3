import type { AbortReason, Answer, LogLevel, Outcome, Request, RunOrder } from '../protocol.ts';
import type { Thread } from './thread.ts';

/** Who is told what an attempt does. In the order of the calls; none of them may throw. */
export interface ThreadListener {
  /** The module is loaded and the handler begins. Called at most once; inside `run` if the thread had it already. */
  loaded?(): void;
  /** JSON. */
  progress(progress: string): void;
  /** `fields` is JSON. */
  log(level: LogLevel, message: string, fields: string | undefined): void;
  request(request: Request, answer: (answer: Answer) => void): void;
  /** Called exactly once. */
  ended(outcome: Outcome): void;
  /**
   * The slot is free: the thread is clean, or really gone. Called exactly once, after `ended`.
   *
   * @param left what the attempt left behind in its thread, so that this had to be replaced; for a warning
   */
  released(left: string | undefined): void;
}

/** An attempt on a thread. */
export interface ThreadRun {
  /** Whether the thread, or the module in it, has yet to be loaded. To limit that time is the caller's part: `kill`. */
  readonly loading: boolean;
  /** Asks the handler to stop. The first reason stands. */
  abort(reason: AbortReason): void;
  /**
   * Ends the thread. `ended` follows once it is gone: with what the handler made of it if it was faster, else with
   * `ThreadLostError`, or `HandlerLoadError` while loading.
   */
  kill(): void;
}

/** The attempt as its thread has it. It may move: what one thread refused, another one gets. */
export class Run implements ThreadRun {
  readonly order: RunOrder;
  readonly listener: ThreadListener;
  loading = true;
  #toldLoaded = false;
  reason: AbortReason | undefined;
  ended = false;
  killed = false;
  thread: Thread | undefined;

  readonly #freed: () => void;

  /** @param freed called with its release */
  constructor(order: RunOrder, listener: ThreadListener, freed: () => void) {
    this.order = order;
    this.listener = listener;
    this.#freed = freed;
  }

  abort(reason: AbortReason): void {
    if (this.reason !== undefined || this.ended) return;
    this.reason = reason;
    this.thread?.abort(this);
  }

  kill(): void {
    this.killed = true;
    this.thread?.kill('it was killed');
  }

  loaded(): void {
    this.loading = false;
    if (this.#toldLoaded) return;
    this.#toldLoaded = true;
    this.listener.loaded?.();
  }

  end(outcome: Outcome): void {
    if (this.ended) return;
    this.ended = true;
    this.listener.ended(outcome);
  }

  release(left: string | undefined): void {
    this.thread = undefined;
    this.#freed();
    this.listener.released(left);
  }
}
