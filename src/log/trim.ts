/**
 * Keeps the log within twice what is alive in it, plus a constant. When it is longer, whatever still lives in the
 * oldest frames is written again at the tail (`carried`), and once that is durable the oldest frames are deleted,
 * always from the head and in order. So a job's end can never be deleted while its beginning survives, no key is
 * ever overwritten, and each byte is written again only when at least as many bytes are dead.
 *
 * The work is done in steps, one with each commit, so that no turn of the event loop is long.
 */
import { StoreDamagedError } from '../errors.ts';
import { MOVED, type Carried, type Noted } from '../job/event.ts';
import { carriedOf } from './carried.ts';
import { HEADER_BYTES, offsetOf, positionOf } from './frame.ts';
import { readJobNow } from './history.ts';
import type { Log } from './log.ts';
import { readRecords, type LoggedNoted } from './read-record.ts';

/** What one step may look at. */
const MOST_FRAMES_A_STEP = 256;
/**
 * How much a step carries: so many times what the commit writes anyway, which keeps up with it also where most of the
 * head is alive, and is no burst that others would have to wait for; with a commit that has nothing else to do, more.
 */
const CARRIED = { times: 2, least: 1024, most: 128 * 1024, whenIdle: 8 * 1024 } as const;

/** What an entry is to say when it is written again: it may hold what was gathered from records that go now. */
export type NewestValue = (entry: Pick<Noted, 'space' | 'name' | 'value'>, now: number) => string;

/** The entries that hold less than was gathered from records since they were written. */
export type Outdated = () => Iterable<Pick<Noted, 'space' | 'name'>>;

export class Trimmer {
  readonly #log: Log;
  readonly #slackBytes: number;
  readonly #newestValue: NewestValue;
  readonly #outdated: Outdated;
  /** The frames from the head up to here have been carried, or are empty; together they have `#emptyBytes`. */
  #emptyBytes = 0;
  #carriedTo: number;
  /** Where what was not carried yet begins in that frame. */
  #carriedOffset = HEADER_BYTES;
  /** How far the durable frames say so: those before it may be deleted. */
  #droppable: number;
  /** What the commit under way deletes. */
  #droppingBytes = 0;
  /** Once it has begun it goes on until the log is well below the bound: see `#isTooLong`. */
  #isTrimming = false;

  /** @param slackBytes how much longer than twice what is alive the log may always be, so that small ones are left in peace */
  constructor(
    log: Log,
    slackBytes: number,
    newestValue: NewestValue = ({ value }) => value,
    outdated: Outdated = () => [],
  ) {
    this.#log = log;
    this.#newestValue = newestValue;
    this.#outdated = outdated;
    this.#slackBytes = slackBytes;
    this.#carriedTo = log.ledger.head;
    this.#droppable = log.ledger.head;
  }

  /** Whether a step would have something to do, so that an idle engine goes on until the log is short enough. */
  get hasWork(): boolean {
    return this.#isTooLong() || this.#droppable > this.#log.ledger.head;
  }

  /** To be called before a commit: carries some jobs, and lets the commit drop what was carried durably before. */
  step(now: number): void {
    const { ledger, uncommittedBytes } = this.#log;
    this.#isTrimming = this.#isTooLong();
    if (this.#droppable > ledger.head) {
      this.#log.record({ kind: 'trimmed', at: now, head: this.#droppable });
      this.#log.dropWithNextCommit({ from: ledger.head, below: this.#droppable });
      for (let sequence = ledger.head; sequence < this.#droppable; sequence++) {
        this.#droppingBytes += ledger.bytesOf(sequence);
      }
      // Records behind the new head, of jobs whose beginning goes now, are not understood any more.
      for (const { space, name } of [...this.#outdated()]) {
        const entry = this.#log.table.entries.get(space, name);
        if (entry !== undefined) this.#move({ space, name, value: entry.value }, now);
      }
    }
    this.#carry(now, uncommittedBytes);
  }

  /** To be called when a commit is durable that holds everything recorded by the steps before it. */
  committed(): void {
    this.#droppable = this.#carriedTo;
    this.#emptyBytes -= this.#droppingBytes;
    this.#droppingBytes = 0;
  }

  /**
   * Half of the slack lies between beginning and ending: each step writes a mark, and a log that was trimmed to the very
   * bound would be too long again by that mark, for ever, without anybody doing anything.
   */
  #isTooLong(): boolean {
    const { ledger, table } = this.#log;
    const slackBytes = this.#isTrimming ? this.#slackBytes / 2 : this.#slackBytes;
    const isLong = ledger.totalBytes - this.#emptyBytes > 2 * table.liveBytes + slackBytes;
    // Not beyond what is durable: what is not cannot be read back yet.
    return isLong && this.#log.isDurable(positionOf(this.#carriedTo, 0));
  }

  #carry(now: number, written: number): void {
    const { ledger } = this.#log;
    const upTo = written + carriedBeside(written);
    for (let frames = 0; frames < MOST_FRAMES_A_STEP && this.#isTooLong(); frames++) {
      if (ledger.heldBy(this.#carriedTo) > 0) this.#carryFrame(this.#carriedTo, now, upTo);
      if (ledger.heldBy(this.#carriedTo) > 0) return;
      this.#emptyBytes += ledger.bytesOf(this.#carriedTo);
      this.#carriedTo++;
      this.#carriedOffset = HEADER_BYTES;
    }
  }

  /**
   * Carries jobs and entries out of a frame until the commit has `upTo` bytes; also those that have records in the frames of
   * this very commit, or a job that saves with each commit would hold the head for ever.
   */
  #carryFrame(sequence: number, now: number, upTo: number): void {
    const { table } = this.#log;
    const frame = this.#log.readFrameNow(sequence);
    if (frame === undefined) {
      throw new StoreDamagedError({ where: `frame ${sequence} of the log`, what: 'it is not found any more' });
    }
    for (const event of readRecords(frame, this.#carriedOffset, false)) {
      this.#carriedOffset = offsetOf(event.position);
      if (this.#log.uncommittedBytes >= upTo) return;
      if (event.kind === 'noted' && this.#isNewest(event)) this.#move(event, now);
      if (event.kind !== 'enqueued' && event.kind !== 'carried') continue;
      const isHere = table.stateOf(event.slot) !== 'absent' && table.homeOf(event.slot) === event.position;
      if (isHere) this.#log.recordFrom(table.lastOf(event.slot), () => carriedFrom(this.#log, event.slot, now));
    }
  }

  #move({ space, name, value }: Pick<Noted, 'space' | 'name' | 'value'>, at: number): void {
    const newest = this.#newestValue({ space, name, value }, at);
    this.#log.record({ kind: 'noted', at, space, name, what: MOVED, detail: undefined, value: newest });
  }

  /** Whether the log says nothing newer about the name. */
  #isNewest({ space, name, position }: LoggedNoted): boolean {
    return this.#log.table.entries.get(space, name)?.position === position;
  }
}

/** How many bytes are carried with a commit that writes so many. */
function carriedBeside(written: number): number {
  if (written === 0) return CARRIED.whenIdle;
  return Math.min(Math.max(CARRIED.times * written, CARRIED.least), CARRIED.most);
}

/** The whole state of the job in `slot` as one event. */
function carriedFrom(log: Log, slot: number, now: number): Carried {
  const { home, history } = readJobNow(log, slot);
  return carriedOf(slot, log.table.row(slot), home, history, now);
}
