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
import type { ThreadListener, Threads } from './threads.ts';

export interface CallParts {
  readonly threads: Threads;
  readonly limits: Limits;
  /** The engine's middleware, which lies outside that of a type; it may grow. */
  readonly use: readonly Middleware[];
  /** Its thread has it and loads the module. */
  readonly loading: (attempt: Attempt) => void;
  /** Its thread has it and has the module; the time of the attempt begins. */
  readonly loaded: (attempt: Attempt) => void;
  readonly ended: (attempt: Attempt, outcome: Outcome) => void;
  /** Nothing of the attempt runs any more. Called once, after `ended`. */
  readonly released: (attempt: Attempt) => void;
  /** It was not begun: too long it lay ready for its thread. Called in place of all others. */
  readonly putBack: (attempt: Attempt) => void;
}

export type Call = (attempt: Attempt, facts: JobFacts, records: StartRecords) => void;

type Told = 'ended' | 'released' | 'loading' | 'putBack';

export function createCalls({ threads, limits, use, loading, loaded, ended, released, putBack }: CallParts): Call {
  function call(attempt: Attempt, facts: JobFacts, records: StartRecords): void {
    const { lane, run, use: own } = attempt.definition;
    const chain = use.length + own.length === 0 ? undefined : [...use, ...own];
    if (lane === 'thread' && chain === undefined) {
      attempt.thread = onThread(attempt, orderOf(attempt, facts, records), {
        loading: () => loading(attempt),
        ended: (outcome) => ended(attempt, outcome),
        released: () => released(attempt),
        putBack: () => putBack(attempt),
      });
    } else if (chain === undefined) {
      here(attempt, run as InlineHandler, facts, records, released);
    } else if (lane === 'inline') {
      here(attempt, wrapped(run as InlineHandler, chain), facts, records, released);
    } else {
      around(attempt, chain, facts, records);
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
    returned: (attempt: Attempt) => void,
  ): void {
    const control = new AttemptControl(job.id);
    attempt.control = control;
    const context = createContext(
      { job, checkpoint: records.checkpoint, results: records.results, limits },
      attempt,
      control,
    );
    runInline(decoding(attempt.definition.codec, handler), records.payload, context, limits, (outcome) => {
      ended(attempt, outcome);
      returned(attempt);
    });
  }

  function onThread(attempt: Attempt, order: RunOrder, listener: Pick<ThreadListener, Told>) {
    return threads.run(order, {
      ...listener,
      loaded: () => loaded(attempt),
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
      ended: (outcome) => listener.ended(checkedOutcome(outcome, limits)),
    });
  }

  /** Middleware here around a handler there. The slot is free when the middleware has ended and its threads are gone. */
  function around(attempt: Attempt, chain: readonly Middleware[], facts: JobFacts, records: StartRecords): void {
    let gone: Promise<void> = Promise.resolve();
    const handler = async (_payload: unknown, context: JobContext): Promise<unknown> => {
      // Middleware may call `next` twice; there is one thread for it.
      await gone;
      if (context.signal.aborted) throw context.signal.reason as Error;
      return new Promise((resolve, reject) => {
        gone = new Promise((over) => {
          attempt.thread = onThread(attempt, orderOf(attempt, facts, records), {
            ended: (outcome) =>
              outcome.ok ? resolve(decodeJson(outcome.result)) : reject(rebuildError(outcome.error)),
            released: () => over(),
          });
        });
      });
    };
    const release = (): void => released(attempt);
    here(attempt, wrapped(handler, chain), facts, records, () => void gone.then(release, release));
  }

  return call;
}
