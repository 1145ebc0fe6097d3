import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lineOf } from '../../examples/fingerprint/sums.ts';
import {
  checkedBySha256sum,
  Fingerprint,
  fingerprint,
  hashAll,
  make,
  readSums,
  temporaryPlace,
} from './fingerprint-process.ts';

const isWindows = process.platform === 'win32';

describe('a fingerprint of a folder', () => {
  test('has the sum of every file, as sha256sum reads and finds it', async (t) => {
    const place = await temporaryPlace(t);
    const names = ['a', 'empty folder', 'deep/er/and/er/file', 'ø/日本語/👍', ' leading and trailing ', '-n', '*?[x]'];
    if (!isWindows) names.push('new\nline', 'back\\slash', 'both\\\nof\rthem', 'carriage return\r', '\\n');
    for (const name of names) await make(place.root, `names/${name}`);
    await make(place.root, 'empty', '');
    await make(place.root, 'large', 5 * 1024 * 1024 + 1);
    for (let n = 0; n < 250; n++) await make(place.root, `many/${n}`);

    const { code, out, err } = await fingerprint(place).ended;

    assert.deepEqual({ code, err }, { code: 0, err: '' });
    assert.match(out, /New: (\d+) files in \d+ parts\./);
    const sums = readSums(place.sums);
    assert.equal(sums.size, names.length + 252);
    assert.deepEqual(sums, await hashAll(place.root, sums.keys()));
    const checked = await checkedBySha256sum(place);
    assert.deepEqual(checked ?? { code: 0, out: '', err: '' }, { code: 0, out: '', err: '' });
  });

  test('is the same text again for the same files', async (t) => {
    const place = await temporaryPlace(t);
    const again = { ...place, state: `${place.state}-2`, sums: join(`${place.state}-2`, 'SHA256SUMS') };
    for (let n = 0; n < 300; n++) await make(place.root, `${n % 7}/${n % 3}/${n}`);
    await fingerprint(place).ended;
    await fingerprint(again).ended;
    assert.deepEqual([...readSums(place.sums)], [...readSums(again.sums)]);
  });

  test('that is complete is begun anew by the next start, and sees what changed', async (t) => {
    const place = await temporaryPlace(t);
    await make(place.root, 'stays');
    await make(place.root, 'goes');
    await fingerprint(place).ended;
    await rm(join(place.root, 'goes'));
    await writeFile(join(place.root, 'stays'), 'changed');

    const { code, out } = await fingerprint(place).ended;

    assert.equal(code, 0);
    assert.match(out, /The last run is complete; this is a new one\.\nNew: 1 file in 1 part/);
    assert.deepEqual(readSums(place.sums), await hashAll(place.root, ['stays']));
  });

  test('leaves out links, special files and its own state, and says so', { skip: isWindows }, async (t) => {
    const place = await temporaryPlace(t);
    const state = join(place.root, 'state');
    await make(place.root, 'file');
    await symlink('file', join(place.root, 'link'));
    await symlink('nowhere', join(place.root, 'dangling'));
    await mkdir(join(place.root, 'folder'));
    await symlink('folder', join(place.root, 'link to a folder'));
    execFileSync('mkfifo', [join(place.root, 'pipe')]);

    const { code, out } = await fingerprint({ ...place, state }).ended;

    assert.equal(code, 0);
    assert.match(out, /New: 1 file in 1 part, without 4 links and special files\./);
    assert.deepEqual([...readSums(join(state, 'SHA256SUMS')).keys()], ['file']);
  });
});

