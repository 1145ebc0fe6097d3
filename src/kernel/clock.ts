/**
 * The only place in holdfast that asks the time, sets a timer, waits for a turn of the event loop or throws dice.
 * Everything else is given a `Clock`; so the tests can move time, and the simulation can replay a run from a seed.
 *
 * A timer of the operating system is only a hint: it stands still in sleep on one system and goes on in another, and a
 * delay above 2^31-1 ms fires at once. So there is one timer for all alarms, it sleeps at most `LONGEST_NAP_MS`, and
 * every wake-up compares the wall clock with the monotonic one to notice sleep and clock steps.
 */

/** Wakes its owner once at a moment. */
export interface Alarm {
  /** Rings at `at` (in the alarm's basis, ms), or in the next turn if that has passed. Replaces an earlier setting. */
  set(at: number): void;
  clear(): void;
}

/** `wall`: epoch ms, for moments that outlive the process. `monotonic`: ms of this process, for durations. */
export type AlarmBasis = 'wall' | 'monotonic';

export interface Clock {
  /** When this process started, epoch ms with fractions: the same in all its threads, another in every other process. */
  readonly processStartedAt: number;
  /** Epoch milliseconds, an integer. May jump in both directions. */
  now(): number;
  /** Milliseconds since an arbitrary moment, never going back, with fractions. */
  monotonic(): number;
  /** A number in [0, 1). */
  random(): number;
  /** `byteCount` random bytes as lower-case hexadecimal digits. */
  entropy(byteCount: number): string;
  /** Calls `task` in a later turn of the event loop, after the callbacks and promises that are due now. */
  turn(task: () => void): void;
  /** @param keepsProcess whether the process stays alive for it while it is set, whatever the clock is told. @default false */
  alarm(basis: AlarmBasis, ring: () => void, keepsProcess?: boolean): Alarm;
  /** Calls `listener` with the number of ms by which the wall clock moved against the monotonic one (over 2 s). */
  onJump(listener: (byMs: number) => void): void;
  /** Ends the timer; alarms set later never ring. */
  stop(): void;
}

const LONGEST_NAP_MS = 30_000;
const JUMP_MS = 2_000;

interface WoundAlarm extends Alarm {
  readonly basis: AlarmBasis;
  readonly ring: () => void;
  readonly keepsProcess: boolean;
  at: number | undefined;
}

/**
 * The clock of the machine.
 *
 * @param keepAlive whether the timer keeps the process alive: `true` makes an idle engine hold the process open, as a
 * listening server would; it then wakes once in 30 s.
 */
export function systemClock({ keepAlive }: { readonly keepAlive: boolean }): Clock {
  /** Those that are set. */
  const alarms = new Set<WoundAlarm>();
  const jumpListeners: Array<(byMs: number) => void> = [];
  let timer: NodeJS.Timeout | undefined;
  let timerDueAt = Infinity;
  let stopped = false;
  let drift = Date.now() - performance.now();

  function msUntil(alarm: WoundAlarm): number {
    if (alarm.at === undefined) return Infinity;
    return alarm.at - (alarm.basis === 'wall' ? Date.now() : performance.now());
  }

  function wind(): void {
    if (stopped) return;
    let napMs = keepAlive ? LONGEST_NAP_MS : Infinity;
    for (const alarm of alarms) napMs = Math.min(napMs, msUntil(alarm));
    if (napMs === Infinity) {
      clearTimeout(timer);
      timer = undefined;
      timerDueAt = Infinity;
      return;
    }
    const dueAt = performance.now() + Math.min(Math.max(napMs, 0), LONGEST_NAP_MS);
    // A timer that rings a little early is wound again when it rings; one that rings late must be replaced.
    if (timer === undefined || timerDueAt > dueAt) {
      clearTimeout(timer);
      timerDueAt = dueAt;
      timer = setTimeout(wake, Math.max(0, Math.ceil(dueAt - performance.now())));
    }
    if (keepAlive) return;
    for (const alarm of alarms) if (alarm.keepsProcess) return void timer.ref();
    timer.unref();
  }

  function wake(): void {
    timer = undefined;
    timerDueAt = Infinity;
    noticeJump();
    for (const alarm of [...alarms]) {
      if (msUntil(alarm) > 0) continue;
      alarm.at = undefined;
      alarms.delete(alarm);
      alarm.ring();
    }
    wind();
  }

  function noticeJump(): void {
    const driftNow = Date.now() - performance.now();
    const byMs = driftNow - drift;
    drift = driftNow;
    if (Math.abs(byMs) > JUMP_MS) for (const listener of jumpListeners) listener(byMs);
  }

  wind();
  return {
    processStartedAt: performance.timeOrigin,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    entropy(byteCount) {
      const bytes = crypto.getRandomValues(new Uint8Array(byteCount));
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
    turn: (task) => void setImmediate(task),
    alarm(basis, ring, keepsProcess = false) {
      const alarm: WoundAlarm = {
        basis,
        ring,
        keepsProcess,
        at: undefined,
        set(at) {
          if (alarm.at === at) return;
          alarm.at = at;
          alarms.add(alarm);
          // A timer that rings before is wound again then; most alarms are moved to later moments, with each commit.
          const isInTime = timer !== undefined && performance.now() + msUntil(alarm) >= timerDueAt;
          if (!isInTime || keepsProcess) wind();
        },
        clear() {
          alarm.at = undefined;
          // The timer may go on for one that nobody waits for, but must not hold the process for it.
          if (alarms.delete(alarm) && keepsProcess) wind();
        },
      };
      return alarm;
    },
    onJump: (listener) => void jumpListeners.push(listener),
    stop() {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
      // Each by itself: one that is due in this very wake-up must not ring any more.
      for (const alarm of alarms) alarm.clear();
    },
  };
}
