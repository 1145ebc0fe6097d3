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
    this.state = grown(this.state, slot);
    this.priority = grown(this.priority, slot);
    this.order = grown(this.order, slot);
    this.createdAt = grown(this.createdAt, slot);
    this.dueAt = grown(this.dueAt, slot);
    this.home = grown(this.home, slot);
    this.last = grown(this.last, slot);
    this.bytes = grown(this.bytes, slot);
    this.starts = grown(this.starts, slot);
    this.attempts = grown(this.attempts, slot);
    this.interrupts = grown(this.interrupts, slot);
    this.snoozes = grown(this.snoozes, slot);
    this.crashes = grown(this.crashes, slot);
    this.type = grown(this.type, slot);
    this.queue = grown(this.queue, slot);
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

function grown<Kind extends Column>(column: Kind, slot: number): Kind {
  if (slot < column.length) return column;
  const length = Math.max(slot + 1, Math.ceil(column.length * GROWTH));
  const larger = new (column.constructor as new (length: number) => Kind)(length);
  larger.set(column);
  return larger;
}

export function countUp(column: Uint16Array | Uint8Array, slot: number, most: number): void {
  column[slot] = Math.min((column[slot] as number) + 1, most);
}
