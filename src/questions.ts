import type { Settle } from './actors/messages.ts';

export interface OpenQuestions {
  count: number;
}

/** A question to the journal that has no answer yet. Their number is bounded, so they are counted. */
export class Question<Value> implements Settle<Value> {
  readonly #open: OpenQuestions;
  readonly #resolve: (value: Value) => void;
  readonly #reject: (error: Error) => void;

  constructor(open: OpenQuestions, resolve: (value: Value) => void, reject: (error: Error) => void) {
    this.#open = open;
    this.#resolve = resolve;
    this.#reject = reject;
    open.count++;
  }

  resolve(value: Value): void {
    this.#open.count--;
    this.#resolve(value);
  }

  reject(error: Error): void {
    this.#open.count--;
    this.#reject(error);
  }
}
