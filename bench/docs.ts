/**
 * Fills the tables and charts of `docs/performance.md` and `bench/README.md` from the last run of `all` (or of what is
 * named: `npm run bench -- docs self`). It invents nothing: what was not measured is not there. Tables stand between
 * `<!-- bench:NAME -->` and `<!-- /bench -->`, where NAME is a question, `machine` or `targets`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone, compared } from './questions.ts';
import { drawCharts } from './support/charts.ts';
import { root } from './support/places.ts';
import { formatted, readResults, resultsPath, type Results } from './support/results.ts';
import { machineText, questionTables, targetTable } from './support/table.ts';

const questions = [...compared, ...alone];
const PAGES = ['docs/performance.md', 'bench/README.md'];
const BLOCK = /<!-- bench:([\w-]+) -->[\s\S]*?<!-- \/bench -->/g;

const name = process.argv[2] ?? 'all';
const results = readResults(name);
if (results === undefined) {
  console.error(`There is no ${resultsPath(name)} yet. Run \`npm run bench -- ${name}\` first.`);
  process.exit(1);
}
for (const chart of drawCharts(questions, results)) console.log(chart);
for (const page of PAGES) await fill(join(root, page), results);

async function fill(path: string, from: Results): Promise<void> {
  const before = readFileSync(path, 'utf8');
  const after = before.replace(BLOCK, (_whole, block: string) => {
    return `<!-- bench:${block} -->\n\n${contentOf(block, from)}\n\n<!-- /bench -->`;
  });
  writeFileSync(path, await formatted(after, path));
  console.log(path);
}

function contentOf(block: string, from: Results): string {
  if (block === 'machine') return machineText(from);
  if (block === 'targets') return targetTable(questions, from) || 'Not measured yet.';
  const question = questions.find((one) => one.name === block);
  if (question === undefined) throw new Error(`No question '${block}'.`);
  // The page has headings of its own.
  const tables = questionTables(question, from).split('\n').slice(2).join('\n');
  return tables === '' ? 'Not measured yet.' : tables;
}
