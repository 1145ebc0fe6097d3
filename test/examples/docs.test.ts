/** The programs in docs/http.md, docs/cli.md and docs/metrics.md are run as a newcomer would: installed, from the page. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

const PAGES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'http.md': {
    'http.js': /^201 \[ \[ 'photo:resize', 'cannot read cat\.jpg' \] \]\n$/,
    'mounted.js': /^200 401\n$/,
  },
  'metrics.md': { 'metrics.js': /^holdfast_jobs\{type="email:welcome",state="completed"\} 1\n$/ },
  'workers.md': { 'workers.js': /^\{ TEXT: 'HELLO' \}\n$/ },
  'cli.md': { 'control.js': /^id\tada\n$/ },
};

describe('the programs in the docs', () => {
  let project = '';
  before(async () => {
    project = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-docs-')));
    await mkdir(join(project, 'node_modules'));
    await symlink(root, join(project, 'node_modules', 'holdfast'), 'junction');
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  });
  after(() => rm(project, { recursive: true, force: true }));

  for (const [page, programs] of Object.entries(PAGES)) {
    test(`run: ${page}`, async () => {
      const text = await readFile(join(root, 'docs', page), 'utf8');
      const code = new Map(
        [...text.matchAll(/^```js\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name = '', body = '']) => [name, body]),
      );
      assert.deepEqual([...code.keys()].sort(), Object.keys(programs).sort());
      for (const [name, output] of Object.entries(programs)) {
        await writeFile(join(project, name), code.get(name) ?? '');
        const { stdout, stderr } = await run(process.execPath, [name], { cwd: project });
        assert.equal(stderr, '');
        assert.match(stdout, output, name);
      }
    });
  }
});
