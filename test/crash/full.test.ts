/** A disk that fills up under load, on a file system of our own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillOften, isPrompt, summaryOf } from './full.ts';
import { whyNoDisk } from './small-disk.ts';

const TRIALS = 50;

test(
  `${TRIALS} times a disk fills up under load: nothing is lost, reading goes on, and it resumes by itself`,
  { skip: whyNoDisk() ?? false },
  async (t) => {
    const trials = await fillOften(1, TRIALS, 6);
    t.diagnostic(summaryOf(trials));
    assert.equal(trials.length, TRIALS);
    assert.deepEqual(
      trials.flatMap(({ seed, breaches }) => breaches.map((breach) => `${seed}: ${breach}`)),
      [],
    );
    assert.ok(trials.filter(isPrompt).length > TRIALS / 2, 'most of them went on within five seconds');
    assert.ok(
      trials.filter(({ refused }) => Object.keys(refused).length > 0).length > TRIALS / 2,
      'most of them refused something for a while',
    );
  },
);
