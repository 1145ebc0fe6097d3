/** What there is of each type and of each queue, in numbers. The counts are kept as jobs change; ages are looked up. */
import type { Throughput, ThroughputView } from './actors/throughput.ts';
import type { AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError } from './errors.ts';
import { checkObject } from './job/check.ts';
import { JOB_STATES, type JobState } from './job/machine.ts';
import { checkQueue, checkType } from './job/name.ts';
import type { JobTable } from './job/table.ts';
import { dueMatcher, scan, type ListingParts } from './listing.ts';

/** Whose jobs are counted: at most one of the two. */
export interface CountsOf {
  readonly queue?: string;
  readonly type?: AnyJobDefinition | string;
}

/** How many jobs are in which state. */
export interface JobCounts extends Readonly<Record<JobState, number>> {
  /** Waiting and running. */
  readonly active: number;
  readonly total: number;
}

interface Activity extends JobCounts {
  /**
   * For how long the oldest of the jobs has been due that have a handler and have not been started, whatever pauses and
   * limits hold them; ms, 0 if there is none.
   */
  readonly oldestReadyMs: number;
  /** What ended lately, since this engine opened. */
  readonly throughput: ThroughputView;
}

export interface TypeStats extends Activity {
  readonly type: string;
}

export interface QueueStats extends Activity {
  readonly queue: string;
}

export interface StatisticsParts extends ListingParts {
  readonly throughput: Throughput | undefined;
}

/** @throws {InvalidArgumentError} */
export function checkCountsOf(of: CountsOf): { readonly queue: string | undefined; readonly type: string | undefined } {
  checkObject(of, 'of', "{ queue: 'email' }");
  const { queue } = of;
  const type = typeof of.type === 'object' && of.type !== null ? of.type.type : of.type;
  if (queue !== undefined) checkQueue(queue);
  if (type !== undefined) checkType(type);
  if (queue === undefined || type === undefined) return { queue, type };
  throw new InvalidArgumentError({ field: 'of', expected: 'a queue or a type', got: 'both' });
}

/** From the counters alone. */
export function countsOf(table: JobTable, queue: string | undefined, type: string | undefined): JobCounts {
  if (type !== undefined) return summed((state) => table.countOfType(table.types.find(type), state));
  const { size } = table.queues;
  const from = queue === undefined ? 0 : table.queues.find(queue);
  const below = queue === undefined ? size : from + 1;
  return summed((state) => {
    let count = 0;
    for (let number = Math.max(0, from); number < below; number++) count += table.countOf(number, state);
    return count;
  });
}

function summed(count: (state: JobState) => number): JobCounts {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, count(state)])) as Record<JobState, number>;
  const active = counts.waiting + counts.running;
  return { ...counts, active, total: active + counts.completed + counts.cancelled + counts.dead };
}

export function statsOf(by: 'type', parts: StatisticsParts): Promise<TypeStats[]>;
export function statsOf(by: 'queue', parts: StatisticsParts): Promise<QueueStats[]>;
export async function statsOf(by: 'type' | 'queue', parts: StatisticsParts): Promise<Array<TypeStats | QueueStats>> {
  const { table, throughput } = parts;
  const names = by === 'type' ? table.types : table.queues;
  const count = names.size;
  const readySince = await oldestReady(by, parts, count);
  const now = parts.clock.now();
  return names
    .all()
    .slice(0, count)
    .map((name, number) => {
      const counts = by === 'type' ? countsOf(table, undefined, name) : countsOf(table, name, undefined);
      const done = by === 'type' ? throughput?.ofType(number, now) : throughput?.ofQueue(number, now);
      const since = readySince[number] as number;
      const activity = { ...counts, oldestReadyMs: since === Infinity ? 0 : Math.max(0, now - since) };
      const rates = { throughput: done ?? nothingSince(now) };
      return by === 'type' ? { type: name, ...activity, ...rates } : { queue: name, ...activity, ...rates };
    });
}

const NO_RATE = { lastMinute: 0, lastHour: 0 };
/** While the engine reads its log again nothing is counted. */
const nothingSince = (since: number): ThroughputView => ({
  ...{ since, completed: NO_RATE, failed: NO_RATE, died: NO_RATE },
});

/** By number: since when the oldest ready job has been ready, Infinity for none. */
async function oldestReady(by: 'type' | 'queue', parts: StatisticsParts, count: number): Promise<Float64Array> {
  const { table } = parts;
  const since = new Float64Array(count).fill(Infinity);
  if (countsOf(table, undefined, undefined).waiting === 0) return since;
  const isDue = dueMatcher(parts);
  await scan(table, parts.clock, (slot) => {
    const number = by === 'type' ? table.typeNumberOf(slot) : table.queueNumberOf(slot);
    if (number < count && table.dueAtOf(slot) < (since[number] as number) && isDue(slot)) {
      since[number] = table.dueAtOf(slot);
    }
    return undefined;
  });
  return since;
}
