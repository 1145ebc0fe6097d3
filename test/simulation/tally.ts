import type { Outcome } from './simulation.ts';

/** Adds up what many runs did, so that one sees whether they did anything. */
export class Tally {
  failedCount = 0;
  #runCount = 0;
  #lastedMs = 0;
  #eventCount = 0;
  #recordCount = 0;
  #faultCount = 0;
  readonly #counts = new Map<string, number>();
  readonly #startedAt = performance.now();

  add({ violations, lastedMs, eventCount, recordCount, faultCount, counts }: Outcome): void {
    this.#runCount++;
    if (violations.length > 0) this.failedCount++;
    this.#lastedMs += lastedMs;
    this.#eventCount += eventCount;
    this.#recordCount += recordCount;
    this.#faultCount += faultCount;
    for (const [what, count] of counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** How often something happened, whatever came of it: `handler save` counts all that begins so. */
  of(what: string): number {
    let sum = 0;
    for (const [counted, count] of this.#counts) if (counted === what || counted.startsWith(`${what} `)) sum += count;
    return sum;
  }

  summary(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const counts = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${what} ${count}`);
    return [
      `${this.#runCount} runs, ${this.failedCount} failed, ${seconds.toFixed(1)} s (${((1000 * seconds) / this.#runCount).toFixed(1)} ms a run)`,
      `  ${this.#eventCount} events, ${this.#recordCount} records, ${this.#faultCount} faults met, ${(this.#lastedMs / 86_400_000).toFixed(1)} virtual days`,
      `  ${counts.join(', ')}`,
    ].join('\n');
  }
}
