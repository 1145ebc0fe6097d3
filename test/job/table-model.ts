/** The job table done plainly: an object for each job, changed by the words of the design. */
import type { Carried, JobEvent } from '../../src/job/event.ts';
import { decodeLabels } from '../../src/job/labels.ts';
import { nextState, type JobState } from '../../src/job/machine.ts';
import type { JobRow } from '../../src/job/row.ts';

export type ModelJob = { -readonly [Field in keyof JobRow]: JobRow[Field] } & {
  checkpointBytes: number;
  payloadBytes: number;
  /** What it held without its checkpoint when it was revived for the first time. */
  revivedBytes?: number;
};

const MOST_COUNTED = 65_535;
const MOST_ERRORS = 10;

export class TableModel {
  readonly jobs = new Map<number, ModelJob>();

  apply(event: JobEvent | Carried, position: number, bytes: number): void {
    if (event.kind === 'enqueued') {
      this.jobs.set(event.slot, enqueuedJob(event, position, bytes));
      return;
    }
    if (event.kind === 'carried') {
      this.jobs.set(event.slot, carriedJob(event, position, bytes));
      return;
    }
    if (event.kind === 'removed') {
      this.jobs.delete(event.slot);
      return;
    }
    const job = this.jobs.get(event.slot) as ModelJob;
    const wasRunning = job.state === 'running';
    job.state = nextState(job.state, event.kind) as JobState;
    job.last = position;
    if ('dueAt' in event) job.dueAt = event.dueAt;
    else if (job.state !== 'running') job.dueAt = event.at;
    if (job.state !== 'running') {
      job.token = undefined;
      job.isCancelling = false;
    }
    switch (event.kind) {
      case 'started':
        job.starts = event.starts;
        job.token = position;
        break;
      case 'checkpointed':
        job.bytes += bytes - job.checkpointBytes;
        job.checkpoint = position;
        job.checkpointBytes = bytes;
        break;
      case 'updated':
        job.priority = event.priority;
        if (!event.keepAttempts) Object.assign(job, { attempts: 0, crashes: 0, snoozes: 0 });
        if (!event.hasPayload) break;
        job.bytes += bytes - job.checkpointBytes - job.payloadBytes;
        Object.assign(job, { checkpoint: undefined, checkpointBytes: 0, payload: position, payloadBytes: bytes });
        break;
      case 'cancelling':
        job.isCancelling = true;
        break;
      case 'completed':
        job.bytes += bytes;
        break;
      case 'failed':
      case 'died':
        if (event.kind === 'died' && event.why === 'unreachable') job.isUnreachable = true;
        if (!wasRunning) break;
        if (job.attempts < MOST_ERRORS) job.bytes += bytes;
        if (event.kind === 'died' && event.why === 'crashed') job.crashes = Math.min(job.crashes + 1, 255);
        else job.attempts = Math.min(job.attempts + 1, MOST_COUNTED);
        break;
      case 'interrupted':
        job.interrupts = Math.min(job.interrupts + 1, MOST_COUNTED);
        if (event.why === 'crashed') job.crashes = Math.min(job.crashes + 1, 255);
        break;
      case 'rescheduled':
        break;
      case 'snoozed':
        job.snoozes = Math.min(job.snoozes + 1, MOST_COUNTED);
        break;
      case 'revived':
        job.crashes = 0;
        job.snoozes = 0;
        job.isUnreachable = false;
        if (!event.keepAttempts) job.attempts = 0;
        job.revivedBytes ??= job.bytes - job.checkpointBytes - job.payloadBytes;
        job.bytes = job.revivedBytes + job.checkpointBytes + job.payloadBytes;
        break;
      case 'cancelled':
      case 'progressed':
        break;
    }
  }

  row(slot: number): JobRow {
    const { checkpointBytes: _c, payloadBytes: _p, revivedBytes: _r, ...row } = this.jobs.get(slot) as ModelJob;
    return row;
  }

  get liveBytes(): number {
    return [...this.jobs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

function enqueuedJob(event: JobEvent & { kind: 'enqueued' }, position: number, bytes: number): ModelJob {
  const { id, type, queue, priority, dueAt } = event;
  return {
    ...{ id, type, queue, priority, dueAt, bytes, state: 'waiting', token: undefined, isCancelling: false },
    ...{ starts: 0, attempts: 0, crashes: 0, interrupts: 0, snoozes: 0, isUnreachable: false },
    ...{ deadlineAt: event.deadlineAt || undefined, parents: event.parents || undefined, key: event.key || undefined },
    ...{
      order: position,
      createdAt: event.at,
      home: position,
      last: position,
      checkpoint: undefined,
      checkpointBytes: 0,
    },
    ...{ labels: event.labels === '' ? undefined : decodeLabels(event.labels), payload: undefined, payloadBytes: 0 },
  };
}

function carriedJob(event: Carried, position: number, bytes: number): ModelJob {
  const { id, type, queue, priority, dueAt, state, isCancelling, order } = event;
  const { starts, attempts, crashes, interrupts, snoozes } = event;
  return {
    ...{ id, type, queue, priority, dueAt, state, isCancelling, order, bytes, createdAt: event.createdAt },
    ...{ starts, attempts, crashes, interrupts, snoozes },
    ...{ home: position, last: position, checkpointBytes: 0, isUnreachable: event.isUnreachable },
    ...{ deadlineAt: event.deadlineAt || undefined, parents: event.parents || undefined, key: event.key || undefined },
    ...{ labels: event.labels === '' ? undefined : decodeLabels(event.labels), payload: undefined, payloadBytes: 0 },
    token: state === 'running' ? event.token : undefined,
    checkpoint: event.hasCheckpoint ? position : undefined,
  };
}
