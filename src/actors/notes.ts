/** Something happened to what is stored beside jobs, and jobs may come of it: all in one commit. */
import type { Noted } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';
import type { Clock } from '../kernel/clock.ts';
import type { JournalMessage, NewJob } from './messages.ts';
import type { Pending } from './pending.ts';

export interface NoteParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly record: (event: Noted) => number;
  readonly pending: () => Pending;
  readonly take: (job: NewJob, at: number) => void;
  readonly cancelOne: (slot: number, reason: string) => void;
}

export function noteDown(
  { clock, table, record, pending, take, cancelOne }: NoteParts,
  { entries, jobs = [], replaced = [], settle }: Extract<JournalMessage, { kind: 'note' }>,
): void {
  const at = clock.now();
  for (const id of replaced) {
    const slot = table.ids.find(id);
    if (slot >= 0) cancelOne(slot, 'replaced');
  }
  for (const job of jobs) take(job, at);
  for (const entry of entries) record({ kind: 'noted', at, ...entry });
  pending().answer(settle, undefined);
}
