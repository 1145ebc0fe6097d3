import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { clockLaws } from './clock-laws.ts';

const DAY_MS = 86_400_000;
const MOST_NAP_MS = 30_000;

clockLaws('the clock of the machine', () => ({
  clock: systemClock({ keepAlive: true }),
  async until(isDone) {
    while (!isDone()) await turn();
  },
}));

interface HostTimer {
  readonly task: () => void;
  readonly dueAt: number;
  readonly ms: number;
  isRefed: boolean;
}

/** The machine under the clock, moved by hand: what time it says, and which timers it was given. */
class Host {
  wall = Date.UTC(2026, 0, 1);
  monotonic = 500.5;
  readonly timers = new Set<HostTimer>();
  readonly naps: number[] = [];
  mostTimers = 0;

  constructor(t: TestContext) {
    // Not with `t.mock`, which keeps every call and its stack for ever: 30 days are a million calls.
    const undo = [
      replace(Date, 'now', () => this.wall),
      replace(performance, 'now', () => this.monotonic),
      replace(globalThis, 'setTimeout', (task: () => void, ms: number) => this.#set(task, ms)),
      replace(globalThis, 'clearTimeout', (timer: HostTimer) => void this.timers.delete(timer)),
    ];
    t.after(() => undo.forEach((restore) => restore()));
  }

  #set(task: () => void, ms: number): HostTimer & { ref(): void; unref(): void } {
    assert.ok(ms >= 0 && ms <= 2 ** 31 - 1, `a timer of ${ms} ms would ring at once`);
    const timer = {
      ...{ task, ms, dueAt: this.monotonic + ms, isRefed: true },
      ref: () => void (timer.isRefed = true),
      unref: () => void (timer.isRefed = false),
    };
    this.timers.add(timer);
    this.naps.push(ms);
    this.mostTimers = Math.max(this.mostTimers, this.timers.size);
    return timer;
  }

  /** Both clocks go on by `ms`; timers ring when they are due. */
  pass(ms: number): void {
    const end = this.monotonic + ms;
    for (let next = this.#first(end); next !== undefined; next = this.#first(end)) {
      this.#go(Math.max(0, next.dueAt - this.monotonic));
      this.timers.delete(next);
      next.task();
    }
    this.#go(end - this.monotonic);
  }

  #first(before: number): HostTimer | undefined {
    return [...this.timers].filter(({ dueAt }) => dueAt <= before).sort((a, b) => a.dueAt - b.dueAt)[0];
  }

  #go(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

/** Puts a property over the one that is there; what it returns takes it away again. */
function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    Reflect.deleteProperty(owner, name);
    if (before !== undefined) Object.defineProperty(owner, name, before);
  };
}

function onHost(t: TestContext, { keepAlive = false } = {}): { readonly host: Host; readonly clock: Clock } {
  const host = new Host(t);
  return { host, clock: systemClock({ keepAlive }) };
}

