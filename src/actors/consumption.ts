/** Which queues this engine works on. It is said by the program that runs, and not stored: another may say otherwise. */
export class Consumption {
  /** Undefined for all. */
  #queues: ReadonlySet<string> | undefined;

  constructor(queues: 'all' | readonly string[]) {
    this.set(queues);
  }

  set(queues: 'all' | readonly string[]): void {
    this.#queues = queues === 'all' ? undefined : new Set(queues);
  }

  has(queue: string): boolean {
    return this.#queues === undefined || this.#queues.has(queue);
  }
}
