/** Why jobs are not taken. */
import { JobExistsError, StoreUnavailableError } from '../errors.ts';
import type { Ids } from '../job/ids.ts';
import type { JobTable } from '../job/table.ts';
import type { NewJob } from './messages.ts';

/** Why these jobs cannot all be stored; asked before the first of them is, since a fact cannot be refused. */
export function refusalOf(
  jobs: readonly NewJob[],
  { ids, types, queues }: JobTable,
  isFull: boolean,
): Error | undefined {
  const taken = firstTakenId(jobs, ids);
  if (taken !== undefined) return new JobExistsError(taken);
  if (isFull) return new StoreUnavailableError('the disk is full, so no new jobs are taken until there is room again');
  if (types.hasRoomFor(jobs.length) && queues.hasRoomFor(jobs.length)) return undefined;
  return types.refusalOf(jobs.map(({ type }) => type)) ?? queues.refusalOf(jobs.map(({ queue }) => queue));
}

/** The first id that one of the jobs insists on and that is stored already, or wanted by a job before it. */
function firstTakenId(jobs: readonly NewJob[], stored: Ids): string | undefined {
  let wanted: Set<string> | undefined;
  for (const { id, ifExists } of jobs) {
    if (id === undefined) continue;
    if (ifExists === 'reject' && (stored.find(id) >= 0 || wanted?.has(id) === true)) return id;
    if (jobs.length > 1) (wanted ??= new Set()).add(id);
  }
  return undefined;
}
