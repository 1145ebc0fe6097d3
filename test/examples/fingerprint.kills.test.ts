import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { everyPart, openRun, type PartView } from '../../examples/fingerprint/run.ts';
import { checkedBySha256sum, fingerprint, hashAll, make, readSums, temporaryPlace } from './fingerprint-process.ts';

const KILLS = 12;
/** It takes less than a second, but for a machine that is busy with something else. */
const BUSY_MACHINE_MS = 5_000;
const MiB = 1024 * 1024;

describe('a fingerprint that is killed', () => {
  test(`at ${KILLS} random moments ends with the right sums`, async (t) => {
    const place = await temporaryPlace(t);
    for (let n = 0; n < 600; n++) await make(place.root, `small/${n % 20}/${n}`);
    for (let n = 0; n < 40; n++) await make(place.root, `large/${n % 4}/${n}`, 4 * MiB + n);
    const moments: number[] = [];
    let kills = 0;
    let wasFound = 0;

    // A start that gets to its end before its moment begins a new run the next time, so that all kills are spent.
    while (kills < KILLS) {
      const start = fingerprint(place);
      const moment = Math.random() * 700;
      await Promise.race([pause(moment), start.ended]);
      start.child.kill('SIGKILL');
      const { code, out } = await start.ended;
      if (out.includes('Found: ')) wasFound++;
      if (code === null) {
        kills++;
        moments.push(Math.round(moment));
      } else assert.equal(code, 0, out);
    }
    const { code, out, err } = await fingerprint(place).ended;

    t.diagnostic(`killed after ${moments.join(', ')} ms; ${wasFound} starts found a run to go on with`);
    assert.deepEqual({ code, err }, { code: 0, err: '' }, out);
    const sums = readSums(place.sums);
    assert.equal(sums.size, 640);
    assert.deepEqual(sums, await hashAll(place.root, sums.keys()));
    const checked = await checkedBySha256sum(place);
    assert.deepEqual(checked ?? { code: 0, out: '', err: '' }, { code: 0, out: '', err: '' });
  });

  test('hashes nothing again that a checkpoint or a result covers: the files may be gone', async (t) => {
    const place = await temporaryPlace(t);
    for (let n = 0; n < 99; n++) await make(place.root, `many/${n}`, 2 * MiB + n);
    for (let n = 0; n < 99; n++) await make(place.root, `more/${n}`, MiB / 2 + n);
    const before = await hashAll(place.root, Array.from({ length: 99 }, (_, n) => [`many/${n}`, `more/${n}`]).flat());

    const covered = await killedWithCheckpoints(place);
    for (const { files } of covered) for (const file of files) await rm(join(place.root, file));
    const { code, out, err } = await fingerprint(place).ended;

    const resumed = covered.filter(({ isCheckpoint }) => isCheckpoint);
    const spared = resumed.reduce((sum, { files }) => sum + files.length, 0);
    t.diagnostic(`${spared} files in ${resumed.length} checkpoints, ${covered.length - resumed.length} parts done`);
    assert.deepEqual({ code, err }, { code: 0, err: '' }, out);
    assert.deepEqual(new Map([...readSums(place.sums)].sort()), new Map([...before].sort()));
    for (const { folder, files } of resumed)
      assert.match(out, new RegExp(`${folder} goes on at file ${files.length} of`));
    assert.ok(out.includes(`not hashed again because of checkpoints: ${spared} `));

    const results = await partsOf(place.state);
    const counted = results.reduce((sum, { result }) => sum + (result?.resumedAt.at(-1) ?? 0), 0);
    assert.equal(counted, spared, 'the results count the files that their last attempt did not hash');
  });
});

test('a fingerprint that is killed before its sums have their name writes them again', async (t) => {
  const place = await temporaryPlace(t);
  for (let n = 0; n < 5; n++) await make(place.root, `${n}`);
  const flags = ['--import', new URL('./killed-before-rename.js', import.meta.url).href];
  for (let kills = 0; kills < 4; kills++) assert.equal((await fingerprint(place, flags).ended).code, null);

  const { code, out } = await fingerprint(place).ended;

  assert.equal(code, 0);
  assert.match(out, /Found: 1 of 1 part done, 0 begun, 0 waiting\./);
  assert.deepEqual(readSums(place.sums), await hashAll(place.root, ['0', '1', '2', '3', '4']));
});

interface Covered {
  readonly folder: string;
  readonly files: readonly string[];
  readonly isCheckpoint: boolean;
}

