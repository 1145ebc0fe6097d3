import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSupervisor, type SupervisorMode } from '../../src/kernel/supervisor.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';

class Passing extends Error {}

const FULL_DISK = new Passing('the disk is full');
const FAULT = new Error('a fault');

interface Part {
  readonly restarts: number;
}

/** A supervised part whose starts and stops the test decides, on a clock that the test moves. */
function supervised() {
  const clock = createFakeClock();
  const seen: string[] = [];
  /** When the part was started, in ms since the beginning. */
  const startedAt: number[] = [];
  const parts = {
    /** What the next starts do; without one they succeed. */
    starts: [] as Array<() => Promise<void> | void>,
    stop: (): Promise<void> | void => undefined,
  };
  const from = clock.monotonic();
  const supervisor = createSupervisor<Part>({
    clock,
    async start(restarts) {
      startedAt.push(clock.monotonic() - from);
      await parts.starts.shift()?.();
      return { restarts };
    },
    async stop({ restarts }, error) {
      seen.push(`stop ${restarts}: ${(error as Error).message}`);
      await parts.stop();
    },
    isPassing: (error) => error instanceof Passing,
    onChange: (mode, error) => seen.push(error === undefined ? mode : `${mode}: ${(error as Error).message}`),
  });
  const refuse = (error: Error) => (): never => {
    throw error;
  };
  const modeIs = (mode: SupervisorMode) => (): boolean => supervisor.mode === mode;
  return { clock, seen, startedAt, parts, supervisor, refuse, modeIs };
}

describe('a supervised part', () => {
  test('is there once it was started', async () => {
    const { supervisor, seen } = supervised();
    assert.equal(supervisor.mode, 'starting');
    assert.equal(supervisor.part, undefined);
    assert.deepEqual(await supervisor.start(), { restarts: 0 });
    assert.deepEqual(supervisor.part, { restarts: 0 });
    assert.deepEqual(seen, ['up']);
  });

  test('that cannot be started the first time is not tried again: the caller is there to hear it', async () => {
    const { clock, supervisor, parts, startedAt, refuse } = supervised();
    parts.starts = [refuse(FULL_DISK)];
    await assert.rejects(supervisor.start(), FULL_DISK);
    await clock.pass(60_000);
    assert.equal(startedAt.length, 1);
  });

  test('that fails is stopped and started anew after a pause', async () => {
    const { clock, supervisor, seen, startedAt, modeIs } = supervised();
    await supervisor.start();
    supervisor.failed(FAULT);
    assert.equal(supervisor.mode, 'recovering');
    assert.equal(supervisor.part, undefined);
    await clock.passUntil(modeIs('up'));
    assert.deepEqual(supervisor.part, { restarts: 1 });
    assert.deepEqual(seen, ['up', 'recovering: a fault', 'stop 0: a fault', 'up']);
    assert.deepEqual(startedAt, [0, 50]);
  });

  test('that is told to have failed many times at once is started once', async () => {
    const { clock, supervisor, startedAt, modeIs } = supervised();
    await supervisor.start();
    for (let n = 0; n < 10; n++) supervisor.failed(FAULT);
    await clock.passUntil(modeIs('up'));
    await clock.pass(60_000);
    assert.equal(startedAt.length, 2);
  });
});

