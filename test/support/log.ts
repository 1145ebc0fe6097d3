/** For tests of the log: events in every shape they can have, frames made of them, and logs on a store in memory. */
import fc from 'fast-check';
import {
  type Carried,
  DEATH_REASONS,
  INTERRUPT_REASONS,
  type JobEvent,
  type LogEvent,
  type LogEventKind,
  type Noted,
} from '../../src/job/event.ts';
import { ENTRY_SPACES, type Entry } from '../../src/job/entries.ts';
import { unpackUlid } from '../../src/job/id.ts';
import { encodeLabels } from '../../src/job/labels.ts';
import { JOB_STATES } from '../../src/job/machine.ts';
import type { JobRow } from '../../src/job/row.ts';
import { JobTable } from '../../src/job/table.ts';
import { type Frame, HEADER_BYTES, OpenFrame, positionOf } from '../../src/log/frame.ts';
import { applyToState, type Log } from '../../src/log/log.ts';
import { FrameLedger } from '../../src/log/ledger.ts';
import { type MemoryFrames, openMemoryStore } from '../../src/log/memory-store.ts';
import { KINDS } from '../../src/log/record-format.ts';
import { replay } from '../../src/log/replay.ts';
import type { FrameEntry, Store } from '../../src/log/store.ts';
import { mostBytesOf, writeRecord } from '../../src/log/write-record.ts';

export const NOW = Date.UTC(2026, 0, 1);
const CACHE_BYTES = 1024 * 1024;

/** An event that may stand in a log, with the job it is about where it does not say so itself. */
export type Enqueued = JobEvent & { kind: 'enqueued' };

export function enqueued(slot: number, given: Partial<Omit<Enqueued, 'kind' | 'slot'>> = {}): Enqueued {
  return {
    kind: 'enqueued',
    slot,
    at: NOW,
    id: `job:${slot}`,
    type: 'email:welcome',
    queue: 'default',
    priority: 0,
    dueAt: NOW,
    deadlineAt: 0,
    settings: '',
    parents: '',
    key: '',
    labels: '',
    payload: '{}',
    ...given,
  };
}

export function carried(slot: number, given: Partial<Omit<Carried, 'kind' | 'slot'>> = {}): Carried {
  return {
    ...enqueued(slot),
    ...{ kind: 'carried', order: positionOf(1, HEADER_BYTES), createdAt: NOW, state: 'waiting', token: 0 },
    ...{
      starts: 0,
      attempts: 0,
      crashes: 0,
      interrupts: 0,
      snoozes: 0,
      hasCheckpoint: false,
      isCancelling: false,
      isUnreachable: false,
    },
    history: JSON.stringify({ createdAt: NOW, errors: [] }),
    ...given,
  };
}

/** Reads a log from its store: an empty one, or what an earlier log left there. */
export async function openLog(frames: MemoryFrames = new Map(), cacheBytes = CACHE_BYTES): Promise<Log> {
  return (await replay(openMemoryStore(frames), cacheBytes)).log;
}

export interface Written {
  readonly frames: readonly FrameEntry[];
  readonly drop: { readonly from: number; readonly below: number } | undefined;
}

export interface WatchedLog {
  readonly log: Log;
  readonly frames: MemoryFrames;
  readonly writes: readonly Written[];
  /** What every write waits for before it is done. */
  readonly gate: { before: () => Promise<void> };
}

/** A log on a store that notes what it is given, and can be told to keep a write waiting or to refuse it. */
export async function openWatchedLog(cacheBytes = CACHE_BYTES): Promise<WatchedLog> {
  const frames: MemoryFrames = new Map();
  const memory = openMemoryStore(frames);
  const writes: Written[] = [];
  const gate: { before: () => Promise<void> } = { before: () => Promise.resolve() };
  const store: Store = {
    ...{
      read: (n: number) => memory.read(n),
      readSync: (n: number) => memory.readSync(n),
      close: () => memory.close(),
    },
    scan: (from) => memory.scan(from),
    async write(entries, drop) {
      writes.push({ frames: entries, drop });
      await gate.before();
      await memory.write(entries, drop);
    },
  };
  const { log } = await replay(store, cacheBytes);
  return { log, frames, writes, gate };
}

/** A copy of what a store holds, which the store does not change any more. */
export function copyOf(frames: MemoryFrames): MemoryFrames {
  return new Map([...frames].map(([sequence, bytes]) => [sequence, bytes.slice()]));
}

/** Everything that memory holds of all jobs, by slot. */
export function rowsOf(table: JobTable): Map<number, JobRow> {
  const rows = new Map<number, JobRow>();
  for (let slot = 0; slot < table.end; slot++) if (table.stateOf(slot) !== 'absent') rows.set(slot, table.row(slot));
  return rows;
}

