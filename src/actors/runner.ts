/**
 * The runner carries out attempts: it is handed those that are durably started, reads what they need, calls the
 * handler here or on a thread, and tells the journal how it ended. It owns all deadlines: the timeout of an attempt,
 * and the grace that follows a signal before a thread is ended.
 *
 * It outlives the journal. If the store fails and is replayed, the attempts go on, and ends that were not durable yet
 * are told again.
 */
import type { AnyJobDefinition } from '../definition.ts';
import { AttemptEndedError, flattenError } from '../errors.ts';
import type { ActorRef, Mailbox } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { readResults, readStartRecords, startRecordsInMemory, type StartRecords } from '../log/history.ts';
import type { Log } from '../log/log.ts';
import type { PolicyLevel } from '../policy.ts';
import type { AbortReason, EnqueueRequest, Limits, Outcome } from '../protocol.ts';
import type { Middleware } from '../middleware.ts';
import type { Settings } from '../options.ts';
import type { Router } from '../router.ts';
import { Attempt, AWAITS_END, AWAITS_SLOT, factsOf, type AttemptHost } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { createCalls } from './calls.ts';
import { Deadlines } from './deadlines.ts';
import type { DispatcherMessage, JournalMessage, Hold, NewJob, RunnerMessage, Start, Verdict } from './messages.ts';
import { Policies } from './policies.ts';
import type { Threads } from './threads.ts';

export interface RunnerParts {
  readonly clock: Clock;
  readonly mailbox: Mailbox<RunnerMessage>;
  readonly journal: ActorRef<JournalMessage>;
  readonly dispatcher: ActorRef<DispatcherMessage>;
  /** The log of today: a recovery replaces it. */
  readonly log: () => Log;
  /** What holds for the jobs of a queue; the same object until that changes. */
  readonly levelOf: (queue: string) => PolicyLevel;
  readonly threads: Threads;
  readonly settings: Settings;
  readonly router: Router;
  /** The engine's middleware. */
  readonly use: readonly Middleware[];
  readonly limits: Limits;
  /** Checks what a handler wants to enqueue, as `enqueue` of the engine does. */
  readonly admit: (request: EnqueueRequest) => Promise<NewJob>;
  readonly createId: () => string;
  /** The log could not be read. */
  readonly onFault: (error: unknown) => void;
}

export interface Runner {
  has(token: number): boolean;
  /** The last progress and log lines of an attempt that runs. */
  reportOf(token: number): string | undefined;
  /** The attempts that hold slots. */
  holding(): Hold[];
  /** After a recovery: ends that were told to the old journal and are not durable are told to the new one. */
  tellAgain(isRunning: (attempt: { readonly slot: number; readonly token: number }) => boolean): void;
  abortAll(reason: AbortReason): void;
  /** The same for those of one definition. @param isLost whether whoever ran them died, which is counted */
  abortOf(definition: AnyJobDefinition, reason: AbortReason, isLost: boolean): void;
  /** Resolves when no attempt runs any more, except inline handlers that ignored their signal and their grace. */
  whenIdle(): Promise<void>;
  readonly counts: { ended: number; interrupted: number; abandoned: number };
}

const LOAD_TIMEOUT_MS = 30_000;

