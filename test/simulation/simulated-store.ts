/**
 * A `Store` on a modelled disk. It holds the laws of `test/log/store-laws.ts` while nothing fails; what it does when
 * something fails is what was measured of LevelDB: a rejected write may be there or not, and a handle that has rejected
 * one would accept more and lose them.
 */
import { InvalidArgumentError, StoreUnavailableError } from '../../src/errors.ts';
import { newestAfter, type FrameEntry, type Store } from '../../src/log/store.ts';
import type { Dice } from './dice.ts';
import type { Batch, Disk } from './disk.ts';
import type { FaultKind, Faults, Site } from './faults.ts';
import type { Owner, World } from './world.ts';

export interface StoreParts {
  readonly world: World;
  readonly disk: Disk;
  readonly owner: Owner;
  readonly faults: Faults;
  readonly dice: Dice;
  /** Ends the process that asks. */
  readonly crash: () => void;
  readonly isSynced: boolean;
  /** The longest that an operation takes when it is not slow, ms. */
  readonly latencyMs: number;
  /** How many frames a chunk of a scan has. */
  readonly chunkFrames: number;
  /** Told when the engine breaks a rule of the seam. */
  readonly onMisuse: (what: string) => void;
}

const SLOW_MS = 3_000;

export class SimulatedStore implements Store {
  readonly #parts: StoreParts;
  #newest: number;
  #writing: Promise<void> | undefined;
  #inFlight: Batch | undefined;
  #hasRejected = false;
  #closing: Promise<void> | undefined;
  #readCount = 0;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#newest = parts.disk.newest;
  }

  /** Whether a write is under way, or nobody knows what became of one. */
  get isUncertain(): boolean {
    return this.#writing !== undefined || this.#hasRejected;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  write(frames: readonly FrameEntry[], drop: Batch['drop']): Promise<void> {
    if (this.#closing !== undefined) return this.#misused('a store that is closed was written to', closedError());
    if (this.#writing !== undefined) {
      this.#parts.onMisuse('a write began before the one before it had settled');
      throw new InvalidArgumentError({
        field: 'write',
        expected: 'the previous write to have settled',
        got: 'another',
      });
    }
    if (this.#parts.disk.isDamaged) this.#parts.onMisuse('a damaged store was written to');
    this.#newest = newestAfter(frames, drop, this.#newest);
    // LevelDB would say yes and forget it; so does this.
    if (this.#hasRejected) return this.#misused('a store that had rejected a write was written to again', undefined);
    const batch = { frames: frames.map(({ sequence, bytes }) => ({ sequence, bytes: Uint8Array.from(bytes) })), drop };
    this.#writing = this.#write(batch).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(batch: Batch): Promise<void> {
    const { disk, owner, isSynced } = this.#parts;
    const operation = this.#operation('write');
    this.#inFlight = batch;
    const fault = await operation;
    if (owner.isGone) return never();
    this.#inFlight = undefined;
    if (fault === 'gone' || fault === 'error') return this.#reject('the disk refused');
    if (disk.isFull && disk.spareWrites-- <= 0) return this.#reject('no space left on the device');
    disk.write(batch, isSynced);
    if (fault === 'there') return this.#reject('the sync failed');
    if (fault === 'crashAfter') return this.#crash();
  }

  /** The process has died: what it was writing is there or not. */
  abandon(): void {
    const { disk, dice, isSynced } = this.#parts;
    const batch = this.#inFlight;
    this.#inFlight = undefined;
    if (batch !== undefined && !disk.isFull && dice.chance(0.5)) disk.write(batch, isSynced);
  }

  #reject(problem: string): never {
    this.#hasRejected = true;
    throw new StoreUnavailableError(problem);
  }

  async read(sequence: number): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    this.#readCount++;
    try {
      const fault = await this.#operation('read');
      if (fault === 'error') throw new StoreUnavailableError('the disk gave an error');
      return this.#parts.disk.frames.get(sequence)?.slice();
    } finally {
      this.#readCount--;
    }
  }

  readSync(sequence: number): Uint8Array | undefined {
    this.#assertOpen();
    if (this.#parts.faults.next('read') === 'error') throw new StoreUnavailableError('the disk gave an error');
    return this.#parts.disk.frames.get(sequence)?.slice();
  }

  async *scan(from = 0): AsyncIterable<readonly FrameEntry[]> {
    this.#assertOpen();
    const entries = [...this.#parts.disk.frames].filter(([sequence]) => sequence >= from);
    const { chunkFrames } = this.#parts;
    for (let n = 0; n < entries.length; n += chunkFrames) {
      const fault = await this.#operation('scan');
      this.#assertOpen();
      if (fault === 'error') throw new StoreUnavailableError('the disk gave an error');
      yield entries.slice(n, n + chunkFrames).map(([sequence, bytes]) => ({ sequence, bytes: bytes.slice() }));
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    while (this.#readCount > 0) await this.#parts.world.sleep(1, this.#parts.owner);
    const fault = await this.#operation('close');
    if (fault === 'error') throw new StoreUnavailableError('closing failed');
  }

  /** Takes its time, and gives the fault to meet, unless the process has died of it. */
  async #operation(site: Site): Promise<FaultKind | undefined> {
    const { world, owner, faults, dice, latencyMs } = this.#parts;
    const fault = faults.next(site);
    if (fault === 'crashBefore' || (fault === 'crashAfter' && site !== 'write')) return this.#crash();
    await world.sleep(dice.roll() * latencyMs + (fault === 'slow' ? dice.roll() * SLOW_MS : 0), owner);
    return fault;
  }

  #crash(): Promise<never> {
    this.#parts.crash();
    return never();
  }

  #misused(what: string, error: Error | undefined): Promise<void> {
    this.#parts.onMisuse(what);
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('it is closed');
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
