/**
 * Reads the whole log and gives back what it means: the job table, and the log ready for appending.
 *
 * Nothing is skipped. Frames must be numbered without gaps, each must match its CRC and name the CRC of the one before,
 * the last must end a commit, and every event must be legal in the state it meets. The one exception has its proof in
 * the log: records about a job whose beginning was trimmed may stand before the `trimmed` mark that says so; what was
 * alive of it stands between them as a `carried` record.
 */
import { StoreDamagedError } from '../errors.ts';
import { isAboutJob } from '../job/event.ts';
import { nextState } from '../job/machine.ts';
import { JobTable } from '../job/table.ts';
import { HEADER_BYTES, previousChainOf, readFrame, sequenceOf, type Frame } from './frame.ts';
import { FrameLedger } from './ledger.ts';
import { applyToState, Log } from './log.ts';
import { readRecords, type LoggedEvent } from './read-record.ts';
import type { Store } from './store.ts';

export interface Replayed {
  readonly log: Log;
  /** Whether the last thing in the log is that it was closed: nothing was running, nothing can be lost. */
  readonly wasClosed: boolean;
  /** How many frames were read. */
  readonly frameCount: number;
  readonly recordCount: number;
  /** The moment of the newest event, epoch ms; 0 for an empty log. */
  readonly newestAt: number;
}

/**
 * @param cacheBytes how many bytes of recent frames the log keeps in memory
 * @param newest the number of the newest frame, as far as anybody knows
 * @throws {StoreDamagedError} naming the first thing that does not fit
 */
export async function replay(store: Store, cacheBytes: number, newest = 0): Promise<Replayed> {
  const reader = new Replay(newest);
  for await (const entries of store.scan()) {
    for (const { sequence, bytes } of entries) reader.read(readFrame(bytes, sequence));
  }
  return reader.end(store, cacheBytes);
}

/** So many jobs tell how many there will be. */
const SAMPLE = 4_096;

class Replay {
  readonly #newest: number;
  readonly #table = new JobTable();
  #ledger = new FrameLedger(1);
  #last: Frame | undefined;
  #frameCount = 0;
  #recordCount = 0;
  #newestAt = 0;
  #newestKind = '';
  /** Where records about unknown jobs stood last, and where the last mark that allows them stands. */
  #lastOrphanAt = 0;
  #lastTrimmedAt = 0;
  #trimmedHead = 1;
  #isRoomMade = false;

  constructor(newest: number) {
    this.#newest = newest;
  }

  read(frame: Frame): void {
    this.#checkOrder(frame);
    this.#ledger.add(frame.sequence, frame.bytes.length);
    let count = 0;
    for (const event of readRecords(frame, HEADER_BYTES, false)) {
      this.#apply(event);
      count++;
      this.#newestKind = event.kind;
      if (event.at > this.#newestAt) this.#newestAt = event.at;
    }
    if (count !== frame.recordCount) {
      throw damaged(frame.sequence, `it says that it holds ${frame.recordCount} records, and holds ${count}`);
    }
    this.#recordCount += count;
    this.#last = frame;
    this.#frameCount++;
    if (!this.#isRoomMade && this.#table.size >= SAMPLE) this.#makeRoom(this.#newest - frame.sequence);
  }

  /**
   * As if the frames to come held as many jobs as those up to here. A table that grows step by step takes a fifth of a
   * replay to do so.
   */
  #makeRoom(framesToCome: number): void {
    this.#isRoomMade = true;
    const { size } = this.#table;
    if (framesToCome > 0) this.#table.expect(Math.ceil(size + (size / this.#frameCount) * framesToCome));
  }

  end(store: Store, cacheBytes: number): Replayed {
    const last = this.#last;
    if (last !== undefined && !last.isLastOfCommit) {
      throw damaged(last.sequence, 'a commit is there in part; the rest of its frames is missing');
    }
    if (this.#ledger.head > this.#trimmedHead) {
      throw damaged(this.#ledger.head, `the frames from ${this.#trimmedHead} to the one before it are missing`);
    }
    if (this.#lastOrphanAt > this.#lastTrimmedAt) {
      throw damaged(sequenceOf(this.#lastOrphanAt), 'there is a record about a job whose beginning is missing');
    }
    this.#table.collectFreeSlots();
    return {
      log: new Log({ store, table: this.#table, ledger: this.#ledger, chain: last?.chain ?? 0, cacheBytes }),
      wasClosed: this.#newestKind === 'closed',
      frameCount: this.#frameCount,
      recordCount: this.#recordCount,
      newestAt: this.#newestAt,
    };
  }

  #checkOrder(frame: Frame): void {
    const last = this.#last;
    if (last === undefined) {
      this.#ledger = new FrameLedger(frame.sequence);
      return;
    }
    if (frame.sequence !== last.sequence + 1) {
      throw damaged(last.sequence + 1, `it is missing; the next one found is frame ${frame.sequence}`);
    }
    if (previousChainOf(frame) !== last.chain) {
      throw damaged(frame.sequence, 'it does not continue the frame before it');
    }
  }

  #apply(event: LoggedEvent): void {
    if (event.kind === 'trimmed') {
      this.#lastTrimmedAt = event.position;
      this.#trimmedHead = event.head;
    }
    if (this.#isOrphan(event)) {
      this.#lastOrphanAt = event.position;
      return;
    }
    try {
      applyToState(this.#table, this.#ledger, event, event.position, event.length);
    } catch (cause) {
      if (cause instanceof SyntaxError)
        throw damaged(sequenceOf(event.position), 'there are labels that are not JSON', cause);
      // The table grows to the slot that a record names, however large that is.
      if (!(cause instanceof RangeError)) throw cause;
      throw damaged(sequenceOf(event.position), 'there is a record with a slot for which there is no memory', cause);
    }
  }

  /** Whether the event is about a job whose beginning we have not seen. @throws {StoreDamagedError} when it is illegal */
  #isOrphan(event: LoggedEvent): boolean {
    if (!isAboutJob(event) || event.kind === 'carried') return false;
    const state = this.#table.stateOf(event.slot);
    const sequence = sequenceOf(event.position);
    if (nextState(state, event.kind) === undefined) {
      if (state === 'absent') return true;
      throw damaged(sequence, `a job that is ${state} is '${event.kind}' there`);
    }
    if (event.previous !== (state === 'absent' ? 0 : this.#table.lastOf(event.slot))) {
      throw damaged(sequence, `the job ${event.id} is '${event.kind}' there, after a record that is not its last`);
    }
    return false;
  }
}

function damaged(sequence: number, what: string, cause?: unknown): StoreDamagedError {
  return new StoreDamagedError({ where: `frame ${sequence} of the log`, what, cause });
}
