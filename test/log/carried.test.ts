import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobTable } from '../../src/job/table.ts';
import { carriedOf } from '../../src/log/carried.ts';
import { enqueued, NOW } from '../support/log.ts';

const texts = { settings: '{}', parents: '', labels: '', payload: '[1]' };

test('a job is carried with all that its table knows, and without what it never had', () => {
  const table = new JobTable();
  table.apply(enqueued(0), 100, 50);
  const bare = carriedOf(0, table.row(0), texts, { createdAt: NOW, errors: [] }, NOW + 1);
  assert.deepEqual(
    [bare.deadlineAt, bare.key, bare.token, bare.hasCheckpoint, bare.isCancelling, bare.isUnreachable],
    [0, '', 0, false, false, false],
  );
  table.apply(enqueued(1, { id: 'job:1', deadlineAt: NOW + 9, key: 'album' }), 200, 50);
  table.apply({ kind: 'started', slot: 1, at: NOW, starts: 1 }, 300, 50);
  table.apply({ kind: 'checkpointed', slot: 1, at: NOW, checkpoint: '1' }, 400, 50);
  const whole = carriedOf(1, table.row(1), texts, { createdAt: NOW, errors: [] }, NOW + 1);
  assert.deepEqual(
    [whole.deadlineAt, whole.key, whole.token, whole.hasCheckpoint, whole.order, whole.at],
    [NOW + 9, 'album', 300, true, 200, NOW + 1],
  );
  assert.deepEqual(JSON.parse(whole.history ?? ''), { createdAt: NOW, errors: [] });
});
