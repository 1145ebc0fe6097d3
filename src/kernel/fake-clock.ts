/**
 * A clock that stands still until a test moves it: time, alarms, turns of the event loop and dice, all repeatable.
 *
 *   const clock = createFakeClock({ startAt: Date.UTC(2026, 0, 1), seed: 7 });
 *   clock.runTurns();          // what was asked of `turn`, until nothing more is asked
 *   clock.advance(5_000);      // both clocks go on; every alarm rings at its own moment, and turns run after each
 *   await clock.pass(5_000);   // the same, and promises (a store's, a handler's) go on as well at each moment
 *   clock.jump(-3_600_000);    // the wall clock is set back; the monotonic one does not notice
 *   clock.spend(20);           // somebody works for 20 ms in this very turn, so nothing can ring
 *
 * The wall clock and the monotonic one begin far apart, so that code which mixes them up is wrong by decades.
 */
import { systemClock, type Alarm, type AlarmBasis, type Clock } from './clock.ts';

export interface FakeClock extends Clock {
  /** How many turns are asked for and not yet run. */
  readonly turnsAsked: number;
  /** How many ms until the next alarm rings; Infinity if none is set. An idle engine should have none. */
  readonly nextAlarmInMs: number;
  readonly isStopped: boolean;
  /** Lets `ms` pass. Alarms ring in the order of their moments, and turns run after each and at the end. */
  advance(ms: number): void;
  /** As `advance`, but all promises that can go on do so before time moves on. */
  pass(ms: number): Promise<void>;
  /** Runs turns, and lets promises go on, until there are no more of either. Time stands still. */
  settle(): Promise<void>;
  /** Passes time from alarm to alarm until `isDone`. @throws if nothing is left to wait for, or after `mostMs` */
  passUntil(isDone: () => boolean, mostMs?: number): Promise<void>;
  /** Passes time until `promise` is settled, and gives what it gives. @throws as `passUntil` does */
  drive<Result>(promise: Promise<Result>, mostMs?: number): Promise<Result>;
  /**
   * Sets the wall clock by `ms`, forward or back, as sleep or a person would. Listeners hear of it if it is more than
   * two seconds, then the alarms that are due by it ring. The real clock notices at its next wake-up.
   */
  jump(ms: number): void;
  /** Work: time goes on inside a turn, and nothing rings before the next `advance`, `pass` or `settle`. */
  spend(ms: number): void;
  /** Runs the turns asked for, and those they ask for, in order. @throws if that does not come to an end */
  runTurns(): void;
  /** After `stop`: alarms ring again if they are set again, as for the next life of an engine in the same time. */
  start(): void;
}

export interface FakeClockOptions {
  /** What the wall clock shows at the beginning, epoch ms. @default 2026-01-01T00:00:00Z */
  readonly startAt?: number;
  /** The same seed throws the same dice. @default 1 */
  readonly seed?: number;
}

interface FakeAlarm extends Alarm {
  readonly basis: AlarmBasis;
  readonly ring: () => void;
  at: number | undefined;
}

const MONOTONIC_START = 1_000.25;
const JUMP_MS = 2_000;
const DAY_MS = 86_400_000;
const MOST_TURNS = 1_000_000;
const MOST_ROUNDS = 100_000;

