/** What `npm run bench -- <name>` does for each name. */
import { fileURLToPath } from 'node:url';
import { ask } from './ask.ts';
import { readOptions, type Options } from './options.ts';
import type { Question } from './question.ts';
import { keepResults } from './results.ts';
import { machineText, questionTables, targetTable } from './table.ts';
import { drawCharts } from './charts.ts';

/** Asks this one question if its file is the program that was started, and does nothing if it was only imported. */
export async function askIfMain(question: Question, url: string): Promise<void> {
  if (process.argv[1] !== fileURLToPath(url)) return;
  await askAll(question.name, [question], readOptions(process.argv.slice(2)));
}

export async function askAll(name: string, questions: readonly Question[], options: Options): Promise<void> {
  const chosen = questions.filter((question) => options.questions?.includes(question.name) ?? true);
  const results = await ask(name, chosen, options);
  console.log(`\n${machineText(results)}\n`);
  for (const question of chosen) console.log(`${questionTables(question, results)}\n`);
  const targets = targetTable(chosen, results);
  if (targets !== '') console.log(`### Targets\n\n${targets}\n`);
  const charts = drawCharts(chosen, results);
  const path = await keepResults(results);
  console.log([path, ...charts].join('\n'));
  console.log(`${results.minutes.toFixed(1)} minutes.`);
  // What a contender left running must not keep us.
  process.exit(0);
}
