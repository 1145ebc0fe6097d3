import type { Labels } from './labels.ts';
import type { JobState } from './machine.ts';
import type { JobTable } from './table.ts';

/** Everything about a job that memory holds, for comparing what was in memory with what a replay gives. */
export interface JobRow {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly priority: number;
  readonly order: number;
  readonly createdAt: number;
  readonly dueAt: number;
  readonly deadlineAt: number | undefined;
  readonly starts: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly interrupts: number;
  readonly snoozes: number;
  readonly token: number | undefined;
  readonly isCancelling: boolean;
  readonly isUnreachable: boolean;
  readonly parents: string | undefined;
  readonly key: string | undefined;
  readonly labels: Labels | undefined;
  readonly home: number;
  readonly last: number;
  readonly checkpoint: number | undefined;
  readonly payload: number | undefined;
  readonly bytes: number;
}

export function rowOf(table: JobTable, slot: number): JobRow {
  return {
    id: table.ids.of(slot),
    type: table.typeOf(slot),
    queue: table.queueOf(slot),
    state: table.stateOf(slot) as JobState,
    priority: table.priorityOf(slot),
    order: table.orderOf(slot),
    createdAt: table.createdAtOf(slot),
    dueAt: table.dueAtOf(slot),
    deadlineAt: table.deadlineOf(slot),
    starts: table.startsOf(slot),
    attempts: table.attemptsOf(slot),
    crashes: table.crashesOf(slot),
    interrupts: table.interruptsOf(slot),
    snoozes: table.snoozesOf(slot),
    token: table.tokenOf(slot),
    isCancelling: table.isCancelling(slot),
    isUnreachable: table.isUnreachable(slot),
    parents: table.parentsOf(slot),
    key: table.keyOf(slot),
    labels: table.labelled.of(slot),
    home: table.homeOf(slot),
    last: table.lastOf(slot),
    checkpoint: table.checkpointOf(slot),
    payload: table.payloadOf(slot),
    bytes: table.bytesOf(slot),
  };
}
