// Compiles what has changed and then runs one compiled program in this very process, so that Ctrl-C and every other
// signal meet the program and not a wrapper. It also works with `ignore-scripts`, which a `prestart` would not.
//
//   node .config/run.mjs examples/fingerprint/main [arguments]
//   node .config/run.mjs bench <name> [arguments]         a folder: its first argument names the program
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const [place = '', ...rest] = process.argv.slice(2);

compile();
const inFolder = !existsSync(join(root, 'dist', `${place}.js`));
const name = inFolder ? rest.shift() : undefined;
const program = join(root, 'dist', inFolder ? `${place}/${name ?? ''}.js` : `${place}.js`);
if (!existsSync(program))
  fail(`${name === undefined ? `which ${place}?` : `no ${place} '${name}'.`} There are: ${list()}`);

// The program finds its own path and its own arguments where Node would have put them.
process.argv.splice(1, process.argv.length, program, ...rest);
await import(pathToFileURL(program).href);

function compile() {
  let compiler;
  try {
    compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  } catch {
    return fail('the compiler is not installed. Run `npm ci` first.');
  }
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.json')], { stdio: 'inherit' });
  if (status !== 0) fail('the sources do not compile (see above).');
}

function list() {
  const folder = join(root, place);
  const sources = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : [];
  return sources.length === 0 ? 'none' : sources.map((file) => file.replace(/\.ts$/, '')).join(', ');
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}
