/**
 * What a thread says, looked at before it is stored. Our own code there has checked it, but the handler shares the thread
 * with that code, and a text that is no JSON would be in the log for ever: each reader of the job would stumble over it.
 */
import { flattenError, InvalidResultError } from '../errors.ts';
import type { JsonRole } from '../job/json.ts';
import type { Limits, Outcome } from '../protocol.ts';

/** Characters of a log line. */
const MOST_CHARACTERS = 8_192;

/** @throws {InvalidResultError} for what is too large, or no JSON */
export function checkWords(text: string, role: JsonRole, maxBytes: number): string {
  if (Buffer.byteLength(text) > maxBytes) {
    throw new InvalidResultError({ path: role, problem: `is larger than ${maxBytes} bytes` });
  }
  try {
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new InvalidResultError({ path: role, problem: 'is not what the thread should have made of it', cause });
  }
}

export function checkedOutcome(outcome: Outcome, { resultBytes }: Limits): Outcome {
  if (!outcome.ok || outcome.result === undefined) return outcome;
  try {
    return { ok: true, result: checkWords(outcome.result, 'result', resultBytes) };
  } catch (error) {
    return { ok: false, error: flattenError(error) };
  }
}

/** Undefined for what cannot be passed on: a report must never fail the work it tells about. */
export function checkedReport(text: string | undefined, maxBytes = MOST_CHARACTERS): string | undefined {
  try {
    return text === undefined ? undefined : checkWords(text, 'progress', maxBytes);
  } catch {
    return undefined;
  }
}

export function checkedMessage(message: string): string {
  return message.slice(0, MOST_CHARACTERS);
}
