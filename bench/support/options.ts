/** What can be said on the command line of every question. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

export interface Options {
  readonly rounds: number;
  /** Multiplies the number of jobs. */
  readonly size: number;
  readonly with: readonly string[] | undefined;
  readonly without: readonly string[];
  readonly variants: readonly string[] | undefined;
  readonly questions: readonly string[] | undefined;
  /** Where the stores lie. On a RAM disk nothing that is measured here means anything. */
  readonly folder: string;
  readonly profile: boolean;
}

export const usage = `
  --rounds <n>          how often each measurement is made (default 3)
  --size <share>        scales the number of jobs; 0.1 for a quick look (default 1)
  --with <a,b>          only these contenders
  --without <a,b>       not these contenders
  --variants <a,b>      only these variants of a question
  --questions <a,b>     only these questions (all, self, peers)
  --dir <folder>        where the stores are put; must be on the disk in question (default: the system's folder for temporary files)
  --profile             writes CPU and heap profiles of holdfast to bench/results/profiles`;

export function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: 'string', default: '3' },
      size: { type: 'string', default: '1' },
      with: { type: 'string' },
      without: { type: 'string', default: '' },
      variants: { type: 'string' },
      questions: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  return {
    rounds: numberOf(values.rounds, 'rounds', 1, 100),
    size: numberOf(values.size, 'size', 0.0001, 10),
    with: listOf(values.with),
    without: listOf(values.without) ?? [],
    variants: listOf(values.variants),
    questions: listOf(values.questions),
    folder: values.dir,
    profile: values.profile,
  };
}

function numberOf(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`--${name} is ${text}; it must be a number from ${least} to ${most}.`);
}

function listOf(text: string | undefined): string[] | undefined {
  return text === undefined ? undefined : text.split(',').map((word) => word.trim());
}
