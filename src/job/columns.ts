/** The columns of `JobTable`: numbers about jobs, one array for each kind, grown together. 64 bytes a job. */

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
  capacity: number = SMALLEST;
  state = new Uint8Array(SMALLEST);
  priority = new Int32Array(SMALLEST);
  order = new Float64Array(SMALLEST);
  createdAt = new Float64Array(SMALLEST);
  dueAt = new Float64Array(SMALLEST);
  home = new Float64Array(SMALLEST);
  last = new Float64Array(SMALLEST);
  bytes = new Uint32Array(SMALLEST);
  starts = new Uint32Array(SMALLEST);
  attempts = new Uint16Array(SMALLEST);
  interrupts = new Uint16Array(SMALLEST);
  snoozes = new Uint16Array(SMALLEST);
  crashes = new Uint8Array(SMALLEST);
  type = new Uint16Array(SMALLEST);
  queue = new Uint16Array(SMALLEST);

  /** Sets what is counted of a job. */
  setCounters(slot: number, { starts, attempts, crashes, interrupts, snoozes }: Counters): void {
    this.starts[slot] = starts;
    this.attempts[slot] = attempts;
    this.crashes[slot] = crashes;
    this.interrupts[slot] = interrupts;
    this.snoozes[slot] = snoozes;
  }

  makeRoomFor(slot: number): void {
    if (slot < this.capacity) return;
    this.capacity = Math.max(slot + 1, Math.ceil(this.capacity * GROWTH));
    this.state = this.#grown(this.state);
    this.priority = this.#grown(this.priority);
    this.order = this.#grown(this.order);
    this.createdAt = this.#grown(this.createdAt);
    this.dueAt = this.#grown(this.dueAt);
    this.home = this.#grown(this.home);
    this.last = this.#grown(this.last);
    this.bytes = this.#grown(this.bytes);
    this.starts = this.#grown(this.starts);
    this.attempts = this.#grown(this.attempts);
    this.interrupts = this.#grown(this.interrupts);
    this.snoozes = this.#grown(this.snoozes);
    this.crashes = this.#grown(this.crashes);
    this.type = this.#grown(this.type);
    this.queue = this.#grown(this.queue);
  }

  #grown<Kind extends Column>(column: Kind): Kind {
    const larger = new (column.constructor as new (length: number) => Kind)(this.capacity);
    larger.set(column);
    return larger;
  }
}

export function countUp(column: Uint16Array | Uint8Array, slot: number, most: number): void {
  column[slot] = Math.min((column[slot] as number) + 1, most);
}
