/**
 * Plants each bug in a copy of the build and runs what must find it.
 *
 *   npm run planted                 all of them
 *   npm run planted -- trim chain   those whose name or file holds one of these words
 *
 * The copy lies below `node_modules`, where what the build imports is found. A bug is found when the run fails; the same
 * runs pass without it, which is tried first.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { PLANTED_BUGS, type PlantedBug } from './bugs.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LONGEST_RUN_MS = 300_000;

function makeCopy(): string {
  const caches = path.join(root, 'node_modules', '.cache');
  mkdirSync(caches, { recursive: true });
  const copy = mkdtempSync(path.join(caches, 'planted-'));
  for (const part of ['package.json', '.config', 'dist', 'test', 'src', 'README.md', 'docs', 'CHANGELOG.md']) {
    cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
  }
  return copy;
}

function compiled(copy: string, file: string): string {
  return path.join(copy, 'dist', file.replace(/\.ts$/, '.js'));
}

function plant(copy: string, { file, search, replace }: PlantedBug): void {
  const source = readFileSync(path.join(root, file), 'utf8');
  const parts = source.split(search);
  if (parts.length !== 2) throw new Error(`${JSON.stringify(search)} does not stand once in ${file}.`);
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (name) => readFileSync(name, 'utf8')) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const { outputText } = ts.transpileModule(parts.join(replace), {
    compilerOptions: { ...options, sourceMap: false, inlineSources: false },
    fileName: path.join(root, file),
  });
  writeFileSync(compiled(copy, file), outputText);
}

function restore(copy: string, { file }: PlantedBug): void {
  cpSync(compiled(root, file), compiled(copy, file));
}

/** Whether it failed, and what it said last. */
async function runIn(copy: string, { foundBy }: PlantedBug): Promise<{ hasFailed: boolean; said: string }> {
  const words =
    'seeds' in foundBy
      ? ['dist/test/simulation/main.js', '--seeds', String(foundBy.seeds), '--most', '1', '--brief']
      : ['.config/test.mjs', foundBy.test];
  const child = spawn(process.execPath, words, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-100_000)));
  }
  const patience = setTimeout(() => child.kill('SIGKILL'), LONGEST_RUN_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(patience);
  return { hasFailed: code !== 0, said };
}

/** The first line that tells what went wrong. */
function reasonIn(said: string): string {
  const lines = said.split('\n').map((line) => line.trim());
  const tells = [/^broken at/, /^not ok (?!.*\.test\.js)/, /Error\b.*: /, /^not ok/, /./];
  for (const pattern of tells) {
    const line = lines.find((text) => pattern.test(text));
    if (line !== undefined) return line.slice(0, 160);
  }
  return '';
}

const wanted = process.argv.slice(2);
const bugs = PLANTED_BUGS.filter(
  ({ name, file }) => wanted.length === 0 || wanted.some((word) => name.includes(word) || file.includes(word)),
);
const copy = makeCopy();
const missed: string[] = [];
/** Runs that pass when no bug is planted. */
const passing = new Set<string>();
try {
  for (const bug of bugs) {
    const run = JSON.stringify(bug.foundBy);
    if (!passing.has(run)) {
      const { hasFailed, said } = await runIn(copy, bug);
      if (hasFailed) throw new Error(`It fails without any bug: ${run}: ${reasonIn(said)}`);
      passing.add(run);
    }
    plant(copy, bug);
    const { hasFailed, said } = await runIn(copy, bug);
    restore(copy, bug);
    if (!hasFailed) missed.push(bug.name);
    console.log(`${hasFailed ? 'found ' : 'MISSED'} ${bug.name}${hasFailed ? `\n         ${reasonIn(said)}` : ''}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${bugs.length - missed.length} of ${bugs.length} planted bugs were found`);
process.exitCode = missed.length === 0 ? 0 : 1;
