/**
 * The log: events go in at the tail, are applied to the job table in the same breath, and are written by `commit`, a
 * frame for each 64 KiB. It is made by `replay`, so it cannot be appended to before it has been read.
 *
 * A commit is one atomic batch of the store. There is one at a time: while it is under way, events fill the frames of
 * the next. If a commit is rejected, nobody knows what the disk holds; the log is then of no more use and is replaced
 * by a replay of the store opened anew.
 */
import { StoreDamagedError } from '../errors.ts';
import { isAboutJob, type LogEvent } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';
import { FrameCache } from './frame-cache.ts';
import { FULL_FRAME_BYTES, HEADER_BYTES, OpenFrame, positionOf, readFrame, sequenceOf, type Frame } from './frame.ts';
import type { FrameLedger } from './ledger.ts';
import type { FrameEntry, Store } from './store.ts';
import { mostBytesOf, writeRecord } from './write-record.ts';

export interface LogParts {
  readonly store: Store;
  readonly table: JobTable;
  readonly ledger: FrameLedger;
  /** The CRC of the newest frame. */
  readonly chain: number;
  /** Recent frames are kept up to this many bytes. */
  readonly cacheBytes: number;
}

/** How many frames are read ahead; 64 KiB each. */
const READ_AHEAD = 3;

/** Frames that a commit may delete: those before `below`, the first being `from`. */
export interface Drop {
  readonly from: number;
  readonly below: number;
}

export class Log {
  readonly table: JobTable;
  readonly ledger: FrameLedger;
  readonly #store: Store;
  readonly #cache: FrameCache;
  /** The CRC of the newest sealed frame, durable or not: the next one names it. */
  #chain: number;
  /** The newest frame that is known to be durable, and its CRC. */
  #durable: number;
  #durableChain: number;
  #next: number;
  readonly #open = new OpenFrame();
  /** Frames that are full and wait for the commit that also writes the open one. */
  #full: Frame[] = [];
  /** The frames of the commit under way. */
  #writing: readonly Frame[] = [];
  /** Frames that are being read, so that each is read once. */
  readonly #reading = new Map<number, Promise<Frame | undefined>>();
  /** The last frame that was asked for in order, or read ahead. */
  #readTo: number;
  #drop: Drop | undefined;
  /** The commit under way deletes the frames below this one; the store may have done so already. */
  #dropsBelow = 0;

  constructor({ store, table, ledger, chain, cacheBytes }: LogParts) {
    this.#store = store;
    this.table = table;
    this.ledger = ledger;
    this.#chain = chain;
    this.#cache = new FrameCache(cacheBytes);
    this.#next = ledger.tail;
    this.#readTo = ledger.head - 1;
    this.#durable = ledger.tail - 1;
    this.#durableChain = chain;
  }

  /** Whether there is anything to commit. */
  get hasUncommitted(): boolean {
    return this.#open.recordCount > 0;
  }

