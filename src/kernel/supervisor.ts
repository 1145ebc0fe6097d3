/**
 * Keeps one part alive: starts it, and when it fails, stops it and starts it again from nothing. There is no other way
 * to handle a failure ("crash-only"; Candea and Fox, 2003), so recovery is exercised each time the program starts.
 *
 * Two kinds of failure: the world is not ready (a full disk), which is tried again for ever, ever more slowly, also if
 * the part comes up each time and fails at once; and a fault, which is tried a few times. After too many faults in a
 * short time the part is parked: it stays down, visibly, and nothing is thrown at the host.
 */
import type { Clock } from './clock.ts';

export interface SupervisorParts<Part> {
  readonly clock: Clock;
  /** Makes the part. `restarts` is 0 the first time. */
  readonly start: (restarts: number) => Promise<Part>;
  readonly stop: (part: Part, error: unknown) => Promise<void>;
  /** Whether trying again later may help by itself. */
  readonly isPassing: (error: unknown) => boolean;
  readonly onChange: (mode: SupervisorMode, error: unknown) => void;
}

export type SupervisorMode = 'starting' | 'up' | 'recovering' | 'parked' | 'stopped';

export interface Supervisor<Part> {
  readonly mode: SupervisorMode;
  /** The part, while it is up. */
  readonly part: Part | undefined;
  /** The first start. Rejects with what made it fail; nothing is tried again then. */
  start(): Promise<Part>;
  /** The part has failed: it is stopped and started again. Calls while that is under way change nothing. */
  failed(error: unknown): void;
  /** Stops it for good. Waits for a recovery under way. */
  stop(error: unknown): Promise<void>;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** A part that fails sooner than this after it came up has not recovered: the pauses go on growing. */
const SETTLED_MS = 2_000;
const MOST_FAULTS = 5;
const FAULT_WINDOW_MS = 60_000;

export function createSupervisor<Part>(parts: SupervisorParts<Part>): Supervisor<Part> {
  const { clock } = parts;
  let mode: SupervisorMode = 'starting';
  let part: Part | undefined;
  let restarts = 0;
  let faults: number[] = [];
  let pauseMs = FIRST_PAUSE_MS;
  let upAt = -Infinity;
  let recovery: Promise<void> = Promise.resolve();
  /** What failed in a part that was still being started. */
  let failedEarly: { readonly error: unknown } | undefined;
  let resume: (() => void) | undefined;
  const alarm = clock.alarm('monotonic', () => resume?.());

  function enter(next: SupervisorMode, error: unknown): void {
    mode = next;
    if (mode === 'up') upAt = clock.monotonic();
    parts.onChange(next, error);
  }

  /** Whether there were too many faults lately, this one included. */
  function isOneTooMany(error: unknown): boolean {
    if (parts.isPassing(error)) return false;
    const now = clock.monotonic();
    faults = [...faults.filter((at) => now - at < FAULT_WINDOW_MS), now];
    return faults.length > MOST_FAULTS;
  }

  async function recover(cause: unknown): Promise<void> {
    for (let error = cause; ;) {
      // A part that cannot be stopped is given up all the same; what it threw is the newer failure.
      await stopPart(error).catch((next: unknown) => (error = next));
      if (isStopped()) return;
      if (isOneTooMany(error)) {
        enter('parked', error);
        return;
      }
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      if (isStopped()) return;
      try {
        await startPart(++restarts);
        if (isStopped()) return;
        if (failedEarly === undefined) {
          enter('up', undefined);
          return;
        }
        error = failedEarly.error;
      } catch (next) {
        error = next;
      }
    }
  }

  /** The part works from the moment it is made, and may fail before it is whole: then `failedEarly` says so. */
  async function startPart(restart: number): Promise<void> {
    failedEarly = undefined;
    part = await parts.start(restart);
  }

  function isStopped(): boolean {
    return mode === 'stopped';
  }

  function failed(error: unknown): void {
    if (mode !== 'up') {
      failedEarly ??= { error };
      return;
    }
    if (clock.monotonic() - upAt > SETTLED_MS) pauseMs = FIRST_PAUSE_MS;
    enter('recovering', error);
    recovery = recover(error);
  }

  async function stopPart(error: unknown): Promise<void> {
    const stopping = part;
    part = undefined;
    if (stopping !== undefined) await parts.stop(stopping, error);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      resume = resolve;
      alarm.set(clock.monotonic() + ms);
    });
  }

  return {
    get mode() {
      return mode;
    },
    get part() {
      return part;
    },
    async start() {
      const starting = startPart(0);
      recovery = starting.catch(() => undefined);
      await starting;
      const started = part as Part;
      if (isStopped()) return started;
      const early = failedEarly;
      enter('up', undefined);
      if (early !== undefined) failed(early.error);
      return started;
    },
    failed,
    async stop(error) {
      enter('stopped', error);
      resume?.();
      await recovery;
      await stopPart(error);
    },
  };
}
