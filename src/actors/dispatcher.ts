/**
 * The dispatcher finds slots for jobs. It owns the queues, counts what runs, and tells the journal which job to start.
 * Its counts are of attempts that it started itself and that were not released yet: an attempt whose thread is still
 * being ended holds its slot.
 *
 * Queues take turns, one job each, so that a busy one cannot starve another. One alarm wakes it for the next job that
 * becomes due; there is no polling.
 */
import type { DeathReason } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';
import type { ActorRef, Mailbox } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { Heap, Places } from '../kernel/heap.ts';
import type { QueueSettings } from '../queue-options.ts';
import type { Router } from '../router.ts';
import type { DispatcherMessage, JournalMessage, Lane } from './messages.ts';
import type { Dependencies } from './dependencies.ts';
import { Queue } from './queue.ts';
import { Suspects } from './suspects.ts';

export interface DispatcherParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly dependencies: Dependencies;
  readonly places: Places;
  readonly mailbox: Mailbox<DispatcherMessage>;
  readonly journal: ActorRef<JournalMessage>;
  readonly router: Router;
  readonly unknownTypes: 'wait' | 'die';
  readonly queues: ReadonlyMap<string, QueueSettings>;
  readonly concurrency: number;
  readonly threads: number;
  readonly maxCrashes: number;
  /** Whether the engine is to end: nothing is started any more. */
  readonly isClosing: () => boolean;
  /** Whether the disk is full: no new jobs are taken, and none is started. */
  readonly isFull: () => boolean;
  /** Whether starts are held back for now; a `due` says that they are not any more. */
  readonly isHeld: (slotsInUse: number) => boolean;
}

export interface Dispatcher {
  /**
   * Takes in all waiting jobs of the table, in slices, and begins to start them.
   *
   * @param running the attempts that hold slots already, those included that are about to be handed to the runner
   */
  load(running: ReadonlyArray<{ readonly queue: string; readonly lane: Lane }>): Promise<void>;
  /** No job is started any more. */
  stop(): void;
}

/** How many jobs are taken in before others get their turn. */
const LOAD_SLICE = 20_000;

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { clock, table, journal, router } = parts;
  const queues: Queue[] = [];
  const suspects = new Suspects(table, parts.maxCrashes);
  /** Waiting jobs that have a deadline, by deadline. */
  const expiries = new Heap(new Places());
  const alarm = clock.alarm('wall', () => parts.mailbox.tell({ kind: 'due' }));
  let alarmAt = Infinity;
  let running = 0;
  let runningOnThreads = 0;
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
        release(queueOf(table.queues.number(message.queue)), message.lane);
        break;
      case 'routes':
        reroute();
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
    const lane = laneOf(slot);
    if (table.dueAtOf(slot) <= now && lane === 'none' && parts.unknownTypes === 'die') {
      end(slot, 'terminated', `Nobody serves jobs of the type ${table.typeOf(slot)}.`);
    } else queueOf(table.queueNumberOf(slot)).add(slot, lane, now);
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
      const concurrency = parts.queues.get(name)?.concurrency ?? parts.concurrency;
      queues.push(new Queue(name, concurrency, table, parts.places));
    }
    return queues[number] as Queue;
  }

  function laneOf(slot: number): Lane {
    return router.find(table.typeOf(slot))?.lane ?? 'none';
  }

  /** Jobs that waited for a handler may have one now. */
  function reroute(): void {
    const now = clock.now();
    for (const queue of queues) for (const slot of queue.takeUnserved()) place(slot, now);
  }

  function release(queue: Queue, lane: Lane): void {
    queue.running--;
    running--;
    if (lane === 'thread') runningOnThreads--;
    if (running === 0) suspects.clear();
  }

  function dispatch(): void {
    if (mode !== 'dispatching' || parts.isClosing() || parts.isFull() || parts.isHeld(running)) return;
    makeReady();
    let idleTurns = 0;
    while (running < parts.concurrency && idleTurns < queues.length && !suspects.isOneAlone) {
      const queue = queues[turn % queues.length] as Queue;
      // A suspect whose turn has come keeps it until everything else has ended.
      if (isHeldUp(queue)) return;
      turn = (turn + 1) % queues.length;
      idleTurns = startNext(queue) ? 0 : idleTurns + 1;
    }
  }

  function makeReady(): void {
    const now = clock.now();
    while (expiries.peekFirst() <= now) end(expiries.pop(), 'expired', 'Its deadline passed before it was started.');
    let dueAt = expiries.peekFirst();
    for (const queue of queues) {
      for (let slot = queue.takeDue(now); slot >= 0; slot = queue.takeDue(now)) place(slot, now);
      dueAt = Math.min(dueAt, queue.dueAt);
    }
    if (dueAt === alarmAt) return;
    alarmAt = dueAt;
    if (dueAt === Infinity) alarm.clear();
    else alarm.set(dueAt);
  }

  function startNext(queue: Queue): boolean {
    const lane = queue.nextLane(runningOnThreads < parts.threads);
    if (lane === undefined) return false;
    const slot = queue.take(lane);
    if (suspects.has(slot)) suspects.isolate(slot);
    start(slot, queue, lane);
    return true;
  }

  /** Whether the next job of this queue must run alone, and others still run. */
  function isHeldUp(queue: Queue): boolean {
    const lane = running === 0 ? undefined : queue.nextLane(runningOnThreads < parts.threads);
    return lane !== undefined && suspects.has(queue.peek(lane));
  }

  function start(slot: number, queue: Queue, lane: Lane): void {
    expiries.remove(slot);
    hold(queue, lane);
    journal.tell({ kind: 'start', slot, order: table.orderOf(slot), queue: queue.name, lane });
  }

  function hold(queue: Queue, lane: Lane): void {
    queue.running++;
    running++;
    if (lane === 'thread') runningOnThreads++;
  }

  return {
    async load(attempts) {
      for (const { queue, lane } of attempts) hold(queueOf(table.queues.number(queue)), lane);
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
    stop() {
      mode = 'stopped';
      alarm.clear();
    },
  };
}
