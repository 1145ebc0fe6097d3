/** Why jobs are not taken. */
import { BusyError, DuplicateJobError, JobExistsError, StoreUnavailableError } from '../errors.ts';
import type { JobTable } from '../job/table.ts';
import { ENCOUNTERS } from '../job/unique.ts';
import type { NewJob } from './messages.ts';

/** How many idempotency keys an engine remembers, those of stored jobs whose window has passed included. */
export const MOST_IDEMPOTENCY_KEYS = 1_000_000;

export interface Circumstances {
  readonly isFull: boolean;
  readonly at: number;
  /** A job that ends in the same breath, and holds no key any more. */
  readonly ending?: number;
}

/** Why these jobs cannot all be stored; asked before the first of them is, since a fact cannot be refused. */
export function refusalOf(
  jobs: readonly NewJob[],
  table: JobTable,
  { isFull, at, ending = -1 }: Circumstances,
): Error | undefined {
  const { types, queues } = table;
  const taken = firstTaken(jobs, table, at, ending);
  if (taken !== undefined) return taken;
  if (isFull) return new StoreUnavailableError('the disk is full, so no new jobs are taken until there is room again');
  if (types.hasRoomFor(jobs.length) && queues.hasRoomFor(jobs.length)) return undefined;
  return types.refusalOf(jobs.map(({ type }) => type)) ?? queues.refusalOf(jobs.map(({ queue }) => queue));
}

/** What the jobs before one in the same list will have taken. */
interface Taken {
  readonly ids: Set<string>;
  readonly unique: Set<string>;
  readonly idempotent: Set<string>;
}

/** The first id or key that one of the jobs insists on and that another job has, stored or before it in the list. */
function firstTaken(jobs: readonly NewJob[], table: JobTable, at: number, ending: number): Error | undefined {
  let taken: Taken | undefined;
  for (const job of jobs) {
    if (job.id === undefined && job.labels === undefined) continue;
    taken ??= { ids: new Set(), unique: new Set(), idempotent: new Set() };
    const refusal = refusalOfOne(job, table, at, ending, taken);
    if (refusal !== undefined) return refusal;
  }
  if (taken === undefined || taken.idempotent.size === 0) return undefined;
  const limit = MOST_IDEMPOTENCY_KEYS;
  if (table.labelled.idempotentCount + taken.idempotent.size <= limit) return undefined;
  return new BusyError({ what: 'idempotency keys', limit });
}

function refusalOfOne(
  { id, ifExists, type, labels }: NewJob,
  table: JobTable,
  at: number,
  ending: number,
  taken: Taken,
): Error | undefined {
  const { ids, types, labelled } = table;
  const number = types.find(type);
  const place = (key: string): string => `${type}\n${key}`;
  const repeated = labels?.idempotency?.key;
  if (repeated !== undefined) {
    if (taken.idempotent.has(place(repeated)) || labelled.idempotent(number, repeated, at) >= 0) return undefined;
  }
  if (id !== undefined && (ids.find(id) >= 0 || taken.ids.has(id))) {
    return ifExists === 'reject' ? new JobExistsError(id) : undefined;
  }
  if (labels?.unique !== undefined) {
    const { key, mode } = labels.unique;
    const holder = labelled.holdersOf(number, key).findLast((slot) => slot !== ending);
    const isTaken = taken.unique.has(place(key));
    const isHeld = isTaken || holder !== undefined;
    if (isHeld && mode === 'reject') {
      return new DuplicateJobError({ key, id: holder === undefined ? undefined : ids.of(holder) });
    }
    const follows = !isTaken && holder !== undefined && table.stateOf(holder) === 'running';
    taken.unique.add(place(key));
    // Another stands for it, so that neither its id nor its idempotency key is taken by it.
    if (isHeld && !(follows && ENCOUNTERS[mode].running === 'follow')) return undefined;
  }
  if (id !== undefined) taken.ids.add(id);
  if (repeated !== undefined) taken.idempotent.add(place(repeated));
  return undefined;
}
