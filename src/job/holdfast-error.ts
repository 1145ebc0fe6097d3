import { describe } from './describe.ts';

/** Every code an error of ours can carry. Codes are the contract: they outlive messages, classes and thread boundaries. */
export type HoldfastErrorCode =
  | 'HOLDFAST_INVALID_ARGUMENT'
  | 'HOLDFAST_INVALID_PAYLOAD'
  | 'HOLDFAST_INVALID_RESULT'
  | 'HOLDFAST_JOB_EXISTS'
  | 'HOLDFAST_DUPLICATE_JOB'
  | 'HOLDFAST_JOB_NOT_FOUND'
  | 'HOLDFAST_SCHEDULE_NOT_FOUND'
  | 'HOLDFAST_QUEUE_FULL'
  | 'HOLDFAST_QUEUE_NOT_FOUND'
  | 'HOLDFAST_ILLEGAL_TRANSITION'
  | 'HOLDFAST_CLOSED'
  | 'HOLDFAST_BUSY'
  | 'HOLDFAST_OUTCOME_UNKNOWN'
  | 'HOLDFAST_IN_USE'
  | 'HOLDFAST_DAMAGED'
  | 'HOLDFAST_FORMAT'
  | 'HOLDFAST_STORE_UNAVAILABLE'
  | 'HOLDFAST_JOB_FAILED'
  | 'HOLDFAST_JOB_CANCELLED'
  | 'HOLDFAST_ATTEMPT_TIMEOUT'
  | 'HOLDFAST_ATTEMPT_ENDED'
  | 'HOLDFAST_THREAD_LOST'
  | 'HOLDFAST_HANDLER_LOAD'
  | 'HOLDFAST_COMMAND_NOT_FOUND'
  | 'HOLDFAST_COMMAND_FAILED'
  | 'HOLDFAST_DUPLICATE_HANDLER'
  | 'HOLDFAST_EVENTS_TRIMMED'
  | 'HOLDFAST_INTERRUPTED'
  | 'HOLDFAST_RETRYABLE'
  | 'HOLDFAST_TERMINATE'
  | 'HOLDFAST_SNOOZE';

/**
 * What every error of this library is. Tell them apart by `code`: `instanceof` fails for an error that crossed a thread
 * or came out of the log, where only its name, message, stack, code and cause are kept.
 */
export abstract class HoldfastError extends Error {
  abstract readonly code: HoldfastErrorCode;
}

/**
 * An option or argument is not what it must be. Thrown at the call, before anything was stored: correct the value.
 * `got` describes the value in a few words and does not hold it, since values may be large or secret.
 */
export class InvalidArgumentError extends HoldfastError {
  override readonly code = 'HOLDFAST_INVALID_ARGUMENT';
  readonly field: string;
  readonly expected: string;
  readonly got: string;

  constructor(given: { readonly field: string; readonly expected: string; readonly got: unknown } & ErrorOptions) {
    const described = describe(given.got);
    super(`${given.field}: expected ${given.expected}, got ${described}.`, given);
    this.field = given.field;
    this.expected = given.expected;
    this.got = described;
  }
}

/**
 * Gives classes their names on the prototype, where the first line of a stack trace looks while an error is being
 * made. A field would come too late for it, and `constructor.name` is lost in minified bundles.
 */
export function nameErrors(classes: Readonly<Record<string, { readonly prototype: Error }>>): void {
  for (const [name, { prototype }] of Object.entries(classes)) {
    Object.defineProperty(prototype, 'name', { value: name, configurable: true, writable: true });
  }
}

nameErrors({ HoldfastError, InvalidArgumentError });
