/** The whole table: every question, to everybody it is meant for. */
import { alone, compared } from './questions.ts';
import { readOptions } from './support/options.ts';
import { askAll } from './support/program.ts';

await askAll('all', [...compared, ...alone], readOptions(process.argv.slice(2)));
