/**
 * The life of a thread on its own side: it gets attempts over its port, one after another, runs each, and tells how it
 * ended. Two things are harder than they look.
 *
 * Whose error is it? An error that nobody caught may come from the attempt that runs, from a timer that an earlier one
 * left, or from the background of a module. Each attempt and each load runs in an async scope of its own, so the error
 * brings its origin with it; only one of this attempt, of its module, or of unknown origin fails the attempt.
 *
 * Is the thread clean? It is looked at when an attempt ends, when the main side asks again, and before the next one is
 * begun: what shows late, such as the rejection of a promise that nobody awaited, may cross with its order on its way. The
 * thread then refuses it before the handler is called, and it is given to a new thread as if nothing had happened.
 *
 * Orders may come ahead: they stand in line and are begun when the one before has ended and the thread is clean, unless
 * the main side has taken them back by then (`take` in `protocol.ts`).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { receiveMessageOnPort } from 'node:worker_threads';
import { AttemptControl, createContext, decodeJson, encodeResult, type Handler } from '../src/context.ts';
import { flattenError } from '../src/errors.ts';
import {
  type AbortReason,
  FLAG_ABORTED,
  type FromThread,
  liesReady,
  numberAfter,
  type Outcome,
  type RunOrder,
  type SessionStart,
  take,
  type ToThread,
} from '../src/protocol.ts';
import { loadHandler } from './load.ts';
import { ThreadLink } from './thread-link.ts';
import { Traces } from './traces.ts';

// Taken before any handler runs: one of them may replace it.
const nowMs = performance.now.bind(performance); // house: only the thread can say how long a handler ran on it
const inNextTurn = setImmediate; // house: the engine's clock is on the other side

interface Running {
  readonly order: RunOrder;
  readonly control: AttemptControl;
  /** When its handler was called, by the clock of this thread. */
  begunAt: number;
}

interface Ready {
  /** Of the run, as both sides count. */
  readonly number: number;
  readonly order: RunOrder;
  /** It was asked to stop before it was begun. */
  reason?: AbortReason;
}

/** Where code came from: an attempt, or the loading of a module (then `control` is undefined). */
interface Origin {
  readonly module: string;
  readonly control: AttemptControl | undefined;
}

export class Session {
  readonly #port: SessionStart['port'];
  readonly #flags: Int32Array;
  readonly #post: (message: FromThread) => void;
  readonly #link: ThreadLink;
  readonly #traces = new Traces();
  readonly #handlers = new Map<string, Handler>();
  readonly #origins = new AsyncLocalStorage<Origin>();
  /** Calls what it is given in the async context of no attempt: handlers may set theirs for all that follows them. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #running: Running | undefined;
  /** The turn of the event loop in which the next one is begun. */
  #turn: NodeJS.Immediate | undefined;
  /** What is to be carried out next. */
  readonly #line: Ready[] = [];
  /** The number of the order that came last. */
  #number = 0;
  /** How many abort messages were posted when the port was last read for them. */
  #abortCount = 0;
  /** What the last attempt had left when it was last looked at; nothing is begun before it is gone. */
  #lastLeft: string | undefined;
  /** What happened that no look at the thread shows. */
  #dirt: string | undefined;

  constructor({ port, flags }: SessionStart) {
    this.#port = port;
    this.#flags = flags;
    // Bound now: a handler may replace it on the prototype, and would be handed our port as `this`.
    this.#post = port.postMessage.bind(port);
    this.#link = new ThreadLink(this.#post, flags);
  }

