/** What becomes visible when a commit is durable: answers in the order of the log, handlers to start, ends to forget. */
import type { ActorRef } from '../kernel/actor.ts';
import type { RunnerMessage, Settle, Start } from './messages.ts';

class Refusal {
  readonly error: Error;

  constructor(error: Error) {
    this.error = error;
  }
}

export class Pending {
  readonly starts: Start[] = [];
  readonly kept: number[] = [];
  /** Who is answered, and with what; side by side, since there is one for each job that is enqueued. */
  readonly #asked: Array<Settle<unknown>> = [];
  readonly #answers: unknown[] = [];
  readonly #effects: Array<() => void> = [];

  get isEmpty(): boolean {
    return this.#asked.length === 0 && this.starts.length === 0 && this.kept.length === 0 && this.#effects.length === 0;
  }

  answer<Value>(settle: Settle<Value>, value: Value): void {
    this.#asked.push(settle);
    this.#answers.push(value);
  }

  /** A refusal waits as well: it may tell of something that is not durable yet. */
  refuse<Value>(settle: Settle<Value>, error: Error): void {
    this.#asked.push(settle);
    this.#answers.push(new Refusal(error));
  }

  whenDurable(effect: () => void): void {
    this.#effects.push(effect);
  }

  release(runner: ActorRef<RunnerMessage>): void {
    for (let n = 0; n < this.#asked.length; n++) {
      const settle = this.#asked[n] as Settle<unknown>;
      const answer = this.#answers[n];
      if (answer instanceof Refusal) settle.reject(answer.error);
      else settle.resolve(answer);
    }
    if (this.kept.length > 0) runner.tell({ kind: 'kept', tokens: this.kept });
    if (this.starts.length > 0) runner.tell({ kind: 'run', starts: this.starts });
    for (const effect of this.#effects) effect();
  }

  /** The commit failed: what was decided may or may not be on disk. */
  lose(error: Error): void {
    for (const settle of this.#asked) settle.reject(error);
  }
}