describe('when the world is not ready', () => {
  test('it is tried again for ever, ever more slowly, up to every two seconds', async () => {
    const { clock, supervisor, parts, startedAt, refuse, modeIs } = supervised();
    await supervisor.start();
    parts.starts = Array.from({ length: 100 }, () => refuse(FULL_DISK));
    supervisor.failed(FULL_DISK);
    await clock.passUntil(modeIs('up'));
    const pauses = startedAt.slice(1).map((at, n) => at - (startedAt[n] as number));
    assert.deepEqual(pauses.slice(0, 8), [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    assert.equal(pauses.length, 101);
    assert.ok(pauses.slice(8).every((pause) => pause === 2_000));
  });

  test('the pauses grow also if the part comes up each time and fails at its first write', async () => {
    const { clock, supervisor, startedAt, modeIs } = supervised();
    await supervisor.start();
    for (let n = 0; n < 10; n++) {
      supervisor.failed(FULL_DISK);
      await clock.passUntil(modeIs('up'));
    }
    const pauses = startedAt.slice(1).map((at, n) => at - (startedAt[n] as number));
    assert.deepEqual(pauses.slice(0, 8), [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    await clock.pass(5_000);
    supervisor.failed(FULL_DISK);
    const failedAt = clock.monotonic();
    await clock.passUntil(modeIs('up'));
    assert.equal(clock.monotonic() - failedAt, 50, 'it had recovered, so this is a new trouble');
  });
});

describe('a faulty part', () => {
  test('is parked at its sixth fault within a minute, visibly, and left in peace', async () => {
    const { clock, supervisor, parts, seen, startedAt, refuse, modeIs } = supervised();
    await supervisor.start();
    parts.starts = Array.from({ length: 100 }, () => refuse(FAULT));
    supervisor.failed(FAULT);
    await clock.passUntil(modeIs('parked'));
    assert.equal(startedAt.length, 6);
    assert.equal(seen.at(-1), 'parked: a fault');
    assert.equal(supervisor.part, undefined);
    supervisor.failed(FAULT);
    await clock.pass(600_000);
    assert.equal(supervisor.mode, 'parked');
    assert.equal(startedAt.length, 6);
  });

  test('may fail now and then: what is more than a minute ago does not count', async () => {
    const { clock, supervisor, modeIs } = supervised();
    await supervisor.start();
    for (let n = 0; n < 50; n++) {
      supervisor.failed(FAULT);
      await clock.passUntil(modeIs('up'));
      await clock.pass(15_000);
    }
    assert.equal(supervisor.mode, 'up');
  });

  test('is not parked for what passes by itself, and not saved by it either', async () => {
    const { clock, supervisor, parts, startedAt, refuse, modeIs } = supervised();
    await supervisor.start();
    const mixed = [FULL_DISK, FAULT, FULL_DISK, FAULT, FULL_DISK, FAULT, FULL_DISK, FAULT, FULL_DISK, FAULT];
    parts.starts = mixed.map(refuse);
    supervisor.failed(FAULT);
    await clock.passUntil(modeIs('parked'));
    assert.equal(startedAt.length, 11);
  });

  test('that cannot be stopped is given up and replaced, and nothing is thrown at the host', async () => {
    const { clock, supervisor, parts, modeIs, seen } = supervised();
    await supervisor.start();
    parts.stop = () => Promise.reject(new Error('it will not go'));
    supervisor.failed(FAULT);
    await clock.passUntil(modeIs('up'));
    assert.deepEqual(supervisor.part, { restarts: 1 });
    for (let n = 0; n < 10 && supervisor.mode === 'up'; n++) {
      supervisor.failed(FAULT);
      await clock.passUntil(() => supervisor.mode !== 'recovering');
    }
    assert.equal(seen.at(-1), 'parked: it will not go');
  });
});

describe('a part that fails while it is being started', () => {
  test('for the first time comes up and recovers at once', async () => {
    const { clock, supervisor, parts, seen, modeIs } = supervised();
    parts.starts = [() => supervisor.failed(FAULT)];
    assert.deepEqual(await supervisor.start(), { restarts: 0 });
    await clock.passUntil(modeIs('up'));
    assert.deepEqual(seen, ['up', 'recovering: a fault', 'stop 0: a fault', 'up']);
  });

  test('is heard in every moment between being made and being up', async () => {
    for (let depth = 0; depth < 12; depth++) {
      const { clock, supervisor, parts } = supervised();
      await supervisor.start();
      const later: Array<Promise<void>> = [];
      const failSoon = async (): Promise<void> => {
        for (let n = 0; n < depth; n++) await Promise.resolve();
        supervisor.failed(FULL_DISK);
      };
      parts.starts = [() => void later.push(failSoon())];
      supervisor.failed(FAULT);
      await clock.passUntil(() => supervisor.part?.restarts === 2);
      await clock.passUntil(() => supervisor.mode === 'up');
      await Promise.all(later);
    }
  });
});

describe('stopping a supervised part', () => {
  const CLOSED = new Error('closed');

  test('stops it for good', async () => {
    const { clock, supervisor, seen, startedAt } = supervised();
    await supervisor.start();
    await supervisor.stop(CLOSED);
    assert.deepEqual(seen, ['up', 'stopped: closed', 'stop 0: closed']);
    supervisor.failed(FAULT);
    await clock.pass(60_000);
    assert.equal(supervisor.mode, 'stopped');
    assert.equal(startedAt.length, 1);
  });

  test('in the pause of a recovery ends the recovery at once', async () => {
    const { clock, supervisor, startedAt } = supervised();
    await supervisor.start();
    supervisor.failed(FULL_DISK);
    await clock.settle();
    await supervisor.stop(CLOSED);
    await clock.pass(60_000);
    assert.equal(supervisor.mode, 'stopped');
    assert.equal(startedAt.length, 1);
  });

  test('while the part is being stopped waits for that, and starts nothing', async () => {
    const { clock, supervisor, parts, startedAt } = supervised();
    await supervisor.start();
    let letGo = (): void => undefined;
    parts.stop = () => new Promise<void>((resolve) => (letGo = resolve));
    supervisor.failed(FAULT);
    let isOver = false;
    const stopped = supervisor.stop(CLOSED).then(() => (isOver = true));
    await clock.settle();
    assert.equal(isOver, false);
    letGo();
    await stopped;
    await clock.pass(60_000);
    assert.equal(startedAt.length, 1);
  });

  test('while it is being started again waits for that and stops what came of it', async () => {
    const { clock, supervisor, parts, seen } = supervised();
    await supervisor.start();
    let letUp = (): void => undefined;
    parts.starts = [() => new Promise<void>((resolve) => (letUp = resolve))];
    supervisor.failed(FAULT);
    await clock.pass(50);
    const stopped = supervisor.stop(CLOSED);
    letUp();
    await stopped;
    assert.equal(supervisor.mode, 'stopped', 'it must not say that it is up');
    assert.equal(supervisor.part, undefined);
    assert.deepEqual(seen.slice(-2), ['stopped: closed', 'stop 1: closed']);
    supervisor.failed(FAULT);
    assert.equal(supervisor.mode, 'stopped');
  });

  test('while it is being started for the first time does the same', async () => {
    const { supervisor, parts, seen } = supervised();
    let letUp = (): void => undefined;
    parts.starts = [() => new Promise<void>((resolve) => (letUp = resolve))];
    const started = supervisor.start();
    const stopped = supervisor.stop(CLOSED);
    letUp();
    await stopped;
    await started;
    assert.equal(supervisor.mode, 'stopped');
    assert.deepEqual(seen, ['stopped: closed', 'stop 0: closed']);
  });
});
