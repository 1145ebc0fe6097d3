/** What lies in a folder of LevelDB, by files made by hand: which of them count, and what is wrong with them. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { checkTable, readEntries, surveyDatabase } from '../../src/log/level-survey.ts';
import { batch, content, handle, logOf, sized, TableBytes, tableKey, varint } from './level-bytes.ts';
import { temporaryFolder } from './temporary-folder.ts';

const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };

function table(...keys: readonly string[]): Buffer {
  const bytes = new TableBytes();
  const block = bytes.add(content(keys.map((key, n) => [tableKey(key, n + 1), Buffer.from(key.toUpperCase())])));
  const metaindex = bytes.add(content([]));
  return bytes.end(metaindex, bytes.add(content([[Buffer.from('k'), handle(block)]])));
}

const TABLE = table('ant', 'bee');

interface Given {
  readonly logNumber?: number;
  readonly previousLog?: number;
  readonly nextFile?: number;
  readonly tables?: readonly (readonly [number: number, bytes: number])[];
}

function manifest({ logNumber = 7, previousLog = 0, nextFile = 8, tables = [[5, TABLE.length]] }: Given = {}): Buffer {
  const added = tables.map(([number, bytes]) => [
    ...[varint(7), varint(0), varint(number), varint(bytes)],
    ...[sized(tableKey('ant', 1)), sized(tableKey('bee', 2))],
  ]);
  const numbers = [varint(2), varint(logNumber), varint(9), varint(previousLog), varint(3), varint(nextFile)];
  return logOf(Buffer.concat([...numbers, ...added.flat()]));
}

const WHOLE: Readonly<Record<string, Buffer | string>> = {
  ...{ CURRENT: 'MANIFEST-000004\n', 'MANIFEST-000004': manifest(), '000005.ldb': TABLE },
  '000007.log': logOf(batch(3, [['cat', 'CAT']])),
};

/** A folder of these files, and what is found in it. */
async function survey(t: TestContext, files: Readonly<Record<string, Buffer | string | undefined>> = {}) {
  const location = await temporaryFolder(t);
  for (const [name, bytes] of Object.entries({ ...WHOLE, ...files })) {
    if (bytes !== undefined) await writeFile(path.join(location, name), bytes);
  }
  const found = await surveyDatabase(location);
  assert.equal(found.location, location);
  const files_ = found.files.map((file) => {
    assert.equal(file.path, path.join(location, path.basename(file.path)));
    return `${path.basename(file.path)} ${file.number} ${file.kind}${file.isLive ? '' : ' left'} ${String(file.bytes)}`;
  });
  const problems = found.problems.map(({ where, what, isCut }) => {
    return `${path.relative(location, where)}: ${what}${isCut ? ' (cut)' : ''}`;
  });
  return { found, location, files: files_, problems };
}

/** What can be read of the file of this name. */
async function entriesOf({ found }: Awaited<ReturnType<typeof survey>>, name: string): Promise<string[]> {
  const file = found.files.find((candidate) => candidate.path.endsWith(name));
  assert.ok(file !== undefined);
  const items: string[] = [];
  for await (const item of readEntries(file)) {
    if (item.kind === 'entry')
      items.push(`${String(item.entry.key)} ${item.entry.version} ${String(item.entry.value)}`);
    else items.push(`${path.basename(item.where)}: ${item.what}${item.isCut ? ' (cut)' : ''}`);
  }
  return items;
}

const LOG = '000007.log 7 log undefined';
const LDB = `000005.ldb 5 table ${TABLE.length}`;

describe('the files of a database', () => {
  test('are those of its MANIFEST, and the logs from its number on', async (t) => {
    const { files, problems, found } = await survey(t);
    assert.deepEqual([files, problems], [[LDB, LOG], []]);
    assert.equal(found.manifest?.logNumber, 7);
  });

  test('are in the order in which they were begun; others are left over, and what has another name is none', async (t) => {
    const { files, problems } = await survey(t, {
      ...{ '000010.log': '', '000009.sst': TABLE, '000006.log': '', '000003.log': '', '1000000.log': '' },
      ...{ '000002.ldb': TABLE, LOCK: '', LOG: '', 'x000001.log': '', '000001.logx': '', 'a.ldb': '' },
      'MANIFEST-000004': manifest({
        previousLog: 3,
        tables: [
          [5, TABLE.length],
          [9, TABLE.length],
        ],
      }),
    });
    assert.deepEqual(files, [
      ...['000002.ldb 2 table left undefined', '000003.log 3 log undefined', LDB, '000006.log 6 log left undefined'],
      ...[
        LOG,
        `000009.sst 9 table ${TABLE.length}`,
        '000010.log 10 log undefined',
        '1000000.log 1000000 log undefined',
      ],
    ]);
    assert.deepEqual(problems, []);
  });

  test('all count when nobody knows which', async (t) => {
    const files = { '000003.log': '', '000002.ldb': TABLE };
    const live = [
      ...['000002.ldb 2 table undefined', '000003.log 3 log undefined'],
      '000005.ldb 5 table undefined',
      LOG,
    ];
    const known: [Record<string, string | undefined>, string][] = [
      [{ CURRENT: undefined }, 'CURRENT: the file CURRENT is missing'],
      [{ CURRENT: 'MANIFEST-000004' }, 'CURRENT: it does not name a MANIFEST'],
      [{ CURRENT: 'XMANIFEST-000004\n' }, 'CURRENT: it does not name a MANIFEST'],
      [{ CURRENT: 'MANIFEST-00004\n' }, 'CURRENT: it does not name a MANIFEST'],
      [{ 'MANIFEST-000004': undefined }, 'MANIFEST-000004: a file is missing'],
    ];
    for (const [changed, problem] of known) {
      const seen = await survey(t, { ...files, ...changed });
      assert.deepEqual([seen.problems, seen.files], [[problem], live]);
      assert.equal(seen.found.manifest, undefined);
    }
  });
});

