/**
 * The part of an engine that is rebuilt when the store fails: everything that is derived from the log, and the actors
 * that own it. What must survive is given to it: the mailboxes, the runner with its running attempts, the waiters.
 */
import { UnknownOutcomeError } from '../errors.ts';
import type { Mailbox, Turns } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { Places } from '../kernel/heap.ts';
import type { JobTable } from '../job/table.ts';
import type { Log } from '../log/log.ts';
import { Trimmer, type NewestValue } from '../log/trim.ts';
import type { Middleware } from '../middleware.ts';
import type { Settings } from '../options.ts';
import type { Router } from '../router.ts';
import { Dependencies } from './dependencies.ts';
import { createDispatcher } from './dispatcher.ts';
import type { Reason } from './explain.ts';
import { createJournal } from './journal.ts';
import {
  refuseAll,
  type DispatcherMessage,
  type Hold,
  type JournalMessage,
  type RunnerMessage,
  type SchedulesMessage,
} from './messages.ts';
import { encodeEntry, type QueueBook } from './queue-book.ts';
import { Rates } from './rates.ts';
import { Retention } from './retention.ts';
import type { Runner } from './runner.ts';
import { createSchedules } from './schedules.ts';
import { ThreadRoom } from './thread-room.ts';
import type { Threads } from './threads.ts';
import { Throughput } from './throughput.ts';
import type { Waiters } from './waiters.ts';

export interface CoreParts {
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
  /** The moment of the newest event in it, epoch ms. */
  readonly newestAt: number;
  /** Where the log ended when this engine first opened it: attempts with tokens from here on are its own. */
  readonly bornAt: number;
  /** Whether the engine is to end: nothing is started any more. */
  readonly isClosing: () => boolean;
  /** Whether the disk is full: no new jobs are taken, and none is started. */
  readonly isFull: () => boolean;
  /** Whether starts are held back for now. */
  readonly isHeld: () => boolean;
  /** What holds for each queue, read from this log. */
  readonly book: QueueBook;
  /** Whether this engine works on a queue. */
  readonly isConsumed: (queue: string) => boolean;
  readonly settings: Settings;
  readonly router: Router;
  /** The engine's middleware. */
  readonly use: readonly Middleware[];
  readonly threads: Threads;
  readonly mailboxes: {
    readonly journal: Mailbox<JournalMessage>;
    readonly dispatcher: Mailbox<DispatcherMessage>;
    readonly runner: Mailbox<RunnerMessage>;
    readonly schedules: Mailbox<SchedulesMessage>;
  };
  readonly runner: Runner;
  readonly waiters: Waiters;
  readonly createId: () => string;
  /** When missed runs of schedules may be made up, in monotonic ms. */
  readonly settledAt: () => number;
  readonly onCommitted: () => void;
  readonly onLost: (error: unknown) => void;
}

export interface Core {
  readonly log: Log;
  readonly dependencies: Dependencies;
  readonly throughput: Throughput;
  /** All that keeps a waiting job from running now; never empty. */
  explain(slot: number): Reason[];
  /** Whether a job that is due lacks something else than a free slot of the engine. */
  isHeldBack(slot: number): boolean;
  slotsInUse(): number;
  /** Ends it; what is not durable is answered with `error`. */
  stop(error: Error): void;
}