/** Everything that is stored beside the jobs. */
export function entriesOf({ entries }: JobTable): Entry[][] {
  return ENTRY_SPACES.map((space) => [...entries.in(space)].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

export interface MadeFrame {
  readonly frame: Frame;
  /** Where each event stands in it. */
  readonly positions: readonly number[];
}

/** One frame that holds these events, applied to `table` as far as it knows their jobs. */
export function frameOf(
  events: readonly LogEvent[],
  { sequence = 1, previousChain = 0, isLastOfCommit = true, table = new JobTable() } = {},
): MadeFrame {
  const open = new OpenFrame();
  const ledger = new FrameLedger(1);
  open.begin(sequence, events[0]?.at ?? NOW);
  const positions: number[] = [];
  for (const event of events) {
    open.makeRoomFor(mostBytesOf(event));
    const position = positionOf(sequence, open.end);
    positions.push(position);
    const bytes = writeRecord(open, event, table);
    applyToState(table, ledger, event, position, bytes);
  }
  return { frame: open.seal(previousChain, isLastOfCommit), positions };
}

// Arbitrary events

const NAME = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,128}$/);
const moment = fc.oneof(fc.nat({ max: 2 ** 42 }), fc.constantFrom(0, NOW, 8.64e15, Number.MAX_SAFE_INTEGER));
const count = fc.oneof(fc.nat({ max: 100 }), fc.constantFrom(0, 65_535, 2 ** 32 - 1));
/** Bodies are JSON, but the log keeps any text. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.json() },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '"ünïcødé ✓ 漢字 🙂"',
      '\u0000',
      '\uFEFF"bom"',
      'null',
      '🙂'.repeat(500),
      'é'.repeat(70_000),
    ),
  },
);
const body = fc.option(text, { nil: undefined, freq: 4 });
const ulid = fc.uint32Array({ minLength: 4, maxLength: 4 }).map((words) => unpackUlid(words, 0));
export const jobId = fc.oneof(ulid, fc.stringMatching(/^[A-Za-z0-9_.:@-]{1,128}$/), fc.constant('x'.repeat(128)));

const labels = fc.record(
  {
    unique: fc.string({ unit: 'grapheme', maxLength: 20 }),
    idempotencyKey: fc.string({ maxLength: 20 }),
    tags: fc.array(fc.string({ maxLength: 10 }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

/** What an `enqueued` and a `carried` event say alike. */
const job = fc.record({
  slot: fc.oneof(fc.nat({ max: 1_000 }), fc.constant(100_000)),
  at: moment,
  id: jobId,
  type: fc.oneof(NAME, fc.constant('t'.repeat(128))),
  queue: NAME,
  priority: fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(-(2 ** 31), -1, 0, 2 ** 31 - 1),
  ),
  dueAt: moment,
  deadlineAt: moment,
  settings: fc.oneof(fc.constant(''), text),
  parents: fc.oneof(fc.constant(''), text),
  key: fc.oneof(fc.constant(''), text),
  labels: fc.oneof(fc.constant(''), labels.map(encodeLabels)),
  payload: body,
});

export const anyEnqueued: fc.Arbitrary<Enqueued> = job.map((given) => ({ kind: 'enqueued', ...given }));

export const anyCarried: fc.Arbitrary<Carried> = fc
  .tuple(
    job,
    fc.record({
      order: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      createdAt: moment,
      state: fc.constantFrom(...JOB_STATES),
      token: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      starts: count,
      attempts: fc.nat({ max: 65_535 }),
      crashes: fc.nat({ max: 255 }),
      interrupts: fc.nat({ max: 65_535 }),
      snoozes: fc.nat({ max: 65_535 }),
      hasCheckpoint: fc.boolean(),
      isCancelling: fc.boolean(),
      isUnreachable: fc.boolean(),
      history: body,
    }),
  )
  .map(([given, state]) => ({ kind: 'carried', ...given, ...state }));

/** Any event about the job in `slot` but the two that bring it there. */
export function anyEventOf(slot: number): fc.Arbitrary<Exclude<JobEvent, Enqueued>> {
  const fact = { slot: fc.constant(slot), at: moment };
  return fc.oneof(
    fc.record({ kind: fc.constant('started' as const), ...fact, starts: fc.nat({ max: 2 ** 32 - 1 }) }),
    fc.record({ kind: fc.constant('checkpointed' as const), ...fact, checkpoint: body }),
    fc.record({ kind: fc.constant('progressed' as const), ...fact, report: body }),
    fc.record({ kind: fc.constant('cancelling' as const), ...fact, reason: body }),
    fc.record({ kind: fc.constant('completed' as const), ...fact, result: body }),
    fc.record({ kind: fc.constant('failed' as const), ...fact, dueAt: moment, error: body }),
    fc.record({ kind: fc.constant('interrupted' as const), ...fact, why: fc.constantFrom(...INTERRUPT_REASONS) }),
    fc.record({ kind: fc.constantFrom('snoozed' as const, 'rescheduled' as const), ...fact, dueAt: moment }),
    fc.record({
      kind: fc.constant('updated' as const),
      ...{ ...fact, dueAt: moment, priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
      ...{ hasPayload: fc.boolean(), payload: body, keepAttempts: fc.boolean() },
    }),
    fc.record({ kind: fc.constant('cancelled' as const), ...fact, reason: body }),
    fc.record({ kind: fc.constant('died' as const), ...fact, why: fc.constantFrom(...DEATH_REASONS), error: body }),
    fc.record({ kind: fc.constant('revived' as const), ...fact, dueAt: moment, keepAttempts: fc.boolean() }),
    fc.record({ kind: fc.constant('removed' as const), ...fact }),
  );
}

export const anyMark: fc.Arbitrary<LogEvent> = fc.oneof(
  fc.record({ kind: fc.constantFrom('opened' as const, 'closed' as const), at: moment }),
  fc.record({ kind: fc.constant('trimmed' as const), at: moment, head: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
);

export const anyNoted: fc.Arbitrary<Noted> = fc.record({
  kind: fc.constant('noted' as const),
  at: moment,
  space: fc.constantFrom(...ENTRY_SPACES),
  name: fc.oneof(NAME, text),
  what: NAME,
  detail: body,
  value: fc.oneof(fc.constant(''), text),
});

export const ALL_KINDS: readonly LogEventKind[] = KINDS;
