/** Whole folders of jobs on the real disk, made of any frames: also of those that no engine would write. */
import path from 'node:path';
import type { TestContext } from 'node:test';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import type { LogEvent } from '../../src/job/event.ts';
import { JobTable } from '../../src/job/table.ts';
import type { Frame } from '../../src/log/frame.ts';
import { makeFolder } from '../../src/log/new-folder.ts';
import type { Witnessed } from '../../src/log/witness.ts';
import { frameOf } from '../support/log.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** One frame for each list of events, chained from `first` on. */
export function chained(commits: readonly (readonly LogEvent[])[], first = 1): Frame[] {
  const table = new JobTable();
  let previousChain = 0;
  return commits.map((events, n) => {
    const { frame } = frameOf(events, { sequence: first + n, previousChain, table });
    previousChain = frame.chain;
    return frame;
  });
}

/** A folder that holds these frames, at rest. Its witness has seen the last of them unless it is said otherwise. */
export async function folderOf(t: TestContext, frames: readonly Frame[], witnessed?: Witnessed): Promise<string> {
  const folder = path.join(await temporaryFolder(t), 'jobs');
  await makeFolder(folder, createFakeClock(), async (store, witness) => {
    await store.write(frames, undefined);
    const seen = witnessed ?? frames.at(-1);
    if (seen !== undefined) await witness.write(seen.sequence, seen.chain);
  });
  return folder;
}
