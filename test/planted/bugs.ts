/**
 * Bugs that are planted on purpose, one at a time, to see that the programme finds them. Each is a piece of a source that
 * stands there exactly once, and what is put in its place. When you change such a line, change it here too: a test says
 * which one it was. A piece that has moved to another file is found there.
 */

export interface PlantedBug {
  /** What it does, as a person would tell it. */
  readonly name: string;
  readonly file: string;
  readonly search: string;
  readonly replace: string;
  /** Seeds of the simulation, or the test file that must fail. */
  readonly foundBy: { readonly seeds: number } | { readonly test: string };
}

const SEEDS = { seeds: 400 };

export const PLANTED_BUGS: readonly PlantedBug[] = [
  // The log
  {
    name: 'an answer comes before its frame is durable',
    file: 'src/actors/journal.ts',
    search: '    committing = pending;\n',
    replace: '    pending.release(runner);\n    committing = new Pending();\n',
    foundBy: SEEDS,
  },
  {
    name: 'a commit begins while another is under way',
    file: 'src/actors/journal.ts',
    search: 'isStopped || committing !== undefined ||',
    replace: 'isStopped ||',
    foundBy: SEEDS,
  },
  {
    name: 'nothing is fsynced',
    file: 'src/log/level-store.ts',
    search: 'batch.write({ sync: this.#sync })',
    replace: 'batch.write({ sync: this.#sync && false })',
    foundBy: { test: 'crash/failing-disk' },
  },
  {
    name: 'a store is written to again after a rejected write',
    file: 'src/log/level-store.ts',
    search: '      this.#rejectedWith = error;\n',
    replace: '',
    foundBy: { test: 'log/level-store' },
  },
  {
    name: 'a missing CURRENT is taken for a new database',
    file: 'src/log/level-store.ts',
    search: 'if (!isNew) await requireDatabase(location);',
    replace: '',
    foundBy: { test: 'log/level-store' },
  },
  {
    name: 'the checksum of a frame is not looked at',
    file: 'src/log/frame.ts',
    search: 'view.getUint32(CRC_AT, true) !== crc',
    replace: 'crc < 0',
    foundBy: { test: 'log/corruption' },
  },
  {
    name: 'the chain is not checked',
    file: 'src/log/replay.ts',
    search: 'previousChainOf(frame) !== last.chain',
    replace: 'previousChainOf(frame) < 0',
    foundBy: { test: 'log/corruption' },
  },
  {
    name: 'a gap between frames is not noticed',
    file: 'src/log/replay.ts',
    search: 'frame.sequence !== last.sequence + 1',
    replace: 'frame.sequence <= last.sequence',
    foundBy: { test: 'log/corruption' },
  },
  {
    name: 'a part of a commit is taken for the whole',
    file: 'src/log/replay.ts',
    search: 'last !== undefined && !last.isLastOfCommit',
    replace: 'last === undefined && this.#frameCount > 0',
    foundBy: { test: 'log/corruption' },
  },
  {
    name: 'frames that are missing before the head are not noticed',
    file: 'src/log/replay.ts',
    search: 'this.#ledger.head > this.#trimmedHead',
    replace: 'this.#ledger.head < 0',
    foundBy: { test: 'log/corruption' },
  },
  {
    name: 'the witness is not believed',
    file: 'src/log/witness.ts',
    search: 'if (end < witness.sequence) return',
    replace: 'if (end < 0) return',
    foundBy: { test: 'crash/power' },
  },
  {
    name: 'nobody looks at the database before LevelDB does',
    file: 'src/log/folder-home.ts',
    search: '    await checkDatabase(folder.logPath, witness.newest);\n',
    replace: '    void checkDatabase;\n',
    foundBy: { test: 'crash/damage' },
  },
  {
    name: 'one frame too many is trimmed',
    file: 'src/log/trim.ts',
    search: 'below: this.#droppable });',
    replace: 'below: this.#droppable + 1 });',
    foundBy: SEEDS,
  },
  {
    name: 'a carried job forgets that it has a checkpoint',
    file: 'src/log/carried.ts',
    search: 'row.checkpoint !== undefined',
    replace: 'row.checkpoint === -1',
    foundBy: SEEDS,
  },
  {
    name: 'a job that is carried twice holds two frames',
    file: 'src/log/log.ts',
    search: '  if (leavesHome) ledger.release(',
    replace: "  if (leavesHome && kind === 'removed') ledger.release(",
    foundBy: SEEDS,
  },
  // The folder
  {
    name: 'a folder may be opened twice in one process',
    file: 'src/log/guard.ts',
    search: 'if (keys.some((key) => registry.has(key))) throw',
    replace: 'if (keys.length === 0) throw',
    foundBy: { test: 'log/guard' },
  },
  {
    name: 'the claim of a running process is swept away',
    file: 'src/log/guard.ts',
    search: 'Number(pid) === process.pid || !isRunning(Number(pid))',
    replace: 'Number(pid) > 0',
    foundBy: { test: 'log/guard' },
  },
  {
    name: 'a log that another process is making is swept away',
    file: 'src/log/folder.ts',
    search: 'maker !== undefined && !isNameOfRunning(maker)',
    replace: 'maker !== undefined',
    foundBy: { test: 'log/folder' },
  },
  {
    name: 'a folder of a newer format is opened',
    file: 'src/log/identity.ts',
    search: 'Number.isInteger(format) && format > FOLDER_FORMAT',
    replace: 'Number.isInteger(format) && format > 1e9',
    foundBy: { test: 'log/identity' },
  },
  // What jobs do
  {
    name: 'a result with another token ends the attempt that runs',
    file: 'src/actors/endings.ts',
    search: 'if (table.tokenOf(slot) === token) {',
    replace: "if (table.stateOf(slot) === 'running') {",
    foundBy: SEEDS,
  },
  {
    name: 'a checkpoint with another token is saved',
    file: 'src/actors/commands.ts',
    search: 'if (table.tokenOf(slot) !== token) {',
    replace: "if (table.stateOf(slot) !== 'running') {",
    foundBy: SEEDS,
  },
  {
    name: 'a follow-up is forgotten when its job completes',
    file: 'src/actors/endings.ts',
    search: 'for (const job of followUps ?? [])',
    replace: 'for (const job of followUps?.slice(1) ?? [])',
    foundBy: SEEDS,
  },
  {
    name: 'a slot is free when its attempt is asked to stop',
    file: 'src/actors/runner.ts',
    search: '    attempt.thread?.abort(reason);\n',
    replace: "    attempt.thread?.abort(reason);\n    dispatcher.tell({ kind: 'released', hold: attempt.hold });\n",
    foundBy: SEEDS,
  },
  {
    name: 'ends that were not durable are not told again after a recovery',
    file: 'src/actors/core.ts',
    search: '    runner.tellAgain(',
    replace: '    void (',
    foundBy: SEEDS,
  },
  {
    name: 'a start whose commit was rejected is never handed over',
    file: 'src/actors/journal.ts',
    search: 'else pending.starts.push({ slot',
    replace: 'else [].at({ slot',
    foundBy: SEEDS,
  },
  {
    name: 'who waits for a job hears nothing after a recovery',
    file: 'src/actors/journal.ts',
    search: '      answerWaiters();\n',
    replace: '      void answerWaiters;\n',
    foundBy: SEEDS,
  },
  {
    name: 'a job is forgotten while another waits for it',
    file: 'src/actors/dependencies.ts',
    search: 'if (!isFinal(this.#table.stateOf(child)) && this.#isBefore(slot, child)) return true;',
    replace: 'if (!isFinal(this.#table.stateOf(child)) && this.#isBefore(slot, child)) return false;',
    foundBy: { test: 'actors/families' },
  },
  {
    name: 'a job starts though the one before it died',
    file: 'src/job/edges.ts',
    search: "return on === 'success' ? 'failed' : 'met';",
    replace: "return 'met';",
    foundBy: SEEDS,
  },
  {
    name: 'one more than the limit of a queue runs',
    file: 'src/actors/queue.ts',
    search: 'this.running >= this.settings.concurrency',
    replace: 'this.running > this.settings.concurrency',
    foundBy: SEEDS,
  },
  {
    name: 'one more than the limit of the engine runs',
    file: 'src/actors/dispatcher.ts',
    search: 'while (running < parts.concurrency',
    replace: 'while (running <= parts.concurrency',
    foundBy: SEEDS,
  },
  {
    name: 'the slot of a thread is never free again',
    file: 'src/actors/dispatcher.ts',
    search: "if (hold.lane === 'thread') runningOnThreads--;",
    replace: '',
    foundBy: SEEDS,
  },
  {
    name: 'the lowest priority runs first',
    file: 'src/actors/queue.ts',
    search: 'agingMs === Infinity ? -priority',
    replace: 'agingMs === Infinity ? priority',
    foundBy: SEEDS,
  },
  {
    name: 'a deadline is never met',
    file: 'src/actors/dispatcher.ts',
    search: 'if (deadlineAt !== undefined) expiries.push(',
    replace: 'if (deadlineAt === -1) expiries.push(',
    foundBy: SEEDS,
  },
  {
    name: 'a suspect runs beside others',
    file: 'src/actors/suspects.ts',
    search: 'return this.#alone >= 0;',
    replace: 'return false;',
    foundBy: { seeds: 2_000 },
  },
  {
    name: 'a failed attempt is not counted',
    file: 'src/job/decide.ts',
    search: 'attempts: failure.attempts + 1',
    replace: 'attempts: failure.attempts',
    foundBy: { test: 'job/decide' },
  },
  {
    name: 'a retry comes at once, whatever its delay',
    file: 'src/job/decide.ts',
    search: "return { kind: 'failed', slot, at, dueAt: next.dueAt,",
    replace: "return { kind: 'failed', slot, at, dueAt: at,",
    foundBy: { test: 'job/decide' },
  },
  {
    name: 'a job that kills the process is started for ever',
    file: 'src/job/decide.ts',
    search: 'if (job.crashes + 1 < job.maxCrashes)',
    replace: 'if (job.crashes + 1 < Infinity)',
    foundBy: { test: 'job/decide' },
  },
  {
    name: 'two unfinished jobs have the same unique key',
    file: 'src/actors/refusal.ts',
    search: "if (!isHeld || mode !== 'reject') return undefined;",
    replace: 'if (mode.length > 0) return undefined;',
    foundBy: SEEDS,
  },
  // Threads
  {
    name: 'what a thread said before it died is not read',
    file: 'src/actors/thread.ts',
    search: 'let entry = receiveMessageOnPort(this.#port); entry !== undefined;',
    replace: 'let entry = receiveMessageOnPort(this.#port); entry === null;',
    foundBy: { test: 'actors/threads' },
  },
  {
    name: 'the slot of a thread is free before the thread is gone',
    file: 'src/actors/thread.ts',
    search: '    this.#problem = problem;\n',
    replace: '    this.#problem = problem;\n    this.#run?.release(undefined);\n',
    foundBy: { test: 'actors/threads' },
  },
];
