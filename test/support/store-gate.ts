import { StoreUnavailableError } from '../../src/errors.ts';
import type { Store } from '../../src/log/store.ts';

/** Holds back what comes to it until it is opened. */
class Door {
  #isShut = false;
  #held: Array<() => void> = [];
  #expected: Array<() => void> = [];

  /** From now on, what comes waits. */
  hold(): void {
    this.#isShut = true;
  }

  /** Lets everything through. */
  release(): void {
    this.#isShut = false;
    for (const go of this.#held.splice(0)) go();
  }

  /** Resolves when something waits here. */
  arrival(): Promise<void> {
    return this.#held.length > 0 ? Promise.resolve() : new Promise((resolve) => this.#expected.push(resolve));
  }

  async pass(): Promise<void> {
    if (!this.#isShut) return;
    for (const tell of this.#expected.splice(0)) tell();
    await new Promise<void>((resolve) => this.#held.push(resolve));
  }
}

/**
 * A gate in front of a store: it can hold the writes back, and refuse one. A refused write may have reached the disk all
 * the same, as it may in the world; and as in the world, the store then takes no other before it is opened anew.
 */
export class StoreGate extends Door {
  /** The door that single frames come out of, when they are not in the log's memory. */
  readonly reads: Door = new Door();
  /** Whether anything was ever refused. */
  hasRefused = false;
  /** How many writes have come. */
  writeCount = 0;
  #refusal: 'lost' | 'stored' | undefined;
  #refusesRead = false;

  /** The next write to come through is refused. `stored`: its frames are in the store nevertheless. */
  refuseNext(how: 'lost' | 'stored'): void {
    this.#refusal = how;
  }

  /** The next read to come through is refused. */
  refuseNextRead(): void {
    this.#refusesRead = true;
  }

  around(store: Store): Store {
    let problem: StoreUnavailableError | undefined;
    return {
      write: async (frames, drop) => {
        if (problem !== undefined) throw problem;
        this.writeCount++;
        await this.pass();
        const refusal = this.#refusal;
        this.#refusal = undefined;
        if (refusal === undefined) return store.write(frames, drop);
        this.hasRefused = true;
        if (refusal === 'stored') await store.write(frames, drop);
        problem = new StoreUnavailableError('the disk refused a write');
        throw problem;
      },
      read: async (sequence) => {
        await this.reads.pass();
        if (!this.#refusesRead) return store.read(sequence);
        this.#refusesRead = false;
        this.hasRefused = true;
        throw new StoreUnavailableError('the disk refused a read');
      },
      readSync: (sequence) => store.readSync(sequence),
      scan: (from) => store.scan(from),
      close: () => store.close(),
    };
  }
}
