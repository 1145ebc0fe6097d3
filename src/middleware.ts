/** What is wrapped around handlers: for logging, tracing, checking, or answering in their place. */
import type { JobContext } from './context.ts';
import { InvalidArgumentError } from './errors.ts';

/** Calls the next middleware, and in the end the handler; resolves with its result or rejects with its error. */
export type Next<Result = unknown> = () => Promise<Result>;

/**
 * Wraps every attempt of the job types it is given for. The first one given is the outermost; those of the engine lie
 * outside those of a type. It may look at the result of `next`, replace it, call `next` later, twice or not at all. It
 * runs on the main thread, also around a handler that runs on a thread.
 */
export type Middleware<Payload = unknown, Result = unknown> = (
  payload: Payload,
  context: JobContext,
  next: Next<Result>,
) => Promise<Result> | Result;

/**
 * Middleware of one job type: it knows the payload and what `next` resolves with. What it gives back takes the place of the
 * result, and is not checked against it, so that middleware for any type can be used here as well.
 */
export type MiddlewareOf<Payload, Result> = (payload: Payload, context: JobContext, next: Next<Result>) => unknown;

/** A handler with its middleware around it. */
export function wrapped(
  handler: (payload: unknown, context: JobContext) => unknown,
  chain: readonly Middleware[],
): (payload: unknown, context: JobContext) => unknown {
  return (payload, context) => {
    const call = (n: number): Promise<unknown> => {
      const middleware = chain[n];
      return Promise.resolve().then(() =>
        middleware === undefined ? handler(payload, context) : middleware(payload, context, () => call(n + 1)),
      );
    };
    return call(0);
  };
}

/** @throws {InvalidArgumentError} */
export function checkMiddleware(value: unknown, field: string): asserts value is readonly Middleware[] {
  if (Array.isArray(value) && value.every((middleware) => typeof middleware === 'function')) return;
  throw new InvalidArgumentError({ field, expected: 'a list of functions (payload, context, next)', got: value });
}
