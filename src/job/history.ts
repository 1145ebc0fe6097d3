/**
 * What the log knows of a job beyond the numbers that memory holds: its times, errors, checkpoint, result, progress.
 * It is folded from the job's records when somebody asks, or when the job is carried.
 */
import type { Carried, JobEvent } from './event.ts';

/** One failed attempt. */
export interface JobError {
  /** When the attempt failed, epoch ms. */
  readonly at: number;
  /** Which start of the job it was, from 1. */
  readonly start: number;
  /** The error as data: the JSON of a `FlatError`. */
  readonly error: string;
}

/** Plain data: it is stored as JSON inside a `carried` record. Bodies are JSON texts. */
export interface JobHistory {
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  checkpoint?: string;
  result?: string;
  /** Why it was cancelled, or is being cancelled. */
  cancelReason?: string;
  deathReason?: string;
  /** The newest last, at most `MOST_ERRORS`. */
  errors: JobError[];
  /** The last progress and the last log lines, as JSON. */
  report?: string;
}

export const MOST_ERRORS = 10;

/** Adds one record to the history; `start` counts the starts seen so far. */
export function foldHistory(records: ReadonlyArray<JobEvent | Carried>): JobHistory {
  let history: JobHistory = { createdAt: records[0]?.at ?? 0, errors: [] };
  let start = 0;
  for (const event of records) {
    switch (event.kind) {
      case 'carried':
        history = JSON.parse(event.history ?? '{}') as JobHistory;
        start = event.starts;
        break;
      case 'started':
        start = event.starts;
        history.startedAt = event.at;
        break;
      case 'checkpointed':
        if (event.checkpoint !== undefined) history.checkpoint = event.checkpoint;
        break;
      case 'progressed':
        if (event.report !== undefined) history.report = event.report;
        break;
      case 'updated':
        if (event.hasPayload) delete history.checkpoint;
        break;
      case 'cancelling':
        if (event.reason !== undefined) history.cancelReason = event.reason;
        break;
      case 'completed':
        history.finishedAt = event.at;
        if (event.result !== undefined) history.result = event.result;
        break;
      case 'failed':
        addError(history, event.at, start, event.error);
        break;
      case 'died':
        history.finishedAt = event.at;
        history.deathReason = event.why;
        addError(history, event.at, start, event.error);
        break;
      case 'cancelled':
        history.finishedAt = event.at;
        if (event.reason !== undefined) history.cancelReason = event.reason;
        break;
      case 'revived':
        delete history.finishedAt;
        delete history.result;
        delete history.deathReason;
        delete history.cancelReason;
        break;
      case 'enqueued':
      case 'interrupted':
      case 'snoozed':
      case 'rescheduled':
      case 'removed':
        break;
    }
  }
  return history;
}

/** What a job is to do, by its records: what the last one says that has a payload to give. */
export function payloadIn(records: ReadonlyArray<JobEvent | Carried>): string | undefined {
  let payload: string | undefined;
  for (const event of records) {
    if (event.kind === 'enqueued' || event.kind === 'carried') payload = event.payload;
    if (event.kind === 'updated' && event.hasPayload) payload = event.payload;
  }
  return payload;
}

function addError(history: JobHistory, at: number, start: number, error: string | undefined): void {
  if (error === undefined) return;
  history.errors.push({ at, start, error });
  if (history.errors.length > MOST_ERRORS) history.errors.shift();
}
