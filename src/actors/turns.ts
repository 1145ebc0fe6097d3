/**
 * The ready jobs of a queue that have keys, or are of types that have a limit of their own. Jobs that the same things can
 * hold back stand together: a *shelf* for each lane and limited type, and on it a *source* for each key. So finding the
 * next job looks at few shelves and at the first source of each, however many keys there are.
 *
 * Among jobs of equal priority the keys take turns. Who comes new, or has had a turn, stands behind all others, so nobody
 * waits for more than one start of each of them. The jobs without a key take turns as if they had one together.
 */
import { Heap, Places } from '../kernel/heap.ts';
import type { Hold, RunLane } from './messages.ts';

/** A type that has a limit, with all its jobs in all queues. */
export interface TypeLimit {
  /** The type as its definition has it, which may end with a star. */
  readonly route: string;
  limit: number;
  running: number;
}

/** Ready jobs that are alike in lane, key and limited type. */
export interface Source {
  /** Its number on its shelf. */
  readonly number: number;
  readonly jobs: Heap;
  readonly turn: Turn;
  readonly shelf: Shelf;
  /** What a job of it takes when it starts. */
  readonly hold: Hold;
}

/** All that one key has in a queue. */
export interface Turn {
  /** Undefined for the jobs that have none. */
  readonly key: string | undefined;
  readonly number: number;
  readonly sources: Source[];
  running: number;
  /** Its place in the round. */
  place: number;
  /** When it last had its turn, epoch ms. */
  lastAt: number;
  /** Its rate lets nothing start before, epoch ms. */
  restsUntil: number;
}

export interface Shelf {
  readonly lane: RunLane;
  readonly type: TypeLimit | undefined;
  /** The jobs without a key. */
  readonly loose: Source;
  /** The numbers of the sources whose next job their keys would let start, by priority and place in the round. */
  readonly open: Heap;
  readonly sources: Array<Source | undefined>;
  readonly freeNumbers: number[];
}

export interface TurnsParts {
  readonly queue: string;
  readonly newHeap: () => Heap;
  /** How urgent the first job of a source is: the least first. */
  readonly urgencyOf: (source: Source) => number;
  /** How many jobs of one key may run at once. */
  readonly most: () => number;
}

