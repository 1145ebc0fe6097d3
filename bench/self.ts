/** Every question, to holdfast and the raw limits only. */
import { oursAndLimits } from './contenders/list.ts';
import { alone, compared } from './questions.ts';
import { readOptions } from './support/options.ts';
import { askAll } from './support/program.ts';
import type { Question } from './support/question.ts';

const onlyOurs = (question: Question): Question => ({
  ...question,
  contenders: question.contenders.filter((name) => oursAndLimits.includes(name)),
});

await askAll('self', [...compared, ...alone].map(onlyOurs), readOptions(process.argv.slice(2)));
