/**
 * The pages under docs: a block of code that names its file in its first line is run, as a user would, and what it writes is
 * the block of text right behind it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fieldsOf } from './declarations.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** `commands.md` begins with `commands.js`; the output follows in a block of its own. */
const PAGES = ['commands.md', 'jobs.md', 'retry.md', 'queues.md', 'schedules.md', 'testing.md'];
const EXAMPLE = /^```js\n\/\/ (\S+)\n([^]*?)^```\n\n```text\n([^]*?)^```$/gm;

describe('the code in the pages', () => {
  let project = '';
  before(async () => {
    project = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-pages-')));
    await mkdir(join(project, 'node_modules'));
    await symlink(root, join(project, 'node_modules', 'holdfast'), 'junction');
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  });
  after(() => rm(project, { recursive: true, force: true }));

  for (const page of PAGES) {
    test(`does what docs/${page} says`, async () => {
      const text = await readFile(join(root, 'docs', page), 'utf8');
      const examples = [...text.matchAll(EXAMPLE)];
      assert.notEqual(examples.length, 0);
      for (const [, name = '', code = '', expected] of examples) {
        await writeFile(join(project, name), forThisNode(code));
        const { stdout, stderr } = await run(process.execPath, [name], { cwd: project });
        assert.deepEqual({ name, stdout, stderr }, { name, stdout: expected, stderr: '' });
      }
    });
  }
});

/** Node 20 does not know `await using`. */
function forThisNode(code: string): string {
  const using = /^await using (\w+) = /m;
  const [, name] = using.exec(code) ?? [];
  return name === undefined ? code : `${code.replace(using, `const ${name} = `)}\nawait ${name}.close();\n`;
}

test('the pages lead only to files that are there', async () => {
  for (const page of PAGES) {
    const text = await readFile(join(root, 'docs', page), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      await assert.doesNotReject(realpath(join(root, 'docs', link)), `${page} leads to ${link}`);
    }
  }
});

const TABLES = [
  ['CommandOptions', 'commands.md', 'command.ts'],
  ['QueueOptions', 'queues.md', 'queue-options.ts'],
  ['TestOptions', 'testing.md', 'testing.ts'],
] as const;
for (const [type, page, file] of TABLES) {
  test(`docs/${page} lists what ${type} has, with its defaults`, async () => {
    const text = await readFile(join(root, 'docs', page), 'utf8');
    const [, rows = ''] = new RegExp(`<!-- table: ${type} -->\\n\\n((?:\\|.*\\n)+)`).exec(text) ?? [];
    const told = rows.split('\n').slice(2, -1);
    const fields = await fieldsOf(join(root, 'src', file), type);
    assert.deepEqual(
      told.map((row) => /`(\w+)`/.exec(row)?.[1]),
      fields.map(({ name }) => name),
    );
    for (const [n, { otherwise = '' }] of fields.entries()) {
      const cell = (told[n] ?? '').split('|').at(-2) ?? '';
      assert.equal(cell.trim().replaceAll('`', ''), otherwise.replaceAll('`', ''));
    }
  });
}
