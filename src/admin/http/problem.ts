/** What goes wrong, as an answer: one envelope, `{ error: { code, message, details } }`, and the status that fits it. */
import type { HoldfastError } from '../../index.ts';

/** The codes of the envelope. `details.code` has the library's own, more exact one. */
export const PROBLEM_CODES = [
  'invalid_argument',
  'not_found',
  'conflict',
  'duplicate',
  'gone',
  'unauthorized',
  'forbidden',
  'method_not_allowed',
  'payload_too_large',
  'unsupported_media_type',
  'rate_limited',
  'internal',
  'unavailable',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** A request that is refused. */
export class Problem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: ProblemCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** By the code of the library's error; what is not here is `internal`. */
const OF_ENGINE: Readonly<Record<string, readonly [status: number, code: ProblemCode]>> = {
  HOLDFAST_INVALID_ARGUMENT: [400, 'invalid_argument'],
  HOLDFAST_INVALID_PAYLOAD: [400, 'invalid_argument'],
  HOLDFAST_JOB_NOT_FOUND: [404, 'not_found'],
  HOLDFAST_QUEUE_NOT_FOUND: [404, 'not_found'],
  HOLDFAST_SCHEDULE_NOT_FOUND: [404, 'not_found'],
  HOLDFAST_JOB_EXISTS: [409, 'duplicate'],
  HOLDFAST_QUEUE_EXISTS: [409, 'duplicate'],
  HOLDFAST_SCHEDULE_EXISTS: [409, 'duplicate'],
  HOLDFAST_DUPLICATE_JOB: [409, 'duplicate'],
  HOLDFAST_DUPLICATE_HANDLER: [409, 'conflict'],
  HOLDFAST_ATTEMPT_ENDED: [409, 'conflict'],
  HOLDFAST_INVALID_RESULT: [400, 'invalid_argument'],
  HOLDFAST_ILLEGAL_TRANSITION: [409, 'conflict'],
  HOLDFAST_EVENTS_TRIMMED: [410, 'gone'],
  HOLDFAST_BUSY: [429, 'rate_limited'],
  HOLDFAST_QUEUE_FULL: [429, 'rate_limited'],
  HOLDFAST_CLOSED: [503, 'unavailable'],
  HOLDFAST_STORE_UNAVAILABLE: [503, 'unavailable'],
  HOLDFAST_OUTCOME_UNKNOWN: [503, 'unavailable'],
};

/** Facts of the library's errors that an answer may carry. */
const FACTS = [
  'field',
  'expected',
  'got',
  'path',
  'problem',
  'id',
  'state',
  'event',
  'limit',
  'what',
  'since',
  'oldest',
];

/** Anything that was thrown, as a problem. What is not known to be harmless is not told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = codeOf(error);
  if (code === undefined) return new Problem(500, 'internal', 'Something failed inside; the log of the app says what.');
  const [status, word] = OF_ENGINE[code] ?? [500, 'internal'];
  const facts = Object.entries(error as object).filter(([name]) => FACTS.includes(name));
  return new Problem(status, word, (error as Error).message, { code, ...Object.fromEntries(facts) });
}

/** The code of an error of the library, by which it is known on this side of whatever it crossed. */
export function codeOf(error: unknown): HoldfastError['code'] | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('HOLDFAST_') ? (error.code as HoldfastError['code']) : undefined;
}

export interface ProblemBody {
  readonly error: { readonly code: string; readonly message: string; readonly details: object };
}

export function bodyOf({ code, message, details }: Problem): ProblemBody {
  return { error: { code, message, details } };
}

export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const retry = problem.status === 429 || problem.status === 503 ? { 'retry-after': '1' } : {};
  return new Response(JSON.stringify(bodyOf(problem)), {
    status: problem.status,
    headers: { 'content-type': 'application/json', ...retry, ...headers },
  });
}
