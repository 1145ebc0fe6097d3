/**
 * One trial of a full disk: under load somebody else fills the disk, gives it back, and perhaps fills it again. Nothing
 * that was acknowledged may be lost, reading goes on, new jobs are refused with a code, and it goes on by itself.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { defineJob, open, type Engine } from '../../src/index.ts';
import { diceFrom, type Dice } from './dice.ts';
import { FOR_EVER, readViews } from './read-folder.ts';
import { mountDisk, type SmallDisk } from './small-disk.ts';

export interface FullTrial {
  readonly seed: number;
  readonly breaches: readonly string[];
  readonly accepted: number;
  /** Refusals of new jobs, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** From the moment there was room again until a job was accepted, the longest. */
  readonly resumedMs: number;
  /** The longest time without a successful read. */
  readonly blindMs: number;
  /** How often the store failed and was opened again. */
  readonly failures: number;
}

const DISK_MIB = 44;
const MIB = 1024 * 1024;
/** The promise is five seconds, and `isPrompt` asks for it; a machine that is busy with something else takes longer. */
const PROMISED_RESUME_MS = 5_000;
const LONGEST_RESUME_MS = 30_000;

interface Run {
  readonly engine: Engine;
  readonly disk: SmallDisk;
  readonly dice: Dice;
  readonly accepted: Set<string>;
  readonly completed: Set<string>;
  readonly refused: Record<string, number>;
  readonly breaches: string[];
  isOver: boolean;
  lastReadAt: number;
  blindMs: number;
  resumedMs: number;
}

export async function fillOnce(disk: SmallDisk, seed: number): Promise<FullTrial> {
  const dice = diceFrom(seed);
  const folder = path.join(disk.path, 'jobs');
  rmSync(folder, { recursive: true, force: true });
  disk.release();
  // What is free at the beginning: sometimes too little for a reserve.
  disk.fill(dice.chance(0.2) ? dice.between(2 * MIB, 15 * MIB) : dice.between(17 * MIB, 34 * MIB));
  const failures: unknown[] = [];
  const engine = await open(folder, optionsWith(failures));
  const run: Run = {
    engine,
    disk,
    dice,
    accepted: new Set(),
    completed: new Set(),
    refused: {},
    breaches: [],
    isOver: false,
    lastReadAt: performance.now(),
    blindMs: 0,
    resumedMs: 0,
  };
  const load = [produce(run), produce(run), read(run)];
  for (let cycle = dice.between(1, 2); cycle > 0; cycle--) await fillAndRelease(run, folder);
  run.isOver = true;
  await Promise.all(load);
  await engine.close({ drain: 0 });
  await checkFolder(run, folder);
  const { breaches, accepted, refused, resumedMs, blindMs } = run;
  return { seed, breaches, accepted: accepted.size, refused, resumedMs, blindMs, failures: failures.length };
}

function optionsWith(failures: unknown[]) {
  const quiet = () => undefined;
  const child = () => logger;
  const error = (given: unknown) => void failures.push(given);
  const logger = { info: quiet, warn: quiet, debug: quiet, trace: quiet, error, fatal: error, child };
  return { jobs: [work], keepAlive: false, keep: FOR_EVER, concurrency: 5, logger: logger as never };
}

interface Work {
  readonly filling: string;
  readonly ms: number;
}

const work = defineJob<Work, number>({
  type: 'work',
  retry: { attempts: 50, backoff: () => 20 },
  async run({ filling, ms }, { save, checkpoint }) {
    if (checkpoint === undefined) await save({ half: filling.slice(0, 500) });
    await pause(ms);
    return filling.length;
  },
});

async function produce(run: Run): Promise<void> {
  const { engine, dice } = run;
  while (!run.isOver) {
    try {
      const count = dice.between(1, 20);
      const jobs = Array.from(
        { length: count },
        () => [work, { filling: fillingBy(dice), ms: dice.between(0, 3) }] as const,
      );
      for (const { id } of await engine.enqueueAll(jobs)) {
        run.accepted.add(id);
        engine.wait(id).then(
          () => run.completed.add(id),
          () => undefined,
        );
      }
    } catch (error) {
      const code = codeOf(error);
      run.refused[code] = (run.refused[code] ?? 0) + 1;
      if (!['HOLDFAST_STORE_UNAVAILABLE', 'HOLDFAST_OUTCOME_UNKNOWN'].includes(code))
        run.breaches.push(`refused with ${code}`);
      // To make and check a refused list costs as much as an accepted one.
      await pause(40);
    }
    if (dice.chance(0.2)) await pause(1);
  }
}

