/** The near end of a worker (`../http/workers.ts`): is handed attempts, runs them, and tells how they end. */
import { flattenError, InterruptedError, type JobContext, type Run } from '../../index.ts';
import type { FromWorker, ToWorker } from '../http/workers.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Desk } from './desk.ts';

export interface Work {
  readonly type: string;
  readonly concurrency: number;
  readonly run: Run<unknown, unknown>;
  /** Aborts when no more attempts are wanted; those under way may go on for a while. */
  readonly signal: AbortSignal;
  /** It is registered. */
  readonly joined: () => void;
  /** An attempt of this job has begun. */
  readonly began: (jobId: string) => void;
}

/** As long as an engine gives its attempts when it closes. */
const DRAIN_MS = 5_000;

/** Resolves when it has left, or the engine has closed. @throws {Failure} when it is refused, or the engine has died */
export async function work(desk: Desk, { type, concurrency, run, signal, joined, began }: Work): Promise<void> {
  const clock = systemClock({ keepAlive: true });
  const running = new Map<number, Running>();
  const stream = new AbortController();
  let worker: string | undefined;

  const endAll = (): void => {
    for (const { stop } of running.values()) stop.abort(new InterruptedError());
  };
  const drained = clock.alarm('monotonic', () => {
    // The engine hears it first, so that it knows that they end because we go.
    stream.abort();
    endAll();
  });
  const leave = (): void => {
    // Then it leaves as soon as it has joined.
    if (worker === undefined) return;
    drained.set(clock.monotonic() + DRAIN_MS);
    desk.ask('POST', `/v1/workers/${worker}/leave`, {}).catch(() => stream.abort());
  };
  signal.addEventListener('abort', leave, { once: true });

  function begin({ attempt, job, payload, checkpoint, results }: ToWorker & { kind: 'run' }): void {
    const path = `/v1/workers/${worker}/attempts/${attempt}`;
    const stop = new AbortController();
    const tell = inOrder(async (word) => desk.ask('POST', path, word));
    const context = contextOf({ job, checkpoint, results }, stop.signal, tell);
    const ended = (async () => run(payload, context))()
      .then(
        (result) => tell({ kind: 'completed', result }),
        (error: unknown) => tell({ kind: 'failed', error: flattenError(error) }),
      )
      // It has ended otherwise, or there is nobody any more.
      .catch(() => undefined)
      .finally(() => running.delete(attempt));
    running.set(attempt, { stop, ended });
    began(job.id);
  }

  try {
    for await (const line of desk.lines('POST', '/v1/workers', { type, concurrency }, stream.signal)) {
      const word = JSON.parse(line) as ToWorker;
      if (word.kind === 'registered') {
        worker = word.worker;
        if (signal.aborted) leave();
        joined();
      } else if (word.kind === 'run') begin(word);
      else if (word.kind === 'abort') running.get(word.attempt)?.stop.abort(reasonOf(word));
    }
  } finally {
    signal.removeEventListener('abort', leave);
    endAll();
    await Promise.all([...running.values()].map(({ ended }) => ended));
    clock.stop();
  }
}

interface Running {
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

type Tell = (word: FromWorker) => Promise<unknown>;

/** One word after the other, as they were said. Lines of a log wait for those that are under way and then go together. */
function inOrder(send: Tell): Tell {
  let last: Promise<unknown> = Promise.resolve();
  let lines: string[] | undefined;
  return (word) => {
    if (word.kind === 'log' && lines !== undefined) {
      lines.push(...word.lines);
      return last;
    }
    const own = word.kind === 'log' ? { ...word, lines: [...word.lines] } : word;
    lines = own.kind === 'log' ? own.lines : undefined;
    const sent = last
      .catch(() => undefined)
      .then(() => {
        if (own.kind === 'log' && lines === own.lines) lines = undefined;
        return send(own);
      });
    last = sent;
    return sent;
  };
}

function contextOf(
  facts: Pick<JobContext, 'job' | 'checkpoint' | 'results'>,
  signal: AbortSignal,
  tell: Tell,
): JobContext {
  const log = (level: keyof JobContext['log']) => {
    return (first: string | object): void => {
      const line = typeof first === 'string' ? first : JSON.stringify(first);
      tell({ kind: 'log', level, lines: [line] }).catch(() => undefined);
    };
  };
  return {
    ...facts,
    signal,
    log: {
      trace: log('trace'),
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      fatal: log('fatal'),
    },
    progress: (progress) => void tell({ kind: 'progress', progress }).catch(() => undefined),
    save: async (checkpoint) => void (await tell({ kind: 'save', checkpoint })),
    extend: async (ms) => void (await tell({ kind: 'extend', ms })),
    enqueue: () => Promise.reject(new Error('A program enqueues jobs with `holdfast jobs add`.')),
  };
}

function reasonOf({ code, message }: ToWorker & { kind: 'abort' }): Error {
  return Object.assign(new Error(message), { code });
}
