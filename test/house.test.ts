/**
 * The house rules, held against the sources. Every rule is a pure function from a file to complaints, so that it can be
 * seen to fail on a planted violation and not only to pass on clean rooms.
 *
 * They ask the compiler's parser what is code, what is a comment and what stands in a literal: a rule about calls must not
 * trip over a sentence about calls.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}
type Rule = (source: Source) => string[];

/** From the ground up. A name ending in a slash is a folder of `src`, the others are files. */
const FLOORS: readonly (readonly string[])[] = [
  ['errors', 'job/', 'kernel/'],
  [
    'options',
    'job-options',
    'queue-options',
    'schedule-options',
    'definition',
    'codec',
    'policy',
    'protocol',
    'context',
    'attempt-control',
    'middleware',
    'router',
    'command',
    'program',
  ],
  ['log/'],
  ['actors/'],
  [
    'engine',
    'face',
    'methods',
    'reader',
    'admission',
    'closing',
    'schedule-face',
    'schedule-methods',
    'questions',
    'listing',
    'changing',
    'statistics',
    'queue-face',
    'queue-methods',
    'graph',
    'events',
    'handle',
    'view',
    'expectation',
  ],
  ['index', 'testing'],
  ['admin/'],
];
const SEEN_BY_WORKERS = ['src/codec.ts', 'src/protocol.ts', 'src/context.ts', 'src/errors.ts'];
const TOP_LEVEL = [
  'package.json package-lock.json tsconfig.json README.md CHANGELOG.md',
  'src workers test bench docs examples',
].flatMap((line) => line.split(' '));
const CLOCK = 'src/kernel/clock.ts';
const MAX_LINES = 300;

const isProduct = (path: string): boolean => /^(src|workers)\//.test(path);
const isTest = (path: string): boolean => path.startsWith('test/');

// The floors

const floors: Rule = ({ path, text }) => {
  if (!isProduct(path)) return [];
  if (path.startsWith('src/') && floorOf(path) === -1) return [`${path} has no floor in the table`];
  return importsOf(text)
    .filter((name) => name.startsWith('.'))
    .map((name) => new URL(name, `file:///${path}`).pathname.slice(1))
    .filter((target) => !maySee(path, target))
    .map((target) => `${path} may not import ${target}`);
};

function maySee(path: string, target: string): boolean {
  if (path.startsWith('workers/')) return target.startsWith('workers/') || SEEN_BY_WORKERS.includes(target);
  // The clock beside it: whoever starts a command line does not wait for the engine to be loaded.
  if (path.startsWith('src/admin/'))
    return target.startsWith('src/admin/') || target === 'src/index.ts' || target === CLOCK;
  if (path.startsWith('src/kernel/') && target.startsWith('src/job/')) return false;
  if (path.startsWith('src/job/') && target.startsWith('src/kernel/')) return false;
  return floorOf(target) !== -1 && floorOf(target) <= floorOf(path);
}

function floorOf(path: string): number {
  return FLOORS.findIndex((names) =>
    names.some((name) => (name.endsWith('/') ? path.startsWith(`src/${name}`) : path === `src/${name}.ts`)),
  );
}

/** Who alone may know a package: everything else meets it behind a seam. */
const KNOWN_ONLY_IN: readonly { readonly name: RegExp; readonly folder: string }[] = [
  { name: /^(level|classic-level|abstract-level)(\/|$)/, folder: 'src/log/' },
  { name: /^piscina(\/|$)/, folder: 'src/actors/' },
];

const packages: Rule = ({ path, text }) => {
  if (!isProduct(path)) return [];
  return importsOf(text).flatMap((name) => {
    if (path.startsWith('src/job/') && name.startsWith('node:')) return [`${path} is pure, but imports ${name}`];
    return KNOWN_ONLY_IN.filter((known) => known.name.test(name) && !path.startsWith(known.folder)).map(
      (known) => `${path} imports ${name}, which only ${known.folder} may know`,
    );
  });
};

// Time and chance

