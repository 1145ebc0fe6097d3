/** Power cuts, by a model: what was not fsynced is lost, torn, zeroed or scrambled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutOften, lying, synced, unsynced, type CutTrial } from './power.ts';

const isOpened = ({ outcome }: CutTrial): boolean => outcome === 'opened';
const hasLost = ({ breaches }: CutTrial): boolean =>
  breaches.some((breach) => breach.includes('was accepted and is lost'));

test('a power cut takes nothing that was acknowledged', async (t) => {
  const trials = await cutOften(1, 'disk', synced, 100);
  t.diagnostic(`${trials.length} cuts`);
  assert.deepEqual(
    trials.filter((trial) => !isOpened(trial) || trial.breaches.length > 0),
    [],
  );
});

test('control: without fsync the same cuts do take what was acknowledged, and the laws see it', async (t) => {
  const trials = await cutOften(2, 'os', unsynced, 30);
  const lost = trials.filter(hasLost);
  t.diagnostic(`${trials.length} cuts, ${lost.length} with loss`);
  assert.ok(lost.length > trials.length / 4, `${lost.length} of ${trials.length} lost something`);
  // Where the system had written a later part and not an earlier one, there is no prefix to go on with.
  for (const trial of trials) if (!isOpened(trial)) assert.equal(trial.outcome, 'HOLDFAST_DAMAGED');
});

test('a disk that lies about fsync is found out, since the witness knows more than the log', async (t) => {
  const trials = await cutOften(3, 'disk', lying, 30);
  const refused = trials.filter(({ outcome }) => outcome === 'HOLDFAST_DAMAGED');
  t.diagnostic(`${trials.length} cuts, ${refused.length} refused`);
  assert.ok(refused.length > trials.length / 3, `${refused.length} of ${trials.length} were refused`);
  assert.deepEqual(trials.filter(hasLost), []);
});
