/** Calls the handler of an attempt: here or on a thread, plain or with middleware around it. */
import { AttemptControl, createContext, type JobContext } from '../context.ts';
import { decoding } from '../codec.ts';
import { flattenError, rebuildError } from '../errors.ts';
import { decodeJson } from '../job/json.ts';
import type { StartRecords } from '../log/history.ts';
import { wrapped, type Middleware } from '../middleware.ts';
import type { JobFacts, Limits, Outcome, RunOrder } from '../protocol.ts';
import type { Attempt } from './attempt.ts';
import { runInline, type InlineHandler } from './inline.ts';
import { checkedMessage, checkedOutcome, checkedReport } from './thread-words.ts';
import type { Threads } from './threads.ts';

export interface CallParts {
  readonly threads: Threads;
  readonly limits: Limits;
  /** The engine's middleware, which lies outside that of a type; it may grow. */
  readonly use: readonly Middleware[];
}

/** What the runner is told. */
export interface CallListener {
  /** The thread has loaded the module; the time of the attempt begins. */
  loaded(): void;
  ended(outcome: Outcome): void;
  /** Nothing of the attempt runs any more. Called once, after `ended`. */
  released(): void;
}

export type Call = (attempt: Attempt, facts: JobFacts, records: StartRecords, listener: CallListener) => void;

export function createCalls({ threads, limits, use }: CallParts): Call {
  function call(attempt: Attempt, facts: JobFacts, records: StartRecords, listener: CallListener): void {
    const { lane, run, use: own } = attempt.definition;
    const chain = use.length + own.length === 0 ? undefined : [...use, ...own];
    if (lane === 'thread' && chain === undefined) {
      attempt.thread = onThread(attempt, orderOf(attempt, facts, records), listener);
    } else if (chain === undefined) {
      here(attempt, run as InlineHandler, facts, records, listener);
    } else if (lane === 'inline') {
      here(attempt, wrapped(run as InlineHandler, chain), facts, records, listener);
    } else {
      around(attempt, chain, facts, records, listener);
    }
  }

  function orderOf(
    { token, definition }: Attempt,
    job: JobFacts,
    { payload, checkpoint, results }: StartRecords,
  ): RunOrder {
    return { token, module: definition.module as string, job, payload, checkpoint, results, limits };
  }

  function here(
    attempt: Attempt,
    handler: InlineHandler,
    job: JobFacts,
    records: StartRecords,
    listener: CallListener,
  ): void {
    const control = new AttemptControl(job.id);
    attempt.control = control;
    const context = createContext(
      { job, checkpoint: records.checkpoint, results: records.results, limits },
      attempt,
      control,
    );
    runInline(decoding(attempt.definition.codec, handler), records.payload, context, limits, (outcome) => {
      listener.ended(outcome);
      listener.released();
    });
  }

  function onThread(attempt: Attempt, order: RunOrder, { loaded, ended, released }: CallListener) {
    return threads.run(order, {
      loaded,
      progress(text) {
        const progress = checkedReport(text, limits.progressBytes);
        if (progress !== undefined) attempt.progress(progress);
      },
      log: (level, message, fields) => attempt.log(level, checkedMessage(message), checkedReport(fields)),
      request(request, answer) {
        // It never rejects: a refusal is an answer.
        attempt
          .serve(request, limits)
          .then(answer, (error: unknown) => answer({ ok: false, error: flattenError(error) }));
      },
      ended: (outcome) => ended(checkedOutcome(outcome, limits)),
      released: () => released(),
    });
  }

  /** Middleware here around a handler there. The slot is free when the middleware has ended and its threads are gone. */
  function around(
    attempt: Attempt,
    chain: readonly Middleware[],
    facts: JobFacts,
    records: StartRecords,
    listener: CallListener,
  ): void {
    let gone: Promise<void> = Promise.resolve();
    const handler = async (_payload: unknown, context: JobContext): Promise<unknown> => {
      // Middleware may call `next` twice; there is one thread for it.
      await gone;
      if (context.signal.aborted) throw context.signal.reason as Error;
      return new Promise((resolve, reject) => {
        gone = new Promise((released) => {
          attempt.thread = onThread(attempt, orderOf(attempt, facts, records), {
            loaded: listener.loaded,
            ended: (outcome) =>
              outcome.ok ? resolve(decodeJson(outcome.result)) : reject(rebuildError(outcome.error)),
            released,
          });
        });
      });
    };
    here(attempt, wrapped(handler, chain), facts, records, {
      ...listener,
      released: () => void gone.then(listener.released, listener.released),
    });
  }

  return call;
}
