/** The questions that others can answer too, to holdfast, its peers and the raw limits. */
import { compared } from './questions.ts';
import { readOptions } from './support/options.ts';
import { askAll } from './support/program.ts';

await askAll('peers', compared, readOptions(process.argv.slice(2)));
