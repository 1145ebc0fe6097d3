import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreUnavailableError } from '../../src/errors.ts';
import { levelError } from '../../src/log/level-errors.ts';

/** As `level` throws them: what LevelDB said is wrapped when it was opening. */
function told(code: string | undefined, message: string): Error {
  const inner = Object.assign(new Error(message), code === undefined ? {} : { code });
  return Object.assign(new Error('Database failed to open', { cause: inner }), { code: 'LEVEL_DATABASE_NOT_OPEN' });
}

const IN_USE = 'HOLDFAST_IN_USE';
const DAMAGED = 'HOLDFAST_DAMAGED';
const UNAVAILABLE = 'HOLDFAST_STORE_UNAVAILABLE';

const SAID: readonly (readonly [level: string | undefined, message: string, code: string, says: RegExp])[] = [
  ['LEVEL_LOCKED', 'IO error: lock /l/LOCK: Resource temporarily unavailable', IN_USE, /in another process/],
  ['LEVEL_LOCKED', 'IO error: lock /l/LOCK: already held by process', IN_USE, /in this process/],
  ['LEVEL_LOCKED', 'IO error: LockFile C:\\l\\LOCK: The process cannot access it', IN_USE, /in another process/],
  ['LEVEL_CORRUPTION', 'Corruption: bad block type', DAMAGED, /bad block type \(\/l\)/],
  ['LEVEL_CORRUPTION', 'Corruption: 1 missing files; e.g.: /l/000005.ldb', DAMAGED, /\(\/l\/000005\.ldb\)/],
  ['LEVEL_IO_ERROR', 'IO error: /l/MANIFEST-000002: No such file or directory', DAMAGED, /\(\/l\/MANIFEST-000002\)/],
  ['LEVEL_IO_ERROR', 'IO error: /l/000007.ldb: Invalid argument', DAMAGED, /too short \(\/l\/000007\.ldb\)/],
  ['LEVEL_IO_ERROR', 'IO error: C:\\l\\000007.ldb: The system cannot find the file specified.', DAMAGED, /000007\.ldb/],
  [undefined, 'Invalid argument: /l: does not exist (create_if_missing is false)', DAMAGED, /missing \(\/l\)/],
  ['LEVEL_IO_ERROR', 'IO error: /l/000003.log: No space left on device', UNAVAILABLE, /write to \/l: .*No space left/],
  ['LEVEL_IO_ERROR', 'IO error: /l/000003.log: Invalid argument', UNAVAILABLE, /Invalid argument/],
  ['LEVEL_DATABASE_NOT_OPEN', 'Database is not open', UNAVAILABLE, /it is closed/],
  ['LEVEL_ITERATOR_NOT_OPEN', 'Iterator is not open: cannot call nextv() after close()', UNAVAILABLE, /it is closed/],
  ['LEVEL_SOMETHING_NEW', 'never seen before', UNAVAILABLE, /never seen before/],
];

for (const [level, message, code, says] of SAID) {
  test(`"${message}" is ${code}, with the original as its cause`, () => {
    const original = told(level, message);
    for (const error of [levelError('write to', '/l', original), levelError('write to', '/l', original.cause)]) {
      assert.equal(error.code, code);
      assert.match(error.message, says);
      assert.ok(error.cause === original || error.cause === original.cause);
    }
  });
}

test('an error of ours is passed on, and what is no error becomes one', () => {
  const ours = new StoreUnavailableError('it is closed');
  assert.equal(levelError('read', '/l', ours), ours);
  assert.match(levelError('read', '/l', 'a text').message, /cannot read \/l: a text/);
});

test('errors that are each other’s cause are told all the same', () => {
  const first = new Error('first');
  first.cause = new Error('second', { cause: first });
  assert.equal(levelError('read', '/l', first).code, UNAVAILABLE);
});
