/** What the engine has in memory, held against what is on the disk, whenever it has nothing that is not written. */
import { isDeepStrictEqual } from 'node:util';
import { ENTRY_SPACES } from '../../src/job/entries.ts';
import type { JobRow } from '../../src/job/row.ts';
import type { HistoryModel, Report } from './history-model.ts';
import type { ModelJob } from './model-job.ts';
import type { Disk } from './disk.ts';
import type { Log } from '../../src/log/log.ts';
import { openMemoryStore } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';

/** Compares the slots that changed, or all of them, and forgets that they had. */
export function compareMemory({ table }: Log, model: HistoryModel, all: boolean, report: Report): void {
  if (table.size !== model.jobs.size) {
    report('replay equals memory', `${table.size} jobs in memory, ${model.jobs.size} on the disk`);
  }
  const slots = all ? Array.from({ length: table.end }, (_, slot) => slot) : model.touched;
  for (const slot of slots) {
    const job = model.jobs.get(slot);
    const state = table.stateOf(slot);
    if (job === undefined || state === 'absent') {
      if (state !== (job?.state ?? 'absent'))
        report('replay equals memory', `slot ${slot}: ${state}, on the disk ${job?.state}`);
      continue;
    }
    const row = table.row(slot);
    if (!isAsExpected(row, job)) tell(row, job, report);
    if (table.ids.find(job.id) !== slot) report('replay equals memory', `${job.id} is not found`);
  }
  model.touched.clear();
  compareEntries(table.entries, model, all, report);
}

function compareEntries(entries: Log['table']['entries'], model: HistoryModel, all: boolean, report: Report): void {
  if (!all && model.touchedEntries.size === 0) return;
  let count = 0;
  for (const space of ENTRY_SPACES) {
    for (const entry of entries.in(space)) {
      count++;
      const key = `${space}/${entry.name}`;
      if (!all && !model.touchedEntries.has(key)) continue;
      if (!isDeepStrictEqual(entry, model.entries.get(key))) report('replay equals memory', `the entry ${key}`);
    }
  }
  if (count !== model.entries.size)
    report('replay equals memory', `${count} entries in memory, ${model.entries.size} on the disk`);
  model.touchedEntries.clear();
}

/** The same as `expectedOf`, without making anything: it is asked of every job at every step. */
function isAsExpected(row: JobRow, job: ModelJob): boolean {
  return (
    row.id === job.id &&
    row.type === job.type &&
    row.queue === job.queue &&
    row.state === job.state &&
    row.priority === job.priority &&
    row.order === job.order &&
    row.dueAt === job.dueAt &&
    row.starts === job.starts &&
    row.attempts === job.attempts &&
    row.crashes === job.crashes &&
    row.interrupts === job.interrupts &&
    row.snoozes === job.snoozes &&
    row.token === job.token &&
    row.isCancelling === job.isCancelling &&
    (row.deadlineAt ?? 0) === job.deadlineAt &&
    (row.parents ?? '') === job.parents &&
    (row.key ?? '') === job.key &&
    row.isUnreachable === (job.state === 'dead' && job.deathReason === 'unreachable') &&
    row.home === job.home &&
    row.last === job.position &&
    row.checkpoint === job.checkpointAt &&
    row.payload === job.payloadAt &&
    row.createdAt === job.createdAt
  );
}

function tell(row: JobRow, job: ModelJob, report: Report): void {
  for (const [key, value] of Object.entries(expectedOf(job))) {
    const inMemory = row[key as keyof JobRow];
    if (inMemory !== value)
      report('replay equals memory', `${job.id}: ${key} is ${JSON.stringify(inMemory)}, on the disk ${String(value)}`);
  }
}

function expectedOf(job: ModelJob): Record<string, unknown> {
  const { id, type, queue, state, priority, order, dueAt, starts, attempts, crashes, interrupts, snoozes } = job;
  const { token, isCancelling, createdAt } = job;
  return {
    ...{ id, type, queue, state, priority, order, dueAt, starts, attempts, crashes, interrupts, snoozes },
    ...{ token, isCancelling, createdAt },
    deadlineAt: job.deadlineAt === 0 ? undefined : job.deadlineAt,
    parents: job.parents === '' ? undefined : job.parents,
    key: job.key === '' ? undefined : job.key,
    isUnreachable: state === 'dead' && job.deathReason === 'unreachable',
    home: job.home,
    last: job.position,
    checkpoint: job.checkpointAt,
    payload: job.payloadAt,
  };
}

/** The engine's own replay of the disk gives what it has in memory, to the last byte that it counts. */
export async function compareReplay(live: Log, disk: Disk, report: Report): Promise<void> {
  const { log } = await replay(openMemoryStore(new Map(disk.frames)), 0);
  const say = (what: string, inMemory: unknown, replayed: unknown): void => {
    if (inMemory !== replayed)
      report('replay equals memory', `${what} is ${String(inMemory)}, replayed ${String(replayed)}`);
  };
  for (let slot = 0; slot < Math.max(live.table.end, log.table.end); slot++) {
    const states = [live.table.stateOf(slot), log.table.stateOf(slot)];
    say(`slot ${slot}`, states[0], states[1]);
    if (states.includes('absent')) continue;
    say(`slot ${slot}`, JSON.stringify(live.table.row(slot)), JSON.stringify(log.table.row(slot)));
  }
  say('the number of live bytes', live.table.liveBytes, log.table.liveBytes);
  say('the number of all bytes', live.ledger.totalBytes, log.ledger.totalBytes);
  say('the head', live.ledger.head, log.ledger.head);
  say('the tail', live.ledger.tail, log.ledger.tail);
  for (let sequence = log.ledger.head; sequence < log.ledger.tail; sequence++) {
    say(`the jobs of frame ${sequence}`, live.ledger.heldBy(sequence), log.ledger.heldBy(sequence));
  }
}