/** Text that no compression makes smaller, but for its being text. */
const NOISE = randomBytes(300_000).toString('base64');

function fillingBy(dice: Dice): string {
  const length = dice.between(10, 20_000);
  const from = dice.between(0, NOISE.length - length);
  return dice.chance(0.3) ? 'x'.repeat(length) : NOISE.slice(from, from + length);
}

/** Looks at jobs all the time, as a page would. */
async function read(run: Run): Promise<void> {
  run.lastReadAt = performance.now();
  while (!run.isOver) {
    const [id] = run.accepted;
    try {
      await run.engine.list({ limit: 3 });
      if (id !== undefined && (await run.engine.get(id)) === undefined)
        run.breaches.push(`${id} was accepted and is not there`);
      run.blindMs = Math.max(run.blindMs, performance.now() - run.lastReadAt);
      run.lastReadAt = performance.now();
    } catch (error) {
      if (codeOf(error) !== 'HOLDFAST_STORE_UNAVAILABLE' && codeOf(error) !== 'HOLDFAST_OUTCOME_UNKNOWN') {
        run.breaches.push(`reading was refused with ${codeOf(error)}`);
      }
    }
    await pause(10);
  }
  run.blindMs = Math.max(run.blindMs, performance.now() - run.lastReadAt);
}

async function fillAndRelease(run: Run, folder: string): Promise<void> {
  const { dice, disk } = run;
  await pause(dice.between(20, 150));
  disk.fill(dice.chance(0.5) ? 0 : dice.between(0, 300_000));
  const before = answersOf(run);
  await pause(dice.between(100, 600));
  // Whatever room the log had left is gone by now, or jobs are refused.
  const filledAt = performance.now();
  while (answersOf(run) === before && performance.now() - filledAt < LONGEST_RESUME_MS) await pause(5);
  if (answersOf(run) === before) run.breaches.push('nothing was accepted and nothing refused');
  disk.release();
  const releasedAt = performance.now();
  const acceptedThen = run.accepted.size;
  while (run.accepted.size === acceptedThen && performance.now() - releasedAt < LONGEST_RESUME_MS) await pause(5);
  run.resumedMs = Math.max(run.resumedMs, performance.now() - releasedAt);
  if (run.accepted.size === acceptedThen) run.breaches.push(`no job was accepted within ${LONGEST_RESUME_MS} ms`);
  const reserve = path.join(folder, 'reserve');
  while (!existsSync(reserve) && performance.now() - releasedAt < LONGEST_RESUME_MS) await pause(5);
  if (!existsSync(reserve)) run.breaches.push(`there is no reserve again after ${LONGEST_RESUME_MS} ms`);
}

/** How many jobs were accepted and how many calls refused. */
function answersOf({ accepted, refused }: Run): number {
  return Object.values(refused).reduce((sum, count) => sum + count, accepted.size);
}

async function checkFolder({ accepted, completed, breaches }: Run, folder: string): Promise<void> {
  const views = new Map((await readViews(folder)).map((view) => [view.id, view]));
  for (const id of accepted) if (!views.has(id)) breaches.push(`${id} was accepted and is lost`);
  for (const id of completed) {
    const state = views.get(id)?.state;
    if (state !== 'completed') breaches.push(`${id} was told to be completed and is ${state}`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

export function isPrompt({ resumedMs }: FullTrial): boolean {
  return resumedMs < PROMISED_RESUME_MS;
}

/** As many trials as wanted, a few at a time, each on a disk of its own. */
export async function fillOften(seed: number, trials: number, atOnce: number): Promise<FullTrial[]> {
  const done: FullTrial[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const disk = mountDisk(DISK_MIB);
      if (typeof disk === 'string') throw new Error(disk);
      try {
        while (next < trials) done.push(await fillOnce(disk, seed * 1_000_003 + next++));
      } finally {
        disk.unmount();
      }
    }),
  );
  return done;
}

export function summaryOf(trials: readonly FullTrial[]): string {
  const sum = (of: (trial: FullTrial) => number): number => trials.reduce((total, trial) => total + of(trial), 0);
  const most = (of: (trial: FullTrial) => number): number => Math.round(Math.max(...trials.map(of)));
  const refused = sum((trial) => Object.values(trial.refused).reduce((total, count) => total + count, 0));
  return [
    `${trials.length} trials, ${sum(({ accepted }) => accepted)} jobs accepted, ${refused} calls refused`,
    `${sum(({ failures }) => failures)} errors logged, resumed within ${most(({ resumedMs }) => resumedMs)} ms`,
    `at most ${most(({ blindMs }) => blindMs)} ms without a read`,
  ].join(', ');
}