describe('what cannot be read', () => {
  test('is named with its reason, the rest is done, and the exit code tells', { skip: isWindows }, async (t) => {
    const place = await temporaryPlace(t);
    for (const name of ['kept', 'vanishes', 'becomes a link', 'becomes a pipe', 'becomes a folder']) {
      await make(place.root, name);
    }
    // Killed as soon as the run is stored, so that the files change between the plan and the hashing.
    const first = fingerprint(place, ['--import', new URL('./killed-at-first-read.js', import.meta.url).href]);
    assert.equal((await first.ended).code, null);
    const changed = ['vanishes', 'becomes a link', 'becomes a pipe', 'becomes a folder'].map((name) =>
      join(place.root, name),
    );
    for (const path of changed) await rm(path);
    await symlink('kept', changed[1] ?? '');
    execFileSync('mkfifo', [changed[2] ?? '']);
    await mkdir(changed[3] ?? '');

    const { code, out, err } = await fingerprint(place).ended;

    assert.equal(code, 1);
    assert.match(out, /Done: 1 file,/);
    assert.deepEqual(err.split('\n').sort(), [
      '',
      '  becomes a folder: not a file',
      '  becomes a link: it has become a link',
      '  becomes a pipe: not a file',
      '  vanishes: it is not there',
      '4 could not be read:',
    ]);
    assert.deepEqual(readSums(place.sums), await hashAll(place.root, ['kept']));
  });

  const isRoot = process.getuid?.() === 0;
  test('for want of permission is named, files and folders', { skip: isWindows || isRoot }, async (t) => {
    const place = await temporaryPlace(t);
    for (const name of ['kept', 'closed', 'shut/inside']) await make(place.root, name);
    execFileSync('chmod', ['000', join(place.root, 'closed'), join(place.root, 'shut')]);
    t.after(() => execFileSync('chmod', ['700', join(place.root, 'shut')]));

    const { code, err } = await fingerprint(place).ended;

    assert.equal(code, 1);
    assert.match(err, /closed: no permission to read it\n {2}shut: no permission to read it/);
    assert.deepEqual([...readSums(place.sums).keys()], ['kept']);
  });
});

describe('a start that cannot begin', () => {
  const refusals: ReadonlyArray<readonly [what: string, words: (root: string) => string[], message: RegExp]> = [
    ['a folder that does not exist', (root) => [join(root, 'none')], /none cannot be fingerprinted: it is not there\./],
    ['a file for a folder', (root) => [join(root, 'file')], /file is not a folder\. Give the folder that holds it\./],
    ['a folder without files', (root) => [join(root, 'empty')], /There are no files in .*empty\./],
    ['two folders', (root) => [root, root], /One folder at a time[^]*usage:/],
    ['an unknown option', (root) => [root, '--fast'], /--fast[^]*usage:/],
    ['a state that is a file', (root) => [root, '--state', join(root, 'file')], /a path that leads through a file/],
  ];
  for (const [what, words, message] of refusals) {
    test(`for ${what} says why and ends with 2`, async (t) => {
      const place = await temporaryPlace(t);
      await make(place.root, 'file');
      await mkdir(join(place.root, 'empty'));
      const given = words(place.root);
      const { code, err } = await new Fingerprint(
        given.includes('--state') ? given : [...given, '--state', place.state],
      ).ended;
      assert.equal(code, 2);
      assert.match(err, message);
      assert.doesNotMatch(err, / at .*\.js:\d+/);
    });
  }

  test('for an unfinished run over another folder says how to go on', async (t) => {
    const place = await temporaryPlace(t);
    const other = await temporaryPlace(t);
    await make(place.root, 'a');
    await make(other.root, 'a');
    const flags = ['--import', new URL('./killed-at-first-read.js', import.meta.url).href];
    assert.equal((await fingerprint(place, flags).ended).code, null);

    const { code, err } = await fingerprint({ ...other, state: place.state }).ended;

    assert.equal(code, 2);
    assert.match(err, /There is an unfinished run over .*root\. Finish it .* or keep this run elsewhere/);
    assert.equal((await fingerprint(place).ended).code, 0, 'the first run can still be finished');
  });
});

test('a line of sums escapes what would break it, and only then', () => {
  const sum = '0'.repeat(64);
  assert.equal(lineOf('plain name', sum), `${sum}  plain name\n`);
  assert.equal(lineOf('a\nb\\c\rd', sum), `\\${sum}  a\\nb\\\\c\\rd\n`);
  assert.equal(lineOf('unread', { problem: 'gone' }), '');
});
