/**
 * How jobs come in: each is stored, or stands for one that is there already, by its idempotency key, its id or its
 * unique key, in this order. Whatever one call stores is seen by the next, also within one turn and one list.
 */
import { decodeEdges, encodeEdges } from '../job/edges.ts';
import type { JobEvent } from '../job/event.ts';
import { encodeLabels } from '../job/labels.ts';
import type { JobTable } from '../job/table.ts';
import { ENCOUNTERS } from '../job/unique.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Capacity } from './capacity.ts';
import type { Dependencies } from './dependencies.ts';
import type { NewJob, Settle, TakenIds } from './messages.ts';
import type { Pending } from './pending.ts';
import { refusalOf } from './refusal.ts';

export interface IntakeParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly capacity: Capacity;
  readonly dependencies: Dependencies;
  readonly createId: () => string;
  /** How many jobs of a list are taken in one go. */
  readonly listSlice: number;
  /** Whether the disk is full: no new jobs are taken. */
  readonly isFull: () => boolean;
  readonly record: (event: JobEvent) => number;
  readonly pending: () => Pending;
  /** A job waits now, or waits otherwise than before. */
  readonly waits: (slot: number) => void;
  /** A waiting job goes, since its queue is full. */
  readonly drop: (slot: number) => void;
}

export interface Intake {
  /** Takes all of them or none, and answers with their ids. Of a long list it takes the first slice, and gives the rest. */
  enqueue(jobs: readonly NewJob[], settle: Settle<TakenIds>): Rest | undefined;
  /** Takes a job that cannot be refused; returns the id of the one that stands for it. */
  take(job: NewJob, at: number): string;
}

/**
 * Does the next part of a command that would take long in one go; says whether there is more. Until there is none,
 * nothing may be committed, and nobody else may change anything.
 */
export type Rest = () => boolean;

type Taken = string[] & { known?: Set<number> };

export function createIntake(parts: IntakeParts): Intake {
  const { clock, table, capacity, dependencies, createId, record, pending, waits } = parts;

  function enqueue(jobs: readonly NewJob[], settle: Settle<TakenIds>): Rest | undefined {
    const at = clock.now();
    const refusal = refusalOf(jobs, table, { isFull: parts.isFull(), at }) ?? capacity.refusalOf(jobs, at);
    if (refusal !== undefined) {
      pending().refuse(settle, refusal);
      return undefined;
    }
    const ids: Taken = [];
    const isLong = takeSlice(jobs, ids, at);
    // Told with the commit, which comes behind the last slice.
    pending().answer(settle, ids);
    return isLong ? () => takeSlice(jobs, ids, at) : undefined;
  }

  /** Takes the jobs behind those that have ids; says whether there are more. */
  function takeSlice(jobs: readonly NewJob[], ids: Taken, at: number): boolean {
    const end = Math.min(jobs.length, ids.length + parts.listSlice);
    while (ids.length < end) {
      const size = table.size;
      ids.push(take(jobs[ids.length] as NewJob, at));
      if (table.size === size) (ids.known ??= new Set()).add(ids.length - 1);
    }
    return end < jobs.length;
  }

  function take(job: NewJob, at: number): string {
    if (job.labels === undefined) return takeById(job, at);
    const { idempotency, unique } = job.labels;
    const type = table.types.find(job.type);
    const repeated = idempotency === undefined ? -1 : table.labelled.idempotent(type, idempotency.key, at);
    if (repeated >= 0) return table.ids.of(repeated);
    if (unique === undefined || (job.id !== undefined && table.ids.find(job.id) >= 0)) return takeById(job, at);
    const holder = table.labelled.holdersOf(type, unique.key).at(-1) ?? -1;
    const state = holder < 0 ? 'nobody' : table.stateOf(holder) === 'running' ? 'running' : 'waiting';
    switch (ENCOUNTERS[unique.mode][state]) {
      case 'store':
        return store(job, job.id ?? createId(), at);
      case 'replace':
        change(holder, job, job.runAt ?? at + job.delayMs, at);
        break;
      case 'refresh':
        change(holder, job, table.dueAtOf(holder), at);
        break;
      case 'follow':
        return store({ ...job, parents: behind(job.parents, table.ids.of(holder)) }, job.id ?? createId(), at);
      case 'give':
      case 'refuse':
        // What is to be refused was refused before anything was taken.
        break;
    }
    return table.ids.of(holder);
  }

  function takeById(job: NewJob, at: number): string {
    const id = job.id ?? createId();
    return job.id !== undefined && table.ids.find(id) >= 0 ? id : store(job, id, at);
  }

  function store(job: NewJob, id: string, at: number): string {
    const slot = table.freeSlot();
    // Each field by its name: a spread costs as much as all the rest.
    const { type, queue, priority, settings, parents, key, payload } = job;
    const deadlineAt = capacity.deadlineOf(job, at);
    const dueAt = job.runAt ?? at + job.delayMs;
    const labels = job.labels === undefined ? '' : labelsOf(job.labels, at);
    // prettier-ignore
    record({
      kind: 'enqueued', slot, at, dueAt, deadlineAt, id, type, queue, priority, settings, parents, key, labels, payload,
    });
    if (parents !== '') dependencies.add(slot);
    waits(slot);
    const dropped = capacity.excess(slot);
    if (dropped >= 0) parts.drop(dropped);
    return id;
  }

  /** The job that holds the key is to do what the new one was to do. Nothing of its old attempts counts any more. */
  function change(slot: number, { priority, payload }: NewJob, dueAt: number, at: number): void {
    record({ kind: 'updated', slot, at, priority, dueAt, hasPayload: true, payload, keepAttempts: false });
    waits(slot);
  }

  return { enqueue, take };
}

function labelsOf({ unique, idempotency, tags }: NonNullable<NewJob['labels']>, at: number): string {
  return encodeLabels({
    unique: unique?.key,
    idempotencyKey: idempotency?.key,
    idempotentUntil: idempotency && at + idempotency.windowMs,
    tags,
  });
}

/** The edges of a job that also waits for the end of `id`, however that comes about. */
function behind(parents: string, id: string): string {
  return encodeEdges([...decodeEdges(parents).filter((edge) => edge.id !== id), { id, on: 'always', as: id }]);
}
