/** What the engine has in memory, held against what is on the disk, whenever it has nothing that is not written. */
import { isDeepStrictEqual } from 'node:util';
import { ENTRY_SPACES } from '../../src/job/entries.ts';
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
    const expected = expectedOf(job);
    for (const [key, value] of Object.entries(expected)) {
      const inMemory = row[key as keyof typeof row];
      if (inMemory !== value)
        report(
          'replay equals memory',
          `${job.id}: ${key} is ${JSON.stringify(inMemory)}, on the disk ${String(value)}`,
        );
    }
    if (table.ids.find(job.id) !== slot) report('replay equals memory', `${job.id} is not found`);
  }
  model.touched.clear();
  const held = ENTRY_SPACES.flatMap((space) =>
    Array.from(table.entries.in(space), (entry) => [`${space}/${entry.name}`, entry] as const),
  );
  for (const [key, entry] of held) {
    if (!isDeepStrictEqual(entry, model.entries.get(key))) report('replay equals memory', `the entry ${key}`);
  }
  if (held.length !== model.entries.size)
    report('replay equals memory', `${held.length} entries in memory, ${model.entries.size} on the disk`);
}

function expectedOf(job: ModelJob): Record<string, unknown> {
  const {
    id,
    type,
    queue,
    state,
    priority,
    order,
    dueAt,
    starts,
    attempts,
    crashes,
    interrupts,
    snoozes,
    token,
    isCancelling,
  } = job;
  return {
    ...{
      id,
      type,
      queue,
      state,
      priority,
      order,
      dueAt,
      starts,
      attempts,
      crashes,
      interrupts,
      snoozes,
      token,
      isCancelling,
    },
    deadlineAt: job.deadlineAt === 0 ? undefined : job.deadlineAt,
    parents: job.parents === '' ? undefined : job.parents,
    key: job.key === '' ? undefined : job.key,
    isUnreachable: state === 'dead' && job.deathReason === 'unreachable',
    home: job.home,
    last: job.position,
    checkpoint: job.checkpointAt,
    payload: job.payloadAt,
    createdAt: job.createdAt,
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