describe('what is wrong with a database', () => {
  test('is a folder that is missing, or that cannot be read', async (t) => {
    const folder = await temporaryFolder(t);
    const location = path.join(folder, 'log');
    const problem = { where: location, what: 'the folder of the log is missing', isCut: false };
    assert.deepEqual(await surveyDatabase(location), { location, manifest: undefined, files: [], problems: [problem] });
    await writeFile(location, '');
    await assert.rejects(surveyDatabase(location), { ...UNAVAILABLE, message: /cannot read the folder / });
  });

  test('is a file that is missing, of those that LevelDB would read', async (t) => {
    const { problems } = await survey(t, { '000005.ldb': undefined, '000007.log': undefined });
    assert.deepEqual(problems, ['000005.ldb: a file is missing', '000007.log: a file is missing']);
    // A log of the number of a table is none, and the other way round.
    const others = { '000005.log': '', '000007.ldb': TABLE, '000005.ldb': undefined, '000007.log': undefined };
    assert.deepEqual((await survey(t, others)).problems, problems);
    const none = await survey(t, { 'MANIFEST-000004': manifest({ logNumber: 0 }), '000007.log': undefined });
    assert.deepEqual(none.problems, []);
  });

  test('is a table of another size', async (t) => {
    const { problems } = await survey(t, { '000005.ldb': TABLE.subarray(1) });
    assert.deepEqual(problems, [`000005.ldb: it has ${TABLE.length - 1} bytes instead of ${TABLE.length}`]);
  });

  test('is a MANIFEST that is older than its name, damaged, or cut off', async (t) => {
    const older = await survey(t, { 'MANIFEST-000004': manifest({ nextFile: 4 }) });
    assert.deepEqual(older.problems, ['MANIFEST-000004: it is older than its name']);
    assert.deepEqual((await survey(t, { 'MANIFEST-000004': manifest({ nextFile: 5 }) })).problems, []);
    const bytes = manifest();
    const damaged = Buffer.concat([bytes, Buffer.alloc(9, 9), bytes]);
    const sum = `MANIFEST-000004, byte ${bytes.length}: bytes whose checksum does not match`;
    assert.deepEqual((await survey(t, { 'MANIFEST-000004': damaged })).problems, [sum]);
    const cut = (await survey(t, { 'MANIFEST-000004': bytes.subarray(0, -1), '000007.log': undefined })).problems;
    assert.deepEqual(cut, ['MANIFEST-000004, byte 0: the file ends in the middle of a record (cut)']);
  });

  test('is told when something else has the name of a file', async (t) => {
    const { location } = await survey(t);
    await rm(path.join(location, 'CURRENT'));
    await mkdir(path.join(location, 'CURRENT'));
    await assert.rejects(surveyDatabase(location), { ...UNAVAILABLE, message: /cannot read .*CURRENT/ });
  });
});

describe('the entries of a file', () => {
  test('are those of a log or a table', async (t) => {
    const seen = await survey(t);
    assert.deepEqual(await entriesOf(seen, '000007.log'), ['cat 3 CAT']);
    assert.deepEqual(await entriesOf(seen, '000005.ldb'), ['ant 1 ANT', 'bee 2 BEE']);
    for (const file of seen.found.files)
      assert.equal(await checkTable({ ...file, path: seen.found.files[0]?.path ?? '' }), undefined);
  });

  test('of a log are told with what is damaged between them, and what is no batch', async (t) => {
    const [first, last] = [batch(1, [['a', '1']]), batch(9, [['b', undefined]])];
    const log = Buffer.concat([logOf(first, Buffer.from('no batch')), Buffer.alloc(8, 9), logOf(last).subarray(0, -1)]);
    const at = logOf(first).length;
    const whole = await survey(t, {
      '000007.log': Buffer.concat([log.subarray(0, -logOf(last).length + 1), logOf(last)]),
    });
    const notBatch = `000007.log, byte ${at}: not a batch: 4 bytes at 8, and the end is at 8`;
    const damaged = `000007.log, byte ${at + 15}: bytes whose checksum does not match`;
    assert.deepEqual(await entriesOf(whole, '000007.log'), ['a 1 1', notBatch, damaged, 'b 9 undefined']);
    const cut = await survey(t, { '000007.log': logOf(first).subarray(0, -1) });
    assert.deepEqual(await entriesOf(cut, '000007.log'), [
      '000007.log, byte 0: the file ends in the middle of a record (cut)',
    ]);
  });

  test('of a table that is damaged are told with the place of the damage', async (t) => {
    const bytes = Buffer.from(TABLE);
    bytes[0] = 1;
    const seen = await survey(t, { '000005.ldb': bytes });
    const what = 'a block cannot be read: its checksum does not match';
    assert.deepEqual(await entriesOf(seen, '000005.ldb'), [`000005.ldb, byte 0: ${what}`]);
    const [file] = seen.found.files;
    assert.ok(file !== undefined);
    assert.deepEqual(await checkTable(file), { where: `${file.path}, byte 0`, what, isCut: false });
    await rm(file.path);
    const missing = { where: file.path, what: 'a file is missing', isCut: false };
    assert.deepEqual(await checkTable(file), missing);
    assert.deepEqual(await entriesOf(seen, '000005.ldb'), ['000005.ldb: a file is missing']);
    await mkdir(file.path);
    await assert.rejects(checkTable(file), UNAVAILABLE);
  });
});
