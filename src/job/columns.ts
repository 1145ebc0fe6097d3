/** The columns of `JobTable`: numbers about jobs, one array for each kind. 64 bytes a job. */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** What is counted of a job. */
export interface Counters {
  readonly starts: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly interrupts: number;
  readonly snoozes: number;
}

const SMALLEST = 64;
const GROWTH = 1.5;

export class JobColumns {
  /** Slots below this one have a place in every column. */
  capacity: number = SMALLEST;
  state = new Uint8Array(SMALLEST);
  priority = new Int32Array(SMALLEST + 2);
  order = new Float64Array(SMALLEST + 4);
  createdAt = new Float64Array(SMALLEST + 6);
  dueAt = new Float64Array(SMALLEST + 8);
  home = new Float64Array(SMALLEST + 10);
  last = new Float64Array(SMALLEST + 12);
  bytes = new Uint32Array(SMALLEST + 14);
  starts = new Uint32Array(SMALLEST + 16);
  attempts = new Uint16Array(SMALLEST + 18);
  interrupts = new Uint16Array(SMALLEST + 20);
  snoozes = new Uint16Array(SMALLEST + 22);
  crashes = new Uint8Array(SMALLEST + 24);
  type = new Uint16Array(SMALLEST + 26);
  queue = new Uint16Array(SMALLEST + 28);

  /** Sets what is counted of a job. */
  setCounters(slot: number, { starts, attempts, crashes, interrupts, snoozes }: Counters): void {
    this.starts[slot] = starts;
    this.attempts[slot] = attempts;
    this.crashes[slot] = crashes;
    this.interrupts[slot] = interrupts;
    this.snoozes[slot] = snoozes;
  }

  /** The columns are of different lengths, so that they do not all grow at once: at a million jobs that takes 50 ms. */
  makeRoomFor(slot: number): void {
    if (slot < this.capacity) return;
    this.#grow(({ length }) => (slot < length ? length : Math.max(slot + 1, Math.ceil(length * GROWTH))));
  }

  /** So many slots are expected, from 0 on. */
  expect(count: number): void {
    const times = count / this.capacity;
    if (times > 1) this.#grow(({ length }) => Math.ceil(length * times));
  }

  #grow(lengthOf: (column: Column) => number): void {
    this.state = ofLength(this.state, lengthOf(this.state));
    this.priority = ofLength(this.priority, lengthOf(this.priority));
    this.order = ofLength(this.order, lengthOf(this.order));
    this.createdAt = ofLength(this.createdAt, lengthOf(this.createdAt));
    this.dueAt = ofLength(this.dueAt, lengthOf(this.dueAt));
    this.home = ofLength(this.home, lengthOf(this.home));
    this.last = ofLength(this.last, lengthOf(this.last));
    this.bytes = ofLength(this.bytes, lengthOf(this.bytes));
    this.starts = ofLength(this.starts, lengthOf(this.starts));
    this.attempts = ofLength(this.attempts, lengthOf(this.attempts));
    this.interrupts = ofLength(this.interrupts, lengthOf(this.interrupts));
    this.snoozes = ofLength(this.snoozes, lengthOf(this.snoozes));
    this.crashes = ofLength(this.crashes, lengthOf(this.crashes));
    this.type = ofLength(this.type, lengthOf(this.type));
    this.queue = ofLength(this.queue, lengthOf(this.queue));
    this.capacity = Math.min(
      this.state.length,
      this.priority.length,
      this.order.length,
      this.createdAt.length,
      this.dueAt.length,
      this.home.length,
      this.last.length,
      this.bytes.length,
      this.starts.length,
      this.attempts.length,
      this.interrupts.length,
      this.snoozes.length,
      this.crashes.length,
      this.type.length,
      this.queue.length,
    );
  }
}

function ofLength<Kind extends Column>(column: Kind, length: number): Kind {
  if (length === column.length) return column;
  const larger = new (column.constructor as new (length: number) => Kind)(length);
  larger.set(column);
  return larger;
}

export function countUp(column: Uint16Array | Uint8Array, slot: number, most: number): void {
  column[slot] = Math.min((column[slot] as number) + 1, most);
}
