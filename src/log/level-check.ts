/**
 * Looks at a database before LevelDB does. LevelDB passes over damage at the end of its log and of its MANIFEST in
 * silence, goes on with what is left, and deletes the files it then has no use for: whoever finds out afterwards finds
 * nothing to repair. It trusts what stands in its tables, too, and a block of zeros in one aborts the process, at every
 * start. So everything it is going to read is held against its checksums first, and against the witness. That takes
 * 3 to 5 ms a mebibyte of files, less than a tenth of the replay that follows.
 */
import { StoreDamagedError } from '../errors.ts';
import { chainOf } from './frame.ts';
import { requireDatabase } from './level-files.ts';
import { sequenceOfKey } from './level-key.ts';
import { checkTable, readEntries, surveyDatabase, type Problem, type Survey } from './level-survey.ts';
import { missingTail, type Witnessed } from './witness.ts';

/**
 * Nothing is written, and the database must not be open.
 *
 * An end that was cut off is no damage if all that was witnessed stands before it: a write that was under way when the
 * process or the machine died leaves one.
 *
 * @throws {StoreDamagedError} naming the file, and the byte where there is one
 * @throws {StoreUnavailableError}
 */
export async function checkDatabase(location: string, witness: Witnessed): Promise<void> {
  await requireDatabase(location);
  const survey = await surveyDatabase(location);
  for (const { where, what, isCut } of survey.problems) {
    if (!isCut) throw new StoreDamagedError({ where, what });
  }
  for (const file of survey.files) {
    const problem = file.isLive && file.kind === 'table' ? await checkTable(file) : undefined;
    if (problem !== undefined) throw new StoreDamagedError(problem);
  }
  const { newest, chainAtWitness } = await readLogs(survey, witness.sequence);
  // What stands in a table may be older than the witness, and its frames are not read: their chain is not known.
  const last = { sequence: newest, chain: newest === witness.sequence ? (chainAtWitness ?? witness.chain) : 0 };
  const missing = missingTail(witness, newest === 0 ? undefined : last, chainAtWitness);
  if (missing !== undefined) {
    const cut = survey.problems[0];
    throw new StoreDamagedError({ what: missing, where: cut?.where ?? location });
  }
}

/** The newest frame that LevelDB would find, and the chain value of the witnessed one if it is in the logs. */
async function readLogs(survey: Survey, witnessed: number): Promise<{ newest: number; chainAtWitness?: number }> {
  let newest = 0;
  let chainAtWitness: number | undefined;
  let problem: Problem | undefined;
  for (const { largest } of survey.manifest?.tables.values() ?? []) {
    newest = Math.max(newest, sequenceOfKey(largest) ?? 0);
  }
  for (const file of survey.files) {
    if (!file.isLive || file.kind !== 'log') continue;
    for await (const item of readEntries(file)) {
      if (item.kind === 'problem') {
        problem ??= item;
        continue;
      }
      // A write begins when the one before it is done. So nothing whole stands behind one that was cut off.
      if (problem !== undefined) throw new StoreDamagedError(problem);
      const sequence = sequenceOfKey(item.entry.key);
      if (sequence === undefined || item.entry.value === undefined) continue;
      newest = Math.max(newest, sequence);
      if (sequence === witnessed && item.entry.value.length >= 4) chainAtWitness = chainOf(item.entry.value);
    }
  }
  return chainAtWitness === undefined ? { newest } : { newest, chainAtWitness };
}
