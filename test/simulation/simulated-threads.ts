/**
 * `Threads` without threads. They keep the contract of the real ones and use all the room it leaves: modules that load
 * slowly or not at all, results that come after the kill or never, slots that stay taken long after the end, threads that
 * die before or after their result, and attempts that go on talking when they are over. What lies ready is begun late, is
 * refused first, or is put back.
 */
import {
  flattenError,
  HandlerLoadError,
  RetryableError,
  SnoozeError,
  TerminateError,
  ThreadLostError,
} from '../../src/errors.ts';
import { MOST_READY, StartsAhead } from '../../src/actors/starts-ahead.ts';
import type { ThreadListener, ThreadRun, Threads } from '../../src/actors/threads.ts';
import {
  abortError,
  type AbortReason,
  type Answer,
  type Outcome,
  type Request,
  type RunOrder,
} from '../../src/protocol.ts';
import { act, type Acting, type ActingWatch } from './acting.ts';
import type { Behaviour } from './behaviour.ts';
import type { Dice } from './dice.ts';
import type { Owner, World } from './world.ts';

/** What the threads tell of an attempt, beside what the engine hears. */
export interface ThreadWatch extends ActingWatch {
  /** Returns what is to be called when the slot is free. */
  began(order: RunOrder): () => void;
  /** All threads are taken, and it is to wait for one. */
  laidReady(order: RunOrder): void;
  /** It was asked to stop because of its timeout, so much before that was over. */
  timedOutEarly(order: RunOrder, byMs: number): void;
}

export interface ThreadsParts {
  readonly world: World;
  readonly owner: Owner;
  readonly size: number;
  readonly dice: Dice;
  readonly behaviour: (order: RunOrder) => {
    readonly n: number;
    readonly start: number;
    readonly behaviour: Behaviour;
  };
  readonly watch: ThreadWatch;
  readonly isCalm: () => boolean;
  /** Whether long turns take time. */
  readonly isCut: boolean;
  /** Resolves when a handler that hangs shall end. */
  readonly mayEnd: (n: number) => Promise<void>;
  readonly onMisuse: (what: string) => void;
}

/** How long an attempt may lie ready at least and at most, ms. */
const READY_MS: readonly [least: number, most: number] = [50, 100];

export function simulatedThreads(parts: ThreadsParts): Threads {
  const { world, owner, dice, size, watch } = parts;
  /** Those that have a thread. */
  const runs = new Set<SimulatedRun>();
  const ready: SimulatedRun[] = [];
  const startsAhead = new StartsAhead();
  const quickness = dice.pick([0.01, 0.1, 1]);
  // As if some had run before.
  if (dice.chance(0.7)) startsAhead.ran(dice.pick([0.1, 1, 20]));
  const loaded = new Set<string>();
  let closed = false;

  function beginNext(): void {
    while (runs.size < size) {
      const run = ready.shift();
      if (run === undefined) return;
      runs.add(run);
      // Its thread turns out to be dirty, and it goes to another one.
      if (dice.chance(0.2)) world.later(dice.int(0, 80), owner, () => run.begin());
      else run.begin();
    }
  }

  function leave(run: SimulatedRun): void {
    const at = ready.indexOf(run);
    if (at !== -1) ready.splice(at, 1);
    if (runs.delete(run)) beginNext();
  }

  function layReady(run: SimulatedRun, order: RunOrder): void {
    ready.push(run);
    watch.laidReady(order);
    world.later(dice.int(...READY_MS), owner, () => {
      if (!ready.includes(run) || runs.size + ready.length <= size) return;
      startsAhead.waitedTooLong();
      run.putBack();
    });
  }

  return {
    size,
    get free() {
      return closed ? 0 : size - runs.size;
    },
    get ahead() {
      return closed ? 0 : size * startsAhead.perThread;
    },
    onFree: undefined,
    run(order, listener) {
      if (closed || runs.size + ready.length >= size * (1 + MOST_READY)) {
        parts.onMisuse(closed ? 'a thread was asked for after the end' : 'too many attempts were to lie ready');
        throw new Error('No thread is free; ask before `run`.');
      }
      const ran = (ms: number): void => startsAhead.ran(ms * quickness);
      const run = new SimulatedRun(parts, order, listener, loaded, { left: () => leave(run), ran });
      if (runs.size < size) {
        runs.add(run);
        run.begin();
      } else layReady(run, order);
      return run;
    },
    async close() {
      closed = true;
      for (const run of [...ready, ...runs]) run.kill();
      while (runs.size > 0) await parts.world.sleep(1, parts.owner);
    },
  };
}

