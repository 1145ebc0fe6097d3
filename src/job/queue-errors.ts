/** Errors about queues. They are exported by `errors.ts`, with all others. */
import { HoldfastError, nameErrors } from './holdfast-error.ts';

/** A queue holds as many waiting jobs as it may. Nothing was stored; try again when some of them have been done. */
export class QueueFullError extends HoldfastError {
  override readonly code = 'HOLDFAST_QUEUE_FULL';
  readonly queue: string;
  readonly limit: number;

  constructor(given: { readonly queue: string; readonly limit: number } & ErrorOptions) {
    super(`The queue ${given.queue} is full: at most ${given.limit} jobs may wait in it.`, given);
    this.queue = given.queue;
    this.limit = given.limit;
  }
}

/** Nobody has said anything about a queue of this name, and no job was ever in it. */
export class QueueNotFoundError extends HoldfastError {
  override readonly code = 'HOLDFAST_QUEUE_NOT_FOUND';
  readonly queue: string;

  constructor(queue: string, options?: ErrorOptions) {
    super(`There is no queue ${queue}. Check its name, or create it with configureQueue.`, options);
    this.queue = queue;
  }
}

nameErrors({ QueueFullError, QueueNotFoundError });
