// A folder that is refused is left as it is. LevelDB by itself would go on with what it can read, and delete the rest.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../../src/index.ts';

/** What LevelDB reads, by file. Its `LOG` is for people, and its lock is empty. */
function contentsOf(database: string): Record<string, string> {
  const files = readdirSync(database).filter((name) => !/^(LOG|LOCK)/.test(name));
  return Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(database, name)))
        .digest('hex'),
    ]),
  );
}

test('a database that is damaged is refused before LevelDB changes a file of it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-refused-'));
  t.after(() => rmSync(folder, { recursive: true }));
  {
    await using jobs = await open(folder);
    for (let n = 0; n < 30; n++) await jobs.enqueue('any', { n, padding: 'x'.repeat(500) });
  }
  const database = join(folder, 'log');
  const log = join(database, readdirSync(database).find((name) => name.endsWith('.log')) as string);
  const bytes = readFileSync(log);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 1;
  writeFileSync(log, bytes);
  const before = contentsOf(database);
  for (const time of ['first', 'second']) {
    await assert.rejects(open(folder), { code: 'HOLDFAST_DAMAGED' }, time);
    assert.deepEqual(contentsOf(database), before, `the ${time} time`);
  }
});
