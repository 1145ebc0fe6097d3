import type { Carried } from '../job/event.ts';
import type { JobHistory } from '../job/history.ts';
import type { JobRow } from '../job/row.ts';

/**
 * The whole state of a job as one event, which stands for all its records before.
 *
 * @param home what the record that begins the job says
 */
export function carriedOf(
  slot: number,
  row: JobRow,
  { settings, parents, labels, payload }: Pick<Carried, 'settings' | 'parents' | 'labels' | 'payload'>,
  history: JobHistory,
  now: number,
): Carried {
  return {
    kind: 'carried',
    at: now,
    slot,
    id: row.id,
    type: row.type,
    queue: row.queue,
    priority: row.priority,
    order: row.order,
    createdAt: row.createdAt,
    dueAt: row.dueAt,
    deadlineAt: row.deadlineAt ?? 0,
    settings,
    parents,
    key: row.key ?? '',
    labels,
    payload,
    state: row.state,
    token: row.token ?? 0,
    starts: row.starts,
    attempts: row.attempts,
    crashes: row.crashes,
    interrupts: row.interrupts,
    snoozes: row.snoozes,
    hasCheckpoint: row.checkpoint !== undefined,
    isCancelling: row.isCancelling,
    isUnreachable: row.isUnreachable,
    history: JSON.stringify(history),
  };
}
