/**
 * The life of a job as one table. An event that the table does not list for a state is illegal: the journal refuses
 * the command that would cause it, and replay calls the log damaged.
 *
 *   waiting ──started──▶ running ──completed──▶ completed
 *      ▲                   │ │ └──died──▶ dead
 *      └─failed, interrupted, snoozed     └──cancelled──▶ cancelled
 */
import type { JobEventKind } from './event.ts';

/** The five stored states. */
export const JOB_STATES = ['waiting', 'running', 'completed', 'cancelled', 'dead'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** `absent`: before the first event and after the last; no job is stored under this slot. */
export type StoredState = JobState | 'absent';

/** The states that a job leaves only when somebody acts, or never. */
export const FINAL_STATES = ['completed', 'cancelled', 'dead'] as const satisfies readonly JobState[];

export type Transitions = Readonly<Record<JobEventKind, Readonly<Partial<Record<StoredState, StoredState>>>>>;

/** event → state before → state after. */
export const TRANSITIONS = {
  enqueued: { absent: 'waiting' },
  started: { waiting: 'running' },
  checkpointed: { running: 'running' },
  progressed: { running: 'running' },
  cancelling: { running: 'running' },
  completed: { running: 'completed' },
  failed: { running: 'waiting' },
  interrupted: { running: 'waiting' },
  snoozed: { running: 'waiting' },
  rescheduled: { waiting: 'waiting' },
  updated: { waiting: 'waiting' },
  cancelled: { waiting: 'cancelled', running: 'cancelled' },
  died: { waiting: 'dead', running: 'dead' },
  revived: { completed: 'waiting', cancelled: 'waiting', dead: 'waiting' },
  removed: { waiting: 'absent', completed: 'absent', cancelled: 'absent', dead: 'absent' },
} as const satisfies Transitions;

/** The state after `kind` happens in `state`, or undefined if it may not happen there. */
export function nextState(state: StoredState, kind: JobEventKind): StoredState | undefined {
  return (TRANSITIONS as Transitions)[kind][state];
}

export function isFinal(state: StoredState): boolean {
  return state === 'completed' || state === 'cancelled' || state === 'dead';
}
