#!/usr/bin/env node
/** Where `holdfast` starts in a shell. */
import { readFileSync } from 'node:fs';
import module from 'node:module';

// Compiled code is kept from one command to the next where Node can do that (from 22 on).
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
const { runCommand } = await import('./program.ts');

const { version } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort());
}
// Whoever reads may have seen enough: `holdfast jobs list | head`.
process.stdout.on('error', () => process.exit(0));
const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCommand(
  process.argv.slice(2),
  { stdin, stdout, stderr, env, cwd: process.cwd(), signal: stop.signal },
  version,
);
