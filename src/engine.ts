/**
 * The engine's wiring: which actors there are, who knows whom, and what happens when it opens, fails and closes.
 *
 *   enqueue ─▶ journal ─▶ dispatcher ─▶ journal (started, durable) ─▶ runner ─▶ journal (ended)
 *
 * The journal, the dispatcher and all they derive from the log are one part under a supervisor: if the store fails they
 * are made anew from a replay. The runner, its threads and those who wait for answers outlive that.
 */
import { Consumption } from './actors/consumption.ts';
import { startCore, type Core } from './actors/core.ts';
import { clockSetBack } from './actors/notes.ts';
import type { DispatcherMessage, JournalMessage, RunnerMessage, SchedulesMessage, Settle } from './actors/messages.ts';
import { QueueBook } from './actors/queue-book.ts';
import { createRunner } from './actors/runner.ts';
import { createSettling } from './actors/settling.ts';
import { openThreads, type Threads } from './actors/threads.ts';
import { Waiters } from './actors/waiters.ts';
import { createAdmission } from './admission.ts';
import { closeEngine } from './closing.ts';
import {
  BusyError,
  EngineClosedError,
  InvalidArgumentError,
  StoreUnavailableError,
  UnknownOutcomeError,
} from './errors.ts';
import type { Engine } from './face.ts';
import { engineMethods } from './methods.ts';
import { createUlids } from './job/id.ts';
import { DEFAULT_MAX_DEPTH } from './job/json.ts';
import { Turns, type ActorRef } from './kernel/actor.ts';
import { systemClock, type Clock } from './kernel/clock.ts';
import { createSupervisor } from './kernel/supervisor.ts';
import { openHome, type Home, type OpenLog } from './log/home.ts';
import { checkOpenOptions, type OpenOptions, type Settings } from './options.ts';
import type { Limits } from './protocol.ts';
import { Question, type OpenQuestions } from './questions.ts';
import { Router } from './router.ts';

/**
 * Opens a folder of jobs, makes it if it is missing, and goes on with what is in it.
 *
 * @param location a path, or `':memory:'` for jobs that live as long as the process
 * @throws {InvalidArgumentError} an option is wrong, or the path is not a folder of ours
 * @throws {StoreInUseError} the folder is open already
 * @throws {StoreDamagedError | StoreFormatError | StoreUnavailableError} it cannot be read; nothing was changed
 */
export async function open(location: string, options: OpenOptions = {}): Promise<Engine> {
  if (typeof location !== 'string' || location === '') {
    throw new InvalidArgumentError({
      field: 'location',
      expected: "the path of a folder, or ':memory:'",
      got: location,
    });
  }
  const settings = checkOpenOptions(options);
  const clock = systemClock({ keepAlive: settings.keepAlive });
  try {
    const home = await openHome(location, clock, settings);
    return await openEngine({ home, clock, settings, threads: openThreads({ max: settings.threads, clock }) });
  } catch (error) {
    clock.stop();
    throw error;
  }
}

/** What an engine stands on; the simulation has its own of each. */
export interface EngineParts {
  readonly home: Home;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly threads: Threads;
  /** Holds back what is ready; only an engine under test has one. */
  readonly gate?: StartGate | undefined;
}

export interface StartGate {
  /** Asked whenever something could be started. */
  isShut(): boolean;
  /** `tell` is to be called whenever it opens; `slotsInUse` says how many slots attempts hold. */
  join(tell: () => void, slotsInUse: () => number): void;
}

/** A clock that is set back so far is told of: what was due in between is not due again, and rests until it has caught up. */
const LARGE_STEP_MS = 60_000;

export interface Rebuilt {
  readonly core: Core;
  readonly opened: OpenLog;
}

