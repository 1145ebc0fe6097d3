/** Why jobs are not taken. */
import { BusyError, DuplicateJobError, JobExistsError, StoreUnavailableError } from '../errors.ts';
import type { JobTable } from '../job/table.ts';
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
  { ids, types, labelled }: JobTable,
  at: number,
  ending: number,
  taken: Taken,
): Error | undefined {
  const number = types.find(type);
  const place = (key: string): string => `${type}\n${key}`;
  if (labels?.idempotency !== undefined) {
    const { key } = labels.idempotency;
    if (taken.idempotent.has(place(key)) || labelled.idempotent(number, key, at) >= 0) return undefined;
    taken.idempotent.add(place(key));
  }
  if (id !== undefined) {
    if (ids.find(id) >= 0 || taken.ids.has(id)) return ifExists === 'reject' ? new JobExistsError(id) : undefined;
    taken.ids.add(id);
  }
  if (labels?.unique === undefined) return undefined;
  const { key, mode } = labels.unique;
  const holder = labelled.holdersOf(number, key).findLast((slot) => slot !== ending);
  const isHeld = holder !== undefined || taken.unique.has(place(key));
  taken.unique.add(place(key));
  if (!isHeld || mode !== 'reject') return undefined;
  return new DuplicateJobError({ key, id: holder === undefined ? undefined : ids.of(holder) });
}
