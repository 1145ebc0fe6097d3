/** A bar that says how far long work has come: for a person at a terminal, and gone when the work is done. */
import type { Progress } from '../../index.ts';
import type { Terminal } from './terminal.ts';

/** What a step is called. */
const STEPS: Readonly<Record<Progress['step'], string>> = {
  files: 'reading files',
  frames: 'copying',
  jobs: 'jobs',
};

/** Gives `work` what to tell of its progress. For a program that reads nothing is shown. */
export async function withBar<Result>(
  { isPerson, stderr }: Terminal,
  work: (told: (progress: Progress) => void) => Promise<Result>,
): Promise<Result> {
  if (!isPerson || stderr.isTTY !== true) return work(() => undefined);
  const { SingleBar } = (await import('cli-progress')).default;
  const bar = new SingleBar({
    stream: stderr,
    format: '{step} {bar} {percentage} % of {total}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  let hasBegun = false;
  try {
    return await work(({ step, done, total }) => {
      if (!hasBegun) bar.start(total, done, { step: STEPS[step] });
      hasBegun = true;
      bar.setTotal(total);
      bar.update(done, { step: STEPS[step] });
    });
  } finally {
    if (hasBegun) bar.stop();
  }
}
