/**
 * Every bug that the simulation has found, as the smallest run that showed it: `found.jsonl`, a line for each. The plans
 * are kept and not their seeds, since a seed means another run as soon as something is drawn in another order.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Plan } from './plan.ts';
import { simulate } from './simulation.ts';

interface Found {
  readonly cause: string;
  /** The law that it broke. */
  readonly law: string;
  readonly plan: Plan;
}

const file = new URL('../../../test/simulation/found.jsonl', import.meta.url);
const found = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Found);

for (const { cause, plan } of found) {
  test(cause, async () => {
    assert.deepEqual((await simulate(plan)).violations, []);
  });
}
