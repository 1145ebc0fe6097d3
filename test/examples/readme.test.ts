/** What the README shows is run here, and what it tells in tables is held against the sources. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as holdfast from '../../src/index.ts';
import { durationMs } from '../../src/job/duration.ts';
import { TRANSITIONS, JOB_STATES } from '../../src/job/machine.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { LOG_LEVELS } from '../../src/protocol.ts';
import { JOB_FACES } from '../../src/view.ts';
import { fieldsOf, wordsOf } from './declarations.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = await readFile(join(root, 'README.md'), 'utf8');

/** The code blocks that name their file in their first line. */
const files = new Map(
  [...readme.matchAll(/^```(?:js|ts)\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name = '', code = '']) => [name, code]),
);

describe('the code in the README', () => {
  /** A project of a user: its own folder, with holdfast installed. */
  let project = '';
  before(async () => {
    project = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-readme-')));
    await mkdir(join(project, 'node_modules', '@types'), { recursive: true });
    const installed = ['zod', 'pino', '@types/node'];
    await symlink(root, join(project, 'node_modules', 'holdfast'), 'junction');
    for (const name of installed) {
      await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name), 'junction');
    }
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
    for (const [name, code] of files) await writeFile(join(project, name), code);
  });
  after(() => rm(project, { recursive: true, force: true }));

  const compilations = new Map<Resolution, Promise<void>>();
  function compiled(resolution: Resolution): Promise<void> {
    const compilation = compilations.get(resolution) ?? compile(project, resolution);
    compilations.set(resolution, compilation);
    return compilation;
  }

  test('names its files', () => {
    assert.deepEqual([...files.keys()].sort(), [
      'app.js',
      'checkpoint.ts',
      'events.js',
      'graph.ts',
      'primes.js',
      'primes.worker.js',
      'typed.ts',
      'verify.js',
    ]);
  });

  for (const resolution of ['nodenext', 'bundler'] as const) {
    test(`compiles under strict TypeScript with moduleResolution ${resolution}`, async () => {
      await compiled(resolution);
    });
  }

  const outputs: readonly (readonly [file: string, out: RegExp])[] = [
    ['app.js', /^\{ greeted: 'ada@example\.org', attempt: 1 \}\n$/],
    ['primes.js', /^\{ count: 669 \}\n$/],
    [
      'events.js',
      /^(?:\d+ (?:enqueued|started|failed|completed) \S+\n){7}2 \[ 'attempt 1 fails', 'attempt 2 fails' \] at last\n$/,
    ],
    ['verify.js', /^true \[\] 1\n$/],
    ['out/typed.js', /^cat-300\.jpg 0\n$/],
    ['out/graph.js', /^2 texts were measured\n$/],
    ['out/checkpoint.js', /^\{ sum: 499500 \}\n$/],
  ];
  for (const [file, out] of outputs) {
    test(`runs: ${file}`, async () => {
      if (file.startsWith('out/')) await compiled('nodenext');
      const { stdout, stderr } = await run(process.execPath, [file], { cwd: project });
      assert.equal(stderr, '');
      assert.match(stdout, out);
    });
  }

  test('runs from CommonJS through import()', async () => {
    const code = `import('holdfast').then(async ({ open, defineJob }) => {
      const twice = defineJob({ type: 'twice', run: (n) => 2 * n });
      const jobs = await open(':memory:', { jobs: [twice] });
      console.log(await (await jobs.enqueue(twice, 21)).result());
      await jobs.close();
    });`;
    await writeFile(join(project, 'consumer.cjs'), code);
    assert.equal((await run(process.execPath, ['consumer.cjs'], { cwd: project })).stdout, '42\n');
  });
});

type Resolution = 'nodenext' | 'bundler';

/** As strict as TypeScript can be, and our own declarations are checked as well. */
async function compile(project: string, moduleResolution: Resolution): Promise<void> {
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    // Once is enough for our own declarations; how they are found is what differs.
    skipLibCheck: moduleResolution === 'bundler',
    allowJs: true,
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
    moduleResolution,
    rootDir: '.',
    outDir: moduleResolution === 'nodenext' ? 'out' : 'out-bundler',
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...files.keys()] }));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, ['--max-semi-space-size=64', compiler, '-p', project]).catch((error: unknown) => {
    assert.fail(error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error));
  });
}

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

/** The rows of the table behind `<!-- table: name -->`. */
function table(name: string): Row[] {
  const [, text = ''] = new RegExp(`<!-- table: ${name} -->\\n\\n((?:\\|.*\\n)+)`).exec(readme) ?? [];
  return text
    .split('\n')
    .slice(2, -1)
    .map((line) => {
      const [first = '', ...cells] = line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim());
      return { name: first.replaceAll('`', ''), cells };
    });
}

const names = (rows: readonly { readonly name: string }[]): string[] => rows.map(({ name }) => name).sort();

