/**
 * The child of the kill tests: opens a folder, puts mixed load on it, and notes everything that was acknowledged. It is
 * killed again and again. In its last life it takes nothing new and waits until all jobs have ended.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openThreads } from '../../src/actors/threads.ts';
import { openEngine } from '../../src/engine.ts';
import { defineJob, type Engine, type JobHandle, type JobOptions } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import type { openLevelStore } from '../../src/log/level-store.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { diceFrom, type Dice } from './dice.ts';
import type { Note } from './notes.ts';
import { openStoreAt, type KillPoint } from './points.ts';
import { openNotingSyncs } from './synced.ts';
import { doWork, LIFE_VARIABLE, NOTES_VARIABLE, notesOfThisProcess, type Work } from './work.ts';

/** What the parent wants of one life. */
export interface Orders {
  readonly folder: string;
  readonly life: number;
  readonly seed: number;
  /** How many ended jobs of a kind are kept. @default all */
  readonly keep?: number;
  /** Characters that each payload has beside its orders. */
  readonly padding: number;
  /** How much longer than what is alive the log may be. @default the engine's */
  readonly slackBytes?: number;
  /** Take nothing new, wait for all jobs to end, close. */
  readonly isLast: boolean;
  /** Where it kills itself. */
  readonly point?: KillPoint;
  /** Close after this many ms. */
  readonly closeAfterMs?: number;
  /** Note how far LevelDB's log is synced. */
  readonly notesSyncs?: boolean;
  readonly durability?: 'disk' | 'os';
}

/** What the child says: its engine is open; it has closed. */
export type Said = 'open' | 'closed';