/** Starts and kills the program until it leaves a checkpoint behind; tells what is covered by that and by results. */
async function killedWithCheckpoints(place: { root: string; state: string; sums: string }): Promise<Covered[]> {
  for (let tries = 1; ; tries++) {
    const start = fingerprint(place);
    await start.says('New:');
    await pause(50 * tries);
    start.child.kill('SIGKILL');
    assert.equal((await start.ended).code, null, 'it was done before it was killed');
    const covered = (await partsOf(place.state)).map(({ state, payload, checkpoint, result }) => ({
      folder: payload?.folder ?? '',
      files: payload?.files.slice(0, (result ?? checkpoint)?.entries.length ?? 0) ?? [],
      isCheckpoint: state === 'waiting',
    }));
    const begun = covered.filter(({ files }) => files.length > 0);
    if (begun.some(({ isCheckpoint }) => isCheckpoint)) return begun;
    await rm(place.state, { recursive: true });
  }
}

async function partsOf(state: string): Promise<PartView[]> {
  const parts: PartView[] = [];
  await using engine = await openRun(join(state, 'jobs'));
  for await (const part of everyPart(engine)) parts.push(part);
  return parts;
}

describe('Ctrl-C', () => {
  test('stops a fingerprint within a second and loses nothing', async (t) => {
    const place = await temporaryPlace(t);
    for (let n = 0; n < 60; n++) await make(place.root, `${n % 3}/${n}`, 4 * MiB + n);
    const start = fingerprint(place);
    await start.says('New:');
    await pause(20);
    const at = performance.now();
    start.child.kill('SIGINT');
    const { code, out } = await start.ended;

    assert.ok(performance.now() - at < BUSY_MACHINE_MS);
    assert.equal(code, 130);
    assert.match(out, /Stopped: \d+ of \d+ parts done\. The same command goes on\./);
    const left = await partsOf(place.state);
    assert.deepEqual(
      left.map(({ attempts, crashes }) => attempts + crashes).filter((count) => count > 0),
      [],
      'an interruption costs neither an attempt nor a crash',
    );
    const again = await fingerprint(place).ended;
    assert.equal(again.code, 0);
    assert.match(again.out, /Found: /);
    const sums = readSums(place.sums);
    assert.equal(sums.size, 60);
    assert.deepEqual(sums, await hashAll(place.root, sums.keys()));
  });

  test('keeps what was hashed since the last checkpoint', async (t) => {
    const place = await temporaryPlace(t);
    for (let n = 0; n < 30; n++) await make(place.root, `${n}`);
    const start = fingerprint(place, ['--import', new URL('./slow-read.js', import.meta.url).href]);
    await start.says('read 9\n');
    start.child.kill('SIGINT');
    assert.equal((await start.ended).code, 130);
    const [part] = await partsOf(place.state);
    const kept = part?.checkpoint?.entries.length ?? 0;
    // Two reads to a file, and those under way when it was interrupted.
    assert.ok(kept >= 4 && kept <= 10, `${kept} files`);
  });

  test('stops it within a second even if a disk does not answer, and a second one at once', async (t) => {
    const place = await temporaryPlace(t);
    await make(place.root, 'file');
    const flags = ['--import', new URL('./stuck-read.js', import.meta.url).href];
    const patient = fingerprint(place, flags);
    await patient.says('stuck');
    const at = performance.now();
    patient.child.kill('SIGINT');
    const { code, out } = await patient.ended;
    const patienceMs = performance.now() - at;
    assert.equal(code, 130);
    assert.match(out, /Stopped: 0 of 1 part/);
    assert.ok(patienceMs < BUSY_MACHINE_MS, `it took ${patienceMs} ms`);

    const hasty = fingerprint(place, flags);
    await hasty.says('stuck');
    hasty.child.kill('SIGINT');
    await pause(350);
    hasty.child.kill('SIGINT');
    const ended = await hasty.ended;
    assert.equal(ended.code, 130);
    assert.doesNotMatch(ended.out, /Stopped/);
  });

  test('that comes twice at the same time, as through npm, counts once', async (t) => {
    const place = await temporaryPlace(t);
    for (let n = 0; n < 60; n++) await make(place.root, `${n}`, 4 * MiB + n);
    const start = fingerprint(place);
    await start.says('New:');
    start.child.kill('SIGINT');
    await pause(5);
    start.child.kill('SIGINT');
    const { code, out } = await start.ended;
    assert.equal(code, 130);
    assert.match(out, /Stopped: /);
  });
});

test('a second start on the same state is told that it is in use', async (t) => {
  const place = await temporaryPlace(t);
  await make(place.root, 'file');
  const flags = ['--import', new URL('./stuck-read.js', import.meta.url).href];
  const first = fingerprint(place, flags);
  await first.says('stuck');
  const { code, err } = await fingerprint(place).ended;
  first.child.kill('SIGKILL');
  await first.ended;
  assert.equal(code, 2);
  assert.match(err, /open already in another process/);
});
