import { type AbortReason, abortError, type Answer, type LogLevel, type Outcome } from '../protocol.ts';
import type { Request, RunOrder } from '../protocol.ts';
import { flattenError, ThreadLostError } from '../errors.ts';
import type { Thread } from './thread.ts';

/** Who is told what an attempt does. In the order of the calls; none of them may throw. */
export interface ThreadListener {
  /** A thread has it now and loads its module first. Again if that thread was lost and another one has it. */
  loading?(): void;
  /** The module is loaded and the handler begins. Called at most once; inside `run` if an idle thread had it already. */
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
  /**
   * It lay ready for too long behind others and was not begun. Then it is called in place of all others. Without it the
   * attempt lies ready for as long as it takes.
   */
  putBack?(): void;
}

/** An attempt on a thread. */
export interface ThreadRun {
  /** Whether the thread, or the module in it, has yet to be loaded. To limit that time is the caller's part: `kill`. */
  readonly loading: boolean;
  /**
   * Asks the handler to stop. The first reason stands. What lies ready behind another attempt is not begun any more:
   * `ended` and `released` are called at once.
   */
  abort(reason: AbortReason): void;
  /**
   * Ends the thread. `ended` follows once it is gone: with what the handler made of it if it was faster, else with
   * `ThreadLostError`, or `HandlerLoadError` while loading. What only lies ready is taken from its thread instead.
   */
  kill(): void;
}

/** Who has the attempts, on threads or not yet. */
export interface RunOwner {
  /** Takes it back from where it lies ready behind others; false when it is its turn, or was. */
  withdraw(run: Run): boolean;
  /** It has given its slot back. */
  released(): void;
  /** The same, outside of what a thread tells. */
  freed(): void;
}

/** The attempt as its thread has it. It may move: what one thread refused, another one gets. */
export class Run implements ThreadRun {
  readonly order: RunOrder;
  readonly listener: ThreadListener;
  /** The round of looks for what lies ready too long in which it came. */
  readonly round: number;
  loading = true;
  #toldLoaded = false;
  reason: AbortReason | undefined;
  ended = false;
  killed = false;
  thread: Thread | undefined;
  /** As its thread counts. */
  number = 0;
  readonly #owner: RunOwner;

  constructor(order: RunOrder, listener: ThreadListener, owner: RunOwner, round: number) {
    this.order = order;
    this.listener = listener;
    this.#owner = owner;
    this.round = round;
  }

  abort(reason: AbortReason): void {
    if (this.reason !== undefined || this.ended) return;
    this.reason = reason;
    if (this.#owner.withdraw(this)) this.drop();
    else this.thread?.abort(this);
  }

  kill(): void {
    this.killed = true;
    if (this.#owner.withdraw(this)) this.drop();
    else this.thread?.killFor(this);
  }

  /** No thread has it, and none will. */
  drop(problem = 'it was killed', cause?: unknown): void {
    const { reason, killed, order } = this;
    const isAsked = reason !== undefined && !killed;
    const error = isAsked ? abortError(reason, order.job.id) : new ThreadLostError(problem, { cause });
    this.end({ ok: false, error: flattenError(error) });
    this.release(undefined);
    this.#owner.freed();
  }

  /** It is its turn on its thread. */
  begin(isLoading: boolean): void {
    this.loading = isLoading;
    if (!isLoading) this.loaded();
    else if (!this.#toldLoaded) this.listener.loading?.();
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
    this.#owner.released();
    this.listener.released(left);
  }

  /** It was withdrawn and has waited for too long. */
  putBack(): void {
    this.ended = true;
    this.#owner.released();
    this.listener.putBack?.();
  }
}
