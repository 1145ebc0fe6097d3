/**
 * One life of an app of the soak: opens its folder, puts a moderate load of every kind on it, follows the stream of
 * events, and tells how it is when it is asked. It is killed, or closed, or goes on for hours.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { defineJob, open, type Engine, type JobContext } from '../../src/index.ts';
import { openNotebook } from '../crash/notes.ts';
import { diceFrom } from '../crash/dice.ts';
import { doWork, LIFE_VARIABLE, NOTES_VARIABLE, type Work } from '../crash/work.ts';
import { Load, PLAIN, tolerate } from './load.ts';
import { Meter } from './meter.ts';
import type { FinalState, SoakNote } from './notes.ts';
import type { Order, Orders, Said } from './orders.ts';

export function bear(orders: Orders): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [JSON.stringify(orders)], {
    env: { ...process.env, [NOTES_VARIABLE]: orders.notesFile, [LIFE_VARIABLE]: String(orders.life) },
    execArgv: ['--enable-source-maps', '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

const RETRY = { attempts: 4, backoff: () => 300 };
const inline = defineJob<Work, string>({ type: 'inline', retry: RETRY, run: doWork });
const threaded = defineJob<Work, string>({
  type: 'threaded',
  queue: 'threads',
  retry: RETRY,
  worker: new URL('../crash/work.js', import.meta.url),
});
/** What is kept of ended jobs: soon reached, so that what grows later grows without an end. */
const KEEP = { completed: { count: 1000 }, cancelled: { count: 300 }, dead: { count: 200 } };

const SCHEDULES = [
  { name: 'beat', everyMs: 7_000, rule: { every: 7_000, catchUp: 'all' } },
  { name: 'pulse', everyMs: 2_000, rule: { every: 2_000 } },
  { name: 'minute', everyMs: 60_000, rule: { cron: '* * * * *', tz: 'Europe/Oslo', catchUp: 'all' } },
] as const;

async function live(orders: Orders): Promise<void> {
  const notes = openNotebook<SoakNote>(orders.notesFile);
  const meter = new Meter();
  const from = performance.now();
  const engine = await open(orders.folder, {
    jobs: [inline, threaded],
    queues: { threads: { concurrency: 2 }, rated: { rate: { limit: 5, per: 1000 } } },
    use: [(_payload, context: JobContext, next) => (meter.started(context.job), next())],
    threads: 2,
    grace: 500,
    keep: KEEP,
    reserveBytes: 65_536,
  });
  const openMs = performance.now() - from;
  say({ kind: 'open', openMs, bornMs: performance.now() });
  meter.opened();
  for (const { name, rule } of SCHEDULES) await engine.schedule(name, rule, inline, PLAIN);

  const load = new Load({ engine, notes, dice: diceFrom(orders.seed), name: String(orders.life), ...orders });
  follow(engine, notes, orders.since, meter).catch(tolerate);
  // Without a parent there is nobody to end it; one that has closed lets go of its parent itself.
  process.once('disconnect', () => process.exit());
  let isClosing = false;
  process.on('message', (order: Order) => {
    if (order.kind === 'sample') {
      tell(engine, meter, order.collects).catch(tolerate);
    } else if (!isClosing) {
      isClosing = true;
      end(order.kind, engine, load, notes).catch(tolerate);
    }
  });
  await load.putOn();
}

async function end(how: 'close' | 'finish', engine: Engine, load: Load, notes: Notes): Promise<void> {
  load.stop();
  if (how === 'finish') {
    for (const { name, everyMs } of SCHEDULES) {
      await engine.schedules.pause(name);
      const view = await engine.schedules.get(name);
      const skips = Object.values(view?.skipped ?? {}).reduce((sum, count) => sum + count, 0);
      notes.write({ kind: 'schedule', name, everyMs, runs: view?.runs ?? 0, skips });
    }
    for (;;) {
      const { waiting, running } = await engine.counts();
      if (waiting + running === 0) break;
      await pause(50);
    }
    // What follows the stream of events hears of the last end a little later.
    await pause(1000);
  }
  await engine.close({ drain: 500 });
  process.disconnect();
}

type Notes = ReturnType<typeof openNotebook<SoakNote>>;

const FINAL: Readonly<Record<string, FinalState>> = { completed: 'completed', cancelled: 'cancelled', died: 'dead' };

/** Notes every end, from where the life before it was. */
async function follow(engine: Engine, notes: Notes, since: number, meter: Meter): Promise<void> {
  for await (const { kind, id, seq } of engine.events({ since })) {
    const state = FINAL[kind];
    if (state === undefined || id === undefined) continue;
    notes.write({ kind: 'ended', id, state, seq });
    meter.ended++;
  }
}

async function tell(engine: Engine, meter: Meter, collects: boolean): Promise<void> {
  const { waiting, running, completed, cancelled, dead } = await engine.counts();
  const unfinished = waiting + running;
  const sample = meter.sample({ unfinished, stored: unfinished + completed + cancelled + dead }, collects);
  say({ kind: 'sample', sample });
}

function say(said: Said): void {
  if (process.connected) process.send?.(said);
}

const [given] = process.argv.slice(2);
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && given !== undefined) {
  await live(JSON.parse(given) as Orders);
}
