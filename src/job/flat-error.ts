// What is thrown may be anything: null, a function, a proxy whose traps throw, an error that is its own cause, a message
// of 100 MB. So each property is read once, inside a try, checked for its type and cut to a bound.
import { describe } from './describe.ts';
import { MAX_DURATION_MS } from './duration.ts';

/**
 * What a handler throws, as data: it crosses a thread and lives in the log. Every text in it is well-formed and bounded,
 * so that it can be written as JSON and read back the same.
 */
export interface FlatError {
  /** `NonError` if what was thrown is not an error. */
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  /** Of a `RetryableError`. */
  readonly retryAfterMs?: number;
  /** Of a `SnoozeError`. */
  readonly delayMs?: number;
  readonly cause?: FlatError;
}

/** The codes by which a handler says how its attempt shall end. */
export type VerdictCode = 'HOLDFAST_RETRYABLE' | 'HOLDFAST_TERMINATE' | 'HOLDFAST_SNOOZE';
const VERDICTS: readonly string[] = ['HOLDFAST_RETRYABLE', 'HOLDFAST_TERMINATE', 'HOLDFAST_SNOOZE'];

/** Characters of a message and of a stack. */
const MAX_TEXT = 8_192;
/** Characters of a name and of a code. */
const MAX_WORD = 128;
/** How many causes below the error itself are kept, and looked at for a code. */
export const MAX_CAUSES = 5;
/** Characters of a stack's message that are kept when the stack is too long, so that its frames are kept too. */
const MAX_HEADING = 1_024;

/** Makes data of whatever was thrown. It never throws, and what it gives back is plain, bounded and without cycles. */
export function flattenError(thrown: unknown): FlatError {
  return flatten(thrown, []);
}

function flatten(thrown: unknown, above: readonly unknown[]): FlatError {
  if (typeof thrown === 'string') return { name: 'NonError', message: bounded(thrown, MAX_TEXT) };
  if (typeof thrown !== 'object' || thrown === null) {
    return { name: 'NonError', message: `${describe(thrown)} was thrown` };
  }
  const message = text(read(thrown, 'message'), MAX_TEXT);
  const name = text(read(thrown, 'name'), MAX_WORD);
  const stack = textOfStack(read(thrown, 'stack'));
  const code = codeIn(thrown);
  const retryAfterMs = duration(read(thrown, 'retryAfterMs'));
  const delayMs = duration(read(thrown, 'delayMs'));
  const cause = above.length < MAX_CAUSES ? read(thrown, 'cause') : undefined;
  const hasCause = cause !== undefined && cause !== null && cause !== thrown && !above.includes(cause);
  return {
    name: name ?? (stack === undefined ? 'NonError' : 'Error'),
    message: message ?? `${wellFormed(describe(thrown))} was thrown`,
    ...(stack !== undefined && { stack }),
    ...(code !== undefined && { code: bounded(code, MAX_WORD) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(delayMs !== undefined && { delayMs }),
    ...(hasCause && { cause: flatten(cause, [...above, thrown]) }),
  };
}

/** An `Error` again, with the name, stack, code and causes it had; for `result()` to reject with and for log lines. */
export function rebuildError(flat: FlatError): Error {
  const { name, message, stack, cause, ...rest } = flat;
  const error = new Error(message, cause === undefined ? undefined : { cause: rebuildError(cause) });
  const hidden = { configurable: true, writable: true, enumerable: false };
  Object.defineProperties(error, {
    name: { ...hidden, value: name },
    // Its own stack would tell where it was rebuilt, which explains nothing.
    stack: { ...hidden, value: stack ?? `${name}: ${message}` },
  });
  return Object.assign(error, rest);
}

/** How the handler wanted its attempt to end, and when to go on. The moments are those of the error with the code. */
export interface Verdict {
  readonly code: VerdictCode;
  readonly retryAfterMs: number | undefined;
  readonly delayMs: number | undefined;
}

/**
 * The outermost of our three codes for handlers, in the error or in one of its causes, be they errors or `FlatError`s.
 * So a `TerminateError` that a library wrapped in an error of its own is still one. Never throws.
 */
export function verdictOf(thrown: unknown): Verdict | undefined {
  for (const link of chain(thrown)) {
    const code = codeIn(link);
    if (code !== undefined && VERDICTS.includes(code)) {
      return {
        code: code as VerdictCode,
        retryAfterMs: duration(read(link, 'retryAfterMs')),
        delayMs: duration(read(link, 'delayMs')),
      };
    }
  }
  return undefined;
}

/** The code of `verdictOf`. */
export function codeOf(thrown: unknown): VerdictCode | undefined {
  return verdictOf(thrown)?.code;
}

/** Whether an error or one of its causes has one of these codes. Never throws. */
export function hasCode(thrown: unknown, codes: readonly string[]): boolean {
  return chain(thrown).some((link) => codes.includes(codeIn(link) ?? ''));
}

/** An error and its causes, as far down as `flattenError` keeps them, so that it says the same on both sides of a thread. */
function chain(thrown: unknown): readonly object[] {
  const links: object[] = [];
  let link = thrown;
  while (typeof link === 'object' && link !== null && links.length <= MAX_CAUSES && !links.includes(link)) {
    links.push(link);
    link = read(link, 'cause');
  }
  return links;
}

function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** Numbers are codes too, in gRPC for instance. */
function codeIn(thrown: object): string | undefined {
  const code = read(thrown, 'code');
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' ? code : undefined;
}

function duration(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS ? Math.round(value) : undefined;
}

function text(value: unknown, limit: number): string | undefined {
  return typeof value === 'string' ? bounded(value, limit) : undefined;
}

/** A stack begins with the message, so a long message would leave no room for the frames, which are what it is for. */
function textOfStack(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length <= MAX_TEXT) return text(value, MAX_TEXT);
  const frames = value.indexOf('\n    at ');
  if (frames <= MAX_HEADING) return bounded(value, MAX_TEXT);
  return bounded(`${value.slice(0, MAX_HEADING)}…${value.slice(frames, frames + MAX_TEXT)}`, MAX_TEXT);
}

function bounded(value: string, limit: number): string {
  if (value.length <= limit) return wellFormed(value);
  // Going through an array makes a string of its own: a mere slice would keep the 100 MB it was cut from alive.
  return wellFormed(Array.from(value.slice(0, limit - 2)).join('')).concat('…');
}

/** Half a surrogate pair cannot be written as UTF-8, so it would come back from the log as something else. */
function wellFormed(value: string): string {
  return /[\uD800-\uDFFF]/.test(value) ? value.replace(/\p{Surrogate}/gu, '\uFFFD') : value;
}
