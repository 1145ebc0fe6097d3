import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { FORMAT_VERSION } from '../../src/log/frame.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { KINDS } from '../../src/log/record-format.ts';
import { NOW, openLog } from '../support/log.ts';

const page = readFileSync(fileURLToPath(new URL('../../../docs/log-format.md', import.meta.url)), 'utf8');

/** The bytes of an example on the page; its lines say their offset, their bytes and what they mean. */
function exampleOf(name: string): string {
  const [, lines = ''] = new RegExp(`\`\`\`${name}\n([^\`]*(?:\`(?!\`\`)[^\`]*)*)\`\`\``).exec(page) ?? [];
  let hex = '';
  for (const line of lines.trimEnd().split('\n')) {
    const [, offset, bytes = ''] = /^ *(\d+) {2}((?:[0-9a-f]{2} )+) +\S/.exec(line) ?? [];
    assert.equal(Number(offset), hex.length / 2, `the offset of: ${line}`);
    hex += bytes.replaceAll(' ', '');
  }
  return hex;
}

describe('the page on the format of the log', () => {
  test('has the bytes that its example gives', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    log.record({ kind: 'opened', at: NOW });
    const order = log.record({
      ...{ kind: 'enqueued', at: NOW + 1, slot: 0, id: '01KDVN9R01T6B4J2MZQ8XW5C7D', type: 'email:welcome' },
      ...{
        queue: 'email',
        priority: 5,
        dueAt: NOW + 1,
        deadlineAt: 0,
        settings: '',
        parents: '',
        key: '',
        labels: '',
        payload: '{"to":"ada"}',
      },
    });
    await log.commit();
    const token = log.record({ kind: 'started', at: NOW + 2, slot: 0, starts: 1 });
    log.record({ kind: 'completed', at: NOW + 9, slot: 0, result: '"sent"' });
    await log.commit();
    for (const [sequence, bytes] of frames) {
      assert.equal(Buffer.from(bytes).toString('hex'), exampleOf(`frame-${sequence}`));
    }
    assert.equal(frames.size, 2);
    assert.ok(page.includes(`\`order\` of the job is ${order}`));
    assert.ok(page.includes(`token of its attempt is ${token}`));
    assert.ok(page.includes(`at: ${NOW}`));
  });

  test('has the number of every kind, and the version of today', () => {
    for (const [n, kind] of KINDS.entries()) {
      assert.match(page, new RegExp(`^\\| ${n + 1} \`${kind}\` +\\||\\b${n + 1} ${kind}\\b`, 'm'));
    }
    assert.match(page, new RegExp(`^\\| ${FORMAT_VERSION} +\\|`, 'm'));
  });
});