export function createFakeClock({ startAt = Date.UTC(2026, 0, 1), seed = 1 }: FakeClockOptions = {}): FakeClock {
  /** Those that are set, in the order in which they were. */
  const alarms = new Set<FakeAlarm>();
  const jumpListeners: Array<(byMs: number) => void> = [];
  let turns: Array<() => void> = [];
  let wall = startAt;
  let monotonic = MONOTONIC_START;
  let isStopped = false;
  let isMoving = false;
  const random = dice(seed);
  const real = systemClock({ keepAlive: false });

  function msUntil({ at, basis }: FakeAlarm): number {
    return at === undefined ? Infinity : at - (basis === 'wall' ? wall : monotonic);
  }

  function nextAlarmInMs(): number {
    let least = Infinity;
    for (const alarm of alarms) least = Math.min(least, msUntil(alarm));
    return Math.max(0, least);
  }

  function ringDue(): void {
    for (const alarm of [...alarms]) {
      if (msUntil(alarm) > 0) continue;
      alarm.clear();
      alarm.ring();
    }
  }

  function spend(ms: number): void {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`Time passes by 0 ms or more, not by ${ms}.`);
    wall += ms;
    monotonic += ms;
  }

  function runTurns(): void {
    for (let count = 0; turns.length > 0;) {
      const asked = turns;
      turns = [];
      count += asked.length;
      if (count > MOST_TURNS) throw new Error(`After ${MOST_TURNS} turns, each still asks for another.`);
      for (const task of asked) task();
    }
  }

  async function settle(): Promise<void> {
    for (let rounds = 0; ; rounds++) {
      if (rounds > MOST_ROUNDS) throw new Error(`After ${MOST_ROUNDS} rounds, things still happen at one moment.`);
      runTurns();
      // A real turn of the event loop: every promise that can go on without time or disk has done so after it.
      await new Promise<void>((resolve) => real.turn(resolve));
      if (turns.length > 0) continue;
      if (nextAlarmInMs() > 0) return;
      ringDue();
    }
  }

  /** To the next alarm, but not by more than `mostMs`; returns how far that was. */
  function moveOn(mostMs: number): number {
    const ms = Math.min(nextAlarmInMs(), mostMs);
    let next: FakeAlarm | undefined;
    for (const alarm of alarms) if (msUntil(alarm) === ms) next = alarm;
    spend(ms);
    // Exactly to its moment: sums of fractions may miss it by a hair, and the alarm would be 0 ms away for ever.
    if (next?.at !== undefined && next.basis === 'wall') wall = next.at;
    if (next?.at !== undefined && next.basis === 'monotonic') monotonic = next.at;
    ringDue();
    return ms;
  }

  function exclusively<Result>(move: () => Result): Result {
    if (isMoving) throw new Error('Time is being moved already; inside a turn or an alarm use `spend`.');
    isMoving = true;
    try {
      return move();
    } finally {
      isMoving = false;
    }
  }

  async function passUntil(isDone: () => boolean, mostMs: number): Promise<void> {
    await settle();
    for (let left = mostMs; !isDone(); await settle()) {
      if (nextAlarmInMs() > left) throw new Error('Nothing that time could bring is left to wait for.');
      left -= moveOn(left);
    }
  }

  return {
    processStartedAt: startAt - MONOTONIC_START,
    now: () => Math.floor(wall),
    monotonic: () => monotonic,
    random,
    entropy: (byteCount) =>
      Array.from({ length: byteCount }, () =>
        Math.floor(random() * 256)
          .toString(16)
          .padStart(2, '0'),
      ).join(''),
    turn: (task) => void turns.push(task),
    alarm(basis, ring) {
      const alarm: FakeAlarm = {
        basis,
        ring,
        at: undefined,
        set(at) {
          if (Number.isNaN(at)) throw new RangeError('An alarm is set to a moment, not to NaN.');
          if (isStopped) return;
          alarm.at = at;
          alarms.add(alarm);
        },
        clear() {
          alarm.at = undefined;
          alarms.delete(alarm);
        },
      };
      return alarm;
    },
    onJump: (listener) => void jumpListeners.push(listener),
    stop() {
      isStopped = true;
      for (const alarm of alarms) alarm.clear();
    },
    start: () => void (isStopped = false),

    get turnsAsked() {
      return turns.length;
    },
    get nextAlarmInMs() {
      return nextAlarmInMs();
    },
    get isStopped() {
      return isStopped;
    },
    spend,
    settle,
    runTurns: () => exclusively(runTurns),
    advance: (ms) =>
      exclusively(() => {
        runTurns();
        let left = ms;
        for (let rounds = 0; ; rounds++) {
          if (rounds > MOST_ROUNDS) throw new Error(`After ${MOST_ROUNDS} alarms, time has not passed.`);
          left -= moveOn(left);
          runTurns();
          if (left <= 0 && nextAlarmInMs() > 0) return;
        }
      }),
    async pass(ms) {
      await settle();
      for (let left = ms; left > 0; await settle()) left -= moveOn(left);
    },
    passUntil: (isDone, mostMs = DAY_MS) => passUntil(isDone, mostMs),
    async drive(promise, mostMs = DAY_MS) {
      let isSettled = false;
      const seen = (): void => void (isSettled = true);
      promise.then(seen, seen);
      await passUntil(() => isSettled, mostMs);
      return promise;
    },
    jump(ms) {
      exclusively(() => {
        wall += ms;
        if (Math.abs(ms) > JUMP_MS) for (const listener of jumpListeners) listener(ms);
        ringDue();
        runTurns();
      });
    },
  };
}

/** A clock for one engine on the time of the test; it can be stopped and the test's time goes on. */
export function clockOn(time: FakeClock): Clock {
  const alarms = new Set<Alarm>();
  const real = systemClock({ keepAlive: false });
  let isStopped = false;
  return {
    processStartedAt: time.processStartedAt,
    now: () => time.now(),
    monotonic: () => time.monotonic(),
    random: () => time.random(),
    entropy: (byteCount) => time.entropy(byteCount),
    turn(task) {
      time.turn(task);
      // Only time is moved by hand: what happens at one moment happens by itself, as it does on a real clock.
      real.turn(() => time.runTurns());
    },
    alarm(basis, ring) {
      const alarm = time.alarm(basis, ring);
      alarms.add(alarm);
      return { set: (at) => (isStopped ? undefined : alarm.set(at)), clear: () => alarm.clear() };
    },
    onJump: (listener) => time.onJump(listener),
    stop() {
      isStopped = true;
      for (const alarm of alarms) alarm.clear();
    },
  };
}

/** Mulberry32 by Tommy Ettinger: small, and good enough to choose test cases. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