  listen(): void {
    process.on('uncaughtException', (error) => this.#uncaught(error));
    process.on('unhandledRejection', (error) => this.#uncaught(error));
    this.#port.on('message', (message: ToThread) => this.#receive(message));
    this.#traces.accept();
  }

  #receive(message: ToThread): void {
    switch (message.kind) {
      case 'run':
        for (const order of message.orders) {
          this.#number = numberAfter(this.#number);
          this.#line.push({ number: this.#number, order });
        }
        this.#next();
        return;
      case 'abort':
        this.#abort(message.token, message.reason);
        return;
      case 'answer':
        this.#link.answered(message.id, message.answer);
        return;
      case 'look':
        this.#lastLeft = this.#left();
        this.#post({ kind: 'looked', left: this.#lastLeft });
        this.#next();
        return;
      case 'more':
        this.#link.more();
        return;
    }
  }

  #abort(token: number, reason: AbortReason): void {
    if (this.#running?.order.token === token) this.#running.control.abort(reason);
    const ready = this.#line.find(({ order }) => order.token === token);
    if (ready !== undefined) ready.reason = reason;
  }

  /** Begins what is next in line, if nothing runs and the thread is clean. */
  #next(): void {
    if (this.#running !== undefined || this.#turn !== undefined || this.#lastLeft !== undefined) return;
    while (this.#line[0] !== undefined && !liesReady(this.#flags, this.#line[0].number)) this.#line.shift();
    const [ready] = this.#line;
    if (ready === undefined) return;
    const left = this.#dirt ?? this.#traces.opened();
    if (left !== undefined) {
      // Also for those behind it, should it go away meanwhile.
      this.#dirt = left;
      this.#post({ kind: 'refused', left });
      return;
    }
    this.#line.shift();
    if (take(this.#flags, ready.number)) this.#outside(() => this.#begin(ready));
    else this.#next();
  }

  #begin({ order, reason }: Ready): void {
    const control = new AttemptControl(order.job.id, () => {
      const abortCount = Atomics.load(this.#flags, FLAG_ABORTED);
      if (abortCount === this.#abortCount) return;
      this.#abortCount = abortCount;
      this.#receiveWaiting();
    });
    const running: Running = { order, control, begunAt: nowMs() };
    this.#running = running;
    this.#link.begin(order.token);
    if (reason !== undefined) control.abort(reason);
    this.#carryOut(running).catch((error: unknown) => this.#uncaught(error));
  }

  /** Reads the port without the event loop, for a handler that does not give it a turn. */
  #receiveWaiting(): void {
    for (let entry = receiveMessageOnPort(this.#port); entry !== undefined; entry = receiveMessageOnPort(this.#port)) {
      this.#receive(entry.message as ToThread);
    }
  }

  async #carryOut(running: Running): Promise<void> {
    // From here on nothing of ours asks a promise for its `then`, which the handler may replace.
    await Promise.resolve();
    let outcome: Outcome;
    try {
      outcome = await this.#attempt(running);
    } catch (error) {
      outcome = { ok: false, error: flattenError(error) };
    }
    // After what the handler put off until its next tick, such as the opening of a server.
    process.nextTick(() => this.#end(running, outcome));
  }

  async #attempt(running: Running): Promise<Outcome> {
    const { order, control } = running;
    let handler = this.#handlers.get(order.module);
    if (handler === undefined) {
      handler = await this.#load(order);
      running.begunAt = nowMs();
    }
    // It was asked to stop before it began.
    if (control.error !== undefined) throw control.error;
    const context = createContext(order, this.#link, control);
    const origin: Origin = { module: order.module, control };
    const result: unknown = await this.#origins.run(origin, handler, decodeJson(order.payload), context);
    return { ok: true, result: encodeResult(result, order.limits) };
  }

  async #load({ module, token }: RunOrder): Promise<Handler> {
    try {
      const handler = await this.#origins.run({ module, control: undefined }, loadHandler, module);
      this.#handlers.set(module, handler);
      this.#traces.accept();
      this.#post({ kind: 'loaded', token });
      return handler;
    } catch (error) {
      // Node remembers that the module failed; in a new thread it gets a new chance.
      this.#dirt ??= 'a module that could not be loaded';
      throw error;
    }
  }

  #end(running: Running, outcome: Outcome): void {
    if (running.control.ended) return;
    const ms = nowMs() - running.begunAt;
    this.#link.end();
    running.control.end();
    this.#running = undefined;
    this.#lastLeft = this.#left();
    this.#post({ kind: 'ended', token: running.order.token, outcome, left: this.#lastLeft, ms });
    // In a turn of its own: what this one left undone, such as a rejection, shows before the next one is begun.
    if (this.#lastLeft !== undefined || this.#line.length === 0) return;
    this.#turn = inNextTurn(() => {
      this.#turn = undefined;
      this.#next();
    });
  }

  #left(): string | undefined {
    return this.#dirt ?? this.#traces.left();
  }

  #uncaught(error: unknown): void {
    const running = this.#running;
    const origin = this.#origins.getStore();
    this.#dirt ??= 'an error that nobody caught';
    if (running === undefined) this.#post({ kind: 'dirty', left: this.#dirt });
    else if (mayBeOf(running, origin)) this.#end(running, { ok: false, error: flattenError(error) });
  }
}

function mayBeOf({ order, control }: Running, origin: Origin | undefined): boolean {
  if (origin === undefined || origin.control === control) return true;
  return origin.control === undefined && origin.module === order.module;
}
