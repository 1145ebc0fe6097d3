import { type AbortReason, abortError } from './protocol.ts';

/**
 * The engine's hold on an attempt: it may ask it to stop, and it says when it is over. The handler never sees it, only
 * the signal that hangs on it. Making an `AbortController` costs more than all the rest, so that waits for a reader.
 */
export class AttemptControl {
  readonly #jobId: string;
  readonly #poll: (() => void) | undefined;
  #controller: AbortController | undefined;
  #reason: AbortReason | undefined;
  #error: Error | undefined;
  #ended = false;

  /** @param poll looks for an abort that no event could deliver yet, and calls `abort` if there is one. */
  constructor(jobId: string, poll?: () => void) {
    this.#jobId = jobId;
    this.#poll = poll;
  }

  /** Asks the attempt to stop. The first reason stands; after the end it is too late. */
  abort(reason: AbortReason): void {
    if (this.#reason !== undefined || this.#ended) return;
    this.#reason = reason;
    this.#controller?.abort(this.error);
  }

  /** From here on the context does nothing any more, and the signal stays as it is. */
  end(): void {
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get aborted(): boolean {
    if (this.#reason === undefined && !this.#ended) this.#poll?.();
    return this.#reason !== undefined;
  }

  /** What `signal.reason` is; undefined while nobody asked the attempt to stop. */
  get error(): Error | undefined {
    if (this.aborted && this.#reason !== undefined) this.#error ??= abortError(this.#reason, this.#jobId);
    return this.#error;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    if (this.error !== undefined) this.#controller.abort(this.error);
    if (this.#poll !== undefined) this.#watch(signal);
    return signal;
  }

  /** A loop that never lets an event in can only ask, so that asking must look further than at the last event. */
  #watch(signal: AbortSignal): void {
    Object.defineProperties(signal, {
      aborted: { get: () => this.aborted },
      reason: { get: () => this.error },
      throwIfAborted: {
        value: () => {
          if (this.error !== undefined) throw this.error;
        },
      },
    });
  }
}
