/** How a command ends when it does not end well: one line that says what to do, and an exit code that programs can tell apart. */

/** As docs/cli.md tells them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  folder: 5,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What is said when a live engine does not answer any more. */
export const ENDED = 'The app that had the folder open has ended.';

export class Failure extends Error {
  readonly exitCode: ExitCode;
  /** The library's code, where it said no. */
  readonly code: string | undefined;

  constructor(exitCode: ExitCode, message: string, code?: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** By the code of the library; what is not here is `failed`. */
const OF_CODES: Readonly<Record<string, ExitCode>> = {
  HOLDFAST_INVALID_ARGUMENT: EXIT.usage,
  HOLDFAST_INVALID_PAYLOAD: EXIT.usage,
  HOLDFAST_JOB_NOT_FOUND: EXIT.notFound,
  HOLDFAST_QUEUE_NOT_FOUND: EXIT.notFound,
  HOLDFAST_SCHEDULE_NOT_FOUND: EXIT.notFound,
  HOLDFAST_JOB_EXISTS: EXIT.refused,
  HOLDFAST_ILLEGAL_TRANSITION: EXIT.refused,
  HOLDFAST_DUPLICATE_HANDLER: EXIT.refused,
  HOLDFAST_BUSY: EXIT.refused,
  HOLDFAST_IN_USE: EXIT.folder,
  HOLDFAST_DAMAGED: EXIT.folder,
  HOLDFAST_FORMAT: EXIT.folder,
  HOLDFAST_STORE_UNAVAILABLE: EXIT.folder,
};

/** Anything that was thrown, as a failure. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const exitCode = (code !== undefined && OF_CODES[code]) || EXIT.failed;
  return new Failure(exitCode, error instanceof Error ? error.message : String(error), code, { cause: error });
}

export function failureFrom(code: string | undefined, status: number, message: string): Failure {
  const exitCode =
    (code !== undefined && OF_CODES[code]) ||
    (status === 404 ? EXIT.notFound : status === 400 ? EXIT.usage : EXIT.failed);
  return new Failure(exitCode, message, code);
}
