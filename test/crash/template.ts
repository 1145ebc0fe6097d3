/**
 * A folder with everything in it that a folder can hold, made by processes that were killed while all they had done was
 * acknowledged: jobs in every state, a log that was trimmed, several tables and generations of every file.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openThreads } from '../../src/actors/threads.ts';
import { openEngine } from '../../src/engine.ts';
import { defineJob, type Engine, type JobContext } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { diceFrom, type Dice } from './dice.ts';
import { FOR_EVER } from './read-folder.ts';

/** Small, since it is copied for every trial. */
export const RESERVE_BYTES = 16_384;
const PHASES = 4;

interface Work {
  readonly ending: 'returns' | 'fails' | 'dies' | 'stays';
  readonly filling: string;
}

/**
 * Makes the folder `base/now`, and copies of it as it was earlier, `base/then.1` …; returns how many of those there are.
 *
 * @param durability of the processes that made it
 */
export async function makeTemplate(base: string, seed: number, durability: 'disk' | 'os' = 'disk'): Promise<number> {
  const folder = path.join(base, 'now');
  mkdirSync(base, { recursive: true });
  for (let phase = 1; phase <= PHASES; phase++) {
    const child = fork(fileURLToPath(import.meta.url), [folder, String(seed), String(phase), durability]);
    const gone = once(child, 'exit');
    await Promise.race([
      once(child, 'message'),
      gone.then(() => {
        throw new Error('The process that makes the template died; see above.');
      }),
    ]);
    if (phase < PHASES) cpSync(folder, path.join(base, `then.${phase}`), { recursive: true });
    child.kill('SIGKILL');
    await gone;
  }
  return PHASES - 1;
}

const work = defineJob<Work, string>({
  type: 'work',
  retry: { attempts: 3, backoff: () => 864_000_000 },
  async run({ ending, filling }, { save, progress, log, signal }: JobContext) {
    await save({ done: filling.length });
    progress(0.5);
    log.info('half of it');
    if (ending === 'returns') return filling.slice(0, 20);
    if (ending === 'stays') {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal.throwIfAborted();
    }
    throw Object.assign(new Error('as planned'), ending === 'dies' && { code: 'HOLDFAST_TERMINATE' });
  },
});

async function liveOnePhase(folder: string, seed: number, phase: number, durability: 'disk' | 'os'): Promise<void> {
  const dice = diceFrom(seed * 100 + phase);
  const options = { jobs: [work], concurrency: 12, maxCrashes: 255, keep: { ...FOR_EVER, completed: { count: 10 } } };
  const checked = checkOpenOptions({ ...options, durability, reserveBytes: RESERVE_BYTES });
  const settings = { ...checked, trimSlackBytes: 8_000 };
  const clock = systemClock({ keepAlive: true });
  const home = await openHome(folder, clock, settings);
  const engine = await openEngine({ home, clock, settings, threads: openThreads({ max: 1, clock }) });
  for (let n = 0; n < 60; n++) await addJob(engine, dice, `${phase}-${n}`);
  await untilQuiet(engine);
  process.send?.('ready');
}

async function addJob(engine: Engine, dice: Dice, id: string): Promise<void> {
  const ending = dice.oneOf(['returns', 'returns', 'returns', 'returns', 'fails', 'dies'] as const);
  const isOwn = dice.chance(0.5);
  const delay = dice.chance(0.2) ? '10d' : 0;
  const handle = await engine.enqueue(
    work,
    { ending: id.endsWith('-59') ? 'stays' : ending, filling: fillingOf(dice) },
    { priority: dice.between(-5, 5), delay, ...(isOwn && { id }) },
  );
  if (dice.chance(0.1)) await engine.cancel(handle.id, 'not wanted');
}

/** Some that LevelDB can compress, some that it cannot. */
function fillingOf(dice: Dice): string {
  const length = dice.chance(0.1) ? dice.between(5_000, 20_000) : dice.between(0, 1_000);
  if (dice.chance(0.5)) return 'abcdefgh'.repeat(length / 8);
  return Array.from({ length }, () => String.fromCharCode(dice.between(32, 126))).join('');
}

/** Until nothing happens any more: all that runs has stayed, all that waits waits for a time far away. */
async function untilQuiet(engine: Engine): Promise<void> {
  for (;;) {
    // In this order: what runs ends, or waits for days, and is never ready again.
    const waiting = await engine.list({ state: 'waiting', limit: 1000 });
    const { jobs } = await engine.list({ state: 'running', limit: 1000 });
    const isQuiet = jobs.every(({ payload }) => (payload as Work).ending === 'stays');
    if (isQuiet && waiting.jobs.every(({ face }) => face !== 'ready')) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // What trims the log goes on for a few commits.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

const [folder, seed, phase, durability] = process.argv.slice(2);
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && folder !== undefined) {
  await liveOnePhase(folder, Number(seed), Number(phase), durability as 'disk' | 'os');
}