  /** How many bytes the next commit writes, as far as it is known by now. */
  get uncommittedBytes(): number {
    let bytes = this.hasUncommitted ? this.#open.length : 0;
    for (const frame of this.#full) bytes += frame.bytes.length;
    return bytes;
  }

  /** The sequence number of the newest durable frame, and its CRC: what the witness writes down. */
  get witnessed(): { readonly sequence: number; readonly chain: number } {
    return { sequence: this.#durable, chain: this.#durableChain };
  }

  /** Everything below this position is durable, and nothing from it on. */
  get durablePosition(): number {
    return positionOf(this.#durable + 1, 0);
  }

  /** The position of the oldest record still stored. */
  get headPosition(): number {
    return positionOf(this.ledger.head, HEADER_BYTES);
  }

  isDurable(position: number): boolean {
    return sequenceOf(position) <= this.#durable;
  }

  /** Writes an event into the open frame and applies it; returns its position. Legality is the caller's to check. */
  record(event: LogEvent): number {
    const frame = this.#frameFor(mostBytesOf(event), event.at);
    const position = positionOf(frame.sequence, frame.end);
    const bytes = writeRecord(frame, event, this.table);
    applyToState(this.table, this.ledger, event, position, bytes);
    return position;
  }

  /**
   * Records an event that is made from records up to `newest`: they can be read now, committed or not. For that, the open
   * frame is closed if it is the one.
   */
  recordFrom(newest: number, make: () => LogEvent): number {
    if (this.hasUncommitted && sequenceOf(newest) === this.#open.sequence) this.#seal(false);
    return this.record(make());
  }

  /** The next commit also deletes these frames. */
  dropWithNextCommit(drop: Drop): void {
    this.#drop = drop;
  }

  /**
   * Writes everything recorded so far as one atomic batch. Never called again before it has settled. A rejection means
   * that the outcome is unknown and this log is at its end.
   */
  async commit(): Promise<void> {
    if (!this.hasUncommitted) return;
    this.#seal(true);
    const frames = this.#full;
    const drop = this.#drop;
    this.#full = [];
    this.#drop = undefined;
    const newest = this.#next - 1;
    const chain = this.#chain;
    this.#dropsBelow = drop?.below ?? 0;
    this.#writing = frames;
    await this.#store.write(frames, drop);
    this.#writing = [];
    this.#durable = newest;
    this.#durableChain = chain;
    if (drop !== undefined) this.ledger.dropBelow(drop.below);
  }

  /** A frame that is in memory: recently written or read. */
  cachedFrame(sequence: number): Frame | undefined {
    return this.#cache.get(sequence);
  }

  /** A frame, committed or not; undefined when it has been trimmed. @throws {StoreDamagedError} when it is gone otherwise */
  async readFrame(sequence: number): Promise<Frame | undefined> {
    return this.#inMemory(sequence) ?? this.#reading.get(sequence) ?? this.#read(sequence);
  }

  /** What is not on the disk yet has to be found here, also when the cache has no room for it. */
  #inMemory(sequence: number): Frame | undefined {
    const known = this.#cache.get(sequence);
    if (known !== undefined || sequence <= this.#durable) return known;
    if (this.hasUncommitted && sequence === this.#open.sequence) return this.#open.soFar();
    for (const frames of [this.#writing, this.#full]) {
      const frame = frames[sequence - (frames[0]?.sequence ?? 0)];
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  /**
   * Has the frames behind this one read as well, if this one was behind the last: whoever goes through them in order need
   * not wait for each, and who jumps about does not read what nobody asks for.
   */
  readAhead(sequence: number): void {
    const isInOrder = sequence === this.#readTo || sequence === this.#readTo + 1;
    this.#readTo = sequence;
    if (isInOrder) this.#readOn(sequence);
  }

  /** The same for who finds this frame in memory: when it is the last but one of those that were read ahead. */
  stayAhead(sequence: number): void {
    if (sequence === this.#readTo - 1) this.#readOn(sequence);
  }

  #readOn(sequence: number): void {
    const end = Math.min(sequence + READ_AHEAD, this.#durable);
    for (let next = Math.max(sequence + 1, this.ledger.head); next <= end; next++) {
      // Whoever needs it reads it again, and hears of what went wrong.
      if (this.#cache.get(next) === undefined && !this.#reading.has(next)) this.#read(next).catch(() => undefined);
      this.#readTo = next;
    }
  }

  /** Many may ask for one frame before it has come: a hundred jobs that start together are often neighbours. */
  #read(sequence: number): Promise<Frame | undefined> {
    const reading = this.#readStored(sequence).finally(() => this.#reading.delete(sequence));
    this.#reading.set(sequence, reading);
    return reading;
  }

  async #readStored(sequence: number): Promise<Frame | undefined> {
    const wasDurable = sequence <= this.#durable;
    const frame = this.#checked(await this.#store.read(sequence), sequence);
    const isTrimmed = sequence < this.ledger.head || sequence < this.#dropsBelow;
    if (frame === undefined && wasDurable && !isTrimmed) {
      throw new StoreDamagedError({ where: `frame ${sequence} of the log`, what: 'it is not found any more' });
    }
    return frame;
  }

  /** All frames that are durable now, in chunks; see `Store.scan`. */
  durableFrames(): AsyncIterable<readonly FrameEntry[]> {
    return this.#store.scan();
  }

  /** The same at once, without leaving this turn of the event loop; for frames that are likely to be in memory. */
  readFrameNow(sequence: number): Frame | undefined {
    return this.#inMemory(sequence) ?? this.#checked(this.#store.readSync(sequence), sequence);
  }

  #checked(bytes: Uint8Array | undefined, sequence: number): Frame | undefined {
    if (bytes === undefined) return undefined;
    const frame = readFrame(bytes, sequence);
    this.#cache.put(frame);
    return frame;
  }

  #frameFor(mostBytes: number, at: number): OpenFrame {
    const open = this.#open;
    if (this.hasUncommitted && open.length + mostBytes > FULL_FRAME_BYTES) this.#seal(false);
    if (!this.hasUncommitted) open.begin(this.#next++, at);
    open.makeRoomFor(mostBytes);
    return open;
  }

  #seal(isLastOfCommit: boolean): void {
    const frame = this.#open.seal(this.#chain, isLastOfCommit);
    this.#open.recordCount = 0;
    this.#chain = frame.chain;
    this.#full.push(frame);
    this.#cache.put(frame);
    this.ledger.add(frame.sequence, frame.bytes.length);
  }
}

/** Applies an event to everything that memory derives from the log; the same for live events and for replay. */
export function applyToState(
  table: JobTable,
  ledger: FrameLedger,
  event: LogEvent,
  position: number,
  bytes: number,
): void {
  if (event.kind === 'noted') {
    const before = table.entries.get(event.space, event.name);
    if (before !== undefined) ledger.release(sequenceOf(before.position));
    table.entries.apply(event, position, bytes);
    if (event.value !== '') ledger.hold(sequenceOf(position));
    return;
  }
  if (!isAboutJob(event)) return;
  const { kind } = event;
  const leavesHome = kind === 'removed' || (kind === 'carried' && table.stateOf(event.slot) !== 'absent');
  if (leavesHome) ledger.release(sequenceOf(table.homeOf(event.slot)));
  table.apply(event, position, bytes);
  if (kind === 'enqueued' || kind === 'carried') ledger.hold(sequenceOf(position));
}
