/** What an event changes of a stored job, but for its state: the numbers in the columns, and the facts that few jobs have. */
import { countUp, type JobColumns } from './columns.ts';
import type { Enqueued, JobEvent, Removed } from './event.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { StoredState } from './machine.ts';
import type { RareFacts } from './rare.ts';

export interface JobFacts {
  readonly columns: JobColumns;
  readonly rare: RareFacts;
  readonly live: LiveBytes;
}

export type JobChange = Exclude<JobEvent, Enqueued | Removed>;

const MOST_COUNTED = 65_535;
/** Errors beyond this many are not carried, so they do not count as alive. */
const MOST_ERRORS = 10;

/**
 * @param state in which the job was until now
 * @param position where the record of this event begins in the log
 * @param bytes the length of that record
 */
export function applyChange(
  { columns, rare, live }: JobFacts,
  event: JobChange,
  state: StoredState,
  position: number,
  bytes: number,
): void {
  const { slot } = event;
  switch (event.kind) {
    case 'started':
      columns.starts[slot] = event.starts;
      rare.tokens.set(slot, position);
      break;
    case 'checkpointed':
      live.hold(slot, bytes - rare.checkpointBytes(slot));
      rare.checkpoints.set(slot, { position, bytes });
      break;
    case 'progressed':
      break;
    case 'rescheduled':
      columns.dueAt[slot] = event.dueAt;
      break;
    case 'updated':
      columns.priority[slot] = event.priority;
      columns.dueAt[slot] = event.dueAt;
      if (!event.keepAttempts) startAnew(columns, slot);
      if (!event.hasPayload) break;
      live.hold(slot, bytes - rare.payloadBytes(slot) - rare.checkpointBytes(slot));
      rare.payloads.set(slot, { position, bytes });
      rare.checkpoints.delete(slot);
      break;
    case 'cancelling':
      rare.cancelling.add(slot);
      break;
    case 'failed':
      fail(columns, live, slot, bytes);
      columns.dueAt[slot] = event.dueAt;
      break;
    case 'interrupted':
      countUp(columns.interrupts, slot, MOST_COUNTED);
      if (event.why === 'crashed') countUp(columns.crashes, slot, 255);
      columns.dueAt[slot] = event.at;
      break;
    case 'snoozed':
      countUp(columns.snoozes, slot, MOST_COUNTED);
      columns.dueAt[slot] = event.dueAt;
      break;
    case 'completed':
      live.hold(slot, bytes);
      columns.dueAt[slot] = event.at;
      break;
    case 'cancelled':
      columns.dueAt[slot] = event.at;
      break;
    case 'died':
      if (state === 'running') fail(columns, live, slot, bytes, event.why === 'crashed');
      if (event.why === 'unreachable') rare.unreachable.add(slot);
      columns.dueAt[slot] = event.at;
      break;
    case 'revived':
      columns.dueAt[slot] = event.dueAt;
      if (!event.keepAttempts) columns.attempts[slot] = 0;
      columns.crashes[slot] = 0;
      columns.snoozes[slot] = 0;
      rare.unreachable.delete(slot);
      live.revive(slot, rare.checkpointBytes(slot) + rare.payloadBytes(slot));
      break;
  }
}

function startAnew(columns: JobColumns, slot: number): void {
  columns.attempts[slot] = 0;
  columns.crashes[slot] = 0;
  columns.snoozes[slot] = 0;
}

function fail(columns: JobColumns, live: LiveBytes, slot: number, bytes: number, isCrash = false): void {
  if ((columns.attempts[slot] as number) < MOST_ERRORS) live.hold(slot, bytes);
  if (isCrash) countUp(columns.crashes, slot, 255);
  else countUp(columns.attempts, slot, MOST_COUNTED);
}
