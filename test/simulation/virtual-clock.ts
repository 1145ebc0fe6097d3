/** A `Clock` in virtual time, with the habits of the real one: one timer, naps of at most 30 s, late rings, jumps. */
import type { Alarm, AlarmBasis, Clock } from '../../src/kernel/clock.ts';
import type { Dice } from './dice.ts';
import type { Owner, World } from './world.ts';

const LONGEST_NAP_MS = 30_000;
const JUMP_MS = 2_000;
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The wall clock of the machine: it outlives processes, drifts, and is set. */
export class Wall {
  /** How much faster it goes than the monotonic clock: 1e-4 is 9 s a day. */
  readonly #drift: number;
  readonly #world: World;
  #offset = EPOCH_MS;
  /** Called when it was set, or when the machine has slept. */
  readonly onSet = new Set<() => void>();

  constructor(world: World, drift: number) {
    this.#world = world;
    this.#drift = drift;
  }

  now(): number {
    return Math.floor(this.#offset + this.#world.now * (1 + this.#drift));
  }

  /** What it showed when it was set back, and in which event that was. */
  readonly peaks: Array<{ readonly turn: number; readonly at: number }> = [];

  #skippedMs = 0;

  /** How far it has come, but for steps back: time that never runs backwards, ms. */
  elapsed(): number {
    return this.#world.now * (1 + this.#drift) + this.#skippedMs;
  }

  jump(byMs: number): void {
    if (byMs > 0) this.#skippedMs += byMs;
    if (byMs < 0) this.peaks.push({ turn: this.#world.count, at: this.now() });
    this.#offset += byMs;
    for (const tell of this.onSet) tell();
  }
}

export interface ClockTraits {
  /** What each look at the monotonic clock costs, ms: above 0, long turns are cut as they are on a slow machine. */
  readonly stepMs: number;
  /** How late a timer may ring, ms. */
  readonly latenessMs: number;
}

interface WoundAlarm extends Alarm {
  readonly basis: AlarmBasis;
  readonly ring: () => void;
  at: number | undefined;
}

export interface VirtualClock extends Clock {
  /** How many alarms are set: it must not grow with the jobs. */
  readonly alarmCount: number;
  /** How many turns of the event loop were asked for. */
  readonly turnCount: number;
}

export function virtualClock(world: World, wall: Wall, owner: Owner, dice: Dice, traits: ClockTraits): VirtualClock {
  const alarms = new Set<WoundAlarm>();
  const jumpListeners: Array<(byMs: number) => void> = [];
  const bornAt = world.now;
  let turnCount = 0;
  let stopped = false;
  /** A timer is replaced by giving it a new number: the event of the old one finds that it is not meant. */
  let timer = 0;
  let timerDueAt = Infinity;
  let drift = wall.now() - world.now;

  function msUntil(alarm: WoundAlarm): number {
    if (alarm.at === undefined) return Infinity;
    return alarm.at - (alarm.basis === 'wall' ? wall.now() : world.now - bornAt);
  }

  function wind(): void {
    if (stopped) return;
    let napMs = Infinity;
    for (const alarm of alarms) napMs = Math.min(napMs, msUntil(alarm));
    if (napMs === Infinity) {
      timer++;
      timerDueAt = Infinity;
      return;
    }
    const dueAt = world.now + Math.max(napMs, 0);
    if (timerDueAt <= dueAt) return;
    timerDueAt = dueAt;
    const number = ++timer;
    // Whole milliseconds, as the real timers have them; of what rounding leaves of one, a whole one too.
    world.later(Math.ceil(Math.max(napMs, 0)) + dice.int(0, traits.latenessMs), owner, () => {
      if (number === timer) wake();
    });
  }

  function wake(): void {
    timerDueAt = Infinity;
    noticeJump();
    for (const alarm of [...alarms]) {
      if (msUntil(alarm) > 0) continue;
      alarm.clear();
      alarm.ring();
    }
    wind();
  }

  function noticeJump(): void {
    const driftNow = wall.now() - world.now;
    const byMs = driftNow - drift;
    drift = driftNow;
    if (Math.abs(byMs) > JUMP_MS) for (const listener of jumpListeners) listener(byMs);
  }

  // The real clock naps at most 30 s to notice this; here that would be a million events for a job due next month.
  const wasSet = (): void => {
    if (stopped || owner.isGone || alarms.size === 0) return;
    world.later(dice.int(0, LONGEST_NAP_MS), owner, () => {
      if (!stopped) wake();
    });
  };
  wall.onSet.add(wasSet);

  return {
    processStartedAt: wall.now(),
    get alarmCount() {
      return alarms.size;
    },
    get turnCount() {
      return turnCount;
    },
    now: () => wall.now(),
    monotonic() {
      world.now += traits.stepMs;
      return world.now - bornAt;
    },
    random: () => dice.roll(),
    entropy: (byteCount) =>
      Array.from({ length: byteCount }, () => dice.int(0, 255).toString(16).padStart(2, '0')).join(''),
    turn(task) {
      if (owner.isGone) return;
      turnCount++;
      world.later(0, owner, task);
    },
    alarm(basis, ring) {
      const alarm: WoundAlarm = {
        basis,
        ring,
        at: undefined,
        set(at) {
          if (alarm.at === at) return;
          alarm.at = at;
          alarms.add(alarm);
          wind();
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
      stopped = true;
      alarms.clear();
      wall.onSet.delete(wasSet);
    },
  };
}