const TIME_AND_CHANCE: readonly RegExp[] = [
  /\bDate\.now\b/,
  /\bnew Date(?:\(\s*\)|(?!\s*\())/,
  /(?<!\bnew )(?<![.\w$])Date\(/,
  /\bperformance\.(?:now|timeOrigin)\b/,
  /\bprocess\.(?:hrtime|uptime)\b/,
  /\bAbortSignal\.timeout\b/,
  /(?:(?<![.\w$])|\bglobalThis\.)set(?:Timeout|Interval|Immediate)\b/,
  /\bMath\.random\b/,
  /\b(?:randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/,
];
const CLOCK_MODULES = /^node:(?:timers(?:\/promises)?|perf_hooks)$/;

/** A worker may, where it says why: there is no engine's clock on its side of the thread. */
const onlyTheClock: Rule = ({ path, text }) => {
  if (!isProduct(path) || path === CLOCK) return [];
  const excused = (line: number): boolean =>
    path.startsWith('workers/') && /\/\/ house: \S/.test(text.split('\n')[line] ?? '');
  const modules = path.startsWith('src/') ? importsOf(text).filter((name) => CLOCK_MODULES.test(name)) : [];
  return [
    ...modules.map((name) => `${path} imports ${name}`),
    ...linesOf(lex(text).code).flatMap(({ line, content }) =>
      TIME_AND_CHANCE.filter((pattern) => pattern.test(content) && !excused(line)).map(
        () => `${path}:${line + 1} asks the time, sets a timer or throws dice: ${content.trim()}`,
      ),
    ),
  ];
};

// Size and words

const size: Rule = ({ path, text }) => {
  const lines = text.replace(/\n$/, '').split('\n').length;
  return isProduct(path) && lines > MAX_LINES ? [`${path} has ${lines} lines; the most is ${MAX_LINES}`] : [];
};

/** One `index.ts` names what is public: nothing may remain when its `export … from '…'` are taken away. */
const indexDefinesNothing: Rule = ({ path, text }) => {
  if (!isProduct(path) || !path.endsWith('/index.ts')) return [];
  const reexport = /\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*(['"])\s*\1\s*;?/g;
  const rest = lex(text).code.replace(reexport, '').trim();
  return rest === '' ? [] : [`${path} does more than re-export: ${rest.slice(0, 60)}`];
};

const BANNED_WORDS = /^(?:fn|cb|utils?|helpers?|managers?)$/;

const words: Rule = ({ path, text }) => {
  if (!isProduct(path)) return [];
  const { code } = lex(text);
  const declared = [
    ...code.matchAll(
      /\bexport\s+(?:default\s+)?(?:(?:abstract|async|declare)\s+)*(?:class|const|function\*?|interface|let|type)\s+(\w+)/g,
    ),
  ].map((match) => match[1] ?? '');
  const listed = [...code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap((match) =>
    (match[1] ?? '').split(',').map((entry) => entry.trim().split(/\s+/).at(-1) ?? ''),
  );
  const parts = path.replace(/\.ts$/, '').split('/').slice(1);
  const identifiers = [...code.matchAll(/(?<![.\w$#])(?:fn|cb)(?![\w$])/g)].map(([word]) => word);
  return [...new Set([...parts, ...declared, ...listed, ...identifiers])]
    .filter((name) => wordsOf(name).some((word) => BANNED_WORDS.test(word)))
    .map((name) => `${path} uses a word this house does not: ${name}`);
};

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

// Loose ends

const LOOSE_IN_COMMENTS: readonly [pattern: RegExp, what: string][] = [
  [/\b(?:TODO|FIXME|XXX)\b/, 'leaves something to do'],
  [/\b(?:oxlint|eslint)-disable(?!.*\s--\s+\S)/, 'silences the linter without a reason after --'],
];
const LOOSE_IN_CODE: readonly [pattern: RegExp, what: string][] = [
  [/(?<![.\w$])any(?![\w$])(?!\s*[:(])/, 'uses the type any'],
];
const LOOSE_IN_TESTS: readonly [pattern: RegExp, what: string][] = [
  [/\b(?:test|it|describe|suite|t)\.(?:only|skip|todo)\b/, 'leaves tests out'],
  [/\b(?:only|skip|todo):\s*(?:true\b|['"`])/, 'leaves tests out'],
];

const looseEnds: Rule = ({ path, text }) => {
  const { code, comments } = lex(text);
  const inCode = isTest(path) ? [...LOOSE_IN_CODE, ...LOOSE_IN_TESTS] : LOOSE_IN_CODE;
  const find = (where: string, patterns: readonly [RegExp, string][]): string[] =>
    linesOf(where).flatMap(({ line, content }) =>
      patterns.filter(([pattern]) => pattern.test(content)).map(([, what]) => `${path}:${line + 1} ${what}`),
    );
  return [...find(comments, LOOSE_IN_COMMENTS), ...find(code, inCode)];
};

/** What lies at the top of the repository and is neither allowed, nor a dotfile, nor ignored by git. */
function strangers(entries: readonly string[], gitignore: string): string[] {
  const ignored = gitignore
    .split('\n')
    .map((line) => line.trim().replace(/\/$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('/'))
    .map((line) => new RegExp(`^${line.replaceAll('.', '\\.').replaceAll('*', '.*')}$`));
  return entries.filter(
    (entry) => !entry.startsWith('.') && !TOP_LEVEL.includes(entry) && !ignored.some((pattern) => pattern.test(entry)),
  );
}

// Reading sources

/** The specifiers of every `import … from`, `import type`, `export … from`, bare `import '…'` and `import('…')`. */
function importsOf(text: string): string[] {
  const { code } = lex(text);
  const specifier = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])( *)\1/g;
  return [...code.matchAll(specifier)].map((match) => {
    const end = match.index + match[0].length - 1;
    return text.slice(end - (match[2] ?? '').length, end);
  });
}

function linesOf(text: string): { readonly line: number; readonly content: string }[] {
  return text.split('\n').map((content, line) => ({ line, content }));
}

const LITERALS: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.RegularExpressionLiteral,
  ts.SyntaxKind.NoSubstitutionTemplateLiteral,
  ts.SyntaxKind.TemplateHead,
  ts.SyntaxKind.TemplateMiddle,
  ts.SyntaxKind.TemplateTail,
]);

interface Lexed {
  readonly code: string;
  readonly comments: string;
}
const lexed = new Map<string, Lexed>();

/**
 * The text twice, with every line and column in place: as code, where comments and what stands in literals is blank, and
 * as comments, where all else is. Inside a template `${ … }` is code.
 */
function lex(text: string): Lexed {
  const known = lexed.get(text);
  if (known !== undefined) return known;
  const file = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest);
  let code = '';
  let comments = '';
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(file);
    if (children.length > 0) return children.forEach(visit);
    const between = text.slice(code.length, node.getStart(file));
    const token = text.slice(node.getStart(file), node.getEnd());
    code += blank(between) + (LITERALS.has(node.kind) ? hollow(token) : token);
    comments += between + blank(token);
  };
  visit(file);
  const result = { code, comments };
  lexed.set(text, result);
  return result;
}

/** A literal without what stands in it: its quotes, and the braces of a template. */
function hollow(token: string): string {
  const tail = token.endsWith('${') ? 2 : 1;
  return token.slice(0, 1) + blank(token.slice(1, -tail)) + token.slice(-tail);
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

// The rules, held against the house

const root = fileURLToPath(new URL('../../', import.meta.url));

const RULES: readonly [name: string, rule: Rule][] = [
  ['a file imports only from its own floor and from floors below', floors],
  ['only the log knows LevelDB, only the actors know piscina, and a job knows no Node', packages],
  ['only the clock asks the time, sets a timer or throws dice', onlyTheClock],
  [`no file is longer than ${MAX_LINES} lines`, size],
  ['an index.ts names and defines nothing', indexDefinesNothing],
  ['one word for one thing, and no word for nothing', words],
  ['no loose ends: nothing left to do, no any, no test left out', looseEnds],
];

describe('the house', () => {
  const house: Source[] = ['src', 'workers', 'test', 'bench', 'examples'].flatMap(sourcesIn);

  for (const [name, rule] of RULES) {
    test(name, () => {
      assert.deepEqual(house.flatMap(rule), []);
    });
  }

  test('the top level holds only what belongs there', () => {
    assert.deepEqual(strangers(readdirSync(root), readFileSync(`${root}.gitignore`, 'utf8')), []);
  });

  test('the house has rooms, so the rules have been asked something', () => {
    assert.ok(house.some(({ path }) => path === CLOCK));
    assert.ok(house.some(({ path, text }) => path.startsWith('src/') && importsOf(text).length > 0));
  });
});

function sourcesIn(folder: string): Source[] {
  let paths: string[];
  try {
    paths = readdirSync(root + folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return paths
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.c?ts$/.test(path) && !path.includes('node_modules/'))
    .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }));
}

// The rules, seen to fail

type Planted = readonly [path: string, text: string];

const PLANTED: readonly [rule: Rule, refused: readonly Planted[], allowed: readonly Planted[]][] = [
  [
    floors,
    [
      ['src/log/frame.ts', "import { engine } from '../engine.ts';"],
      ['src/log/frame.ts', "import type { Queue } from '../actors/queue.ts';"],
      ['src/kernel/actor.ts', "export { apply } from '../job/machine.ts';"],
      ['src/job/machine.ts', "import { clock } from '../kernel/clock.ts';"],
      ['src/job/machine.ts', "import {\n  limits, // what holds\n} from '../options.ts';"],
      ['src/job/machine.ts', "import '../options.ts';"],
      ['src/job/machine.ts', "const late = await import('../options.ts');"],
      ['src/admin/cli.ts', "import { open } from '../engine.ts';"],
      ['src/engine.ts', "import { main } from '../workers/main.cts';"],
      ['workers/main.cts', "import { Frame } from '../src/log/frame.ts';"],
      ['src/types.ts', ''],
    ],
    [
      ['src/log/frame.ts', "import { event } from '../job/event.ts';\nimport { x } from './store.ts';"],
      ['src/log/frame.ts', "// import { engine } from '../engine.ts';\nconst text = \"import '../engine.ts'\";"],
      ['src/admin/cli.ts', "import { open } from '../index.ts';"],
      ['workers/main.cts', "import type { Task } from '../src/protocol.ts';\nimport { x } from './context.ts';"],
    ],
  ],
  [
    packages,
    [
      ['src/engine.ts', "import { Level } from 'level';"],
      ['src/actors/journal.ts', "import type { ClassicLevel } from 'classic-level';"],
      ['src/log/store.ts', "import { Piscina } from 'piscina';"],
      ['workers/main.cts', "import { workerData } from 'piscina';"],
      ['src/job/table.ts', "import { crc32 } from 'node:zlib';"],
    ],
    [
      ['src/log/store.ts', "import { Level } from 'level';"],
      ['src/actors/runner.ts', "import { Piscina } from 'piscina';"],
      ['test/log/store.test.ts', "import { Level } from 'level';"],
    ],
  ],
  [
    onlyTheClock,
    [
      ['src/engine.ts', 'const at = Date.now();'],
      ['src/engine.ts', 'const at = new Date();'],
      ['src/engine.ts', 'const at = new Date;'],
      ['src/engine.ts', 'const at = `${Date.now()}`;'],
      ['src/engine.ts', 'const at = `a${{ b: `c${d}` }.b}${performance.now()}`;'],
      ['src/engine.ts', 'const share = 1 / 2; const at = process.hrtime.bigint(); const half = at / 2;'],
      ['src/engine.ts', 'later(setTimeout);'],
      ['src/engine.ts', 'globalThis.setImmediate(go);'],
      ['src/engine.ts', 'setInterval(go, 1); // house: no excuse in src'],
      ['src/engine.ts', 'const signal = AbortSignal.timeout(5);'],
      ['src/engine.ts', 'const die = Math.random();'],
      ['src/engine.ts', "import { randomUUID } from 'node:crypto';"],
      ['src/engine.ts', "import { setTimeout as sleep } from 'node:timers/promises';"],
      ['src/engine.ts', "import { performance } from 'node:perf_hooks';"],
      ['workers/main.cts', 'const at = Date.now();'],
      ['workers/main.cts', 'const at = Date.now(); // house:'],
    ],
    [
      [CLOCK, 'export const now = Date.now;'],
      ['src/engine.ts', 'const at = new Date(0); clock.setTimeout(go); // Date.now() is for the clock'],
      ['src/engine.ts', "const text = 'Math.random() ' + /setTimeout(x)/.source;"],
      ['workers/main.cts', 'const at = Date.now(); // house: a log line is stamped where it is written'],
      ['test/engine.test.ts', 'const at = Date.now();'],
    ],
  ],
  [size, [['src/engine.ts', 'x;\n'.repeat(301)]], [['src/engine.ts', 'x;\n'.repeat(300)]]],
  [
    indexDefinesNothing,
    [
      ['src/index.ts', "export { open } from './engine.ts';\nexport const version = 1;"],
      ['src/index.ts', "import './engine.ts';"],
      ['src/index.ts', "import { open } from './engine.ts';\nexport { open };"],
    ],
    [
      [
        'src/index.ts',
        "// The door.\nexport { open } from './engine.ts';\nexport type {\n  A,\n  B,\n} from './options.ts';",
      ],
      ['src/index.ts', "export * from './errors.ts';\n"],
    ],
  ],
  [
    words,
    [
      ['src/job/utils.ts', ''],
      ['src/actors/job-manager.ts', ''],
      ['src/kernel/heap.ts', 'export function heapHelper(): void {}'],
      ['src/kernel/heap.ts', 'export class JobManager {}'],
      ['src/kernel/heap.ts', 'export { inner as util };'],
      ['src/kernel/heap.ts', 'function each(fn: () => void): void {}'],
    ],
    [['src/kernel/heap.ts', '// no fn, no util\nexport const callback = 1; const managerial = 2;']],
  ],
  [
    looseEnds,
    [
      ['src/engine.ts', '// TODO: later'],
      ['test/engine.test.ts', '/*\n * FIXME\n */'],
      ['src/engine.ts', '// oxlint-disable-next-line typescript/no-floating-promises'],
      ['src/engine.ts', 'const x: any = 1;'],
      ['src/engine.ts', 'const x = y as any;'],
      ['src/engine.ts', 'const x: Map<string, any[]> = y;'],
      ['test/engine.test.ts', "test.skip('a job', () => {});"],
      ['test/engine.test.ts', "describe.only('a job', () => {});"],
      ['test/engine.test.ts', "test('a job', { skip: true }, () => {});"],
      ['test/engine.test.ts', "test('a job', { todo: 'soon' }, () => {});"],
    ],
    [
      ['src/engine.ts', '// any job may call Promise.any\nawait Promise.any(all); const many = { any: 1 };'],
      ['src/engine.ts', "const text = 'TODO: any';"],
      ['src/engine.ts', '// oxlint-disable-next-line typescript/no-explicit-any -- the shape is not ours'],
      ['test/engine.test.ts', "test('a job', { skip: onWindows }, () => {});"],
    ],
  ],
];

describe('the house rules can fail', () => {
  for (const [rule, refused, allowed] of PLANTED) {
    const name = RULES.find(([, candidate]) => candidate === rule)?.[0] ?? 'unlisted';
    test(`"${name}" refuses what is planted and nothing else`, () => {
      for (const [path, text] of refused)
        assert.equal(rule({ path, text }).length > 0, true, `refuse ${path}: ${text}`);
      for (const [path, text] of allowed) assert.deepEqual(rule({ path, text }), [], `allow ${path}: ${text}`);
    });
  }

  test('every rule has something planted for it', () => {
    assert.deepEqual(
      PLANTED.map(([rule]) => rule),
      RULES.map(([, rule]) => rule),
    );
  });

  test('a stranger at the top level is seen; dotfiles and what git ignores are not', () => {
    const entries = ['src', 'package.json', '.ci', 'node_modules', 'holdfast-0.1.0.tgz', 'lib', 'eslint.config.js'];
    assert.deepEqual(strangers(entries, '# out\nnode_modules/\n*.tgz\n'), ['lib', 'eslint.config.js']);
  });
});
