/**
 * Virtual time: everything that happens later is an event here, and one event is run after another. Between two events
 * all promises that can settle do, so that a run depends on nothing but its events and their order.
 */

/** What an event belongs to. When a process dies, what it still had before it does not happen. */
export interface Owner {
  readonly isGone: boolean;
}

/** The owner of what no process can take with it. */
export const NATURE: Owner = { isGone: false };

const EVENTS_A_TURN = 500;

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly owner: Owner;
  readonly task: () => void;
}

export class World {
  /** Milliseconds that a monotonic clock has counted: it stands still while the machine sleeps. */
  now = 0;
  /** How many events have happened. */
  count = 0;
  readonly #heap: Happening[] = [];
  #order = 0;

  /** Calls `task` in `afterMs`; equal moments in the order of the calls. */
  later(afterMs: number, owner: Owner, task: () => void): void {
    this.#push({ at: this.now + afterMs, order: this.#order++, owner, task });
  }

  sleep(afterMs: number, owner: Owner): Promise<void> {
    return new Promise((resolve) => this.later(afterMs, owner, resolve));
  }

  /** Lets the next event happen, and all that follows from it at once. False when there is none before `before`. */
  async step(before = Infinity): Promise<boolean> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at >= before) return false;
      this.#pop();
      if (next.owner.isGone) continue;
      this.now = Math.max(this.now, next.at);
      this.count++;
      next.task();
      await (this.count % EVENTS_A_TURN === 0 ? turned() : settled());
      return true;
    }
  }

  #push(event: Happening): void {
    const heap = this.#heap;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent] as Happening)) break;
      heap[place] = heap[parent] as Happening;
      place = parent;
    }
    heap[place] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Happening;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++;
      if (isBefore(last, heap[child] as Happening)) break;
      heap[place] = heap[child] as Happening;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves when no promise is left that could settle by itself: Node empties that queue before it turns to this one. */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** The same, with a turn of the event loop, in which Node tells of rejections that nobody took. */
export function turned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
