// An engine and the process it lives in: when the process may exit, and what it sees of the engine.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defineJob } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';

interface Found {
  readonly code: unknown;
  readonly output: string;
}

/** Runs the program on a folder, to its end. */
async function runOn(t: TestContext, folder: string, way: string): Promise<Found> {
  const program = fileURLToPath(new URL('./lone-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, folder, way], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [unknown];
  return { code, output };
}

async function run(t: TestContext, way: string): Promise<Found & { readonly states: string[] }> {
  const site = await openTestEngine(t);
  await site.close();
  const { code, output } = await runOn(t, site.folder, way);
  const jobs = await site.restart();
  const { jobs: stored } = await jobs.list();
  return { code, output, states: stored.map(({ type, state }) => `${type} ${state}`) };
}

const WAYS: readonly (readonly [what: string, way: string, output: string, states: readonly string[]])[] = [
  ['that has nothing to do but later', 'leaves', '', ['works completed', 'fails dead', 'works waiting']],
  ['that has an idle thread', 'leaves a thread', '', ['thread completed']],
  ['whose only handler waits for nothing', 'leaves a handler', '', ['hangs waiting']],
  ['that was closed with a handler that ignores it', 'closes', '', ['hangs waiting']],
];
for (const [what, way, output, states] of WAYS) {
  test(`a process exits by itself beside an engine ${what}, and nothing was printed`, async (t) => {
    const found = await run(t, way);
    assert.deepEqual({ code: found.code, output: found.output }, { code: 0, output });
    assert.deepEqual(found.states, states);
  });
}

test('an open engine keeps its process alive unless it is told not to, and a closed one never', async (t) => {
  const { code, output } = await run(t, 'stays');
  assert.deepEqual({ code, output }, { code: 0, output: 'still here' });
});

test('a folder that is open is refused to another process, and the engine that has it goes on', async (t) => {
  const works = defineJob({ type: 'works', run: () => 'done' });
  const site = await openTestEngine(t, { jobs: [works] });
  const { code, output } = await runOn(t, site.folder, 'leaves');
  assert.equal(code, 1);
  assert.match(output, /HOLDFAST_IN_USE/);
  assert.equal(await (await site.jobs.enqueue(works)).result(), 'done');
});
