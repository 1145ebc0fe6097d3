/**
 * How long does a process live that opens a folder, enqueues one job and leaves? A command in a shell does that, and a
 * person waits for it. Beside it: a process of Node that does nothing, and one that only imports holdfast.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiled } from './support/places.ts';
import { askIfMain } from './support/program.ts';
import { percentile } from './support/statistics.ts';
import type { Question } from './support/question.ts';

const TIMES = 9;

const index = pathToFileURL(join(compiled, '..', 'src', 'index.js')).href;

const question: Question = {
  name: 'start-up',
  asks: 'How long does a process live that enqueues one job and leaves?',
  how: `From its start to its end, on a folder with ${TIMES} jobs or fewer; the median of ${TIMES} in each round, in turn with the others.`,
  variants: [{ name: 'one job', settings: {} }],
  figures: [
    { key: 'wholeMs', title: 'opens, enqueues, closes', unit: 'ms', better: 'less' },
    { key: 'importMs', title: 'only imports', unit: 'ms', better: 'less' },
    { key: 'bareMs', title: 'Node alone', unit: 'ms', better: 'less' },
  ],
  contenders: ['holdfast'],
  limitMs: 60_000,
  async measure(stage) {
    const programs = {
      bareMs: '',
      importMs: `await import(${JSON.stringify(index)});`,
      wholeMs:
        `const { open } = await import(${JSON.stringify(index)});` +
        `const jobs = await open(${JSON.stringify(join(stage.folder, 'jobs'))});` +
        `await jobs.enqueue('note', { to: 'somebody@example.com' }); await jobs.close();`,
    };
    const samples: Record<string, number[]> = {};
    // The first time, files come from the disk and not from memory.
    for (let time = 0; time <= TIMES; time++) {
      for (const [name, program] of Object.entries(programs)) {
        const begin = performance.now();
        const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
          encoding: 'utf8',
        });
        if (status !== 0) throw new Error(stderr);
        if (time > 0) (samples[name] ??= []).push(performance.now() - begin);
      }
    }
    return Object.fromEntries(Object.entries(samples).map(([name, ms]) => [name, percentile(ms, 0.5)]));
  },
};

export default question;
await askIfMain(question, import.meta.url);
