// `holdfast/worker`: all that the module of a handler needs.
export { defineHandler, type Handler, type JobContext, type JobLog, type LogMethod } from '../src/context.ts';
export { RetryableError, SnoozeError, TerminateError } from '../src/errors.ts';
export type { JobFacts } from '../src/protocol.ts';
