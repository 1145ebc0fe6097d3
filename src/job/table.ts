/**
 * All stored jobs, as columns of numbers: about 100 bytes a job, and nothing for the garbage collector to walk. An
 * object for a job is made only when somebody asks for one.
 *
 * The same `apply` serves live operation and replay. It trusts its events: whether one may happen is for the machine
 * (`nextState`) to say, and the caller asks first.
 */
import { applyChange, type JobFacts } from './change.ts';
import { JobColumns, type Counters } from './columns.ts';
import { StateCounts } from './counts.ts';
import { Entries } from './entries.ts';
import { Ids } from './ids.ts';
import type { Carried, Enqueued, JobEvent } from './event.ts';
import { LabelledJobs } from './labels.ts';
import { isFinal, JOB_STATES, nextState, type JobState, type StoredState } from './machine.ts';
import { LiveBytes } from './live-bytes.ts';
import { Names } from './names.ts';
import { RecentStarts } from './recent-starts.ts';
import { RareFacts } from './rare.ts';
import { rowOf, type JobRow } from './row.ts';

const STATES: readonly StoredState[] = ['absent', ...JOB_STATES];
const STATE_NUMBERS = Object.fromEntries(STATES.map((state, number) => [state, number])) as Record<StoredState, number>;
const UNTRIED: Counters = { starts: 0, attempts: 0, crashes: 0, interrupts: 0, snoozes: 0 };

export class JobTable {
  readonly types = new Names('type');
  readonly queues = new Names('queue');
  readonly ids = new Ids();
  /** What is stored beside the jobs. */
  readonly entries = new Entries();
  readonly labelled = new LabelledJobs();
  /** While the log is replayed, and until somebody has read it. */
  recentStarts: RecentStarts | undefined = new RecentStarts();

  #highest = -1;
  /** Undefined while the log is replayed: events then say which slots they use. */
  #free: number[] | undefined;
  readonly #rare = new RareFacts();
  readonly #byQueue = new StateCounts(STATES.length);
  readonly #byType = new StateCounts(STATES.length);

  readonly #columns = new JobColumns();
  readonly #live = new LiveBytes(this.#columns);
  readonly #facts: JobFacts = { columns: this.#columns, rare: this.#rare, live: this.#live };

  /** Bytes of the log that are about what is stored now. */
  get liveBytes(): number {
    return this.#live.total + this.entries.liveBytes;
  }

  get size(): number {
    return this.ids.size;
  }

  /** Slots below this number may hold a job. */
  get end(): number {
    return this.#highest + 1;
  }

