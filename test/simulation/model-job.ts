/** A job as the model has it, and the table of what may happen to it. */
import type { Occurrence } from '../../src/job/schedule.ts';

/** What a person could have seen of a job at one moment. */
export interface Version {
  readonly position: number;
  readonly state: string;
  readonly dueAt: number;
  readonly starts: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly interrupts: number;
  readonly snoozes: number;
  readonly isCancelling: boolean;
  readonly checkpoint: string | undefined;
  readonly result: string | undefined;
  /** Why it was cancelled, as JSON. */
  readonly reason: string | undefined;
  readonly deathReason: string | undefined;
}

type Writable<Given> = { -readonly [Key in keyof Given]: Given[Key] };

export interface ModelJob extends Writable<Version> {
  slot: number;
  id: string;
  type: string;
  queue: string;
  priority: number;
  /** The one it was enqueued with. */
  readonly firstPriority: number;
  order: number;
  createdAt: number;
  payload: string | undefined;
  /** The number that the workload gave it. */
  n: number;
  /** 0 for none. */
  deadlineAt: number;
  /** The jobs it waits for, as they are stored. */
  parents: string;
  key: string;
  /** Its keys and tags, as they are stored. */
  labels: string;
  token: number | undefined;
  /** The nominal time of a schedule that it is for. */
  readonly occurrence: Occurrence | undefined;
  home: number;
  checkpointAt: number | undefined;
  payloadAt: number | undefined;
  /** The position at which it last began to wait. */
  waitsSince: number;
  /** How often it was started since the process died while it ran. */
  startsSinceCrash: number;
  readonly versions: Version[];
  /** The job that had the id before. */
  readonly previous: ModelJob | undefined;
}

/** The table of `DESIGN.md`, by hand: state and event to state. */
export const MOVES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  waiting: {
    started: 'running',
    cancelled: 'cancelled',
    died: 'dead',
    rescheduled: 'waiting',
    updated: 'waiting',
    removed: 'absent',
  },
  running: {
    checkpointed: 'running',
    progressed: 'running',
    cancelling: 'running',
    completed: 'completed',
    failed: 'waiting',
    interrupted: 'waiting',
    snoozed: 'waiting',
    cancelled: 'cancelled',
    died: 'dead',
  },
  completed: { removed: 'absent', revived: 'waiting' },
  cancelled: { removed: 'absent', revived: 'waiting' },
  dead: { removed: 'absent', revived: 'waiting' },
};
export const FINAL = ['completed', 'cancelled', 'dead'];

export function versionOf(job: ModelJob): Version {
  return {
    position: job.position,
    state: job.state,
    dueAt: job.dueAt,
    starts: job.starts,
    attempts: job.attempts,
    crashes: job.crashes,
    interrupts: job.interrupts,
    snoozes: job.snoozes,
    isCancelling: job.isCancelling,
    checkpoint: job.checkpoint,
    result: job.result,
    reason: job.reason,
    deathReason: job.deathReason,
  };
}

/** The workload numbers its payloads: `{ "n": 17 }`. */
export function numberIn(payload: string | undefined): number {
  return payload === undefined ? Number.NaN : (JSON.parse(payload) as { n: number }).n;
}

/** Whether what a job waits for has come, may yet come, or never will. A job that came later is not meant. */
export function edgesOf(job: ModelJob, jobOf: (id: string) => ModelJob | undefined): 'met' | 'pending' | 'failed' {
  if (job.parents === '') return 'met';
  const edges = JSON.parse(job.parents) as Array<[id: string, on: string]>;
  const states = edges.map(([id, on]) => {
    const parent = jobOf(id);
    return edgeOf(on, parent === undefined || parent.order >= job.order ? 'absent' : parent.state, job.starts > 0);
  });
  return states.includes('failed') ? 'failed' : states.includes('pending') ? 'pending' : 'met';
}

function edgeOf(on: string, parent: string, hasStarted: boolean): 'met' | 'pending' | 'failed' {
  if (parent === 'waiting' || parent === 'running') return 'pending';
  if (on === 'always' || (parent === 'absent' && hasStarted)) return 'met';
  return (on === 'success') === (parent === 'completed') && parent !== 'absent' ? 'met' : 'failed';
}

export function parentIds({ parents }: ModelJob): string[] {
  return parents === '' ? [] : (JSON.parse(parents) as Array<[id: string]>).map(([id]) => id);
}
