/**
 * One trial of damage: a folder is harmed, and must then either be opened and give back all that was acknowledged, or be
 * refused with a named error; by `verify` as by `open`. Nothing that could have been salvaged before may be gone after,
 * and what `repair` makes of it must be what was there, but for what it names.
 *
 * The trials run in a process of their own, since a damaged database may abort one.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import { open, repair, verify, type JobView } from '../../src/index.ts';
import { surveyDatabase } from '../../src/log/level-survey.ts';
import { headOf } from '../../src/log/salvage.ts';
import { readAllFrames } from '../../src/log/stored-frames.ts';
import { diceFrom } from './dice.ts';
import { filesIn, harm } from './harm.ts';
import { readViews } from './read-folder.ts';
import { makeTemplate } from './template.ts';

export interface Trial {
  readonly number: number;
  readonly harm: string;
  /** What came of it: `harmless`, or the code of the error. */
  readonly outcome: string;
  readonly breaches: readonly string[];
}

/** As many trials as wanted, on a folder that is made from the seed. */
export async function damageOften(seed: number, trials: number): Promise<Trial[]> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-damage-'));
  try {
    return await runTrials(base, await makeTemplate(base, seed), seed, 1, trials);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** How often what came of it: `HOLDFAST_DAMAGED 160, harmless 140`. */
export function summaryOf(trials: readonly Trial[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of trials) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
}

/** Runs the trials `from` to `to`, and goes on behind one in which the process died. */
async function runTrials(base: string, earlier: number, seed: number, from: number, to: number): Promise<Trial[]> {
  const trials: Trial[] = [];
  while (from <= to) {
    const child = fork(fileURLToPath(import.meta.url), [base, String(earlier), String(seed), String(from), String(to)]);
    const done = await collect(child);
    trials.push(...done.trials);
    from += done.trials.length;
    if (from <= to) {
      const breaches = [`the process died: ${done.end}`];
      trials.push({ number: from, harm: done.begun ?? 'unknown', outcome: 'death', breaches });
      from++;
    }
  }
  return trials;
}

interface Collected {
  readonly trials: Trial[];
  /** What was done to the folder in the trial that is not in the list. */
  readonly begun: string | undefined;
  readonly end: string;
}

const LONGEST_TRIAL_MS = 30_000;

async function collect(child: ChildProcess): Promise<Collected> {
  const trials: Trial[] = [];
  let begun: string | undefined;
  let patience = setTimeout(() => child.kill('SIGKILL'), LONGEST_TRIAL_MS);
  child.on('message', (said: Trial | string) => {
    clearTimeout(patience);
    patience = setTimeout(() => child.kill('SIGKILL'), LONGEST_TRIAL_MS);
    if (typeof said === 'string') begun = said;
    else trials.push(said);
  });
  await once(child, 'exit');
  clearTimeout(patience);
  return { trials, begun, end: String(child.signalCode ?? child.exitCode) };
}

interface Template {
  readonly now: string;
  readonly earlier: readonly string[];
  readonly jobs: ReadonlyMap<string, JobView>;
}

async function tryOne(template: Template, folder: string, seed: number, number: number): Promise<Trial> {
  const dice = diceFrom(seed * 1_000_003 + number);
  const breaches: string[] = [];
  for (const suffix of ['', '.repaired', '.salvaged', '.salvaging'])
    rmSync(folder + suffix, { recursive: true, force: true });
  cpSync(template.now, folder, { recursive: true });
  const done = harm(folder, template.earlier, dice);
  const text = `${done.file}: ${done.what}`;
  process.send?.(text);

  const before = contentOf(folder);
  const salvageable = await framesOf(folder);
  const verified = await settled(verify(folder));
  if (!isDeepStrictEqual(contentOf(folder), before)) breaches.push('verify changed the folder');
  if ('error' in verified) breaches.push(`verify threw ${nameOf(verified.error)}`);
  if (dice.chance(0.3)) await checkRepair(template, folder, breaches);

  const first = await openAndRead(folder);
  const outcome = 'error' in first ? nameOf(first.error) : 'harmless';
  if ('error' in first) {
    if (!outcome.startsWith('HOLDFAST_')) breaches.push(`it was refused with ${outcome}`);
    const after = await framesOf(folder);
    const gone = [...salvageable].filter((sequence) => !after.has(sequence));
    if (gone.length > 0)
      breaches.push(`the frames ${gone.join(' ')} could be salvaged before it was opened, and not after`);
    const again = await openAndRead(folder);
    const second = 'error' in again ? nameOf(again.error) : 'harmless';
    if (second !== outcome) breaches.push(`it was ${outcome}, and then ${second}`);
    if (dice.chance(0.2)) await checkSalvage(template, folder, breaches);
  } else {
    const difference = differenceOf(template.jobs, first.value);
    if (difference !== undefined) breaches.push(`SILENT: ${difference}`);
  }
  const isSound = 'value' in verified && verified.value.isSound;
  if (isSound && outcome !== 'harmless') breaches.push(`verify calls it sound, and open says ${outcome}`);
  return {
    number,
    harm: text,
    outcome: isSound || 'error' in first ? outcome : 'harmless, though verify warns',
    breaches,
  };
}

async function checkRepair(template: Template, folder: string, breaches: string[]): Promise<void> {
  const to = `${folder}.repaired`;
  const report = await settled(repair(folder, { to }));
  if ('error' in report) {
    breaches.push(`repair threw ${nameOf(report.error)}`);
    return;
  }
  const { missing, uncertain, lost } = report.value;
  const read = await openAndRead(to);
  if ('error' in read) {
    breaches.push(`what was repaired is refused: ${nameOf(read.error)}`);
    return;
  }
  checkSalvaged(
    template,
    read.value,
    missing.length > 0,
    new Set([...uncertain, ...lost].map(({ id }) => id)),
    breaches,
  );
}

async function checkSalvage(template: Template, folder: string, breaches: string[]): Promise<void> {
  const opened = await settled(open(folder, { ...OPTIONS, onDamage: 'salvage' }));
  if ('error' in opened) {
    if (nameOf(opened.error) === 'HOLDFAST_DAMAGED') breaches.push('it was not salvaged');
    return;
  }
  const engine = opened.value;
  const report = engine.salvaged;
  await engine.close();
  if (report === undefined) {
    breaches.push('it was refused before, and then opened without salvage');
    return;
  }
  const named = new Set([...report.uncertain, ...report.lost].map(({ id }) => id));
  checkSalvaged(template, await readViews(folder), report.missing.length > 0, named, breaches);
  if (!filesIn(report.keptAt).some((name) => name.startsWith('log/'))) breaches.push('the damaged folder was not kept');
  rmSync(report.keptAt, { recursive: true, force: true });
}

/** Everything that is there is what was there, or is named; and what is not there is named, or was in missing frames. */
function checkSalvaged(
  { jobs }: Template,
  views: readonly JobView[],
  mayMiss: boolean,
  named: ReadonlySet<string>,
  breaches: string[],
): void {
  const there = new Set(views.map(({ id }) => id));
  for (const view of views) {
    const was = jobs.get(view.id);
    if (named.has(view.id) || (was !== undefined && isDeepStrictEqual(essenceOf(view), essenceOf(was)))) continue;
    // A job that retention had forgotten comes back when the record of that is missing.
    if (was === undefined && mayMiss) continue;
    breaches.push(`${view.id} is not as it was, and not named: ${view.state}`);
  }
  for (const id of jobs.keys()) {
    if (!there.has(id) && !named.has(id) && !mayMiss) breaches.push(`${id} is not there, and not named`);
  }
}

const OPTIONS = { keepAlive: false, maxCrashes: 255, reserveBytes: 0 } as const;

function openAndRead(folder: string): Promise<Settled<JobView[]>> {
  return settled(readViews(folder));
}

type Settled<Value> = { readonly value: Value } | { readonly error: unknown };

async function settled<Value>(promise: Promise<Value>): Promise<Settled<Value>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function differenceOf(expected: ReadonlyMap<string, JobView>, views: readonly JobView[]): string | undefined {
  const found = new Map(views.map((view) => [view.id, view]));
  for (const [id, view] of expected) {
    const other = found.get(id);
    if (other === undefined) return `${id} is gone`;
    if (!isDeepStrictEqual(essenceOf(view), essenceOf(other))) return `${id} is ${other.state} and was ${view.state}`;
  }
  return found.size === expected.size ? undefined : `there are ${found.size} jobs, and were ${expected.size}`;
}

/** What does not depend on when the folder was opened. */
function essenceOf({ dueAt: _dueAt, ...view }: JobView): Omit<JobView, 'dueAt'> {
  return view;
}

function contentOf(folder: string): Map<string, string> {
  return new Map(filesIn(folder).map((name) => [name, readFileSync(path.join(folder, name)).toString('latin1')]));
}

/** The frames that count and are whole in any file. */
async function framesOf(folder: string): Promise<Set<number>> {
  const { frames } = await readAllFrames(await surveyDatabase(path.join(folder, 'log')));
  const head = headOf(frames.values());
  return new Set([...frames.keys()].filter((sequence) => sequence >= head));
}

async function main(base: string, earlier: number, seed: number, from: number, to: number): Promise<void> {
  const now = path.join(base, 'now');
  const reference = path.join(base, 'reference');
  rmSync(reference, { recursive: true, force: true });
  cpSync(now, reference, { recursive: true });
  const jobs = new Map((await readViews(reference)).map((view) => [view.id, view]));
  const template: Template = {
    now,
    earlier: Array.from({ length: earlier }, (_, n) => path.join(base, `then.${n + 1}`)),
    jobs,
  };
  for (let number = from; number <= to; number++) {
    process.send?.(await tryOne(template, path.join(base, 'trial'), seed, number));
  }
}

const [base, earlier, seed, from, to] = process.argv.slice(2);
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && base !== undefined) {
  await main(base, Number(earlier), Number(seed), Number(from), Number(to));
  process.disconnect();
}
