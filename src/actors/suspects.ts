/**
 * Jobs that may have killed the process. When it dies, all that ran are suspects; one that was there twice is run alone,
 * with nothing beside it, when its turn comes: until it has ended, or the process has died again and the blame is exact.
 * So a culprit is found, and jobs that merely ran beside it are cleared.
 */
import type { JobTable } from '../job/table.ts';

/** With fewer crashes than that allowed, a job is dead before it could be run alone. */
export const FEWEST_CRASHES = 3;

export class Suspects {
  readonly #table: JobTable;
  readonly #maxCrashes: number;
  /** By slot, with the order of the job, since a slot may get another one. */
  readonly #suspected = new Map<number, number>();
  #alone = -1;
  /** How often it had been started before. */
  #startsBefore = 0;

  /** @param maxCrashes with so many crashes a job is dead; with one less it is a suspect */
  constructor(table: JobTable, maxCrashes: number) {
    this.#table = table;
    this.#maxCrashes = maxCrashes;
  }

  /** After a recovery of the store: one that was run alone goes on alone. */
  resume(): void {
    const [slot] = this.#table.running();
    if (slot === undefined || this.#table.runningCount > 1) return;
    this.consider(slot);
    if (this.has(slot)) this.#isolate(slot, this.#table.startsOf(slot) - 1);
  }

  /** To be asked for each waiting job when the engine opens, after the crashes that ended the last process were counted. */
  consider(slot: number): void {
    if (this.#maxCrashes < FEWEST_CRASHES || this.#table.crashesOf(slot) < this.#maxCrashes - 1) return;
    this.#suspected.set(slot, this.#table.orderOf(slot));
  }

  has(slot: number): boolean {
    return this.#suspected.size > 0 && this.#suspected.get(slot) === this.#table.orderOf(slot);
  }

  get isAnyLeft(): boolean {
    return this.#suspected.size > 0;
  }

  /** Whether one runs, so that nothing may be started beside it. */
  get isOneAlone(): boolean {
    return this.#alone >= 0;
  }

  /** This one is started; nothing else runs. */
  isolate(slot: number): void {
    this.#isolate(slot, this.#table.startsOf(slot));
  }

  #isolate(slot: number, startsBefore: number): void {
    this.#alone = slot;
    this.#startsBefore = startsBefore;
  }

  /** Everything that ran has ended, and the process is alive: whoever ran alone is cleared, unless its start was refused. */
  clear(): void {
    if (this.#alone < 0) return;
    const wasRefused = this.has(this.#alone) && this.#table.startsOf(this.#alone) === this.#startsBefore;
    if (!wasRefused) this.#suspected.delete(this.#alone);
    this.#alone = -1;
  }
}
