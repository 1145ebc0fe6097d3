/** The soak for some seconds, and whether it would see what it must. The long run is `npm run soak`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../log/temporary-folder.ts';
import { Account } from './account.ts';
import type { SoakNote } from './notes.ts';
import { soak } from './soak.ts';
import { chartOf, livesOf, samplesOf, slopeOf, tableOf } from './summary.ts';

test('a short soak accounts for every job, over kills and closes', async (t) => {
  const out = await temporaryFolder(t);
  const { lines, figures, breaches } = await soak({ minutes: 0.06, out, seed: 1, beatMs: 40 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(breaches, []);
  assert.ok(figures.steady.ended > 0 && figures.killed.ended > 0, 'there was something to lose');
  assert.ok(livesOf(lines, 'killed').killed > 0);
  assert.ok(samplesOf(lines, 'steady').length > 2);
  assert.match(tableOf(lines), /^\| steady app .*\n(?:\|.*\n)+\|.*\|$/);
  assert.match(chartOf(lines), /^<svg [^]*<path d="M[^]*<\/svg>\n$/);
});

const accepted: SoakNote = { kind: 'accepted', ids: ['a'], notBefore: 0 };
const started: SoakNote = { kind: 'start', id: 'a', attempt: 1, checkpoint: 0, at: 10, life: 1 };
const returned: SoakNote = { kind: 'return', id: 'a' };
const completed: SoakNote = { kind: 'ended', id: 'a', state: 'completed', seq: 1 };
const dead: SoakNote = { kind: 'ended', id: 'a', state: 'dead', seq: 2 };
const schedule: SoakNote = { kind: 'schedule', name: 's', everyMs: 1000, runs: 1, skips: 0 };
const run = (at: number): SoakNote => ({
  ...completed,
  id: `s@${new Date(at).toISOString()}`,
  state: 'cancelled',
  seq: at,
});

const SIGHTS: readonly { readonly notes: readonly SoakNote[]; readonly breach: RegExp | undefined }[] = [
  { notes: [accepted, started, returned, completed], breach: undefined },
  {
    notes: [accepted, started, dead, { kind: 'revive', id: 'a' }, started, returned, { ...completed, seq: 3 }],
    breach: undefined,
  },
  {
    // A child that died because of its parent is revived with it.
    notes: [
      { kind: 'enqueue', ids: ['a'], notBefore: 0, after: ['b'] },
      ...[dead, { kind: 'revive', id: 'b' } as const, { ...returned, id: 'b' }],
      ...[started, returned, { ...completed, seq: 3 }],
    ],
    breach: undefined,
  },
  { notes: [accepted], breach: /accepted and never ended/ },
  { notes: [started], breach: /started and never ended/ },
  { notes: [accepted, started, returned, completed, started], breach: /started again/ },
  { notes: [accepted, started, returned, completed, dead], breach: /more than once/ },
  { notes: [accepted, started, completed], breach: /never returned/ },
  { notes: [accepted, started, returned, { ...completed, seq: 0 }], breach: /came after/ },
  { notes: [accepted, started, { kind: 'result', id: 'a', state: 'completed' }, dead], breach: /told to be completed/ },
  { notes: [accepted, { kind: 'saved', id: 'a', checkpoint: 2 }, started, dead], breach: /saved 2 and was given 0/ },
  { notes: [{ kind: 'enqueue', ids: ['a'], notBefore: 61 }, started, dead], breach: /51 ms before its time/ },
  {
    notes: [{ kind: 'enqueue', ids: ['a'], notBefore: 0, after: ['b'] }, started, dead],
    breach: /before b had returned/,
  },
  {
    notes: [
      { kind: 'accepted', ids: ['a@'], notBefore: 0 },
      { ...returned, id: 'a@' },
      { ...completed, id: 'a@' },
    ],
    breach: /should follow/,
  },
  { notes: [run(1000), schedule], breach: undefined },
  { notes: [run(1000), run(2000), schedule], breach: /counts 1 runs, and 2/ },
  { notes: [run(1000), run(3000), { ...schedule, runs: 2 }], breach: /3 nominal times, 2 runs and 0 skips/ },
  { notes: [run(1000), run(3000), { ...schedule, runs: 2, skips: 1 }], breach: undefined },
  { notes: [run(1000), { ...schedule, skips: 3 }], breach: /3 skips/ },
];

test('the account of a soak finds what is missing and what is too much', () => {
  for (const { notes, breach } of SIGHTS) {
    const account = new Account();
    for (const note of notes) account.add(note);
    account.close();
    const found = account.breaches.join('; ');
    if (breach === undefined) assert.equal(found, '');
    else assert.match(found, breach);
  }
});

test('a slope is that of the line with the least squares', () => {
  assert.equal(slopeOf([]), 0);
  assert.equal(slopeOf([[1, 5]]), 0);
  assert.equal(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
  assert.equal(
    slopeOf([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ]),
    0.2,
  );
});
