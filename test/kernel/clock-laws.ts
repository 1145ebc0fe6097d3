/** What every clock must do: the machine's, and the one that tests move. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AlarmBasis, Clock } from '../../src/kernel/clock.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets time go on until `isDone`. */
  until(isDone: () => boolean): Promise<void>;
}

const BASES = ['wall', 'monotonic'] as const satisfies readonly AlarmBasis[];

export function clockLaws(name: string, make: () => ClockUnderTest): void {
  const law = (sentence: string, check: (parts: ClockUnderTest) => Promise<void> | void): void => {
    test(sentence, async () => {
      const parts = make();
      try {
        await check(parts);
      } finally {
        parts.clock.stop();
      }
    });
  };

  describe(`${name} tells the time`, () => {
    law('in whole milliseconds on the wall', ({ clock }) => assert.ok(Number.isInteger(clock.now())));

    law('without going back in the process', ({ clock }) => {
      const before = clock.monotonic();
      assert.ok(clock.monotonic() >= before);
    });

    law('throws dice from 0 up to 1', ({ clock }) => {
      for (let n = 0; n < 1_000; n++) {
        const thrown = clock.random();
        assert.ok(thrown >= 0 && thrown < 1);
      }
    });

    law('gives as many random bytes as it is asked for, and others each time', ({ clock }) => {
      assert.match(clock.entropy(16), /^[0-9a-f]{32}$/);
      assert.equal(clock.entropy(0), '');
      assert.notEqual(clock.entropy(16), clock.entropy(16));
    });
  });

  describe(`${name} gives turns`, () => {
    law('in the order asked, none of them at once', async ({ clock, until }) => {
      const order: string[] = [];
      clock.turn(() => {
        order.push('first');
        clock.turn(() => order.push('third'));
      });
      clock.turn(() => order.push('second'));
      assert.deepEqual(order, []);
      await until(() => order.length === 3);
      assert.deepEqual(order, ['first', 'second', 'third']);
    });
  });

  for (const basis of BASES) {
    const now = (clock: Clock): number => (basis === 'wall' ? clock.now() : clock.monotonic());

    describe(`${name} has ${basis} alarms`, () => {
      law('that ring once, at their moment or after', async ({ clock, until }) => {
        const rungAt: number[] = [];
        const alarm = clock.alarm(basis, () => rungAt.push(now(clock)));
        const at = now(clock) + 4;
        alarm.set(at);
        await until(() => rungAt.length > 0);
        assert.ok((rungAt[0] as number) >= at);
        await later(clock, until, 4);
        assert.equal(rungAt.length, 1);
      });

      law('that ring in a later turn when their moment has passed', async ({ clock, until }) => {
        let rung = 0;
        const alarm = clock.alarm(basis, () => rung++);
        alarm.set(now(clock) - 1_000);
        assert.equal(rung, 0);
        await until(() => rung > 0);
      });

      law('that all ring, however many are set', async ({ clock, until }) => {
        const rung: number[] = [];
        const from = now(clock);
        for (const ms of [9, 3, 6]) clock.alarm(basis, () => rung.push(ms)).set(from + ms);
        await until(() => rung.length === 3);
        assert.deepEqual([...rung].sort(), [3, 6, 9]);
      });

      law('of which a later setting replaces the one before', async ({ clock, until }) => {
        let rung = 0;
        const alarm = clock.alarm(basis, () => rung++);
        alarm.set(now(clock) + 1);
        alarm.set(now(clock) + 1e9);
        await later(clock, until, 4);
        assert.equal(rung, 0);
        alarm.set(now(clock) + 1);
        await until(() => rung > 0);
        await later(clock, until, 4);
        assert.equal(rung, 1);
      });

      law('that do not ring when cleared, and can be set again', async ({ clock, until }) => {
        let rung = 0;
        const alarm = clock.alarm(basis, () => rung++);
        alarm.set(now(clock) + 1);
        alarm.clear();
        alarm.clear();
        await later(clock, until, 4);
        assert.equal(rung, 0);
        alarm.set(now(clock) + 1);
        await until(() => rung === 1);
      });

      law('that can be set anew while they ring', async ({ clock, until }) => {
        let rung = 0;
        const alarm = clock.alarm(basis, () => {
          if (++rung < 3) alarm.set(now(clock));
        });
        alarm.set(now(clock) + 1);
        await until(() => rung === 3);
        await later(clock, until, 2);
        assert.equal(rung, 3);
      });

      law('that never ring after it was stopped, whenever they were set', async ({ clock }) => {
        const neighbour = make();
        const alarm = clock.alarm(basis, () => assert.fail('it rang'));
        alarm.set(now(clock) + 1);
        clock.stop();
        alarm.set(now(clock) + 1);
        clock.alarm(basis, () => assert.fail('it rang')).set(now(clock));
        await later(neighbour.clock, neighbour.until, 4);
        neighbour.clock.stop();
      });
    });
  }
}

/** Waits for an alarm that rings `ms` from now: whatever was due before has rung by then. */
async function later(clock: Clock, until: ClockUnderTest['until'], ms: number): Promise<void> {
  let isOver = false;
  clock.alarm('monotonic', () => (isOver = true)).set(clock.monotonic() + ms);
  await until(() => isOver);
}
