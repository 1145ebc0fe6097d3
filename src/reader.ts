/**
 * Reads stored jobs for people. It shows only what is durable: if the newest record of a job is not yet, it waits for
 * the commit; and if a job changed while its records were read, it reads them again.
 */
import type { JobEnd, JournalMessage, Settle, Whereabouts } from './actors/messages.ts';
import type { Dependencies } from './actors/dependencies.ts';
import type { Runner } from './actors/runner.ts';
import { InvalidArgumentError } from './errors.ts';
import type { FlatError } from './errors.ts';
import type { GraphView, JobPage, ListFilter, TypeStats } from './face.ts';
import { isFinal, JOB_STATES, type JobState } from './job/machine.ts';
import type { JobRow } from './job/row.ts';
import type { JobTable } from './job/table.ts';
import { checkQueue, checkType } from './job/name.ts';
import type { Clock } from './kernel/clock.ts';
import { readJob, type JobRecords } from './log/history.ts';
import type { Log } from './log/log.ts';
import { checkObject } from './job/check.ts';
import type { Settings } from './options.ts';
import { decodeLevel, policyOf } from './policy.ts';
import type { Router } from './router.ts';
import { jobView, type JobView } from './view.ts';

export interface ReaderParts {
  readonly log: () => Log;
  readonly clock: Clock;
  readonly runner: Runner;
  readonly settings: Settings;
  readonly router: Router;
  /** Who waits for whom; a recovery replaces it. */
  readonly dependencies: () => Dependencies | undefined;
  readonly ask: <Value>(message: (settle: Settle<Value>) => JournalMessage) => Promise<Value>;
}

export interface Reader {
  get(id: string): Promise<JobView | undefined>;
  list(filter: ListFilter): Promise<JobPage>;
  stats(): Promise<TypeStats[]>;
  graph(id: string): Promise<GraphView | undefined>;
  /** How a job that has ended did so; undefined when it is gone; `revived` when it goes on meanwhile. */
  endOf(found: Whereabouts): Promise<JobEnd | 'revived' | undefined>;
}

/** How many slots are looked at before others get their turn. */
const SCAN_SLICE = 20_000;
const DEFAULT_LIMIT = 200;
const HIGHEST_LIMIT = 1_000;

export function createReader(parts: ReaderParts): Reader {
  /** Waits until all that was asked before is applied and durable. */
  function flush(): Promise<void> {
    return parts.ask<void>((settle) => ({ kind: 'flush', settle }));
  }

  /** The records of a job, all durable, and its row in the moment in which they were its newest. */
  async function readSettled(where: Whereabouts): Promise<(JobRecords & { readonly row: JobRow }) | undefined> {
    for (;;) {
      const log = parts.log();
      if (!isThere(log.table, where)) return undefined;
      const last = log.table.lastOf(where.slot);
      if (!log.isDurable(last)) {
        await flush();
        continue;
      }
      const records = await readJob(log, where.slot, where.order);
      if (records === undefined) return undefined;
      const isSame = log === parts.log() && isThere(log.table, where) && log.table.lastOf(where.slot) === last;
      if (isSame) return { ...records, row: log.table.row(where.slot) };
    }
  }

  async function viewOf(where: Whereabouts): Promise<JobView | undefined> {
    const records = await readSettled(where);
    if (records === undefined) return undefined;
    const { row } = records;
    const definition = parts.router.find(row.type);
    const levels = [definition ?? {}, parts.settings.queues.get(row.queue) ?? {}, parts.settings.level];
    return jobView({
      ...records,
      report: row.token === undefined ? undefined : parts.runner.reportOf(row.token),
      policy: policyOf([decodeLevel(records.home.settings), ...levels]),
      hasHandler: definition !== undefined,
      waitsFor: row.state === 'waiting' ? (parts.dependencies()?.parentsIn(where.slot, 'pending') ?? []) : [],
      now: parts.clock.now(),
    });
  }

  return {
    async get(id) {
      // What was asked before this call has to be applied.
      await flush();
      const { table } = parts.log();
      const slot = table.ids.find(id);
      const view = slot < 0 ? undefined : await viewOf({ slot, order: table.orderOf(slot) });
      // That a job is gone must be durable as well before anybody hears of it.
      if (view === undefined) await flush();
      return view;
    },

    async list(filter) {
      checkObject(filter, 'filter', "{ state: 'dead' }");
      const limit = checkFilter(filter);
      await flush();
      const { table } = parts.log();
      const after = filter.cursor === undefined ? 0 : orderFrom(filter.cursor);
      const found = await oldest(table, filter, after, limit + 1, parts.clock);
      const page = found.slice(0, limit);
      const views = await Promise.all(page.map((where) => viewOf(where)));
      // Some may have changed while the others were read; and that one is missing here has to be durable too.
      const jobs = views.filter(
        (view) => view !== undefined && (filter.state ?? view.state) === view.state,
      ) as JobView[];
      await flush();
      const last = page.at(-1);
      return found.length > limit && last !== undefined ? { jobs, cursor: last.order.toString(36) } : { jobs };
    },

    async stats() {
      await parts.ask<void>((settle) => ({ kind: 'flush', settle }));
      const { table } = parts.log();
      for (const { type } of parts.router.all()) if (!type.endsWith('*')) table.types.number(type);
      return table.types.all().map((type, number) => {
        const counts = Object.fromEntries(JOB_STATES.map((state) => [state, table.countOfType(number, state)]));
        const states = counts as Record<JobState, number>;
        return { type, ...states, active: states.waiting + states.running };
      });
    },

    async graph(id) {
      await parts.ask<void>((settle) => ({ kind: 'flush', settle }));
      const { table } = parts.log();
      const dependencies = parts.dependencies();
      const slot = table.ids.find(id);
      if (slot < 0 || dependencies === undefined) return undefined;
      const members = new Set([slot]);
      for (const member of members) {
        for (const relative of [...dependencies.parentsOf(member), ...dependencies.childrenOf(member)])
          members.add(relative);
      }
      const counts = { waiting: 0, running: 0, completed: 0, cancelled: 0, dead: 0 };
      const jobs = Array.from(members, (member) => ({ member, state: table.stateOf(member) as JobState }))
        .sort((a, b) => table.orderOf(a.member) - table.orderOf(b.member))
        .map(({ member, state }) => {
          counts[state]++;
          const after = dependencies.parentsOf(member).map((parent) => table.ids.of(parent));
          return { id: table.ids.of(member), type: table.typeOf(member), state, after };
        });
      const ended = counts.completed + counts.cancelled + counts.dead;
      return { jobs, counts, ended, total: jobs.length, progress: ended / jobs.length };
    },

    async endOf(found) {
      const records = await readSettled(found);
      if (records === undefined) {
        await flush();
        return undefined;
      }
      const { history } = records;
      const { state } = records.row;
      if (!isFinal(state)) return 'revived';
      if (state === 'completed') return { state, result: history.result };
      if (state === 'cancelled') {
        return {
          state,
          reason: history.cancelReason === undefined ? undefined : (JSON.parse(history.cancelReason) as string),
        };
      }
      const error = history.errors.at(-1)?.error;
      return {
        state: 'dead',
        reason: history.deathReason ?? 'unknown',
        error: error === undefined ? undefined : (JSON.parse(error) as FlatError),
      };
    },
  };
}

