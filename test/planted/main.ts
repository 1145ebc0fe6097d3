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
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { PLANTED_BUGS, type PlantedBug } from './bugs.ts';
import { placeOf, ROOT } from './place.ts';

const LONGEST_RUN_MS = 300_000;

function makeCopy(): string {
  const caches = path.join(ROOT, 'node_modules', '.cache');
  mkdirSync(caches, { recursive: true });
  const copy = mkdtempSync(path.join(caches, 'planted-'));
  // Some tests run a part of themselves as somebody who has no rights.
  chmodSync(copy, 0o755);
  for (const part of ['package.json', '.config', 'dist', 'test', 'src', 'README.md', 'docs', 'CHANGELOG.md']) {
    cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
  }
  return copy;
}

function compiled(copy: string, file: string): string {
  return path.join(copy, 'dist', file.replace(/\.ts$/, '.js'));
}

/** @returns the file it is in, compiled anew */
function plant(copy: string, bug: PlantedBug): string {
  const { file, source } = placeOf(bug);
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) => readFileSync(name, 'utf8')) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { ...options, module: ts.ModuleKind.ESNext, sourceMap: false, inlineSources: false },
    fileName: path.join(ROOT, file),
  });
  writeFileSync(compiled(copy, file), outputText);
  return file;
}

function restore(copy: string, file: string): void {
  cpSync(compiled(ROOT, file), compiled(copy, file));
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
      const untouched = plant(copy, { ...bug, replace: bug.search });
      const { hasFailed, said } = await runIn(copy, bug);
      if (hasFailed) throw new Error(`It fails without any bug: ${run}: ${reasonIn(said)}`);
      restore(copy, untouched);
      passing.add(run);
    }
    const file = plant(copy, bug);
    const { hasFailed, said } = await runIn(copy, bug);
    restore(copy, file);
    if (!hasFailed) missed.push(bug.name);
    console.log(`${hasFailed ? 'found ' : 'MISSED'} ${bug.name}${hasFailed ? `\n         ${reasonIn(said)}` : ''}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${bugs.length - missed.length} of ${bugs.length} planted bugs were found`);
process.exitCode = missed.length === 0 ? 0 : 1;