export class Turns {
  readonly nobody: Turn = newTurn(undefined, 0);
  readonly shelves: Shelf[] = [];
  readonly #parts: TurnsParts;
  readonly #byKey = new Map<string, Turn>();
  readonly #byNumber: Array<Turn | undefined> = [];
  readonly #freeNumbers: number[] = [];
  /** The turns that rest, by the moment at which they are over. */
  readonly #resting = new Heap(new Places());
  /** Where each job stands. */
  readonly #sourceOf = new Map<number, Source>();
  #round = 0;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#sourceOf.size;
  }

  /** When the first of the keys that rest may go on, epoch ms. */
  get restedAt(): number {
    return this.#resting.peekFirst();
  }

  turnOf(key: string): Turn | undefined {
    return this.#byKey.get(key);
  }

  jobs(): IterableIterator<number> {
    return this.#sourceOf.keys();
  }

  add(slot: number, source: Source, first: number, second: number): void {
    source.jobs.push(slot, first, second);
    this.#sourceOf.set(slot, source);
    this.#refresh(source);
  }

  remove(slot: number): boolean {
    const source = this.#sourceOf.get(slot);
    if (source === undefined) return false;
    source.jobs.remove(slot);
    this.#left(slot, source);
    return true;
  }

  /** Takes the first job of a source: its key has had its turn. */
  take(source: Source, now: number): number {
    const slot = source.jobs.pop();
    const { turn } = source;
    turn.place = ++this.#round;
    turn.lastAt = now;
    if (turn.key !== undefined) turn.running++;
    this.#sourceOf.delete(slot);
    this.#refreshAll(turn);
    return slot;
  }

  /** A job of this key runs that was not taken here. */
  hold(key: string): void {
    const turn = this.#turn(key);
    turn.running++;
    this.#refreshAll(turn);
  }

  release(key: string): void {
    const turn = this.#byKey.get(key);
    if (turn === undefined) return;
    turn.running--;
    this.#refreshAll(turn);
    this.#forgetIdle(turn);
  }

  /** Nothing of this key starts before `until`. */
  rest(turn: Turn, until: number): void {
    turn.restsUntil = until;
    this.#resting.remove(turn.number);
    this.#resting.push(turn.number, until, 0);
    this.#refreshAll(turn);
  }

  /** Keys whose rest is over may go on. */
  wakeRested(now: number): void {
    while (this.#resting.peekFirst() <= now) {
      const turn = this.#byNumber[this.#resting.pop()] as Turn;
      turn.restsUntil = 0;
      this.#refreshAll(turn);
      this.#forgetIdle(turn);
    }
  }

  /** The limits have changed, or the clock. */
  wakeAll(): void {
    this.wakeRested(Number.MAX_VALUE);
    for (const turn of this.#byKey.values()) this.#refreshAll(turn);
  }

  /** Where jobs of this lane, limited type and key stand. */
  source(lane: RunLane, type: TypeLimit | undefined, key: string | undefined): Source {
    const shelf = this.#shelf(lane, type);
    if (key === undefined) return shelf.loose;
    const turn = this.#turn(key);
    const known = turn.sources.find((source) => source.shelf === shelf);
    if (known !== undefined) return known;
    const source = this.#newSource(shelf, turn, shelf.freeNumbers.pop() ?? shelf.sources.length);
    shelf.sources[source.number] = source;
    turn.sources.push(source);
    return source;
  }

  #shelf(lane: RunLane, type: TypeLimit | undefined): Shelf {
    const known = this.shelves.find((shelf) => shelf.lane === lane && shelf.type === type);
    if (known !== undefined) return known;
    const open = new Heap(new Places());
    const shelf: Shelf & { loose: Source } = {
      ...{ lane, type, open, sources: [], freeNumbers: [] },
      loose: undefined as unknown as Source,
    };
    shelf.loose = this.#newSource(shelf, this.nobody, -1);
    this.shelves.push(shelf);
    return shelf;
  }

  #newSource(shelf: Shelf, turn: Turn, number: number): Source {
    const { lane, type } = shelf;
    const hold = { queue: this.#parts.queue, lane, key: turn.key, route: type?.route };
    return { number, jobs: this.#parts.newHeap(), turn, shelf, hold };
  }

  #turn(key: string): Turn {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const turn = newTurn(key, this.#freeNumbers.pop() ?? this.#byNumber.length);
    turn.place = ++this.#round;
    this.#byKey.set(key, turn);
    this.#byNumber[turn.number] = turn;
    return turn;
  }

  #left(slot: number, source: Source): void {
    this.#sourceOf.delete(slot);
    this.#refresh(source);
    this.#forgetIdle(source.turn);
  }

  #refreshAll(turn: Turn): void {
    for (const source of turn.sources) this.#refresh(source);
  }

  #refresh({ number, shelf, turn, jobs }: Source): void {
    if (turn.key === undefined) return;
    shelf.open.remove(number);
    if (jobs.size === 0 || !this.isOpen(turn)) return;
    shelf.open.push(number, this.#parts.urgencyOf(shelf.sources[number] as Source), turn.place);
  }

  /** Whether its limits would let a job of this key start. */
  isOpen(turn: Turn): boolean {
    return turn.key === undefined || (turn.restsUntil === 0 && turn.running < this.#parts.most());
  }

  /** A key that has nothing here any more takes no room. */
  #forgetIdle(turn: Turn): void {
    if (turn.key === undefined || turn.running > 0 || turn.restsUntil > 0) return;
    if (turn.sources.some(({ jobs }) => jobs.size > 0)) return;
    for (const { shelf, number } of turn.sources) {
      shelf.sources[number] = undefined;
      shelf.freeNumbers.push(number);
    }
    this.#byKey.delete(turn.key);
    this.#byNumber[turn.number] = undefined;
    this.#freeNumbers.push(turn.number);
  }
}

function newTurn(key: string | undefined, number: number): Turn {
  return { key, number, sources: [], running: 0, place: 0, lastAt: 0, restsUntil: 0 };
}
