/**
 * The dispatcher finds slots for jobs. It owns the queues, counts what runs, and tells the journal which job to start.
 * Its counts are of attempts that it started itself and that were not released yet: an attempt whose thread is still
 * being ended holds its slot, and a new process counts anew, so nothing can leak.
 *
 * Queues take turns, so that a busy one cannot starve another: deficit round robin with jobs as the measure. When its
 * turn comes a queue may start as many jobs as its weight says; what it has left when the slots are all taken, it goes on
 * with. One alarm wakes the dispatcher for the next moment at which something can change by itself; there is no polling.
 */
import type { DeathReason } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';
import type { ActorRef, Mailbox } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { Heap, Places } from '../kernel/heap.ts';
import type { Router } from '../router.ts';
import type { DispatcherMessage, Hold, JournalMessage } from './messages.ts';
import type { Dependencies } from './dependencies.ts';
import { explainJob, isHeldBack, type Moment, type Reason } from './explain.ts';
import { Minimums } from './minimums.ts';
import { Queue } from './queue.ts';
import type { QueueBook } from './queue-book.ts';
import type { Rates } from './rates.ts';
import { Suspects } from './suspects.ts';
import type { ThreadRoom } from './thread-room.ts';
import type { Source } from './turns.ts';
import { TypeLimits } from './type-limits.ts';

export interface DispatcherParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly dependencies: Dependencies;
  readonly places: Places;
  readonly mailbox: Mailbox<DispatcherMessage>;
  readonly journal: ActorRef<JournalMessage>;
  readonly router: Router;
  readonly unknownTypes: 'wait' | 'die';
  readonly book: QueueBook;
  readonly rates: Rates;
  /** Whether this engine works on a queue. */
  readonly isConsumed: (queue: string) => boolean;
  readonly concurrency: number;
  readonly room: ThreadRoom;
  readonly maxCrashes: number;
  /** Whether the engine is to end: nothing is started any more. */
  readonly isClosing: () => boolean;
  /** Whether the disk is full: no new jobs are taken, and none is started. */
  readonly isFull: () => boolean;
  /** Whether starts are held back for now; a `due` says that they are not any more. */
  readonly isHeld: () => boolean;
}

export interface Dispatcher {
  /**
   * Takes in all waiting jobs of the table, in slices, and begins to start them.
   *
   * @param running the attempts that hold slots already, those included that are about to be handed to the runner
   */
  load(running: readonly Hold[]): Promise<void>;
  /** All that keeps a waiting job from running now; never empty. */
  explain(slot: number): Reason[];
  /** Whether a job that is due lacks something else than a free slot of the engine. */
  isHeldBack(slot: number): boolean;
  /** Also those of attempts that are over and still take up their thread. */
  slotsInUse(): number;
  /** No job is started any more. */
  stop(): void;
}

