import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { clockLaws } from './clock-laws.ts';

const NOON = Date.UTC(2026, 5, 1, 12);

clockLaws('the clock that tests move', () => {
  const clock = createFakeClock();
  return { clock, until: (isDone) => clock.passUntil(isDone) };
});

describe('the clock that tests move', () => {
  test('stands still until it is moved', async () => {
    const clock = createFakeClock({ startAt: NOON });
    const before = clock.monotonic();
    await clock.settle();
    assert.equal(clock.now(), NOON);
    assert.equal(clock.monotonic(), before);
    clock.advance(1_500);
    assert.equal(clock.now(), NOON + 1_500);
    assert.equal(clock.monotonic(), before + 1_500);
  });

  test('shows each alarm the moment it was set to, also when moved past all of them at once', () => {
    const clock = createFakeClock({ startAt: NOON });
    const seen: string[] = [];
    const wall = clock.alarm('wall', () => seen.push(`wall ${clock.now() - NOON}`));
    const monotonicAt = clock.monotonic();
    const monotonic = clock.alarm('monotonic', () => {
      seen.push(`monotonic ${clock.monotonic() - monotonicAt}`);
      if (seen.length < 4) monotonic.set(clock.monotonic() + 0.1);
    });
    wall.set(NOON + 10);
    monotonic.set(monotonicAt + 3);
    clock.advance(100);
    assert.equal(seen[0], 'monotonic 3');
    assert.equal(seen.length, 5);
    assert.equal(seen.at(-1), 'wall 10');
    assert.equal(clock.now(), NOON + 100);
  });

  test('runs turns between alarms, so what follows from one happens before the next', () => {
    const clock = createFakeClock();
    const order: string[] = [];
    const at = clock.monotonic();
    clock
      .alarm('monotonic', () => {
        order.push('first alarm');
        clock.turn(() => order.push('its turn'));
      })
      .set(at + 1);
    clock.alarm('monotonic', () => order.push('second alarm')).set(at + 2);
    clock.advance(5);
    assert.deepEqual(order, ['first alarm', 'its turn', 'second alarm']);
  });

  test('lets promises go on between alarms when it is passed and not advanced', async () => {
    const clock = createFakeClock();
    const order: string[] = [];
    const at = clock.monotonic();
    const later: Array<Promise<unknown>> = [];
    const soon = async (): Promise<void> => {
      await Promise.resolve();
      await Promise.resolve();
      order.push('its promise');
    };
    clock.alarm('monotonic', () => later.push(soon())).set(at + 1);
    clock.alarm('monotonic', () => order.push('second alarm')).set(at + 2);
    await clock.pass(5);
    assert.deepEqual(order, ['its promise', 'second alarm']);
    await Promise.all(later);
    assert.equal(clock.monotonic(), at + 5);
  });

  test('jumps on the wall only, and says so when it is more than two seconds', () => {
    const clock = createFakeClock({ startAt: NOON });
    const heard: number[] = [];
    let rung = 0;
    clock.onJump((byMs) => heard.push(byMs));
    clock.alarm('wall', () => rung++).set(NOON + 3_600_000);
    const before = clock.monotonic();
    clock.jump(-5_000);
    clock.jump(2_000);
    assert.equal(clock.now(), NOON - 3_000);
    assert.deepEqual(heard, [-5_000]);
    assert.equal(rung, 0);
    clock.jump(3_700_000);
    assert.deepEqual(heard, [-5_000, 3_700_000]);
    assert.equal(rung, 1);
    assert.equal(clock.monotonic(), before);
  });

  test('spends time inside a turn without ringing, and refuses to be moved there', () => {
    const clock = createFakeClock();
    const order: string[] = [];
    clock.alarm('monotonic', () => order.push('alarm')).set(clock.monotonic() + 1);
    clock.turn(() => {
      clock.spend(20);
      order.push('work');
      assert.throws(() => clock.advance(1), /use `spend`/);
      assert.throws(() => clock.runTurns(), /use `spend`/);
    });
    clock.advance(0);
    assert.deepEqual(order, ['work', 'alarm']);
    assert.throws(() => clock.spend(-1), RangeError);
    assert.throws(() => clock.advance(NaN), RangeError);
  });

  test('throws the same dice for the same seed, evenly', () => {
    const throwsOf = (seed: number): number[] => {
      const clock = createFakeClock({ seed });
      return Array.from({ length: 10_000 }, () => clock.random());
    };
    assert.deepEqual(throwsOf(7), throwsOf(7));
    assert.notDeepEqual(throwsOf(7).slice(0, 3), throwsOf(8).slice(0, 3));
    const mean = throwsOf(7).reduce((sum, thrown) => sum + thrown, 0) / 10_000;
    assert.ok(Math.abs(mean - 0.5) < 0.01, `their mean is ${mean}`);
    assert.equal(createFakeClock({ seed: 3 }).entropy(8), createFakeClock({ seed: 3 }).entropy(8));
  });

  test('passes time until a promise is settled, and gives what it gives', async () => {
    const clock = createFakeClock();
    const ringing = (ms: number): Promise<number> =>
      new Promise((resolve) => clock.alarm('monotonic', () => resolve(ms)).set(clock.monotonic() + ms));
    assert.equal(await clock.drive(ringing(70_000)), 70_000);
    await assert.rejects(clock.drive(ringing(5).then(() => Promise.reject(new Error('refused')))), /refused/);
    await assert.rejects(clock.drive(ringing(1_000), 999), /left to wait for/);
  });

  test('goes on after it was stopped, when it is started for a next life', () => {
    const clock = createFakeClock();
    let rung = 0;
    const alarm = clock.alarm('wall', () => rung++);
    alarm.set(clock.now() + 1);
    clock.stop();
    clock.start();
    clock.advance(5);
    assert.equal(rung, 0);
    alarm.set(clock.now() + 1);
    clock.advance(5);
    assert.equal(rung, 1);
  });

  test('says what is still to come, so that a test can see that nothing polls', () => {
    const clock = createFakeClock();
    assert.equal(clock.nextAlarmInMs, Infinity);
    assert.equal(clock.turnsAsked, 0);
    const alarm = clock.alarm('wall', () => undefined);
    alarm.set(clock.now() + 70);
    clock.turn(() => undefined);
    assert.equal(clock.nextAlarmInMs, 70);
    assert.equal(clock.turnsAsked, 1);
    clock.stop();
    assert.equal(clock.nextAlarmInMs, Infinity);
    assert.ok(clock.isStopped);
  });

  test('fails a test that waits for what will never come, or never ends', async () => {
    const clock = createFakeClock();
    await assert.rejects(
      clock.passUntil(() => false),
      /left to wait for/,
    );
    clock.alarm('wall', () => undefined).set(clock.now() + 1_000);
    await assert.rejects(
      clock.passUntil(() => false, 500),
      /left to wait for/,
    );
    const again = (): void => clock.turn(again);
    again();
    assert.throws(() => clock.runTurns(), /each still asks for another/);
    const restless = createFakeClock();
    const alarm = restless.alarm('monotonic', () => alarm.set(0));
    alarm.set(0);
    assert.throws(() => restless.advance(1), /time has not passed/);
    assert.throws(() => alarm.set(NaN), RangeError);
  });
});
