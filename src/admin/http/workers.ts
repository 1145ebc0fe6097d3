/**
 * Jobs that are run by another process of this machine's user: a *worker* says which type it runs, is handed the attempts
 * on a stream of lines, and tells how each ended. The stream is its life: when it breaks, whoever ran the attempts is
 * dead, and they end as attempts do whose process died (docs/workers.md).
 */
import { defineJob, rebuildError, type Engine, type FlatError, type JobContext } from '../../index.ts';
import { Problem } from './problem.ts';

/** What a worker is told, a line of JSON each. */
export type ToWorker =
  | { readonly kind: 'registered'; readonly worker: string }
  | {
      readonly kind: 'run';
      readonly attempt: number;
      readonly job: JobContext['job'];
      readonly payload?: unknown;
      readonly checkpoint?: unknown;
      readonly results: Readonly<Record<string, unknown>>;
    }
  /** The attempt is to stop: it was cancelled, took too long, or the engine is closing. It still says how it ended. */
  | { readonly kind: 'abort'; readonly attempt: number; readonly code: string; readonly message: string }
  /** Nothing; so that both sides see that the other is there. */
  | { readonly kind: 'here' };

/** What a worker says about an attempt. */
export type FromWorker =
  | { readonly kind: 'log'; readonly level: keyof JobContext['log']; readonly lines: readonly string[] }
  | { readonly kind: 'progress'; readonly progress: number | object }
  | { readonly kind: 'save'; readonly checkpoint: unknown }
  | { readonly kind: 'extend'; readonly ms: number }
  | { readonly kind: 'completed'; readonly result?: unknown }
  | { readonly kind: 'failed'; readonly error: FlatError };

export interface WorkerClock {
  entropy(byteCount: number): string;
  every(ms: number, ring: () => void): () => void;
  /** In a later turn: whoever told the last word is answered first. */
  turn(task: () => void): void;
}

export interface Workers {
  /** Registers a type for whoever reads the answer. @throws {Problem} when somebody serves it */
  join(type: string, concurrency: number): Response;
  /** Hands it no more attempts; the stream ends with the last of those it has. */
  leave(worker: string): void;
  tell(worker: string, attempt: number, word: FromWorker): Promise<void>;
  /** From now on, workers that are cut off have not died: it is we who go. */
  dismiss(): void;
  /** Resolves when no worker has an attempt. */
  whenIdle(): Promise<void>;
}

interface Attempt {
  readonly context: JobContext;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}
interface Worker {
  readonly attempts: Map<number, Attempt>;
  leave(): void;
  dismiss(): void;
}

const HEARTBEAT_MS = 15_000;
/** So many heartbeats after it was asked to stop, an attempt that has not ended is one of a worker that hears nothing. */
const MOST_BEATS = 2;

