import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Piscina } from 'piscina';
import type { Outcome } from './simulation.ts';
import { Tally } from './tally.ts';

const SEEDS = 2_000;
const PARTS = 8;
/** So many are run a second time, to see that they are the same. */
const TWICE = 5;

describe('the whole engine, in virtual time, with faults in everything it stands on', () => {
  const tally = new Tally();
  // The test runner follows every promise of its own thread, which makes a run half as long again.
  const pool = new Piscina<number, Outcome>({ filename: new URL('./seed.js', import.meta.url).href, maxThreads: 1 });
  after(() => pool.destroy());

  for (let part = 0; part < PARTS; part++) {
    const [from, below] = [part, part + 1].map((n) => 1 + (n * SEEDS) / PARTS) as [number, number];
    test(`the seeds from ${from} to ${below - 1} break no law, and each is the same when it is run again`, async () => {
      for (let seed = from; seed < below; seed++) {
        const outcome = await pool.run(seed);
        tally.add(outcome);
        assert.deepEqual(outcome.violations, [], `see: npm run simulate -- --seed ${seed}`);
        if (seed < from + TWICE)
          assert.equal((await pool.run(seed)).hash, outcome.hash, `seed ${seed} gives two traces`);
      }
    });
  }

  test('together they have done everything, often', () => {
    const least = {
      'enqueue kept': 10_000,
      'enqueueAll kept': 2_000,
      'enqueue HOLDFAST_OUTCOME_UNKNOWN': 500,
      'enqueue HOLDFAST_STORE_UNAVAILABLE': 500,
      'enqueue HOLDFAST_JOB_EXISTS': 300,
      'enqueue HOLDFAST_BUSY': 1_000,
      'cancel kept': 400,
      'close kept': 2_000,
      'follow kept': 200,
      'get kept': 400,
      'list kept': 300,
      'wait kept': 1_000,
      'wait HOLDFAST_JOB_FAILED': 100,
      'wait HOLDFAST_JOB_CANCELLED': 50,
      'handler began': 20_000,
      'handler save': 5_000,
      'handler enqueue': 500,
      'fault write': 2_000,
      'fault read': 20,
      'fault scan': 100,
      'fault open': 30,
      'fault close': 30,
      'fault room': 5,
      'fault witness': 5,
      'fault record': 200,
      trim: 2_000,
      crash: 500,
      damage: 50,
      'foreign end': 200,
      'foreign save': 200,
      'revive kept': 50,
      'retry kept': 50,
      'clear kept': 50,
      'promote kept': 50,
      'delete kept': 50,
      'update kept': 50,
      'purge kept': 100,
      'pause kept': 100,
      'configure kept': 50,
      'pauseSchedule kept': 60,
      'schedule kept': 400,
      'trigger kept': 25,
      'occurrence on-time': 1_500,
      'occurrence catch-up': 150,
      'skipped cap': 30,
      'skipped late': 30,
      'skipped merged': 100,
      'skipped overlap': 60,
      'skipped paused': 3,
      'skipped limit': 3,
    };
    for (const [what, count] of Object.entries(least)) assert.ok(tally.of(what) >= count, `${what}: ${tally.of(what)}`);
  });
});