describe('the clock of the machine uses one timer', () => {
  test('for all alarms, and none when no alarm is set', (t) => {
    const { host, clock } = onHost(t);
    assert.equal(host.timers.size, 0);
    const rung: number[] = [];
    for (let n = 1; n <= 100; n++)
      clock
        .alarm(n % 2 === 0 ? 'wall' : 'monotonic', () => rung.push(n))
        .set((n % 2 === 0 ? clock.now() : clock.monotonic()) + n * 10);
    assert.equal(host.timers.size, 1);
    host.pass(1_000);
    assert.deepEqual(
      rung,
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
    assert.equal(host.mostTimers, 1);
    assert.equal(host.timers.size, 0);
  });

  test('that is replaced only by an earlier alarm', (t) => {
    const { host, clock } = onHost(t);
    const rung: string[] = [];
    const late = clock.alarm('monotonic', () => rung.push('late'));
    const early = clock.alarm('monotonic', () => rung.push('early'));
    late.set(clock.monotonic() + 1_000);
    late.set(clock.monotonic() + 2_000);
    late.set(clock.monotonic() + 2_000);
    assert.equal(host.naps.length, 1);
    early.set(clock.monotonic() + 10);
    assert.deepEqual(host.naps, [1_000, 10]);
    host.pass(3_000);
    assert.deepEqual(rung, ['early', 'late']);
    assert.equal(host.mostTimers, 1);
  });

  test('of at most 30 s, so a moment in 30 days rings then and not at once', (t) => {
    const { host, clock } = onHost(t);
    let rungAt = 0;
    const at = clock.now() + 30 * DAY_MS;
    clock.alarm('wall', () => (rungAt = clock.now())).set(at);
    host.pass(26 * DAY_MS);
    assert.equal(rungAt, 0);
    host.pass(5 * DAY_MS);
    assert.equal(rungAt, at);
    assert.ok(Math.max(...host.naps) <= MOST_NAP_MS);
  });

  test('for a moment that never comes too', (t) => {
    const { host, clock } = onHost(t);
    const alarm = clock.alarm('wall', () => assert.fail('it rang'));
    alarm.set(Infinity);
    assert.equal(host.timers.size, 0);
    alarm.set(Number.MAX_VALUE);
    host.pass(DAY_MS);
    assert.ok(Math.max(...host.naps) <= MOST_NAP_MS);
  });

  test('that may ring a little early, as those of Node do: the alarm then waits for the rest', (t) => {
    const { host, clock } = onHost(t);
    let rungAt = 0;
    const at = clock.monotonic() + 100;
    clock.alarm('monotonic', () => (rungAt = clock.monotonic())).set(at);
    const [timer] = host.timers;
    host.pass(99.2);
    host.timers.delete(timer as HostTimer);
    (timer as HostTimer).task();
    assert.equal(rungAt, 0);
    assert.deepEqual(host.naps, [100, 1]);
    host.pass(1);
    assert.ok(rungAt >= at);
  });

  test('that holds the process open with keepAlive, and then wakes once in 30 s', (t) => {
    const { host, clock } = onHost(t, { keepAlive: true });
    assert.deepEqual(
      [...host.timers].map(({ isRefed }) => isRefed),
      [true],
    );
    host.pass(DAY_MS);
    assert.equal(host.naps.length, DAY_MS / MOST_NAP_MS + 1);
    clock.stop();
    assert.equal(host.timers.size, 0);
  });

  test('that does not hold the process open without keepAlive', (t) => {
    const { host, clock } = onHost(t);
    clock.alarm('monotonic', () => undefined).set(clock.monotonic() + 1);
    assert.deepEqual(
      [...host.timers].map(({ isRefed }) => isRefed),
      [false],
    );
  });

  test('that holds the process open for an alarm that asks for it, as long as that is set', (t) => {
    const { host, clock } = onHost(t);
    const isHeld = (): boolean => [...host.timers].some(({ isRefed }) => isRefed);
    const usual = clock.alarm('monotonic', () => undefined);
    const keeping = clock.alarm('monotonic', () => undefined, true);
    usual.set(clock.monotonic() + 1_000);
    assert.equal(isHeld(), false);
    keeping.set(clock.monotonic() + 5_000);
    assert.ok(isHeld(), 'though the timer is that of the other alarm');
    keeping.clear();
    assert.equal(isHeld(), false, 'it must not wait for an alarm that was called off');
    keeping.set(clock.monotonic() + 500);
    assert.ok(isHeld());
    host.pass(600);
    assert.equal(isHeld(), false, 'it rang');
    host.pass(1_000);
    assert.equal(host.timers.size, 0);
  });

  test('that is not set again by an alarm which stops the clock', (t) => {
    const { host, clock } = onHost(t, { keepAlive: true });
    const at = clock.monotonic() + 5;
    clock.alarm('monotonic', () => clock.stop()).set(at);
    clock.alarm('monotonic', () => assert.fail('it rang')).set(at);
    host.pass(10);
    assert.equal(host.timers.size, 0);
  });
});

describe('the clock of the machine notices', () => {
  test('a wall clock set forward at its next wake-up: alarms in between ring, and listeners hear by how much', (t) => {
    const { host, clock } = onHost(t, { keepAlive: true });
    const heard: number[] = [];
    let rung = 0;
    clock.onJump((byMs) => heard.push(byMs));
    clock.alarm('wall', () => rung++).set(clock.now() + DAY_MS);
    host.wall += DAY_MS;
    assert.equal(rung, 0);
    host.pass(MOST_NAP_MS);
    assert.equal(rung, 1);
    assert.deepEqual(heard, [DAY_MS]);
    host.pass(DAY_MS);
    assert.equal(heard.length, 1);
  });

  test('a wall clock set back: wall alarms wait for their moment, monotonic ones do not care', (t) => {
    const { host, clock } = onHost(t);
    const heard: number[] = [];
    const rung: string[] = [];
    clock.onJump((byMs) => heard.push(byMs));
    clock.alarm('wall', () => rung.push('wall')).set(clock.now() + 60_000);
    clock.alarm('monotonic', () => rung.push('monotonic')).set(clock.monotonic() + 60_000);
    host.wall -= 3_600_000;
    host.pass(60_000);
    assert.deepEqual(rung, ['monotonic']);
    assert.deepEqual(heard, [-3_600_000]);
    host.pass(3_600_000);
    assert.deepEqual(rung, ['monotonic', 'wall']);
  });

  test('no jump in a step of two seconds or less, nor in a slow drift of any length', (t) => {
    const { host, clock } = onHost(t, { keepAlive: true });
    clock.onJump((byMs) => assert.fail(`it heard of ${byMs} ms`));
    host.wall += 2_000;
    host.pass(MOST_NAP_MS);
    for (let n = 0; n < 100; n++) {
      host.wall += 100;
      host.pass(MOST_NAP_MS);
    }
  });

  test('that this process began before now', () => {
    const clock = systemClock({ keepAlive: false });
    assert.ok(clock.processStartedAt < clock.now());
    assert.equal(clock.processStartedAt, performance.timeOrigin);
    clock.stop();
  });
});

describe('a process with nothing else to do', () => {
  // The unreferenced timer speaks only if something else keeps the process alive that long.
  const program = (keepAlive: boolean): string => `
    import { systemClock } from ${JSON.stringify(new URL('../../src/kernel/clock.js', import.meta.url).href)};
    const clock = systemClock({ keepAlive: ${keepAlive} });
    clock.alarm('monotonic', () => console.log('rang')).set(clock.monotonic() + 60_000);
    setTimeout(() => { console.log('still here'); clock.stop(); }, 50).unref();
  `;
  const outputOf = async (keepAlive: boolean): Promise<string> => {
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program(keepAlive)]);
    return (await run).stdout.trim();
  };

  test('stays with keepAlive until the clock is stopped', async () => {
    assert.equal(await outputOf(true), 'still here');
  });

  test('ends without keepAlive, though an alarm is set', async () => {
    assert.equal(await outputOf(false), '');
  });
});
