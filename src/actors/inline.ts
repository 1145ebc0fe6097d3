/** Runs a handler on the main thread. The same contract as `Threads`: an outcome, whatever the handler does. */
import { encodeResult, type JobContext } from '../context.ts';
import { flattenError } from '../errors.ts';
import { decodeJson } from '../job/json.ts';
import type { Limits, Outcome } from '../protocol.ts';

export type InlineHandler = (payload: unknown, context: JobContext) => unknown;

/**
 * Calls `handler`, and `ended` once, with what it returned or threw; at once if it returns without a promise.
 *
 * @param payload JSON, or undefined for no payload
 */
export function runInline(
  handler: InlineHandler,
  payload: string | undefined,
  context: JobContext,
  limits: Limits,
  ended: (outcome: Outcome) => void,
): void {
  let returned: unknown;
  let isLater: boolean;
  try {
    returned = handler(payload === undefined ? undefined : decodeJson(payload), context);
    isLater = isPromise(returned);
  } catch (error) {
    ended(failure(error));
    return;
  }
  if (isLater) settle(returned, limits).then(ended, (error: unknown) => ended(failure(error)));
  else ended(outcomeOf(returned, limits));
}

/** It is awaited, and its `then` is not called: that of a handler's own making may throw, or answer twice. */
async function settle(returned: unknown, limits: Limits): Promise<Outcome> {
  return outcomeOf(await returned, limits);
}

function outcomeOf(result: unknown, limits: Limits): Outcome {
  if (result === undefined) return { ok: true, result: undefined };
  try {
    return { ok: true, result: encodeResult(result, limits) };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Outcome {
  return { ok: false, error: flattenError(error) };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