class SimulatedRun implements ThreadRun {
  readonly #parts: ThreadsParts;
  readonly #order: RunOrder;
  readonly #listener: ThreadListener;
  readonly #modules: Set<string>;
  readonly #pool: { readonly left: () => void; readonly ran: (ms: number) => void };
  #state: 'ready' | 'begun' = 'ready';
  #begunAt = 0;
  readonly #behaviour: Behaviour;
  readonly #acting: Acting;
  #abortReason: AbortReason | undefined;
  #abort: () => void = () => undefined;
  #freed: () => void = () => undefined;
  #hasEnded = false;
  #isDying = false;
  loading: boolean;

  constructor(
    parts: ThreadsParts,
    order: RunOrder,
    listener: ThreadListener,
    modules: Set<string>,
    pool: { readonly left: () => void; readonly ran: (ms: number) => void },
  ) {
    const { n, start, behaviour } = parts.behaviour(order);
    this.#parts = parts;
    this.#order = order;
    this.#listener = listener;
    this.#modules = modules;
    this.#pool = pool;
    this.#behaviour = behaviour;
    this.loading = !modules.has(order.module);
    const ask = (request: Request): Promise<Answer> => new Promise((resolve) => listener.request(request, resolve));
    const must = async (request: Request): Promise<string> => {
      const answer = await ask(request);
      if (answer.ok) return answer.value ?? '';
      throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    };
    this.#acting = {
      id: order.job.id,
      n,
      start,
      save: async (checkpoint) => void (await must({ kind: 'save', checkpoint: JSON.stringify(checkpoint) })),
      progress: (progress) => listener.progress(String(progress)),
      log: (message) => listener.log('info', message, undefined),
      extend: async (ms) => void (await must({ kind: 'extend', ms })),
      enqueue: (type, payload, { atEnd = false, ...options }) =>
        must({ kind: 'enqueue', type, payload: JSON.stringify(payload), options, atEnd }),
      isAborted: () => this.#abortReason !== undefined,
      aborted: new Promise((resolve) => (this.#abort = resolve)),
    };
  }

  begin(): void {
    // Meanwhile it was taken back.
    if (this.#hasLeft) return;
    const { world, owner, watch } = this.#parts;
    this.#state = 'begun';
    this.loading = !this.#modules.has(this.#order.module);
    this.#begunAt = world.now;
    if (this.loading) this.#listener.loading?.();
    else {
      this.#listener.loaded?.();
      this.#freed = watch.began(this.#order);
    }
    world.later(this.loading ? this.#behaviour.loadMs : 0, owner, () => {
      if (this.#isDying) return;
      if (this.#behaviour.dies === 'loading' && this.loading) return this.#die(undefined);
      if (this.loading) {
        this.loading = false;
        this.#modules.add(this.#order.module);
        this.#begunAt = world.now;
        this.#freed = watch.began(this.#order);
        this.#listener.loaded?.();
      }
      this.#work();
    });
  }

  abort(reason: AbortReason): void {
    if (this.#abortReason !== undefined || this.#hasEnded) return;
    this.#abortReason = reason;
    if (this.#state === 'ready') {
      if (reason.kind === 'timeout') this.#parts.watch.timedOutEarly(this.#order, reason.timeoutMs);
      return this.#withdraw(abortError(reason, this.#order.job.id));
    }
    this.#checkTime(reason);
    this.#abort();
  }

  kill(): void {
    if (this.#state === 'ready') this.#withdraw(new ThreadLostError('it was killed'));
    else this.#die(undefined);
  }

  /** Nobody begins it. */
  #withdraw(error: Error): void {
    if (!this.#leaveOnce()) return;
    this.#end({ ok: false, error: flattenError(error) });
    this.#listener.released(undefined);
  }

  putBack(): void {
    if (!this.#leaveOnce()) return;
    this.#hasEnded = true;
    this.#listener.putBack?.();
  }

  /** The time of an attempt is not what it lay ready for. A slow turn adds time that only its process sees. */
  #checkTime(reason: AbortReason): void {
    const { world, watch, isCut } = this.#parts;
    const hasExtended = this.#behaviour.steps.some(({ kind }) => kind === 'extend');
    if (reason.kind !== 'timeout' || hasExtended || isCut) return;
    const ranMs = world.now - this.#begunAt;
    if (ranMs < reason.timeoutMs - 1) watch.timedOutEarly(this.#order, reason.timeoutMs - ranMs);
  }

  #work(): void {
    const { world, owner, watch, isCalm } = this.#parts;
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- a fault of ours ends the process
    void act(this.#behaviour, this.#acting, watch, world, owner, isCalm).then(async (hasStopped) => {
      if (this.#behaviour.end === 'hang' && !hasStopped) {
        const stopped = this.#behaviour.onAbort === 'ignore' ? [] : [this.#acting.aborted];
        await Promise.race([this.#parts.mayEnd(this.#acting.n), ...stopped]);
      }
      if (this.#isDying || owner.isGone) return;
      if (this.#behaviour.dies === 'before') return this.#die(undefined);
      const outcome = outcomeOf(this.#behaviour, this.#acting, hasStopped);
      if (this.#behaviour.dies === 'after') return this.#die(outcome);
      this.#end(outcome);
      world.later(this.#behaviour.releaseMs, owner, () => this.#release());
    });
  }

  /** The thread ends; what it had said before is heard. */
  #die(lastWord: Outcome | undefined): void {
    if (this.#isDying) return;
    this.#isDying = true;
    const { world, owner } = this.#parts;
    const { module } = this.#order;
    const problem = 'it was lost in the simulation';
    const lost = this.loading ? new HandlerLoadError({ module, problem }) : new ThreadLostError(problem);
    world.later(this.#behaviour.killMs, owner, () => {
      this.#end(lastWord ?? { ok: false, error: flattenError(lost) });
      this.#release();
    });
  }

  #end(outcome: Outcome): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listener.ended(outcome);
    if (this.#state === 'begun') this.#pool.ran(this.#parts.world.now - this.#begunAt);
    if (this.#behaviour.isDouble) this.#talkOn();
  }

  /** What comes when all is said must change nothing. */
  #talkOn(): void {
    this.#listener.ended({ ok: true, result: '"a second result"' });
    this.#listener.ended({ ok: false, error: { name: 'Error', message: 'a second end' } });
    this.#listener.progress('99');
    this.#listener.loaded?.();
    const after = (request: Request): void =>
      this.#listener.request(request, (answer) => {
        if (answer.ok) this.#parts.onMisuse(`${request.kind} was answered after the end of the attempt`);
      });
    after({ kind: 'save', checkpoint: '{"late":true}' });
    after({ kind: 'enqueue', type: 'in:a', payload: '{"n":-1}', options: {}, atEnd: false });
  }

  #release(): void {
    if (this.#hasLeft) return;
    this.#freed();
    this.#leaveOnce();
    this.#listener.released(undefined);
  }

  #hasLeft = false;
  #leaveOnce(): boolean {
    if (this.#hasLeft) return false;
    this.#hasLeft = true;
    this.#pool.left();
    return true;
  }
}

/** How an attempt ends that nobody killed. */
export function outcomeOf({ end, onAbort }: Behaviour, acting: Acting, hasStopped: boolean): Outcome {
  try {
    return { ok: true, result: JSON.stringify(resultOf(end, onAbort, acting, hasStopped)) };
  } catch (error) {
    return { ok: false, error: flattenError(error) };
  }
}

/** What a handler returns, or throws. */
export function resultOf(
  end: Behaviour['end'],
  onAbort: Behaviour['onAbort'],
  acting: Acting,
  hasStopped: boolean,
): unknown {
  const result = { n: acting.n, start: acting.start };
  if (hasStopped && onAbort === 'throw') throw new Error('stopped');
  if (hasStopped) return result;
  switch (end) {
    case 'return':
    case 'hang':
      return result;
    case 'returnJunk':
      throw new TypeError('a result that cannot be stored');
    case 'throw':
      throw new Error('failed');
    case 'throwNull':
      throw null;
    case 'retryable':
      throw new RetryableError('later', { retryAfter: 40 });
    case 'terminate':
      throw new TerminateError('no use');
    case 'snooze':
      throw new SnoozeError(30);
  }
}
