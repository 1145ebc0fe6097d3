/**
 * Fingerprints a folder: the SHA-256 of every file in it, worked out by one job for each part of the folder, on threads.
 * Kill it when you like and start it again: it goes on where it was.
 *
 *   npm start -- [folder] [--state <folder>]
 *
 * It ends with 0; with 1 if files could not be read (all others are done); with 2 if it could not begin or go on, and
 * says why; and with 130 after Ctrl-C.
 */
import { HoldfastError, JobFailedError, type Engine, type JobHandle } from 'holdfast';
import { CommandError, readCommand, type Command } from './command.ts';
import { show } from './display.ts';
import { hashPart } from './part.ts';
import { planParts } from './plan.ts';
import { findRun, forgetRun, LAST, openRun, runPart, type RunPart } from './run.ts';
import { sumsJob, type SumsJob, type Totals } from './sums.ts';
import { count, mebibytes, Tally } from './tally.ts';

const INTERRUPTED = 130;
/** npm hands on the Ctrl-C that the terminal has sent already, so two that come together are one. */
const SAME_KEYSTROKE_MS = 300;

const stop = new AbortController();
const stopped = new Promise<undefined>((resolve) => {
  let at = 0;
  process.on('SIGINT', () => {
    if (stop.signal.aborted && performance.now() - at > SAME_KEYSTROKE_MS) process.exit(INTERRUPTED);
    at = performance.now();
    stop.abort();
    resolve(undefined);
  });
});

try {
  process.exitCode = await fingerprint(await readCommand(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof CommandError || error instanceof HoldfastError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function fingerprint(command: Command): Promise<number> {
  console.log(`Fingerprint of ${command.root} (pid ${process.pid}: kill it when you like, and start it again)`);
  const left = await leftParts(command);
  const last = sumsJob(() => engine);
  const engine: Engine = await openRun(command.jobs, [hashPart, last]);
  try {
    const parts = left ?? (await begin(engine, last, command));
    // It is stored, since it came with the parts; this gives its handle.
    const sums = await engine.enqueue(last, { file: command.sums }, { id: LAST, ifExists: 'return' });
    const tally = new Tally(parts);
    const totals = await Promise.race([finish(engine, tally, sums), stopped]);
    if (totals !== undefined) return sayTotals(totals, command);
    await engine.close({ drain: 0 });
    console.log(`Stopped: ${count(tally.doneParts)} of ${count(parts.length, 'part')} done. The same command goes on.`);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await engine.close({ drain: 0 });
  }
  return INTERRUPTED;
}

/** The parts of a run that an earlier start has begun and not ended, before any of them goes on. */
async function leftParts({ jobs, root }: Command): Promise<readonly RunPart[] | undefined> {
  const found = await findRun(jobs);
  if (found?.isOver === true) {
    console.log('The last run is complete; this is a new one.');
    await forgetRun(jobs);
  }
  if (found === undefined || found.isOver) return undefined;
  if (found.root !== root) {
    const hint = `Finish it (npm start -- ${found.root}), or keep this run elsewhere (--state <folder>).`;
    throw new CommandError(`There is an unfinished run over ${found.root}. ${hint}`);
  }
  const { parts } = found;
  const done = parts.filter(({ isDone }) => isDone);
  const begun = parts.filter(({ isDone, doneFiles }) => !isDone && doneFiles > 0);
  const waiting = parts.length - done.length - begun.length;
  console.log(
    `Found: ${count(done.length)} of ${count(parts.length, 'part')} done, ${begun.length} begun, ${count(waiting)} waiting.`,
  );
  for (const { folder, files, doneFiles } of begun) console.log(`  ${folder} goes on at file ${doneFiles} of ${files}`);
  return parts;
}

/** Stores the whole run in one write: killed before, there is none; killed after, there is all of it. */
async function begin(engine: Engine, last: SumsJob, { root, state, sums }: Command): Promise<readonly RunPart[]> {
  const { parts, leftOut } = await planParts(root, state, stop.signal);
  if (parts.length === 0) throw new CommandError(`There are no files in ${root}.`);
  const named = parts.map((part, at) => ({ id: `part:${at + 1}`, part }));
  // The last job waits for all others, however they end.
  const after = named.map(({ id }) => ({ id, on: 'always' as const }));
  await engine.enqueueAll([
    ...named.map(({ id, part }) => [hashPart, part, { id }] as const),
    [last, { file: sums }, { id: LAST, after }] as const,
  ]);
  const files = parts.reduce((sum, part) => sum + part.files.length, 0);
  const links = leftOut === 0 ? '' : `, without ${count(leftOut)} links and special files`;
  console.log(`New: ${count(files, 'file')} in ${count(parts.length, 'part')}${links}.`);
  return named.map(({ id, part }) => runPart({ id, state: 'waiting', payload: part }));
}

/** Waits for the last job, and counts the others as they end. */
async function finish(engine: Engine, tally: Tally, last: JobHandle<Totals>): Promise<Totals> {
  const over = new AbortController();
  const display = show(engine, tally, AbortSignal.any([stop.signal, over.signal]));
  try {
    const ends = tally.parts.map(async (part) => {
      await untilEnded(engine, part.id);
      tally.end(part);
    });
    const [totals] = await Promise.all([last.result(), ...ends]);
    return totals;
  } finally {
    over.abort();
    await display;
  }
}

/** A job that died has ended, too: the last job says which files are missing because of it. */
async function untilEnded(engine: Engine, id: string): Promise<void> {
  try {
    await engine.wait(id);
  } catch (error) {
    if (!(error instanceof JobFailedError)) throw error;
  }
}

function sayTotals(totals: Totals, { root, sums }: Command): number {
  const { files, bytes, parts, resumedParts, sparedFiles, unreadCount, unread } = totals;
  console.log(`Done: ${count(files - unreadCount, 'file')}, ${mebibytes(bytes)}, in ${count(parts, 'part')}.`);
  if (sparedFiles > 0) {
    const where = `in ${count(resumedParts, 'part')}`;
    console.log(`Files not hashed again because of checkpoints: ${count(sparedFiles)} ${where}.`);
  }
  console.log(`Check them: cd '${root}' && sha256sum --check --quiet '${sums}'`);
  if (unreadCount === 0) return 0;
  console.error(`${count(unreadCount)} could not be read:`);
  for (const { path, problem } of unread) console.error(`  ${path}: ${problem}`);
  if (unread.length < unreadCount) console.error(`  and ${count(unreadCount - unread.length)} more`);
  return 1;
}
