/**
 * The waiting jobs of one queue: those whose time has come, by priority and then by order, and those that are due
 * later, by their moment. So a job that is due later never blocks one that is ready.
 *
 * The ready ones stand in a heap for each lane, since a job that needs a thread must not hold up one that does not.
 * Jobs that have a key, or whose type has a limit, stand apart (`turns.ts`); a queue without such jobs has none of that.
 */
import type { JobTable } from '../job/table.ts';
import { Heap, type Places } from '../kernel/heap.ts';
import type { QueueSettings } from '../queue-options.ts';
import type { Hold, Lane, RunLane } from './messages.ts';
import type { QueueRates } from './rates.ts';
import { Turns, type Source, type Turn, type TypeLimit } from './turns.ts';

export class Queue {
  readonly name: string;
  /** Attempts of this queue's jobs that hold a slot, those whose thread is still being ended included. */
  running = 0;
  /** How many more jobs it may start in this turn of the engine. */
  credit = 0;
  /** Nothing of it starts before this moment, by its rate; epoch ms. */
  restsUntil = 0;
  /** Nothing of it starts before: it is paused, or this engine does not work on it; Infinity for as long as that holds. */
  heldUntil = 0;
  settings: QueueSettings;
  /** Undefined when neither it nor its keys have any. */
  rates: QueueRates | undefined;
  readonly #table: JobTable;
  readonly #plain: Readonly<Record<RunLane, Source>>;
  readonly #unserved: Heap;
  readonly #later: Heap;
  readonly #turns: Turns;

