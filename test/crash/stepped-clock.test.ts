// The clock is set while an engine runs in a process of its own, which is then killed and opened with a clock that is behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { verify } from '../../src/index.ts';

const program = fileURLToPath(new URL('./stepped.js', import.meta.url));
const preload = new URL('./shifted-date.js', import.meta.url).href;

async function life(folder: string, number: number): Promise<Map<string, unknown>> {
  const child = spawn(process.execPath, [`--import=${preload}`, program, folder, String(number)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Map<string, unknown>();
  for await (const line of createInterface({ input: child.stdout })) {
    const { what, value } = JSON.parse(line) as { what: string; value: unknown };
    said.set(what, value);
  }
  return said;
}

test('a clock that is set a day forward and back loses nothing, repeats nothing and holds up nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-stepped-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const runs = { runs: 1, owed: 0, skipped: { merged: 143 } };

  const first = await life(folder, 1);
  const hungFor = first.get('hung for') as number;
  const last = first.get('last') as string;
  first.delete('hung for');
  first.delete('last');
  const made = first.get('made up') as { id: string; standsFor: number };
  assert.match(made.id, /^ten@/);
  first.delete('made up');
  assert.equal(made.standsFor, 144);
  assert.deepEqual(Object.fromEntries(first), {
    'an hour later': 'later',
    'after a day forward': runs,
    'what hangs': 'HOLDFAST_JOB_FAILED',
    'a day back': 'plain',
    'after a day back': runs,
  });
  assert.ok(hungFor >= 250 && hungFor < 20_000, `a timeout of 300 ms took ${hungFor} ms`);

  const second = await life(folder, 2);
  const next = second.get('first') as string;
  second.delete('first');
  assert.deepEqual(Object.fromEntries(second), { 'a day behind the log': 'plain again', 'after a restart': runs });
  assert.ok(next > last, 'ids go on behind those that are stored');
  const { isSound, damage } = await verify(folder);
  assert.deepEqual({ isSound, damage }, { isSound: true, damage: [] });
});
