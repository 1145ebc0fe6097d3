/** Damage of every kind to every kind of file: it is harmless, or it is an error with a name. Never silence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { damageOften, summaryOf } from './damage.ts';

const TRIALS = 300;

test(`${TRIALS} folders that were damaged by chance open as they were, or are refused by name and can be salvaged`, async (t) => {
  const trials = await damageOften(1, TRIALS);
  t.diagnostic(summaryOf(trials));
  assert.equal(trials.length, TRIALS);
  assert.deepEqual(
    trials.filter(({ breaches }) => breaches.length > 0),
    [],
  );
  const refused = trials.filter(({ outcome }) => outcome === 'HOLDFAST_DAMAGED').length;
  assert.ok(refused > TRIALS / 4 && refused < TRIALS, `${refused} of ${TRIALS} were refused`);
});
