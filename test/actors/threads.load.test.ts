// Loading the module of a handler: every form that works, and every way to fail, named.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { handler, order, resultOf, start, threadsFor } from '../support/threads.ts';

const threads = threadsFor();
const folder = mkdtempSync(join(tmpdir(), 'holdfast-modules-'));
after(() => rmSync(folder, { recursive: true }));

function moduleNamed(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return pathToFileURL(path).href;
}

// In Node 20 `require` of a module that is not CommonJS aborts the process when the thread is ended meanwhile.
test('a thread that boots requires no module that is not CommonJS', () => {
  const entry = fileURLToPath(new URL('../../workers/main.cjs', import.meta.url));
  const look = `console.log(typeof require(${JSON.stringify(entry)}))`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-experimental-require-module', '-e', look], {
    encoding: 'utf8',
  });
  assert.equal(stdout.trim(), 'function', stderr);
});

test('ESM, CommonJS and what compilers make of one for the other are loaded', async () => {
  assert.deepEqual(await resultOf(threads, order(handler('echo.js'), 1)), 1);
  assert.deepEqual(await resultOf(threads, order(handler('commonjs.cjs'), 1)), { commonjs: 1 });
  assert.deepEqual(await resultOf(threads, order(handler('compiled.cjs'), 1)), { compiled: 1 });
});

test('a name with spaces, umlauts and signs is a module like any other', async () => {
  const module = moduleNamed('größe 100%#?.mjs', 'export default () => "loaded";');
  assert.equal(await resultOf(threads, order(module)), 'loaded');
});

test('a thread loads a module once, and says when it is loaded', async () => {
  const one = threadsFor({ max: 1 });
  const module = moduleNamed('counts.mjs', 'let n = 0; export default () => ++n;');
  const first = start(one, order(module));
  assert.equal(first.run.loading, true);
  await first.released;
  assert.equal(first.run.loading, false);
  assert.equal(first.told[0]?.kind, 'loaded');

  const second = start(one, order(module));
  assert.equal(second.run.loading, false);
  assert.equal(second.told[0]?.kind, 'loaded');
  assert.deepEqual(await second.outcome, { ok: true, result: '2' });
  await second.released;
  assert.deepEqual(
    second.told.map(({ kind }) => kind),
    ['loaded', 'ended', 'released'],
  );
});

const typescript = process.features as { readonly typescript?: unknown };

test('TypeScript runs where this Node runs it, and is refused with advice where not', async () => {
  const module = moduleNamed('typed.ts', 'export default (n: number): number => n + 1;');
  const outcome = await start(threads, order(module, 1)).outcome;
  if (typescript.typescript) {
    assert.deepEqual(outcome, { ok: true, result: '2' });
  } else {
    assert.match(outcome.ok ? '' : outcome.error.message, /does not run TypeScript; compile the module/);
  }
});

const BAD: readonly (readonly [what: string, module: string, message: RegExp])[] = [
  ['does not exist', handler('nowhere.js'), /Cannot find module/],
  ['throws while loading', handler('fails-to-load.js'), /could not be loaded: not today/],
  ['has no default export', handler('exports-nothing.js'), /it has no default export/],
  ['exports no function', handler('exports-text.js'), /its default export is no function/],
  ['does not parse', moduleNamed('broken.mjs', 'export default ('), /Unexpected/],
  [
    'needs what is not there',
    moduleNamed('needs.mjs', 'import "./missing.mjs"; export default () => 1;'),
    /missing\.mjs/,
  ],
  ['exits while loading', handler('exits-while-loading.js'), /process\.exit\(4\) was called in it/],
];

for (const [what, module, message] of BAD) {
  test(`a module that ${what} fails the attempt with an error that names it`, async () => {
    const watched = start(threads, order(module));
    const outcome = await watched.outcome;
    assert.ok(!outcome.ok);
    assert.equal(outcome.error.name, 'HandlerLoadError');
    assert.equal(outcome.error.code, 'HOLDFAST_HANDLER_LOAD');
    assert.match(outcome.error.message, message);
    assert.ok(outcome.error.message.includes(module));
    await watched.released;
    assert.equal(await resultOf(threads, order(handler('echo.js'), 'next')), 'next');
  });
}

test('a module that is mended loads with the next attempt', async () => {
  const one = threadsFor({ max: 1 });
  const module = moduleNamed('mended.mjs', 'throw new Error("not yet");');
  const failed = start(one, order(module));
  assert.equal((await failed.outcome).ok, false);
  assert.equal(await failed.released, 'a module that could not be loaded');
  moduleNamed('mended.mjs', 'export default () => "mended";');
  assert.equal(await resultOf(one, order(module)), 'mended');
});

for (const name of ['never-loads.js', 'loops-while-loading.js']) {
  test(`an attempt whose module never finishes loading (${name}) is ended with an error that names it`, async () => {
    const one = threadsFor({ max: 1 });
    await resultOf(one, order(handler('echo.js')));
    const watched = start(one, order(handler(name)));
    assert.equal(watched.run.loading, true);
    watched.run.kill();
    const outcome = await watched.outcome;
    assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_HANDLER_LOAD');
    assert.ok(!outcome.ok && outcome.error.message.includes(name));
    await watched.released;
    assert.equal(await resultOf(one, order(handler('echo.js'), 'next')), 'next');
  });
}

test('an attempt that is cancelled while its module loads does not call the handler', async () => {
  const one = threadsFor({ max: 1 });
  await resultOf(one, order(handler('echo.js')));
  const module = moduleNamed(
    'slow.mjs',
    'await new Promise((resolve) => setTimeout(resolve, 100)); export default (_, ctx) => ctx.progress(1);',
  );
  const watched = start(one, order(module));
  watched.run.abort({ kind: 'cancelled', message: 'never mind' });
  const outcome = await watched.outcome;
  assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_JOB_CANCELLED');
  await watched.released;
  assert.deepEqual(
    watched.told.map(({ kind }) => kind),
    ['loaded', 'ended', 'released'],
  );
});
