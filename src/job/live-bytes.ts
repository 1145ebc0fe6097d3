/**
 * How many bytes of the log are about jobs that are stored: what trimming would have to carry. It may fall short a
 * little, since whatever is carried is counted anew; it must not grow without an end while what is alive does not, or the
 * log would not be trimmed any more.
 */
import type { JobColumns } from './columns.ts';

export class LiveBytes {
  total = 0;
  readonly #columns: JobColumns;
  /** Of jobs that were revived: what was held before, without the checkpoint. */
  readonly #revived = new Map<number, number>();

  constructor(columns: JobColumns) {
    this.#columns = columns;
  }

  of(slot: number): number {
    return this.#columns.bytes[slot] as number;
  }

  /** A job is stored, in a record of so many bytes. */
  begin(slot: number, bytes: number): void {
    this.#columns.bytes[slot] = 0;
    this.hold(slot, bytes);
  }

  /** So many more; fewer, if it is less than 0. */
  hold(slot: number, bytes: number): void {
    this.#columns.bytes[slot] = this.of(slot) + bytes;
    this.total += bytes;
  }

  /** Its result is dead and its errors will be pushed out by others; so only what one series of attempts left counts. */
  revive(slot: number, checkpointBytes: number): void {
    const held = this.of(slot) - checkpointBytes;
    const before = this.#revived.get(slot);
    if (before === undefined) this.#revived.set(slot, held);
    else this.hold(slot, before - held);
  }

  forget(slot: number): void {
    this.total -= this.of(slot);
    this.#revived.delete(slot);
  }
}