function isThere(table: JobTable, { slot, order }: Whereabouts): boolean {
  return table.stateOf(slot) !== 'absent' && table.orderOf(slot) === order;
}

/** The `most` jobs with the lowest orders above `after` that the filter lets through. */
async function oldest(
  table: JobTable,
  { state, type: job, queue }: ListFilter,
  after: number,
  most: number,
  clock: Clock,
): Promise<Whereabouts[]> {
  const type = typeof job === 'object' ? job.type : job;
  const typeNumber = type === undefined ? undefined : table.types.find(type);
  const queueNumber = queue === undefined ? undefined : table.queues.find(queue);
  let found: Whereabouts[] = [];
  let bar = Infinity;
  const cut = (): void => {
    found.sort((a, b) => a.order - b.order);
    found = found.slice(0, most);
    if (found.length === most) bar = found.at(-1)?.order ?? Infinity;
  };
  for (let slot = 0; slot < table.end; slot++) {
    if (slot % SCAN_SLICE === SCAN_SLICE - 1) await new Promise<void>((resolve) => clock.turn(resolve));
    const order = table.orderOf(slot);
    const stored = table.stateOf(slot);
    if (stored === 'absent' || order <= after || order >= bar) continue;
    if (state !== undefined && stored !== state) continue;
    if (typeNumber !== undefined && table.typeNumberOf(slot) !== typeNumber) continue;
    if (queueNumber !== undefined && table.queueNumberOf(slot) !== queueNumber) continue;
    found.push({ slot, order });
    if (found.length > 2 * most) cut();
  }
  cut();
  return found;
}

function checkFilter({ state, type, queue, limit = DEFAULT_LIMIT }: ListFilter): number {
  if (state !== undefined && !JOB_STATES.includes(state)) {
    throw new InvalidArgumentError({ field: 'state', expected: `one of ${JOB_STATES.join(', ')}`, got: state });
  }
  if (type !== undefined) checkType(typeof type === 'object' ? type?.type : type);
  if (queue !== undefined) checkQueue(queue);
  if (!Number.isInteger(limit) || limit < 1 || limit > HIGHEST_LIMIT) {
    throw new InvalidArgumentError({ field: 'limit', expected: `an integer from 1 to ${HIGHEST_LIMIT}`, got: limit });
  }
  return limit;
}

function orderFrom(cursor: string): number {
  const order = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(order)) return order;
  throw new InvalidArgumentError({ field: 'cursor', expected: 'the cursor of a page that list gave', got: cursor });
}