/** The engine opens, or it recovers, and attempts may still be running. */
export async function startCore(parts: CoreParts): Promise<Core> {
  const { turns, clock, log, settings, mailboxes, runner, isClosing, isFull } = parts;
  const places = new Places();
  // What these two were told before was about a state that is gone; they are told anew what holds.
  mailboxes.dispatcher.drain();
  mailboxes.runner.drain();
  const dependencies = new Dependencies(log.table);
  const throughput = new Throughput(clock.now());
  const { book } = parts;
  const rates = ratesOf(log.table, book);
  // The starts that a rate counts may be in frames that are dropped.
  const newestValue: NewestValue = ({ space, name, value }, now) => {
    const starts = space === 'queue' ? rates.of(name)?.stored(now) : undefined;
    return starts === undefined ? value : encodeEntry({ ...book.stored(name), starts });
  };
  const watched = new Set<number>();
  const journal = createJournal({
    turns,
    clock,
    log,
    trimmer: new Trimmer(log, settings.trimSlackBytes, newestValue, () => rates.outdated()),
    retention: new Retention(log.table, settings.keep),
    throughput,
    dependencies,
    book,
    rates,
    concurrency: settings.concurrency,
    mailbox: mailboxes.journal,
    dispatcher: mailboxes.dispatcher,
    runner: mailboxes.runner,
    schedules: mailboxes.schedules,
    watched,
    waiters: parts.waiters,
    maxCrashes: settings.maxCrashes,
    listSlice: settings.listSlice,
    isClosing,
    isFull,
    createId: parts.createId,
    onCommitted: parts.onCommitted,
    onLost: parts.onLost,
  });
  const dispatcher = createDispatcher({
    clock,
    table: log.table,
    dependencies,
    book,
    rates,
    places,
    mailbox: mailboxes.dispatcher,
    journal: mailboxes.journal,
    router: parts.router,
    unknownTypes: settings.unknownTypes,
    isConsumed: parts.isConsumed,
    concurrency: settings.concurrency,
    room: new ThreadRoom({
      ...{ table: log.table, router: parts.router, threads: settings.threads, use: parts.use },
      ...{ ahead: () => parts.threads.ahead, maxCrashes: settings.maxCrashes },
      hasRate: (queue) => rates.of(queue) !== undefined,
    }),
    maxCrashes: settings.maxCrashes,
    isClosing,
    isFull,
    isHeld: parts.isHeld,
  });
  function holdOf(slot: number): Hold {
    const { lane = 'inline', type, concurrency } = parts.router.find(log.table.typeOf(slot)) ?? {};
    const route = concurrency === undefined ? undefined : type;
    return { queue: log.table.queueOf(slot), lane, key: log.table.keyOf(slot), route };
  }

  let schedules: ReturnType<typeof createSchedules> | undefined;
  function stop(error: Error): void {
    schedules?.stop(error);
    dispatcher.stop();
    journal.stop(error);
    mailboxes.dispatcher.serve(() => undefined);
    // Ends of attempts are dropped here: the runner tells them again to the next journal.
    mailboxes.journal.serve((messages) => refuseAll(messages, error));
  }

  try {
    const { bornAt, newestAt } = parts;
    const handedOver = journal.resume({ bornAt, isAlive: runner.has, newestAt, holdOf });
    runner.tellAgain(({ slot, token }) => log.table.tokenOf(slot) === token);
    await dispatcher.load([...runner.holding(), ...handedOver.map(({ hold }) => hold)]);
    schedules = createSchedules({
      ...{ clock, table: log.table, mailbox: mailboxes.schedules, journal: mailboxes.journal, watched },
      ...{ settledAt: parts.settledAt, isClosing, isFull },
    });
    const { explain, isHeldBack, slotsInUse } = dispatcher;
    return { log, dependencies, throughput, explain, isHeldBack, slotsInUse, stop };
  } catch (error) {
    // Half of it is at work already.
    stop(new UnknownOutcomeError('a fault of the engine', { cause: error }));
    throw error;
  }
}

/** The windows of all queues that have rates, with what the log knows of them. */
function ratesOf(table: JobTable, book: QueueBook): Rates {
  const rates = new Rates();
  for (const name of book.names()) {
    const { rate, keyRate } = book.settingsOf(name);
    rates.configure(name, rate, keyRate);
    const { recentStarts } = table;
    if (recentStarts !== undefined)
      rates.restore(name, book.stored(name).starts, table.entries.get('queue', name), recentStarts);
  }
  table.recentStarts = undefined;
  return rates;
}
