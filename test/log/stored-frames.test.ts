/** The frames that lie in the files of a database: what LevelDB would show, and all that can be proved. */
import assert from 'node:assert/strict';
import { readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Frame } from '../../src/log/frame.ts';
import { keyOf } from '../../src/log/level-key.ts';
import { surveyDatabase } from '../../src/log/level-survey.ts';
import { readAllFrames, readLiveFrames, type StoredFrames } from '../../src/log/stored-frames.ts';
import { enqueued } from '../support/log.ts';
import { fixed64, logOf, sized, varint } from './level-bytes.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { chained } from './whole-folder.ts';

type Entry = readonly [sequence: number | string, bytes: Uint8Array | undefined];

/** A batch of LevelDB; a text instead of a number is a key that no frame has, in hexadecimal digits. */
function batch(version: number, entries: readonly Entry[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length, 0);
  const parts = entries.map(([sequence, bytes]) => {
    const key = sized(typeof sequence === 'string' ? Buffer.from(sequence, 'hex') : Buffer.from(keyOf(sequence)));
    return bytes === undefined ? [Buffer.from([0]), key] : [Buffer.from([1]), key, sized(Buffer.from(bytes))];
  });
  return Buffer.concat([fixed64(version), count, ...parts.flat()]);
}

const put = (...frames: readonly Frame[]): Entry[] => frames.map(({ sequence, bytes }) => [sequence, bytes]);

/** A database of these logs by their numbers, of which those from 7 on are live. */
async function surveyOf(t: TestContext, logs: Readonly<Record<number, Buffer>>) {
  const location = await temporaryFolder(t);
  await writeFile(path.join(location, 'CURRENT'), 'MANIFEST-000001\n');
  const numbers = Buffer.concat([varint(2), varint(7), varint(3), varint(20)]);
  await writeFile(path.join(location, 'MANIFEST-000001'), logOf(numbers));
  for (const [number, bytes] of Object.entries({ 7: Buffer.alloc(0), ...logs })) {
    await writeFile(path.join(location, `00000${number}.log`), bytes);
  }
  return surveyDatabase(location);
}

/** The chain value of each frame that was found, and what is said of the others. */
function told({ frames, problems, newer }: StoredFrames): [Record<number, number>, string[], number | undefined] {
  const chains = Object.fromEntries([...frames].map(([sequence, { chain }]) => [sequence, chain]));
  return [
    chains,
    problems.map(({ where, what, isCut }) => `${path.basename(where)}: ${what}${isCut ? ' (cut)' : ''}`),
    newer?.found,
  ];
}

const chainsOf = (...frames: readonly Frame[]): Record<number, number> =>
  Object.fromEntries(frames.map(({ sequence, chain }) => [sequence, chain]));

const [ONE, TWO, THREE] = chained([[enqueued(0)], [enqueued(1)], [enqueued(2)]]) as [Frame, Frame, Frame];
/** Another frame of the number 2, whose neighbours do not know it. */
const OTHER = chained([[enqueued(8)], [enqueued(9)]])[1] as Frame;
const BROKEN = Buffer.from(TWO.bytes).fill(0, 50, 60);

describe('what LevelDB would show', () => {
  test('is the newest version of each frame, in order', async (t) => {
    const survey = await surveyOf(t, {
      7: logOf(batch(1, put(TWO, ONE)), batch(3, [[3, undefined]]), batch(4, put(THREE))),
    });
    const found = await readLiveFrames(survey);
    assert.deepEqual([...found.frames.keys()], [1, 2, 3]);
    assert.deepEqual(told(found), [chainsOf(ONE, TWO, THREE), [], undefined]);
  });

  test('is nothing of what was deleted later, wherever that stands', async (t) => {
    const survey = await surveyOf(t, { 7: logOf(batch(9, [[1, undefined]])), 8: logOf(batch(1, put(ONE, TWO))) });
    assert.deepEqual(told(await readLiveFrames(survey)), [chainsOf(TWO), [], undefined]);
    assert.deepEqual(told(await readAllFrames(survey)), [chainsOf(ONE, TWO), [], undefined]);
  });

  test('is not what lies in files that are left over', async (t) => {
    const survey = await surveyOf(t, { 6: logOf(batch(1, put(ONE))), 7: logOf(batch(2, put(TWO))) });
    const files: unknown[] = [];
    assert.deepEqual(told(await readLiveFrames(survey, (far) => files.push(far))), [chainsOf(TWO), [], undefined]);
    assert.deepEqual(files, [{ step: 'files', done: 0, total: 1 }]);
    files.length = 0;
    assert.deepEqual(told(await readAllFrames(survey, (far) => files.push(far)))[0], chainsOf(ONE, TWO));
    assert.deepEqual(files, [
      { step: 'files', done: 0, total: 2 },
      { step: 'files', done: 1, total: 2 },
    ]);
  });

  test('may be damaged, though an older version is whole: that counts only where all do', async (t) => {
    const survey = await surveyOf(t, { 7: logOf(batch(1, put(ONE, TWO)), batch(5, [[2, BROKEN]])) });
    const problem = '000007.log: frame 2: its checksum does not match its bytes';
    assert.deepEqual(told(await readLiveFrames(survey)), [chainsOf(ONE), [problem], undefined]);
    assert.deepEqual(told(await readAllFrames(survey)), [chainsOf(ONE, TWO), [problem], undefined]);
  });

  test('is the later of two that stand there with one version', async (t) => {
    const survey = await surveyOf(t, { 7: logOf(batch(1, put(TWO))), 8: logOf(batch(1, put(OTHER))) });
    assert.deepEqual(told(await readLiveFrames(survey))[0], chainsOf(OTHER));
  });
});

