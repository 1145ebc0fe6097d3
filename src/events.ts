/** What happens, for those who follow it: one by one, or all that were stored together at a time. */
import type { Closing } from './closing.ts';
import { EngineClosedError, InvalidArgumentError, StoreUnavailableError } from './errors.ts';
import type { Engine, EventOptions } from './face.ts';
import { checkObject } from './job/check.ts';
import type { SupervisorMode } from './kernel/supervisor.ts';
import type { Log } from './log/log.ts';
import { streamEvents } from './log/stream.ts';
import { eventView, type EventView } from './view.ts';

export interface EventParts {
  readonly log: () => Log;
  /** How the part that the log belongs to is. */
  readonly mode: () => SupervisorMode;
  readonly closing: Closing;
  /** Called, and forgotten, after the next commit. */
  readonly commits: Set<() => void>;
}

type Batches = AsyncGenerator<readonly EventView[], void, void>;

export function eventMethods(parts: EventParts): Pick<Engine, 'events' | 'eventBatches'> {
  const { closing } = parts;

  function nextCommit(): Promise<void> {
    return new Promise((resolve) => parts.commits.add(resolve));
  }

  async function* batches(options: EventOptions, now: number, isTooLate: boolean): Batches {
    const { since, signal } = checkEventOptions(options);
    if (isTooLate) throw new EngineClosedError();
    const stream = {
      log: parts.log,
      isReplacing: () => parts.mode() === 'recovering',
      isEnded: () => closing.isOver(),
      isStopped: () => signal?.aborted === true,
      async nextCommit() {
        if (parts.mode() === 'parked') throw new StoreUnavailableError('it failed too often; open it again');
        const committed = nextCommit();
        if (signal === undefined) return committed;
        let stop = (): void => undefined;
        const stopped = new Promise<void>((resolve) => {
          stop = resolve;
          signal.addEventListener('abort', stop, { once: true });
        });
        await Promise.race([committed, stopped]);
        signal.removeEventListener('abort', stop);
      },
    };
    yield* streamEvents(stream, since ?? now, eventView);
  }

  /** The moment of the call is what "from now on" means, not the one of the first `next`. */
  function begin(options: EventOptions): Batches {
    return batches(options, parts.log().durablePosition, closing.isBegun());
  }

  return {
    events: (options = {}) => new OneByOne(begin(options), options?.signal),
    eventBatches: (options = {}) => begin(options),
  };
}

function checkEventOptions(options: EventOptions): EventOptions {
  checkObject(options, 'options', '{ since: 0 }');
  const { since, signal } = options;
  if (since !== undefined && !(Number.isSafeInteger(since) && since >= 0)) {
    throw new InvalidArgumentError({ field: 'since', expected: 'the seq of an event, or 0', got: since });
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidArgumentError({ field: 'signal', expected: 'an AbortSignal', got: signal });
  }
  return options;
}

/** By hand, since a generator around a generator costs each event three promises: most events are there already. */
class OneByOne implements AsyncIterableIterator<EventView> {
  readonly #batches: Batches;
  readonly #signal: AbortSignal | undefined;
  #batch: readonly EventView[] = [];
  #at = 0;
  /** Calls that wait for a batch, or for such calls. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(batches: Batches, signal: AbortSignal | undefined) {
    this.#batches = batches;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<EventView, void>> {
    if (this.#waiting === 0 && this.#at < this.#batch.length && this.#signal?.aborted !== true) {
      return Promise.resolve({ done: false, value: this.#batch[this.#at++] as EventView });
    }
    return this.#inTurn(async () => {
      while (this.#at >= this.#batch.length || this.#signal?.aborted === true) {
        const step = await this.#batches.next();
        if (step.done === true) return { done: true, value: undefined };
        this.#batch = step.value;
        this.#at = 0;
      }
      return { done: false, value: this.#batch[this.#at++] as EventView };
    });
  }

  return(): Promise<IteratorResult<EventView, void>> {
    return this.#inTurn(async () => {
      this.#batch = [];
      await this.#batches.return();
      return { done: true, value: undefined };
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Who asks again before he is answered is answered in order. */
  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#waiting++;
    const done = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