/** How many jobs are taken in before others get their turn. */
const LOAD_SLICE = 5_000;

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { clock, table, journal, router, book, rates, room } = parts;
  const queues: Queue[] = [];
  const minimums = new Minimums(parts.concurrency);
  const limits = new TypeLimits();
  const suspects = new Suspects(table, parts.maxCrashes);
  /** Waiting jobs that have a deadline, by deadline. */
  const expiries = new Heap(new Places());
  const alarm = clock.alarm('wall', () => parts.mailbox.tell({ kind: 'due' }));
  let alarmAt = Infinity;
  /** The next moment at which something can change by itself, as it is being found out. */
  let wakeAt = Infinity;
  let running = 0;
  /** The queue whose turn it is. */
  let turn = 0;
  /** Nothing is started before all waiting jobs are known, or the first to be seen would overtake the most urgent. */
  let mode: 'loading' | 'dispatching' | 'stopped' = 'loading';

  parts.mailbox.serve((messages) => {
    for (const message of messages) receive(message);
    dispatch();
  });

  function receive(message: DispatcherMessage): void {
    switch (message.kind) {
      case 'waiting':
        // It may have been cancelled since it was told, or told twice.
        if (table.stateOf(message.slot) === 'waiting') add(message.slot, clock.now());
        break;
      case 'gone':
        remove(message.slot);
        break;
      case 'released':
        release(message.hold);
        break;
      case 'routes':
        reroute(message.areFewer);
        break;
      case 'settings':
        reconfigure();
        break;
      case 'due':
        alarmAt = Infinity;
        break;
    }
  }

  function add(slot: number, now: number): void {
    remove(slot);
    const deadlineAt = table.deadlineOf(slot);
    if (deadlineAt !== undefined) expiries.push(slot, deadlineAt, table.orderOf(slot));
    place(slot, now);
  }

  function place(slot: number, now: number): void {
    const definition = router.find(table.typeOf(slot));
    const lane = definition?.lane ?? 'none';
    if (lane === 'none' && parts.unknownTypes === 'die' && table.dueAtOf(slot) <= now) {
      end(slot, 'terminated', `Nobody serves jobs of the type ${table.typeOf(slot)}.`);
    } else queueOf(table.queueNumberOf(slot)).add(slot, lane, limits.of(definition), now);
  }

  /** The slot may be another job's by now, in another queue, so that the table cannot say where it stood. */
  function remove(slot: number): void {
    expiries.remove(slot);
    if (parts.places.of(slot) < 0) return;
    for (const queue of queues) if (queue.remove(slot)) return;
  }

  function end(slot: number, why: DeathReason, problem: string): void {
    remove(slot);
    journal.tell({ kind: 'die', slot, order: table.orderOf(slot), why, problem });
  }

  function queueOf(number: number): Queue {
    const known = queues[number];
    if (known !== undefined) return known;
    // Numbers are given out in order, so that all below this one exist or are made now.
    for (let next = queues.length; next <= number; next++) {
      const name = table.queues.name(next);
      const queue = new Queue(name, book.settingsOf(name), table, parts.places);
      queues.push(queue);
      configure(queue, clock.now());
    }
    return queues[number] as Queue;
  }

  /** Something holds for queues that did not hold before: a setting, a pause, or which of them this engine works on. */
  function reconfigure(): void {
    const now = clock.now();
    // Slots are kept for a queue before its first job comes.
    for (const name of book.entitled(table.queues)) queueOf(table.queues.number(name));
    for (const queue of queues) configure(queue, now);
  }

  function configure(queue: Queue, now: number): void {
    const settings = book.settingsOf(queue.name);
    queue.heldUntil = parts.isConsumed(queue.name) ? book.heldUntil(queue.name) : Infinity;
    queue.rates = rates.of(queue.name);
    for (const slot of queue.configure(settings)) place(slot, now);
    minimums.consider(queue);
  }

  /** Jobs that waited for a handler may have one now, and others another one, or none any more. */
  function reroute(areFewer: boolean): void {
    const now = clock.now();
    const mayChange = areFewer || router.all().some(({ type }) => type.endsWith('*'));
    for (const queue of queues) {
      for (const slot of mayChange ? queue.takeReady() : queue.takeUnserved()) place(slot, now);
    }
  }

  function release(hold: Hold): void {
    queueOf(table.queues.number(hold.queue)).release(hold);
    running--;
    if (hold.lane === 'thread') room.running--;
    limits.release(hold.route);
    if (running === 0) suspects.clear();
  }

  function dispatch(): void {
    if (mode !== 'dispatching' || parts.isClosing() || parts.isFull() || parts.isHeld()) return;
    const now = clock.now();
    makeReady(now);
    startAll(now);
    if (wakeAt === alarmAt) return;
    alarmAt = wakeAt;
    if (wakeAt === Infinity) alarm.clear();
    else alarm.set(wakeAt);
  }

  function makeReady(now: number): void {
    while (expiries.peekFirst() <= now) end(expiries.pop(), 'expired', 'Its deadline passed before it was started.');
    wakeAt = expiries.peekFirst();
    for (const queue of queues) {
      for (let slot = queue.takeDue(now); slot >= 0; slot = queue.takeDue(now)) place(slot, now);
      wakeAt = Math.min(wakeAt, queue.wakeAt(now));
    }
  }

  function startAll(now: number): void {
    const pause = book.enginePause(now);
    if (pause !== undefined) {
      wakeAt = Math.min(wakeAt, pause.until ?? Infinity);
      return;
    }
    let idleTurns = 0;
    while (running < parts.concurrency && idleTurns < queues.length && !suspects.isOneAlone) {
      const queue = queues[turn % queues.length] as Queue;
      const source = next(queue, now);
      if (source === undefined) {
        queue.credit = 0;
        idleTurns++;
      } else {
        // A suspect whose turn has come keeps it until everything else has ended.
        if (running > 0 && suspects.has(source.jobs.peek())) return;
        if (queue.credit === 0) queue.credit = queue.settings.weight;
        queue.credit--;
        start(queue, source, now);
        idleTurns = 0;
      }
      if (queue.credit === 0) turn = (turn + 1) % queues.length;
    }
  }

  /** Where the job stands that this queue would start now; undefined when it may not start any. */
  function next(queue: Queue, now: number): Source | undefined {
    if (queue.heldUntil > now || minimums.keepFrom(queue, running, now)) return room.nothingOf(queue);
    return room.nextOf(queue, now, sleep);
  }

  function sleep(until: number): void {
    wakeAt = Math.min(wakeAt, until);
  }

  function start(queue: Queue, source: Source, now: number): void {
    const { hold } = source;
    const slot = queue.take(source, now);
    expiries.remove(slot);
    queue.rates?.promise(hold.key, now);
    if (source.shelf.type !== undefined) source.shelf.type.running++;
    if (suspects.has(slot)) suspects.isolate(slot);
    count(hold);
    journal.tell({ kind: 'start', slot, order: table.orderOf(slot), hold });
  }

  function count({ lane }: Hold): void {
    running++;
    if (lane === 'thread') room.running++;
  }

  const isKeptFrom = (queue: Queue): boolean => minimums.keepFrom(queue, running, clock.now());
  const explaining = { ...parts, limits, suspects, isKeptFrom };
  const moment = (): Moment => ({ now: clock.now(), concurrency: parts.concurrency });
  return {
    async load(holds) {
      reconfigure();
      for (const hold of holds) {
        queueOf(table.queues.number(hold.queue)).hold(hold);
        const type = hold.route === undefined ? undefined : limits.of(router.find(hold.route));
        if (type !== undefined) type.running++;
        count(hold);
      }
      if (running > 0) suspects.resume();
      const now = clock.now();
      for (let slot = 0; slot < table.end; slot++) {
        if (table.stateOf(slot) === 'waiting') {
          suspects.consider(slot);
          if (parts.dependencies.of(slot) === 'free') add(slot, now);
        }
        if (slot % LOAD_SLICE === LOAD_SLICE - 1) await new Promise<void>((resolve) => clock.turn(resolve));
      }
      if (mode === 'loading') mode = 'dispatching';
      dispatch();
    },
    explain(slot) {
      const { isOneAlone } = suspects;
      const facts = { ...moment(), mode, running, isOneAlone };
      const engine = { ...facts, isFull: parts.isFull(), isHeld: parts.isHeld() };
      return explainJob(explaining, slot, queues[table.queueNumberOf(slot)], engine);
    },
    slotsInUse: () => running,
    isHeldBack: (slot) => isHeldBack(explaining, slot, queues[table.queueNumberOf(slot)], moment()),
    stop() {
      mode = 'stopped';
      alarm.clear();
    },
  };
}
