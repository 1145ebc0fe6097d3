/**
 * A process whose clock is set while its engine is at work, by a day forward and a day back: `stepped.js <folder> <life>`.
 * In its first life it kills itself, in its second one its clock is a day behind what is stored. It prints what it saw.
 */
import { writeSync } from 'node:fs';
import { defineJob, open, type Engine } from '../../src/index.ts';

const DAY_MS = 86_400_000;
const [folder = '', life = '1'] = process.argv.slice(2);

const echo = defineJob({ type: 'echo', run: (payload: unknown) => payload });
const ten = defineJob({
  type: 'ten',
  run: (_payload: unknown, { job: { id, occurrence } }) => ({ id, standsFor: occurrence?.standsFor }),
});
const hang = defineJob({
  type: 'hang',
  retry: { attempts: 1 },
  run: (_payload: unknown, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)),
});

function say(what: string, value: unknown): void {
  writeSync(1, `${JSON.stringify({ what, value })}\n`);
}

async function runsOf(jobs: Engine): Promise<unknown> {
  const { runs, owed, skipped } = (await jobs.schedules.get('ten')) ?? {};
  return { runs, owed, skipped };
}

/** The first end of a job of this type that is told from now on. */
async function ended(jobs: Engine, type: string): Promise<string> {
  for await (const event of jobs.events({ since: 0 })) {
    if (event.kind === 'completed' && event.type === type) return event.id;
  }
  throw new Error('The engine closed.');
}

const jobs = await open(folder, { jobs: [echo, ten, hang], settle: 0, threads: 1 });
// Whatever wakes the engine lets it see that the clock was set; without anything that is done at the latest in 30 s.
const pulse = setInterval(() => void jobs.enqueue(echo, 'pulse', { delay: 20 }).catch(() => undefined), 40);

if (life === '1') {
  await jobs.schedule('ten', { every: '10m', catchUp: 'latest', minGap: 0 }, ten);
  const later = await jobs.enqueue(echo, 'later', { delay: '1h' });
  globalThis.stepClock(DAY_MS);
  say('an hour later', await later.result());
  const id = await ended(jobs, 'ten');
  say('made up', (await jobs.get(id))?.result);
  say('after a day forward', await runsOf(jobs));
  const hanging = await jobs.enqueue(hang, undefined, { timeout: 300 });
  for await (const event of jobs.events({ since: 0 })) if (event.kind === 'started' && event.id === hanging.id) break;
  const startedAt = performance.now();
  globalThis.stepClock(-DAY_MS);
  say('what hangs', await hanging.result().catch((error: unknown) => (error as { code?: string }).code));
  say('hung for', Math.round(performance.now() - startedAt));
  const plain = await jobs.enqueue(echo, 'plain');
  say('a day back', await plain.result());
  say('after a day back', await runsOf(jobs));
  say('last', plain.id);
  process.kill(process.pid, 'SIGKILL');
} else {
  const plain = await jobs.enqueue(echo, 'plain again');
  say('first', plain.id);
  say('a day behind the log', await plain.result());
  say('after a restart', await runsOf(jobs));
  clearInterval(pulse);
  await jobs.close();
}