export function createRunner(parts: RunnerParts): Runner {
  const { clock, settings, journal, dispatcher, threads, limits } = parts;
  const attempts = new Attempts();
  const call = createCalls({
    threads,
    limits,
    use: parts.use,
    loading,
    loaded,
    ended: finish,
    released: release,
    putBack,
  });
  const deadlines = new Deadlines(clock, () => parts.mailbox.tell({ kind: 'overdue' }));
  const policies = new Policies(settings.level);
  const counts = { ended: 0, interrupted: 0, abandoned: 0 };

  parts.mailbox.serve((messages) => {
    for (const message of messages) receive(message);
  });

  function receive(message: RunnerMessage): void {
    switch (message.kind) {
      case 'run':
        for (const start of message.starts) run(start);
        break;
      case 'kept':
        for (const token of message.tokens) attempts.came(attempts.get(token), AWAITS_END);
        break;
      case 'abort': {
        const attempt = attempts.get(message.token);
        if (attempt !== undefined) abort(attempt, message.reason);
        break;
      }
      case 'overdue':
        meetDeadlines();
        break;
    }
  }

  const host: AttemptHost = {
    logger: settings.logger,
    now: () => clock.now(),
    save: (attempt, checkpoint) =>
      new Promise<void>((resolve, reject) => {
        const { slot, token } = attempt;
        journal.tell({ kind: 'save', slot, token, checkpoint, settle: { resolve, reject } });
      }),
    extend(attempt, ms) {
      if (attempt.abortReason === undefined) setDeadline(attempt, ms);
    },
    async enqueue(attempt, request) {
      const job = await parts.admit(request);
      if (request.atEnd) {
        // A validator may have taken its time.
        if (attempt.verdict !== undefined) throw new AttemptEndedError('enqueue');
        const id = job.id ?? parts.createId();
        (attempt.followUps ??= []).push({ ...job, id });
        return id;
      }
      const ids = await new Promise<readonly string[]>((resolve, reject) => {
        journal.tell({ kind: 'enqueue', jobs: [job], settle: { resolve, reject } });
      });
      return ids[0] as string;
    },
  };

  function run(start: Start): void {
    if (attempts.has(start.token)) return;
    const log = parts.log();
    const definition = parts.router.find(log.table.typeOf(start.slot));
    if (definition === undefined) return decline(start);
    const attempt = new Attempt(host, start, definition);
    attempts.add(attempt);
    const hasParents = log.table.parentsOf(start.slot) !== undefined;
    const records = hasParents ? undefined : startRecordsInMemory(log, start.slot);
    if (records !== undefined) begin(attempt, records);
    else load(attempt, log).catch(parts.onFault);
  }

  /** Its handler was taken away while the start was being written: it waits for another. */
  function decline(start: Start): void {
    waitsAgain(start);
    dispatcher.tell({ kind: 'released', hold: start.hold });
  }

  /** It was started and not begun: it waits again, and nothing is held against it. */
  function waitsAgain({ slot, token }: Pick<Start, 'slot' | 'token'>): Verdict {
    const verdict = { kind: 'interrupted', why: 'closing' } as const;
    journal.tell({ kind: 'end', slot, token, verdict, report: undefined });
    return verdict;
  }

  async function load(attempt: Attempt, log: Log): Promise<void> {
    try {
      const records = await readStartRecords(log, attempt.slot, attempt.order);
      if (records === undefined) throw new Error('The job is gone from the log.');
      begin(attempt, { ...records, results: await readResults(log, attempt.slot) });
    } catch (error) {
      // It is durably started and was not begun: when the log has been replayed it is handed over again.
      attempts.forget(attempt);
      parts.onFault(error);
    }
  }

  function begin(attempt: Attempt, records: StartRecords): void {
    const { table } = parts.log();
    const { slot, definition } = attempt;
    const policy = policies.of(definition, parts.levelOf(table.queueOf(slot)), records.settings);
    const facts = factsOf(table, slot, records, policy.maxAttempts);
    attempt.policy = policy;
    attempt.facts = facts;
    if (attempt.abortReason !== undefined) {
      finish(attempt, { ok: false, error: flattenError(new Error('It was asked to stop before it began.')) });
      release(attempt);
      return;
    }
    call(attempt, facts, records);
    // Most handlers that are short have returned already, and a deadline costs a look at the clock.
    if (attempt.verdict !== undefined) return;
    // On a thread its time begins when it is its turn there.
    if (attempt.thread === undefined && !deadlines.has(slot, attempt.token)) setDeadline(attempt, policy.timeoutMs);
  }

  function loading(attempt: Attempt): void {
    if (attempt.abortReason === undefined) setDeadline(attempt, LOAD_TIMEOUT_MS);
  }

  function loaded(attempt: Attempt): void {
    // Once it was asked to stop, its grace is what counts.
    if (attempt.abortReason === undefined) setDeadline(attempt, attempt.policy?.timeoutMs ?? Infinity);
  }

  /** The handler's part is over; what comes of it depends on whether it had been asked to stop. */
  function finish(attempt: Attempt, outcome: Outcome): void {
    if (attempt.verdict !== undefined) return;
    attempt.control?.end();
    deadlines.clear(attempt.slot, attempt.token);
    // What an attempt left in its thread may keep that from ever being free again.
    if (attempt.thread !== undefined) setDeadline(attempt, settings.graceMs);
    const verdict = attempt.verdictOf(outcome);
    attempt.verdict = verdict;
    // Who was cancelled has come to its end, however its handler left.
    if (verdict.kind === 'interrupted' && attempt.abortReason?.kind !== 'cancelled') counts.interrupted++;
    else counts.ended++;
    journal.tell({ kind: 'end', slot: attempt.slot, token: attempt.token, verdict, report: attempt.report });
  }

  /** It lay ready for its thread for too long. */
  function putBack(attempt: Attempt): void {
    attempt.verdict = waitsAgain(attempt);
    release(attempt);
  }

  /** The slot is free again: the handler has returned, or its thread is clean or gone. */
  function release(attempt: Attempt): void {
    deadlines.clear(attempt.slot, attempt.token);
    dispatcher.tell({ kind: 'released', hold: attempt.hold });
    attempts.came(attempt, AWAITS_SLOT);
  }

  function abort(attempt: Attempt, reason: AbortReason): void {
    if (attempt.verdict !== undefined || attempt.abortReason !== undefined) return;
    attempt.abortReason = reason;
    attempt.control?.abort(reason);
    attempt.thread?.abort(reason);
    // What only lay ready has ended by then.
    if (attempt.verdict === undefined) setDeadline(attempt, settings.graceMs);
  }

  function meetDeadlines(): void {
    for (let token = deadlines.takeMet(); token !== undefined; token = deadlines.takeMet()) {
      const attempt = attempts.get(token);
      if (attempt === undefined) continue;
      if (attempt.verdict !== undefined) attempt.thread?.kill();
      else if (attempt.abortReason !== undefined || attempt.thread?.loading === true) endByForce(attempt);
      else abort(attempt, { kind: 'timeout', timeoutMs: attempt.policy?.timeoutMs ?? Infinity });
    }
  }

  function endByForce(attempt: Attempt): void {
    if (attempt.thread !== undefined && !attempt.isKilled) {
      attempt.isKilled = true;
      attempt.thread.kill();
      // Middleware may go on without the thread that it waited for.
      setDeadline(attempt, settings.graceMs);
      return;
    }
    counts.abandoned++;
    finish(attempt, {
      ok: false,
      error: flattenError(new Error('The handler ignored its signal and its grace period.')),
    });
  }

  function setDeadline({ slot, token }: Attempt, afterMs: number): void {
    deadlines.set(slot, token, afterMs);
  }

  return {
    counts,
    has: (token) => attempts.has(token),
    reportOf: (token) => attempts.get(token)?.report,
    holding() {
      return attempts
        .values()
        .filter(({ awaits }) => (awaits & AWAITS_SLOT) !== 0)
        .map(({ hold }) => hold);
    },
    tellAgain(isRunning) {
      for (const attempt of attempts.values()) {
        const { slot, token, verdict } = attempt;
        if (verdict !== undefined) journal.tell({ kind: 'end', slot, token, verdict, report: attempt.report });
        else if (!isRunning(attempt)) abort(attempt, { kind: 'cancelled' });
      }
      // The word that deadlines have come may have been among the messages that were dropped.
      meetDeadlines();
    },
    abortAll(reason) {
      for (const attempt of attempts.values()) abort(attempt, reason);
    },
    abortOf(definition, reason, isLost) {
      policies.forget(definition);
      for (const attempt of [...attempts.values()]) {
        if (attempt.definition !== definition) continue;
        // One that was not begun yet was not in anybody's hands.
        attempt.isLost ||= isLost && attempt.control !== undefined;
        abort(attempt, reason);
      }
    },
    whenIdle: () => attempts.whenIdle(),
  };
}