export function createWorkers(engine: Engine, clock: WorkerClock): Workers {
  const workers = new Map<string, Worker>();
  let attemptCount = 0;
  const idleWaiters: Array<() => void> = [];
  let isDismissed = false;

  function join(type: string, concurrency: number): Response {
    const server = engine.handlers().find((known) => covers(known, type));
    if (server !== undefined) {
      const whose = server === type ? 'it' : `it, as ${server}`;
      const details = { code: 'HOLDFAST_DUPLICATE_HANDLER', type };
      throw new Problem(
        409,
        'conflict',
        `Jobs of ${type} have a handler: the app or another worker runs ${whose}.`,
        details,
      );
    }
    const id = clock.entropy(16);
    const attempts = new Map<number, Attempt>();
    const encoder = new TextEncoder();
    let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
    let isLeaving = isDismissed;
    /** Heartbeats since the oldest attempt that is to stop was told so. */
    const beats = new Map<number, number>();

    const definition = defineJob<unknown, unknown>({
      type,
      concurrency,
      run: (_payload, context) =>
        new Promise<unknown>((resolve, reject) => hand(++attemptCount, { context, resolve, reject }, _payload)),
    });

    function send(word: ToWorker): void {
      stream?.enqueue(encoder.encode(`${JSON.stringify(word)}\n`));
    }

    function hand(attempt: number, { context, resolve, reject }: Attempt, payload: unknown): void {
      const { job, checkpoint, results, signal } = context;
      const over = (): void => {
        attempts.delete(attempt);
        beats.delete(attempt);
        if (isLeaving && attempts.size === 0) end();
        if (isIdle()) for (const tell of idleWaiters.splice(0)) clock.turn(tell);
      };
      attempts.set(attempt, {
        context,
        resolve(result) {
          resolve(result);
          over();
        },
        reject(error) {
          reject(error);
          over();
        },
      });
      // The type was taken away while this was on its way here.
      if (stream === undefined) return cut();
      send({ kind: 'run', attempt, job, payload, checkpoint, results });
      const abort = (): void => {
        if (!attempts.has(attempt)) return;
        const { code = 'HOLDFAST_INTERRUPTED', message } = signal.reason as Error & { code?: string };
        beats.set(attempt, 0);
        send({ kind: 'abort', attempt, code, message });
      };
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    }

    function beat(): void {
      for (const [attempt, count] of beats) beats.set(attempt, count + 1);
      if ([...beats.values()].some((count) => count > MOST_BEATS)) {
        stream?.error(new Error('the worker does not end what it was told to stop'));
        cut();
      } else send({ kind: 'here' });
    }

    /** The stream is gone, and with it whoever ran what is still under way. */
    function cut(): void {
      forget();
      engine.unregister(definition, { running: isLeaving ? 'interrupt' : 'lost' });
      for (const { reject } of [...attempts.values()]) reject(new Error('The worker that ran it is gone.'));
    }

    function end(): void {
      const ended = stream;
      forget();
      ended?.close();
    }

    function forget(): void {
      stream = undefined;
      stopHeart();
      workers.delete(id);
    }

    function leave(): void {
      isLeaving = true;
      engine.unregister(definition);
      if (attempts.size === 0) end();
    }

    const stopHeart = clock.every(HEARTBEAT_MS, beat);
    workers.set(id, { attempts, leave, dismiss: () => (isLeaving = true) });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        stream = controller;
        send({ kind: 'registered', worker: id });
        engine.register(definition);
      },
      cancel: cut,
    });
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson', 'x-accel-buffering': 'no' } });
  }

  function isIdle(): boolean {
    return [...workers.values()].every(({ attempts }) => attempts.size === 0);
  }

  function workerOf(id: string): Worker {
    const worker = workers.get(id);
    if (worker === undefined) throw new Problem(404, 'not_found', 'There is no such worker: its stream has ended.');
    return worker;
  }

  async function tell(id: string, attempt: number, word: FromWorker): Promise<void> {
    const found = workerOf(id).attempts.get(attempt);
    if (found === undefined) throw new Problem(404, 'not_found', 'There is no such attempt: it has ended.');
    const { context } = found;
    switch (word.kind) {
      case 'log':
        return word.lines.forEach((line) => context.log[word.level](line));
      case 'progress':
        return context.progress(word.progress);
      case 'save':
        return context.save(word.checkpoint);
      case 'extend':
        return context.extend(word.ms);
      case 'completed':
        return found.resolve(word.result);
      case 'failed':
        return found.reject(rebuildError(word.error));
    }
  }

  return {
    join,
    leave: (id) => workerOf(id).leave(),
    tell,
    dismiss() {
      isDismissed = true;
      for (const worker of workers.values()) worker.dismiss();
    },
    whenIdle: () => (isIdle() ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
  };
}

/** Whether a handler that is registered for `known` serves all that one for `type` would. */
function covers(known: string, type: string): boolean {
  if (known === type) return true;
  return known.endsWith('*') && type.replace(/\*$/, '').startsWith(known.slice(0, -1));
}