export async function openEngine({ home, clock, settings, threads, gate }: EngineParts): Promise<Engine> {
  const { logger } = settings;
  const turns = new Turns(clock, (actorName, error) => {
    logger?.error({ err: error, actor: actorName }, 'a part of the engine failed and is rebuilt from the log');
    supervisor.failed(error);
  });
  const mailboxes = {
    journal: turns.mailbox<JournalMessage>('journal'),
    dispatcher: turns.mailbox<DispatcherMessage>('dispatcher'),
    runner: turns.mailbox<RunnerMessage>('runner'),
    schedules: turns.mailbox<SchedulesMessage>('schedules'),
  };
  const settledAt = createSettling(clock, settings.settleMs, () => mailboxes.schedules.tell({ kind: 'look' }));
  const waiters = new Waiters();
  const limits = limitsOf(settings);
  const router = new Router(settings.definitions);
  const use = [...settings.use];
  const admission = createAdmission(router, limits);
  const consumption = new Consumption(settings.consume);
  const commits = new Set<() => void>();
  let opened: OpenLog;
  let book: QueueBook | undefined;
  /** New ids sort behind all that were given before, also when the clock was set back meanwhile. */
  let newestAt = 0;
  /** Where the log ended when it was opened first. */
  let bornAt: number | undefined;
  const createId = createUlids({ now: () => Math.max(turns.clock.now(), newestAt + 1), random: () => clock.random() });

  const runner = createRunner({
    clock,
    mailbox: mailboxes.runner,
    journal: mailboxes.journal,
    dispatcher: mailboxes.dispatcher,
    log: () => opened.log,
    levelOf: (queue) => book?.settingsOf(queue) ?? {},
    threads,
    settings,
    router,
    use,
    limits,
    admit: async ({ type, payload, options }) =>
      admission.admit(type, payload === undefined ? undefined : JSON.parse(payload), options),
    createId,
    onFault: (error) => supervisor.failed(error),
  });

  const supervisor = createSupervisor<Rebuilt>({
    clock,
    async start() {
      opened = await home.open();
      newestAt = opened.newestAt;
      book = new QueueBook(opened.log.table.entries, settings.queues, settings.concurrency, settings.unknownQueues);
      bornAt ??= opened.log.durablePosition;
      const core = await startCore({
        turns,
        clock: turns.clock,
        log: opened.log,
        newestAt,
        bornAt,
        isClosing: closing.isBegun,
        isFull: () => home.room?.state === 'full',
        isHeld: () => gate?.isShut() === true,
        book,
        isConsumed: (queue) => consumption.has(queue),
        settings,
        router,
        use,
        threads,
        mailboxes,
        runner,
        waiters,
        createId,
        settledAt,
        onCommitted: announceCommit,
        onLost: (error) => supervisor.failed(error),
      }).catch(async (error: unknown) => {
        // It is opened anew, and a folder must not be opened twice at once.
        await opened.close();
        throw error;
      });
      return { core, opened };
    },
    async stop(rebuilt, error) {
      rebuilt.core.stop(
        error instanceof EngineClosedError ? error : new UnknownOutcomeError('a write', { cause: error }),
      );
      await rebuilt.opened.close();
      if (error instanceof StoreUnavailableError) await home.makeRoom(error);
    },
    isPassing: (error) => error instanceof StoreUnavailableError,
    onChange(mode, error) {
      if (mode === 'recovering') logger?.error({ err: error }, 'the store failed; it is opened again and replayed');
      if (mode === 'parked') {
        logger?.fatal({ err: error }, 'the store failed too often; the engine is parked');
        waiters.lose(new StoreUnavailableError('it failed too often', { cause: error }));
      }
      if (mode === 'up') logger?.info('the store is open');
      announceCommit();
    },
  });

  function announceCommit(): void {
    for (const tell of commits) tell();
    commits.clear();
  }

  // What was to be at a moment is to be at another.
  clock.onJump((byMs) => {
    mailboxes.dispatcher.tell({ kind: 'settings' });
    // Nothing may stand behind the mark of a clean end.
    if (byMs <= -LARGE_STEP_MS && !closing.isBegun()) mailboxes.journal.tell(clockSetBack(byMs));
  });

  const open: OpenQuestions = { count: 0 };

  /** Asks an actor; refused at once when it cannot take anything. Only commands count against their bound. */
  function askOf<Message>(mailbox: ActorRef<Message>) {
    return <Value>(message: (settle: Settle<Value>) => Message, isCommand = true): Promise<Value> => {
      const refusal = refusalOf();
      if (refusal !== undefined) return Promise.reject(refusal);
      return new Promise((resolve, reject) => {
        mailbox.tell(message(isCommand ? new Question(open, resolve, reject) : { resolve, reject }));
      });
    };
  }
  const ask = askOf(mailboxes.journal);

  function refusalOf(): Error | undefined {
    if (closing.isBegun()) return new EngineClosedError();
    if (supervisor.mode === 'recovering')
      return new StoreUnavailableError('it failed and is being recovered; try again soon');
    if (supervisor.mode === 'parked')
      return new StoreUnavailableError('it failed too often; see the log and open it again');
    if (open.count >= settings.maxPending)
      return new BusyError({ what: 'waiting commands', limit: settings.maxPending });
    return undefined;
  }

  const closing = closeEngine({
    clock,
    home,
    turns,
    threads,
    runner,
    supervisor,
    waiters,
    mailboxes,
    settings,
    announceCommit,
  });
  await supervisor.start().catch(async (error: unknown) => {
    await threads.close();
    await home.close();
    throw error;
  });
  gate?.join(
    () => mailboxes.dispatcher.tell({ kind: 'due' }),
    () => supervisor.part?.core.slotsInUse() ?? 0,
  );
  home.room?.onChange((state) => {
    if (state === 'full') logger?.error('the disk is full: no new jobs are taken and none is started');
    if (state === 'low') logger?.warn('the disk is nearly full');
    if (state === 'enough') logger?.info('the disk has room');
    // Jobs may have waited for it.
    mailboxes.dispatcher.tell({ kind: 'due' });
  });
  if (home.salvaged !== undefined) {
    const { keptAt, jobs, uncertain, lost } = home.salvaged;
    const counts = { keptAt, jobs, uncertain: uncertain.length, lost: lost.length };
    logger?.error(counts, 'the folder was damaged; it is kept, and what could be salvaged of it was opened');
  }
  return engineMethods({
    home,
    clock,
    settings,
    router,
    use,
    tellDispatcher: (message) => mailboxes.dispatcher.tell(message),
    consumption,
    book: () => book,
    core: () => supervisor.part?.core,
    admission,
    runner,
    ask,
    askSchedules: askOf(mailboxes.schedules),
    closing,
    commits,
    createId,
    log: () => opened.log,
    dependencies: () => supervisor.part?.core.dependencies,
    throughput: () => supervisor.part?.core.throughput,
    mode: () => supervisor.mode,
  });
}

function limitsOf({ maxBodyBytes }: Settings): Limits {
  return {
    payloadBytes: maxBodyBytes,
    resultBytes: maxBodyBytes,
    checkpointBytes: maxBodyBytes,
    progressBytes: Math.min(maxBodyBytes, 4096),
    depth: DEFAULT_MAX_DEPTH,
  };
}