describe('of two whole frames of one number', () => {
  test('the one that the next frame names is taken, be it the older', async (t) => {
    for (const [first, second] of [
      [TWO, OTHER],
      [OTHER, TWO],
    ] as const) {
      const survey = await surveyOf(t, {
        7: logOf(batch(1, put(ONE, first)), batch(3, put(THREE)), batch(9, put(second))),
      });
      assert.deepEqual(told(await readAllFrames(survey)), [chainsOf(ONE, TWO, THREE), [], undefined]);
    }
  });

  test('the newer is taken where no frame comes next, in whatever order they lie there', async (t) => {
    for (const [first, second] of [
      [TWO, OTHER],
      [OTHER, TWO],
    ] as const) {
      const batches = [batch(1, put(ONE, first)), batch(9, put(second))];
      for (const log of [logOf(...batches), logOf(...batches.toReversed())]) {
        assert.deepEqual(told(await readAllFrames(await surveyOf(t, { 7: log })))[0], chainsOf(ONE, second));
      }
    }
  });

  test('the newer counts also when it is what was there before', async (t) => {
    const survey = await surveyOf(t, { 7: logOf(batch(1, put(TWO)), batch(5, put(OTHER)), batch(9, put(TWO))) });
    for (const read of [readLiveFrames, readAllFrames]) assert.deepEqual(told(await read(survey))[0], chainsOf(TWO));
  });
});

test('a deletion and a frame that have one version are two', async (t) => {
  const [gone, there] = [logOf(batch(5, [[2, undefined]])), logOf(batch(5, put(TWO)))];
  for (const logs of [
    { 7: gone, 8: there },
    { 7: there, 8: gone },
  ]) {
    assert.deepEqual(told(await readAllFrames(await surveyOf(t, logs)))[0], chainsOf(TWO));
  }
  assert.deepEqual(told(await readLiveFrames(await surveyOf(t, { 7: gone, 8: there })))[0], chainsOf(TWO));
  assert.deepEqual(told(await readLiveFrames(await surveyOf(t, { 7: there, 8: gone })))[0], {});
});

describe('what is wrong', () => {
  test('is a key that no frame has, and what the files say of themselves', async (t) => {
    const log = Buffer.concat([
      logOf(batch(1, [['0102', Buffer.from('x')]])),
      logOf(batch(2, put(ONE))),
      Buffer.alloc(9, 9),
    ]);
    const survey = await surveyOf(t, { 7: log });
    for (const found of [await readLiveFrames(survey), await readAllFrames(survey)]) {
      const place = `000007.log, byte ${log.length - 9}: bytes whose checksum does not match`;
      assert.deepEqual(told(found), [chainsOf(ONE), ['000007.log: a key that no frame has: 0102', place], undefined]);
      assert.deepEqual(new Set(found.problems.map(({ isCut }) => isCut)), new Set([false]));
    }
  });

  test('is told once of a frame that lies in two files, as while LevelDB moves it', async (t) => {
    const twice = logOf(batch(5, [[2, BROKEN]]), batch(6, [[3, undefined]]));
    const survey = await surveyOf(t, { 7: twice, 8: twice });
    assert.equal(told(await readAllFrames(survey))[1].length, 1);
    const others = logOf(batch(5, [[2, Buffer.concat([BROKEN, BROKEN])]]), batch(5, [[2, undefined]]));
    assert.equal(told(await readAllFrames(await surveyOf(t, { 7: twice, 8: others })))[1].length, 2);
  });

  test('is a frame of a newer version of the library, which is not taken for damage', async (t) => {
    const bytes = Buffer.from(TWO.bytes);
    bytes[7] = 9;
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
    const survey = await surveyOf(t, { 7: logOf(batch(1, put(ONE)), batch(2, [[2, bytes]])) });
    for (const found of [await readLiveFrames(survey), await readAllFrames(survey)]) {
      assert.equal(found.newer?.found, 9);
      assert.equal(found.newer?.where, 'frame 2 of the log');
      assert.equal(found.problems[0]?.what, found.newer?.message);
    }
  });

  test('is what the survey of the files says', async (t) => {
    const survey = await surveyOf(t, { 7: logOf(batch(1, put(ONE))) });
    const [name] = (await readdir(survey.location)).filter((file) => file.endsWith('.log'));
    await rename(path.join(survey.location, name ?? ''), path.join(survey.location, '000003.log'));
    const again = await surveyDatabase(survey.location);
    assert.deepEqual(told(await readLiveFrames(again)), [{}, ['000007.log: a file is missing'], undefined]);
    assert.deepEqual(told(await readAllFrames(again)), [chainsOf(ONE), ['000007.log: a file is missing'], undefined]);
  });
});