export function bear(orders: Orders, notesFile: string): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [JSON.stringify(orders)], {
    env: { ...process.env, [NOTES_VARIABLE]: notesFile, [LIFE_VARIABLE]: String(orders.life) },
    // No source maps: a life is short, and to read them would be a fifth of its work.
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

const PRODUCERS = 4;
/** Of each producer. */
const MOST_OUTSTANDING = 15;
const RETRY = { attempts: 4, backoff: () => 2 };

const inline = defineJob<Work, string>({ type: 'inline', retry: RETRY, run: doWork });
const threaded = defineJob<Work, string>({
  type: 'threaded',
  queue: 'threads',
  retry: RETRY,
  worker: new URL('./work.js', import.meta.url),
});

async function live(orders: Orders): Promise<void> {
  note({ kind: 'born', life: orders.life });
  const kept = { age: 'forever', count: orders.keep ?? Infinity } as const;
  const checked = checkOpenOptions({
    jobs: [inline, threaded],
    queues: { threads: { concurrency: 2 } },
    concurrency: 12,
    threads: 2,
    grace: 100,
    maxCrashes: 255,
    keep: { completed: kept, cancelled: kept },
    reserveBytes: 65_536,
    durability: orders.durability ?? 'disk',
  });
  const settings = { ...checked, trimSlackBytes: orders.slackBytes ?? checked.trimSlackBytes };
  const clock = systemClock({ keepAlive: true });
  const home = await openHome(orders.folder, clock, settings, openerFor(orders));
  const engine = await openEngine({ home, clock, settings, threads: openThreads({ max: settings.threads, clock }) });
  note({ kind: 'open', life: orders.life });
  say('open');
  if (orders.isLast) await untilAllHaveEnded(engine);
  else await Promise.race([putOn(engine, orders), pause(orders.closeAfterMs ?? 2 ** 30)]);
  await engine.close({ drain: 20 });
  say('closed');
}

function openerFor({ point, notesSyncs }: Orders): typeof openLevelStore {
  return notesSyncs === true ? openNotingSyncs(notesOfThisProcess()) : openStoreAt(point);
}

/** Several producers enqueue for as long as this life lasts. */
async function putOn(engine: Engine, { seed, life, padding }: Orders): Promise<void> {
  const common = { life, padding: 'x'.repeat(padding) };
  await Promise.all(
    Array.from({ length: PRODUCERS }, (_, producer) =>
      produce(engine, diceFrom(seed + producer), `${life}.${producer}`, common).catch(fail),
    ),
  );
}

async function produce(engine: Engine, dice: Dice, name: string, common: Common): Promise<void> {
  let outstanding = 0;
  for (let number = 0; ; number++) {
    const handles = await enqueueSome(engine, dice, `${name}.${number}`, common);
    for (const handle of handles) {
      outstanding++;
      noteResult(handle)
        .finally(() => outstanding--)
        .catch(fail);
      if (dice.chance(0.08)) cancelSoon(engine, handle.id, dice.between(0, 5)).catch(fail);
    }
    do await pause(dice.chance(0.1) ? dice.between(1, 3) : 0);
    while (outstanding > MOST_OUTSTANDING);
  }
}

type Common = Pick<Work, 'life' | 'padding'>;

async function enqueueSome(engine: Engine, dice: Dice, name: string, common: Common): Promise<JobHandle<unknown>[]> {
  const delay = dice.chance(0.2) ? dice.between(1, 40) : 0;
  const options: JobOptions = { delay, priority: dice.between(-3, 3) };
  const notBefore = Date.now() + delay;
  const shape = dice.next();
  if (shape < 0.4) {
    const handle = await engine.enqueue(typeBy(dice, common), workBy(dice, common), options);
    note({ kind: 'accepted', ids: [handle.id], notBefore });
    return [handle];
  }
  const ids = shape < 0.7 ? [name] : Array.from({ length: dice.between(2, 6) }, (_, n) => `${name}.${n}`);
  note({ kind: 'enqueue', ids, notBefore });
  const handles =
    ids.length === 1
      ? [await engine.enqueue(typeBy(dice, common), workBy(dice, common), { ...options, id: name })]
      : await engine.enqueueAll(
          ids.map((id) => [typeBy(dice, common), workBy(dice, common), { ...options, id }] as const),
        );
  note({ kind: 'accepted', ids, notBefore });
  return handles;
}

/** A thread takes longer to start than most lives last, so only some lives have any. */
function typeBy(dice: Dice, { life }: Common): string {
  return life % 3 === 0 && dice.chance(0.3) ? 'threaded' : 'inline';
}

function workBy(dice: Dice, common: Common): Work {
  const isLong = dice.chance(0.1);
  return {
    ...common,
    steps: isLong ? 20 : dice.between(0, 4),
    stepMs: isLong ? 5 : dice.between(0, 2),
    failures: dice.chance(0.15) ? dice.between(1, 5) : 0,
    hasFollowUp: dice.chance(0.3),
    killsAfter: dice.chance(0.002) ? 1 : 0,
  };
}

async function noteResult(handle: JobHandle<unknown>): Promise<void> {
  try {
    await handle.result();
    note({ kind: 'result', id: handle.id, state: 'completed' });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'HOLDFAST_JOB_FAILED') note({ kind: 'result', id: handle.id, state: 'dead' });
    else if (code === 'HOLDFAST_JOB_CANCELLED') note({ kind: 'result', id: handle.id, state: 'cancelled' });
    else throw error;
  }
}

async function cancelSoon(engine: Engine, id: string, afterMs: number): Promise<void> {
  await pause(afterMs);
  note({ kind: 'cancel', id });
  if (await engine.cancel(id, 'by chance')) note({ kind: 'cancelled', id });
}

/** A job may begin to run while one looks for those that wait, and the reverse, but not more often than it has attempts. */
async function untilAllHaveEnded(engine: Engine): Promise<void> {
  for (let look = 0; look <= 2 * RETRY.attempts; look++) {
    const state = look % 2 === 0 ? 'waiting' : 'running';
    while ((await engine.list({ state, limit: 1 })).jobs.length > 0) await pause(10);
  }
}

/** An engine that closes refuses, and retention forgets; anything else fails the test, and ends the child with it. */
function fail(error: unknown): void {
  if (['HOLDFAST_CLOSED', 'HOLDFAST_JOB_NOT_FOUND'].includes(String(codeOf(error)))) return;
  process.nextTick(() => {
    throw error;
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function note(given: Note): void {
  notesOfThisProcess().write(given);
}

function say(said: Said): void {
  process.send?.(said);
}

const [given] = process.argv.slice(2);
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && given !== undefined) {
  await live(JSON.parse(given) as Orders);
  process.disconnect();
}