  constructor(name: string, settings: QueueSettings, table: JobTable, places: Places) {
    this.name = name;
    this.settings = settings;
    this.#table = table;
    this.#unserved = new Heap(places);
    this.#later = new Heap(places);
    this.#turns = new Turns({
      queue: name,
      newHeap: () => new Heap(places),
      urgencyOf: (source) => this.#urgencyOf(source),
      most: () => this.settings.keyConcurrency,
    });
    this.#plain = {
      inline: this.#turns.source('inline', undefined, undefined),
      thread: this.#turns.source('thread', undefined, undefined),
    };
  }

  /** The next moment at which something here can change by itself, epoch ms; Infinity if nothing will. */
  wakeAt(now: number): number {
    const { heldUntil, restsUntil } = this;
    let wakeAt = this.#later.peekFirst();
    if (this.rates !== undefined) {
      // Also when nothing here may start, or its end would come again and again.
      this.#turns.wakeRested(now);
      wakeAt = Math.min(wakeAt, this.#turns.restedAt);
    }
    if (restsUntil > now) wakeAt = Math.min(wakeAt, restsUntil);
    return heldUntil > now ? Math.min(wakeAt, heldUntil) : wakeAt;
  }

  /** How many jobs are ready. */
  get readyCount(): number {
    return this.#plain.inline.jobs.size + this.#plain.thread.jobs.size + this.#turns.size;
  }

  /** Adds a waiting job. */
  add(slot: number, lane: Lane, type: TypeLimit | undefined, now: number): void {
    const dueAt = this.#table.dueAtOf(slot);
    const order = this.#table.orderOf(slot);
    if (dueAt > now) {
      this.#later.push(slot, dueAt, order);
      return;
    }
    const { agingMs } = this.settings;
    const priority = this.#table.priorityOf(slot);
    // It rises with time, and so do all others: who is before whom is settled once and for all.
    const first = agingMs === Infinity ? -priority : Math.floor(dueAt / agingMs) - priority;
    if (lane === 'none') this.#unserved.push(slot, first, order);
    else {
      const key = this.#table.keyOf(slot);
      if (key === undefined && type === undefined) this.#plain[lane].jobs.push(slot, first, order);
      else this.#turns.add(slot, this.#turns.source(lane, type, key), first, order);
    }
  }

  /** Takes out a job that waits no more; false if it was not here. */
  remove(slot: number): boolean {
    const { inline, thread } = this.#plain;
    return (
      inline.jobs.remove(slot) ||
      thread.jobs.remove(slot) ||
      this.#later.remove(slot) ||
      this.#unserved.remove(slot) ||
      this.#turns.remove(slot)
    );
  }

  /** The jobs whose type nobody serves, taken out. */
  takeUnserved(): number[] {
    const slots = [...this.#unserved];
    for (const slot of slots) this.#unserved.remove(slot);
    return slots;
  }

  /** All ready jobs, those whose type nobody serves included, taken out. */
  takeReady(): number[] {
    const { inline, thread } = this.#plain;
    const slots = [...this.#unserved, ...inline.jobs, ...thread.jobs, ...this.#turns.jobs()];
    for (const slot of slots) this.remove(slot);
    return slots;
  }

  /** A job whose time has come, to be added again; -1 if there is none. */
  takeDue(now: number): number {
    return this.#later.peekFirst() <= now ? this.#later.pop() : -1;
  }

  /** The settings have changed; jobs that are to be added again come back. */
  configure(settings: QueueSettings): number[] {
    const isOrderChanged = settings.agingMs !== this.settings.agingMs;
    const slots = isOrderChanged ? this.takeReady() : [];
    this.settings = settings;
    this.restsUntil = 0;
    this.#turns.wakeAll();
    return slots;
  }

  /** Where the next job that could start stands, or undefined. */
  next(isThreadFree: boolean): Source | undefined {
    const { inline, thread } = this.#plain;
    if (this.running >= this.settings.concurrency) return undefined;
    if (this.#turns.size > 0) return this.#nextOfShelves(isThreadFree);
    if (thread.jobs.size === 0 || !isThreadFree) return inline.jobs.size === 0 ? undefined : inline;
    if (inline.jobs.size === 0) return thread;
    const first = thread.jobs.peekFirst() - inline.jobs.peekFirst();
    return first < 0 || (first === 0 && thread.jobs.peekSecond() < inline.jobs.peekSecond()) ? thread : inline;
  }

  /**
   * The same when there are rates. Whoever has to wait for one rests until it may go on.
   *
   * @param restsUntil told of each such moment
   */
  nextByRates(isThreadFree: boolean, now: number, restsUntil: (at: number) => void): Source | undefined {
    const { rates } = this;
    if (rates === undefined || this.restsUntil > now) return undefined;
    this.#turns.wakeRested(now);
    for (;;) {
      const source = this.next(isThreadFree);
      if (source === undefined) return undefined;
      this.restsUntil = rates.nextAt(now);
      if (this.restsUntil > 0) {
        restsUntil(this.restsUntil);
        return undefined;
      }
      const { turn } = source;
      const until = turn.key === undefined ? 0 : rates.keyNextAt(turn.key, now);
      if (until === 0) return source;
      this.#turns.rest(turn, until);
      restsUntil(until);
    }
  }

  #nextOfShelves(isThreadFree: boolean): Source | undefined {
    let best: Source | undefined;
    let [bestFirst, bestPlace, bestOrder] = [Infinity, Infinity, Infinity];
    const consider = (source: Source, first: number): void => {
      const { place } = source.turn;
      const order = source.jobs.peekSecond();
      if (first > bestFirst) return;
      if (first === bestFirst && (place > bestPlace || (place === bestPlace && order > bestOrder))) return;
      [best, bestFirst, bestPlace, bestOrder] = [source, first, place, order];
    };
    for (const { lane, type, loose, open, sources } of this.#turns.shelves) {
      if (lane === 'thread' && !isThreadFree) continue;
      if (type !== undefined && type.running >= type.limit) continue;
      if (loose.jobs.size > 0) consider(loose, this.#urgencyOf(loose));
      if (open.size > 0) consider(sources[open.peek()] as Source, open.peekFirst());
    }
    return best;
  }

  /** With aging, a key waits since it had its last turn: jobs that are many do not make it older. */
  #urgencyOf({ jobs, turn }: Source): number {
    const { agingMs } = this.settings;
    const first = jobs.peekFirst();
    if (agingMs === Infinity) return first;
    const priority = this.#table.priorityOf(jobs.peek());
    return Math.max(first, Math.floor(turn.lastAt / agingMs) - priority);
  }

  /** Takes the job that is first there, which takes up what its `hold` says. */
  take(source: Source, now: number): number {
    this.running++;
    return this.#turns.size === 0 ? source.jobs.pop() : this.#turns.take(source, now);
  }

  /** An attempt runs that was not started here. */
  hold({ key }: Hold): void {
    this.running++;
    if (key !== undefined) this.#turns.hold(key);
  }

  /** An attempt is over. */
  release({ key }: Hold): void {
    this.running--;
    if (key !== undefined) this.#turns.release(key);
  }

  turnOf(key: string): Turn | undefined {
    return this.#turns.turnOf(key);
  }
}