  stateOf(slot: number): StoredState {
    return slot > this.#highest ? 'absent' : (STATES[this.#columns.state[slot] as number] as StoredState);
  }
  priorityOf(slot: number): number {
    return this.#columns.priority[slot] as number;
  }
  /** The position of the job's first record: jobs of equal priority run in this order. Never used twice. */
  orderOf(slot: number): number {
    return this.#columns.order[slot] as number;
  }
  /** When it was accepted, epoch ms. */
  createdAtOf(slot: number): number {
    return this.#columns.createdAt[slot] as number;
  }
  /** Waiting: not to start before this moment. Final: when it ended. Epoch ms. */
  dueAtOf(slot: number): number {
    return this.#columns.dueAt[slot] as number;
  }
  /** Not to be started after this moment, epoch ms; few jobs have one. */
  deadlineOf(slot: number): number | undefined {
    return this.#rare.deadlines.get(slot);
  }
  /** The edges to its parents, as they are stored; few jobs have any. */
  parentsOf(slot: number): string | undefined {
    return this.#rare.parents.get(slot);
  }
  /** Whose turn it takes in its queue; few jobs have one. */
  keyOf(slot: number): string | undefined {
    return this.#rare.keys.size === 0 ? undefined : this.#rare.keys.get(slot);
  }
  slotsWithParents(): IterableIterator<number> {
    return this.#rare.parents.keys();
  }
  /** Whether a dead job died because of one of its parents. */
  isUnreachable(slot: number): boolean {
    return this.#rare.unreachable.has(slot);
  }
  /** The position of the record that holds the payload and begins the job's history. */
  homeOf(slot: number): number {
    return this.#columns.home[slot] as number;
  }
  /** The position of the job's newest record. */
  lastOf(slot: number): number {
    return this.#columns.last[slot] as number;
  }
  startsOf(slot: number): number {
    return this.#columns.starts[slot] as number;
  }
  attemptsOf(slot: number): number {
    return this.#columns.attempts[slot] as number;
  }
  crashesOf(slot: number): number {
    return this.#columns.crashes[slot] as number;
  }
  interruptsOf(slot: number): number {
    return this.#columns.interrupts[slot] as number;
  }
  snoozesOf(slot: number): number {
    return this.#columns.snoozes[slot] as number;
  }
  typeNumberOf(slot: number): number {
    return this.#columns.type[slot] as number;
  }
  queueNumberOf(slot: number): number {
    return this.#columns.queue[slot] as number;
  }
  typeOf(slot: number): string {
    return this.types.name(this.#columns.type[slot] as number);
  }
  queueOf(slot: number): string {
    return this.queues.name(this.#columns.queue[slot] as number);
  }
  /** The token of the attempt that runs now: the position of its `started` record. */
  tokenOf(slot: number): number | undefined {
    return this.#rare.tokens.get(slot);
  }
  isCancelling(slot: number): boolean {
    return this.#rare.cancelling.has(slot);
  }
  /** The position of the record that holds the job's checkpoint. */
  checkpointOf(slot: number): number | undefined {
    return this.#rare.checkpoints.get(slot)?.position;
  }
  /** The position of the record that holds a payload which replaced the first one. */
  payloadOf(slot: number): number | undefined {
    return this.#rare.payloads.get(slot)?.position;
  }
  /** The slots of the jobs that run now. */
  running(): readonly number[] {
    return this.#rare.tokens.keys();
  }
  /** Bytes of the log that are about this job, as far as they would be carried. */
  bytesOf(slot: number): number {
    return this.#live.of(slot);
  }
  get runningCount(): number {
    return this.#rare.tokens.size;
  }
  /** How many jobs of this queue are in `state`. */
  countOf(queue: number, state: JobState): number {
    return this.#byQueue.of(queue, STATE_NUMBERS[state]);
  }
  countOfType(type: number, state: JobState): number {
    return this.#byType.of(type, STATE_NUMBERS[state]);
  }

  /** A slot without a job; the caller applies an `enqueued` event to it at once. */
  freeSlot(): number {
    return this.#free?.pop() ?? this.#highest + 1;
  }

  /**
   * @param position where the record of this event begins in the log
   * @param bytes the length of that record
   */
  apply(event: JobEvent | Carried, position: number, bytes: number): void {
    const { slot } = event;
    if (event.kind === 'enqueued') this.#insert(event, position, position, bytes);
    else if (event.kind === 'carried') this.#replace(event, position, bytes);
    else if (event.kind === 'removed') this.#remove(slot);
    else {
      const state = this.stateOf(slot);
      if (event.kind === 'started') this.recentStarts?.note(this.queueOf(slot), this.keyOf(slot), event.at, position);
      applyChange(this.#facts, event, state, position, bytes);
      this.#columns.last[slot] = position;
      this.#enter(slot, nextState(state, event.kind) as JobState);
    }
  }

  /** So many jobs are expected: memory for them is taken at once. */
  expect(count: number): void {
    this.#columns.expect(count);
    this.ids.expect(count);
  }

  /** What memory holds of a stored job. */
  row(slot: number): JobRow {
    return rowOf(this, slot);
  }

  /** Ends the replay: from now on `freeSlot` gives out slots that hold no job. */
  collectFreeSlots(): void {
    this.#free = [];
    for (let slot = 0; slot <= this.#highest; slot++) if (this.#columns.state[slot] === 0) this.#free.push(slot);
  }

  #insert(event: Enqueued | Carried, order: number, position: number, bytes: number): void {
    const { slot } = event;
    this.#columns.makeRoomFor(slot);
    this.#highest = Math.max(this.#highest, slot);
    this.ids.set(slot, event.id);
    this.#columns.type[slot] = this.types.number(event.type);
    this.#columns.queue[slot] = this.queues.number(event.queue);
    this.#columns.priority[slot] = event.priority;
    this.#columns.order[slot] = order;
    this.#columns.createdAt[slot] = event.kind === 'carried' ? event.createdAt : event.at;
    this.#columns.dueAt[slot] = event.dueAt;
    this.#rare.begin(slot, event);
    this.#columns.home[slot] = position;
    this.#columns.last[slot] = position;
    this.#columns.setCounters(slot, UNTRIED);
    this.#live.begin(slot, bytes);
    if (event.labels !== '')
      this.labelled.add(slot, event.labels, this.#columns.type[slot], (other) => this.orderOf(other));
    this.#enter(slot, 'waiting');
  }

  /** The slot may hold the same job (it was carried while we knew it) or none (its beginning was trimmed). */
  #replace(event: Carried, position: number, bytes: number): void {
    const { slot } = event;
    if (this.stateOf(slot) !== 'absent') {
      this.#remove(slot);
      this.#free?.pop();
    }
    this.#insert(event, event.order, position, bytes);
    this.#columns.setCounters(slot, event);
    this.#rare.resume(slot, event, position);
    this.#enter(slot, event.state);
  }

  #remove(slot: number): void {
    this.#live.forget(slot);
    this.#enter(slot, 'absent');
    this.ids.delete(slot);
    this.labelled.remove(slot, this.typeNumberOf(slot));
    this.#rare.forget(slot);
    this.#free?.push(slot);
  }

  #enter(slot: number, state: StoredState): void {
    const before = this.#columns.state[slot] as number;
    const after = STATE_NUMBERS[state];
    if (state !== 'running' && before === STATE_NUMBERS.running) {
      this.#rare.tokens.delete(slot);
      this.#rare.cancelling.delete(slot);
    }
    this.#columns.state[slot] = after;
    this.#byQueue.move(this.#columns.queue[slot] as number, before, after);
    this.#byType.move(this.#columns.type[slot] as number, before, after);
    if (this.labelled.of(slot) === undefined) return;
    if (isFinal(state)) this.labelled.release(slot, this.typeNumberOf(slot));
    else if (state !== 'absent') this.labelled.hold(slot, this.typeNumberOf(slot), (other) => this.orderOf(other));
  }
}