describe('the tables in the README', () => {
  const tables = [
    ['OpenOptions', 'options.ts', []],
    ['JobOptions', 'job-options.ts', []],
    ['RetryOptions', 'policy.ts', []],
    ['CommonOptions', 'definition.ts', ['run', 'worker', 'payload', 'codec', 'use']],
    ['JobContext', 'context.ts', []],
  ] as const;
  for (const [type, file, more] of tables) {
    test(`list what ${type} has, with its defaults`, async () => {
      const rows = table(type);
      const fields = await fieldsOf(join(root, 'src', file), type);
      assert.deepEqual(names(rows), [...names(fields), ...more].sort());
      for (const { name, otherwise } of fields) {
        if (otherwise === undefined) continue;
        const [told = ''] = rows.find((row) => row.name === name)?.cells.slice(-1) ?? [];
        assert.ok(otherwise.startsWith(told.replaceAll('`', '')), `${name}: ${told} is not ${otherwise}`);
      }
    });
  }

  test('tell the defaults that hold', () => {
    const { level, graceMs, keep, ...settings } = checkOpenOptions({});
    const told = new Map(
      table('OpenOptions').map(({ name, cells }) => [name, (cells.at(-1) ?? '').replaceAll(/[`',]/g, '')]),
    );
    for (const name of ['concurrency', 'maxCrashes', 'maxPending', 'keepAlive', 'durability'] as const) {
      assert.equal(told.get(name), String(settings[name]));
    }
    assert.equal(told.get('maxBodyBytes'), `${settings.maxBodyBytes / 1024 ** 2} MiB`);
    assert.equal(told.get('cacheBytes'), `${settings.cacheBytes / 1024 ** 2} MiB`);
    assert.equal(durationMs(told.get('grace') ?? '', 'grace'), graceMs);
    assert.equal(durationMs(told.get('timeout') ?? '', 'timeout'), 3_600_000);
    assert.deepEqual(level, { timeoutMs: undefined, retry: undefined });
    assert.match(readme, /24 hours after their end and\s+beyond the newest 1,000, dead ones never/);
    const day = { ageMs: 86_400_000, count: 1000 };
    assert.deepEqual(keep, { completed: day, cancelled: day, dead: { ageMs: Infinity, count: Infinity } });
  });

  test('list every error with its class', async () => {
    const sources = await Promise.all(
      ['errors.ts', 'job/attempt-errors.ts', 'job/queue-errors.ts', 'job/holdfast-error.ts'].map((file) =>
        readFile(join(root, 'src', file), 'utf8'),
      ),
    );
    const classes = [
      ...sources.join('\n').matchAll(/class (\w+) extends HoldfastError \{\s+override readonly code = '(\w+)'/g),
    ];
    const codes = classes.map(([, name = '', code = '']) => ({ name: code, class: name }));
    const rows = table('HoldfastErrorCode').map(({ name, cells }) => ({
      name,
      class: cells[0]?.replaceAll('`', '') ?? '',
    }));
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    assert.deepEqual(rows.sort(byName), codes.sort(byName));
    assert.deepEqual(names(rows), (await wordsOf(join(root, 'src/job/holdfast-error.ts'), 'HoldfastErrorCode')).sort());
    for (const row of rows) assert.ok(row.class in holdfast, `${row.class} cannot be imported`);
  });
});

test('the map of the sources names every file', async () => {
  const page = await readFile(join(root, 'docs/architecture.md'), 'utf8');
  const named = [...page.matchAll(/`(?:src\/)?([\w/*.-]+\.ts)`/g)].map(([, name = '']) => name);
  const patterns = named.map((name) => new RegExp(`^(?:.*/)?${name.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));
  const sources = ['src', 'workers'].map(async (folder) => {
    const paths = await readdir(join(root, folder), { recursive: true });
    return paths.filter((path) => path.endsWith('.ts')).map((path) => `${folder}/${path.replaceAll('\\', '/')}`);
  });
  const paths = (await Promise.all(sources)).flat();
  assert.deepEqual(
    paths.filter((path) => !patterns.some((pattern) => pattern.test(path))),
    [],
    'files that docs/architecture.md does not name',
  );
  const gone = named.filter((name, at) => !paths.some((path) => patterns[at]?.test(path)) && !name.startsWith('test/'));
  assert.deepEqual(gone, ['house.test.ts'], 'files that it names and that are not there');
});

describe('the words of the README', () => {
  const listed = (from: string): string[] => {
    const start = readme.indexOf(from);
    assert.notEqual(start, -1, from);
    return [...readme.slice(start + from.length, readme.indexOf('.', start + from.length)).matchAll(/`(\w+)`/g)].map(
      ([, word = '']) => word,
    );
  };

  test('name all events, states, faces and levels of a log', async () => {
    assert.deepEqual(listed('also across restarts:').sort(), Object.keys(TRANSITIONS).sort());
    assert.deepEqual(listed('A job is ').sort(), [...JOB_STATES].sort());
    assert.deepEqual(listed('of a waiting one says more:').sort(), [...JOB_FACES].sort());
    assert.deepEqual(
      [...(table('JobContext').find(({ name }) => name === 'log')?.cells[0] ?? '').matchAll(/`(\w+)`/g)].map(
        (match) => match[1],
      ),
      [...LOG_LEVELS],
    );
  });

  test('name the versions of Node that package.json asks for', async () => {
    const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
    assert.equal(engines.node, '^20.15.0 || >=22.2.0');
    assert.match(readme, /Node\.js 20\.15 or later, or 22\.2 or later/);
  });

  test('lead only to files that are there', async () => {
    const pages = ['README.md', 'docs/architecture.md'];
    for (const page of pages) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
        await assert.doesNotReject(realpath(join(root, dirname(page), link)), `${page} leads to ${link}`);
      }
    }
  });
});
