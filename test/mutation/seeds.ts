/** A few seeds of the simulation, against mutants that the tests of a folder let live. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOf } from '../simulation/plan.ts';
import { simulate } from '../simulation/simulation.ts';

const SEEDS = 40;

test('the first seeds break no law', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = await simulate(planOf(seed));
    assert.deepEqual(violations, [], `seed ${seed}`);
  }
});
