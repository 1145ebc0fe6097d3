/**
 * Reads stored jobs for people. It shows only what is durable: if the newest record of a job is not yet, it waits for
 * the commit; and if a job changed while its records were read, it reads them again.
 */
import type { JobEnd, JournalMessage, Settle, Whereabouts } from './actors/messages.ts';
import type { Dependencies } from './actors/dependencies.ts';
import type { QueueBook } from './actors/queue-book.ts';
import type { Runner } from './actors/runner.ts';
import type { Throughput } from './actors/throughput.ts';
import { InvalidArgumentError } from './errors.ts';
import type { FlatError } from './errors.ts';
import type { JobPage, ListFilter } from './face.ts';
import type { GraphView } from './graph.ts';
import { isFinal, type JobState } from './job/machine.ts';
import type { JobRow } from './job/row.ts';
import type { JobTable } from './job/table.ts';
import type { Clock } from './kernel/clock.ts';
import { readJob, type JobRecords } from './log/history.ts';
import type { Log } from './log/log.ts';
import { checkFilter, oldest, type ListingParts } from './listing.ts';
import type { Settings } from './options.ts';
import { decodeLevel, policyOf } from './policy.ts';
import type { Router } from './router.ts';
import {
  checkCountsOf,
  countsOf,
  statsOf,
  type CountsOf,
  type JobCounts,
  type QueueStats,
  type StatisticsParts,
  type TypeStats,
} from './statistics.ts';
import { jobView, type JobView } from './view.ts';

export interface ReaderParts {
  readonly log: () => Log;
  readonly clock: Clock;
  readonly runner: Runner;
  readonly settings: Settings;
  readonly router: Router;
  readonly book: () => QueueBook | undefined;
  /** Who waits for whom; a recovery replaces it. */
  readonly dependencies: () => Dependencies | undefined;
  /** Whether a job that is due lacks something else than a free slot. */
  readonly isHeldBack: (slot: number) => boolean;
  /** What ended lately; a recovery replaces it. */
  readonly throughput: () => Throughput | undefined;
  readonly ask: <Value>(message: (settle: Settle<Value>) => JournalMessage) => Promise<Value>;
}

export interface Reader {
  get(id: string): Promise<JobView | undefined>;
  list(filter: ListFilter): Promise<JobPage>;
  stats(): Promise<TypeStats[]>;
  queueStats(): Promise<QueueStats[]>;
  counts(of: CountsOf): Promise<JobCounts>;
  graph(id: string): Promise<GraphView | undefined>;
  /** How a job that has ended did so; undefined when it is gone; `revived` when it goes on meanwhile. */
  endOf(found: Whereabouts): Promise<JobEnd | 'revived' | undefined>;
}

/** How many jobs are read and made into objects before others get their turn. */
const VIEW_SLICE = 25;
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
    const levels = [definition ?? {}, parts.book()?.settingsOf(row.queue) ?? {}, parts.settings.level];
    return jobView({
      ...records,
      report: row.token === undefined ? undefined : parts.runner.reportOf(row.token),
      policy: policyOf([decodeLevel(records.home.settings), ...levels]),
      isHeldBack: () => parts.isHeldBack(where.slot),
      waitsFor: row.state === 'waiting' ? (parts.dependencies()?.parentsIn(where.slot, 'pending') ?? []) : [],
      now: parts.clock.now(),
    });
  }

  function listing(): ListingParts {
    return {
      table: parts.log().table,
      ...{ router: parts.router, clock: parts.clock, dependencies: parts.dependencies() },
      isHeldBack: parts.isHeldBack,
    };
  }

  function statisticsParts(): StatisticsParts {
    return { ...listing(), throughput: parts.throughput() };
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
      const criteria = checkFilter(filter, ['limit', 'cursor']);
      const limit = limitOf(filter);
      const after = filter.cursor === undefined ? 0 : orderFrom(filter.cursor);
      await flush();
      const found = await oldest(listing(), criteria, after, limit + 1);
      const page = found.slice(0, limit);
      const views: Array<JobView | undefined> = [];
      for (let n = 0; n < page.length; n += VIEW_SLICE) {
        if (n > 0) await new Promise<void>((resolve) => parts.clock.turn(resolve));
        views.push(...(await Promise.all(page.slice(n, n + VIEW_SLICE).map((where) => viewOf(where)))));
      }
      // Some may have changed while the others were read; and that one is missing here has to be durable too.
      const jobs = views.filter(
        (view) =>
          view !== undefined && (filter.state ?? view.state) === view.state && (filter.face ?? view.face) === view.face,
      ) as JobView[];
      await flush();
      const last = page.at(-1);
      return found.length > limit && last !== undefined ? { jobs, cursor: last.order.toString(36) } : { jobs };
    },

    async stats() {
      await flush();
      const { table } = parts.log();
      for (const { type } of parts.router.all()) if (!type.endsWith('*')) table.types.number(type);
      return statsOf('type', statisticsParts());
    },

    async queueStats() {
      await flush();
      return statsOf('queue', statisticsParts());
    },

    async counts(of) {
      const { queue, type } = checkCountsOf(of);
      await flush();
      return countsOf(parts.log().table, queue, type);
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

function limitOf({ limit = DEFAULT_LIMIT }: ListFilter): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= HIGHEST_LIMIT) return limit;
  throw new InvalidArgumentError({ field: 'limit', expected: `an integer from 1 to ${HIGHEST_LIMIT}`, got: limit });
}

function orderFrom(cursor: string): number {
  const order = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(order)) return order;
  throw new InvalidArgumentError({ field: 'cursor', expected: 'the cursor of a page that list gave', got: cursor });
}
