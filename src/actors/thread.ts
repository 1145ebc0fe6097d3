/**
 * One thread, from its start to its exit, as the main side sees it. It runs attempts one after another:
 *
 *     idle ─▶ running ─▶ settling ─▶ idle          the attempt ended, and what it left behind went away by itself
 *       └────────┴───────────┴─────▶ dying ─▶ gone  killed, crashed, or too dirty for another attempt
 *
 * Attempts may be handed to it while it runs one. They lie ready in its line, and it begins the next when it is clean,
 * without being told (`thread-line.ts`). Only the one that was begun is hurt when the thread dies.
 *
 * A thread is a piscina pool of one. So the pool's queue, its choice among threads and its restarts, all of which are
 * at odds with ours, never come into play, and there is no doubt which Worker it is whose exit frees the slot. piscina's
 * task ends as soon as our session has its port: a task that goes on would keep the process alive while nothing runs.
 */
import { MessageChannel, receiveMessageOnPort, type ResourceLimits, type Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { flattenError, HandlerLoadError, ThreadLostError } from '../errors.ts';
import {
  FLAG_ABORTED,
  FLAG_READ,
  type FromThread,
  newFlags,
  readFromThread,
  type RunOrder,
  type SessionStart,
  type ToThread,
  WINDOW,
} from '../protocol.ts';
import { poolOfOne } from './thread-pool.ts';
import { ThreadLine } from './thread-line.ts';
import type { Run } from './thread-run.ts';

/** What a thread tells the one who counts threads. */
export interface ThreadOwner {
  /** Something came through the window. */
  read(): void;
  /** It can be given another attempt. */
  idle(thread: Thread): void;
  /** It has exited. */
  gone(thread: Thread): void;
  /** A handler has run for so long. */
  ran(ms: number): void;
  /** These attempts were not begun by their thread, which will begin none any more. */
  returned(runs: readonly Run[]): void;
  /** The slot is free, and whoever had it knows. */
  freed(): void;
}

/** How often the thread is asked whether what was left went away by itself; each round takes some 50 µs. */
const MAX_LOOKS = 20;
/** Of what an attempt is handed, if it is to lie ready in the thread. */
const MOST_CHARACTERS = 64 * 1024;

export class Thread {
  /** The modules it has loaded. */
  readonly modules = new Set<string>();
  /** Resolves when the Worker has exited. */
  readonly exited: Promise<void>;
  readonly #owner: ThreadOwner;
  readonly #pool: Piscina;
  readonly #worker: Worker;
  readonly #port: MessageChannel['port1'];
  readonly #flags = newFlags();
  #state: 'idle' | 'running' | 'settling' | 'dying' | 'gone' = 'idle';
  readonly #line = new ThreadLine(this.#flags);
  /** Orders that are posted together, at the end of what goes on now. */
  #unsent: RunOrder[] = [];
  #lookCount = 0;
  #readCount = 0;
  #readBefore = 0;
  /** What made it dirty. */
  #left: string | undefined;
  /** Why it was ended, if it was by us. */
  #problem: string | undefined;
  /** The error it died of, if it was not. */
  #fault: unknown;

  /** @throws when the system gives no thread */
  constructor(owner: ThreadOwner, resourceLimits: ResourceLimits | undefined) {
    this.#owner = owner;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#pool = poolOfOne(resourceLimits);
    // The Worker's own events say all of it, and an event without a listener would be thrown at the host.
    this.#pool.on('error', () => undefined);
    const start: SessionStart = { port: port2, flags: this.#flags };
    this.#pool.run(start, { transferList: [port2] }).catch((error: unknown) => this.#fail(error));
    const [worker] = this.#pool.threads;
    if (worker === undefined) throw new Error('piscina started no thread');
    this.#worker = worker;
    worker.on('error', (error: unknown) => (this.#fault ??= error));
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#exit(code);
        resolve();
      });
    });
    port1.on('message', (message: unknown) => this.#receive(readFromThread(message)));
    port1.unref();
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  /** What lies ready behind the attempt that runs. */
  get ready(): readonly Run[] {
    return this.#line.ready;
  }

  /** Whether an attempt can lie ready here, with no more than `most` that do. */
  hasRoom({ payload = '', checkpoint = '', results = '' }: RunOrder, most: number): boolean {
    // What is large waits on this side: the thread's memory is for the attempt that runs.
    if (payload.length + checkpoint.length + results.length > MOST_CHARACTERS) return false;
    return this.#state === 'running' && this.#line.size <= most && this.#line.hasPlace;
  }

  /** Hands it an attempt, which begins at once if the thread is idle. */
  hand(run: Run): void {
    run.thread = this;
    this.#line.add(run);
    this.#unsent.push(run.order);
    if (this.#state === 'idle') {
      this.#state = 'running';
      // The Worker and not the port: it also has to live long enough to tell of its exit.
      this.#worker.ref();
      this.#send();
      run.begin(!this.modules.has(run.order.module));
    } else if (this.#unsent.length === 1) queueMicrotask(() => this.#send());
  }

  #send(): void {
    if (this.#unsent.length === 0) return;
    this.#post({ kind: 'run', orders: this.#unsent });
    this.#unsent = [];
  }

  /** Takes back an attempt that lies ready; false if it is its turn, or was. */
  takeBack(run: Run): boolean {
    return this.#line.takeBack(run);
  }

  abort(run: Run): void {
    if (run.reason === undefined || !this.#line.includes(run)) return;
    this.#post({ kind: 'abort', token: run.order.token, reason: run.reason });
    // In this order: who sees the flag finds the message.
    Atomics.add(this.#flags, FLAG_ABORTED, 1);
  }

  /** Ends the thread because of this attempt, unless that is over, as it is when the one behind it was begun. */
  killFor(run: Run): void {
    const ready = this.#line.takeBackBehind(run);
    if (!this.#line.isFollowed(run)) this.kill('it was killed');
    this.#owner.returned(ready);
  }

  kill(problem: string): void {
    if (this.#state === 'dying' || this.#state === 'gone') return;
    this.#state = 'dying';
    this.#problem = problem;
    this.#pool.destroy().catch((error: unknown) => (this.#fault ??= error));
    const { first } = this.#line;
    if (first !== undefined) this.#owner.returned(this.#line.takeBackBehind(first));
  }

  /** Lets the thread send more progress and log messages; called at a steady pace while it sends any. */
  openWindow(): void {
    const wasShut = this.#readCount - this.#readBefore >= WINDOW;
    this.#readBefore = this.#readCount;
    Atomics.store(this.#flags, FLAG_READ, this.#readCount);
    if (wasShut) this.#post({ kind: 'more' });
  }

  #post(message: ToThread): void {
    this.#port.postMessage(message);
  }

  #receive(message: FromThread | undefined): void {
    if (message === undefined) return;
    switch (message.kind) {
      case 'looked':
        if (this.#state === 'settling') this.#settle(message.left);
        return;
      case 'dirty':
        // While an attempt runs or is on its way, the thread says the same when that ends or is refused.
        if (this.#state !== 'idle' && this.#state !== 'settling') return;
        this.#left = message.left;
        this.kill(message.left);
        return;
      case 'broken':
        this.#fail(message.problem);
        return;
      case 'refused':
        this.kill(message.left);
        return;
      case 'loaded':
      case 'progress':
      case 'log':
      case 'request':
      case 'ended': {
        const { current } = this.#line;
        if (current?.order.token === message.token) this.#receiveOf(current, message);
      }
    }
  }

  #receiveOf(run: Run, message: Extract<FromThread, { token: number }>): void {
    switch (message.kind) {
      case 'loaded':
        this.modules.add(run.order.module);
        run.loaded();
        return;
      case 'progress':
        this.#countRead();
        run.listener.progress(message.text);
        return;
      case 'log':
        this.#countRead();
        run.listener.log(message.level, message.message, message.fields);
        return;
      case 'request':
        run.listener.request(message.request, (answer) => this.#post({ kind: 'answer', id: message.id, answer }));
        return;
      case 'ended':
        if (this.#state === 'running') this.#state = 'settling';
        this.#lookCount = 0;
        this.#owner.ran(message.ms);
        run.end(message.outcome);
        this.#settle(message.left);
    }
  }

  /** Clean: it goes on, or is idle. Else it looks again some times, and if it stays dirty the thread is replaced. */
  #settle(left: string | undefined): void {
    if (this.#state !== 'settling') return;
    if (left === undefined) {
      const ended = this.#line.first;
      const next = this.#line.shift();
      this.#state = next === undefined ? 'idle' : 'running';
      if (next === undefined) {
        this.#worker.unref();
        this.#owner.idle(this);
      } else next.begin(!this.modules.has(next.order.module));
      ended?.release(undefined);
      this.#owner.freed();
    } else if (this.#lookCount < MAX_LOOKS) {
      this.#lookCount += 1;
      this.#post({ kind: 'look' });
    } else {
      this.#left = left;
      this.kill(left);
    }
  }

  #countRead(): void {
    this.#readCount = (this.#readCount + 1) | 0;
    this.#owner.read();
  }

  #fail(error: unknown): void {
    this.#fault ??= error;
    this.kill('it could not be started');
  }

  #exit(code: number): void {
    this.#state = 'dying';
    // What it posted before it died is still in the port, perhaps even the end of its attempt.
    for (let entry = receiveMessageOnPort(this.#port); entry !== undefined; entry = receiveMessageOnPort(this.#port)) {
      this.#receive(readFromThread(entry.message));
    }
    this.#port.close();
    this.#state = 'gone';
    this.#owner.gone(this);
    const { unbegun, begun } = this.#line.dissolve();
    this.#owner.returned(unbegun);
    for (const run of begun) {
      run.end({ ok: false, error: flattenError(this.#lost(run, code)) });
      run.release(this.#left);
    }
    this.#owner.freed();
  }

  #lost({ killed, loading, order: { module } }: Run, code: number): Error {
    const cause = typeof this.#fault === 'string' ? new Error(this.#fault) : this.#fault;
    const ended = loading ? 'it was still loading when its thread was ended' : 'it was killed';
    const problem = killed ? ended : (this.#problem ?? describeDeath(cause, code));
    const options = cause === undefined ? undefined : { cause };
    return loading ? new HandlerLoadError({ module, problem, ...options }) : new ThreadLostError(problem, options);
  }
}

function describeDeath(cause: unknown, code: number): string {
  if (cause === undefined) return `process.exit(${code}) was called in it`;
  const isMemory = flattenError(cause).code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isMemory ? 'it ran out of memory' : 'an error in it was not caught';
}
