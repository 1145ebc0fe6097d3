/** Something happened to what is stored beside jobs, and jobs may come of it: all in one commit. */
import { decodeEdges, encodeEdges } from '../job/edges.ts';
import type { Noted } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Dependencies } from './dependencies.ts';
import type { NewJob, NoteMessage } from './messages.ts';
import type { Pending } from './pending.ts';

export interface NoteParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly dependencies: Dependencies;
  readonly record: (event: Noted) => number;
  readonly pending: () => Pending;
  readonly take: (job: NewJob, at: number) => void;
  readonly cancelOne: (slot: number, reason: string) => void;
}

/** Nothing is kept of it but the event. */
export function clockSetBack(byMs: number): NoteMessage {
  const detail = JSON.stringify({ byMs });
  const entry = { space: 'engine', name: 'clock', what: 'set back', detail, value: '' } as const;
  return { kind: 'note', entries: [entry], settle: { resolve: () => undefined, reject: () => undefined } };
}

export function noteDown(
  { clock, table, dependencies, record, pending, take, cancelOne }: NoteParts,
  { entries, jobs = [], replaced = [], recorded, settle }: NoteMessage,
): void {
  const at = clock.now();
  const inherited = new Map<string, readonly string[]>();
  for (const id of replaced) {
    const slot = table.ids.find(id);
    if (slot < 0) continue;
    inherited.set(id, dependencies.parentsIn(slot, 'pending'));
    cancelOne(slot, 'replaced');
  }
  for (const job of jobs) take(inherited.size === 0 ? job : heirOf(job, inherited), at);
  for (const entry of entries) record({ kind: 'noted', at, ...entry });
  recorded?.();
  pending().answer(settle, undefined);
}

/** Who takes the place of a job that waited waits for those that it waited for. */
function heirOf(job: NewJob, inherited: ReadonlyMap<string, readonly string[]>): NewJob {
  const edges = decodeEdges(job.parents);
  const more = edges.flatMap(({ id }) => inherited.get(id) ?? []);
  if (more.length === 0) return job;
  return { ...job, parents: encodeEdges([...edges, ...more.map((id) => ({ id, on: 'always', as: id }) as const)]) };
}
