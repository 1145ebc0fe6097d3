/**
 * Reads what the log knows of one job: its records, from the newest back to its home, each naming the one before. A
 * reader outside of the journal's turn may find that a frame was trimmed meanwhile; the job was carried then, and the
 * table says where to.
 */
import { StoreDamagedError } from '../errors.ts';
import { decodeEdges } from '../job/edges.ts';
import { isAboutJob } from '../job/event.ts';
import { foldHistory, payloadIn, type JobHistory } from '../job/history.ts';
import { offsetOf, sequenceOf, type Frame } from './frame.ts';
import type { Log } from './log.ts';
import { readBeginning, readRecord, type Beginning, type LoggedEvent, type LoggedJobEvent } from './read-record.ts';

/** The record that begins a job: its settings, and its payload as it is now. */
export type HomeRecord = Extract<LoggedEvent, { kind: 'enqueued' | 'carried' }>;

export interface JobRecords {
  readonly home: HomeRecord;
  readonly history: JobHistory;
}

/** Yields the sequence number of each frame it needs, and is given the frame, or undefined when it was trimmed. */
type Walk<Found> = Generator<number, Found | undefined, Frame | undefined>;

/** All records of the job in `slot`; undefined when one of its frames was trimmed. */
function* walkJob(log: Log, slot: number): Walk<JobRecords> {
  const home = log.table.homeOf(slot);
  const records: LoggedJobEvent[] = [];
  for (let position = log.table.lastOf(slot); ;) {
    const frame: Frame | undefined = yield sequenceOf(position);
    if (frame === undefined) return undefined;
    const event = readRecord(frame, offsetOf(position), true);
    if (!isAboutJob(event)) throw lost(position);
    records.push(event);
    if (position === home) {
      if (event.kind !== 'enqueued' && event.kind !== 'carried') throw lost(position);
      records.reverse();
      return { home: { ...event, payload: payloadIn(records) }, history: foldHistory(records) };
    }
    if (event.previous < home || event.previous >= position) throw lost(position);
    position = event.previous;
  }
}

function lost(position: number): StoreDamagedError {
  return new StoreDamagedError({
    where: `frame ${sequenceOf(position)} of the log`,
    what: `the record at offset ${offsetOf(position)} does not lead to the beginning of its job`,
  });
}

/** What an attempt needs of its job's records. */
export interface StartRecords {
  readonly createdAt: number;
  readonly payload: string | undefined;
  readonly settings: string;
  readonly checkpoint: string | undefined;
  /** The results of its parents, as the JSON of an object; undefined if it has none. */
  readonly results: string | undefined;
}

/** The payload and the checkpoint of the job in `slot`; undefined when one of its frames was trimmed. */
function* walkStart(log: Log, slot: number): Walk<StartRecords> {
  const homeAt = log.table.homeOf(slot);
  const checkpointAt = log.table.checkpointOf(slot);
  const payloadAt = log.table.payloadOf(slot);
  const homeFrame: Frame | undefined = yield sequenceOf(homeAt);
  if (homeFrame === undefined) return undefined;
  const beginning = (checkpointAt ?? payloadAt) === undefined ? readBeginning(homeFrame, offsetOf(homeAt)) : undefined;
  if (beginning !== undefined) return startOf(beginning);
  const home = readRecord(homeFrame, offsetOf(homeAt), true);
  if (home.kind !== 'enqueued' && home.kind !== 'carried') throw lost(homeAt);
  const history = home.kind === 'carried' ? foldHistory([home]) : undefined;
  const { settings } = home;
  let { payload } = home;
  if (payloadAt !== undefined) {
    const frame: Frame | undefined = yield sequenceOf(payloadAt);
    if (frame === undefined) return undefined;
    const record = readRecord(frame, offsetOf(payloadAt), true);
    if (record.kind !== 'updated') throw lost(payloadAt);
    ({ payload } = record);
  }
  const createdAt = history?.createdAt ?? home.at;
  if (checkpointAt === undefined) return { createdAt, payload, settings, checkpoint: undefined, results: undefined };
  if (checkpointAt === homeAt)
    return { createdAt, payload, settings, checkpoint: history?.checkpoint, results: undefined };
  const frame: Frame | undefined = yield sequenceOf(checkpointAt);
  if (frame === undefined) return undefined;
  const record = readRecord(frame, offsetOf(checkpointAt), true);
  if (record.kind !== 'checkpointed') throw lost(checkpointAt);
  return { createdAt, payload, settings, checkpoint: record.checkpoint, results: undefined };
}

function startOf({ at, payload, settings }: Beginning): StartRecords {
  return { createdAt: at, payload, settings, checkpoint: undefined, results: undefined };
}

/** What an attempt needs, if it is in memory; undefined when something must be read first. */
export function startRecordsInMemory(log: Log, slot: number): StartRecords | undefined {
  if (log.table.checkpointOf(slot) === undefined && log.table.payloadOf(slot) === undefined) {
    // Most attempts are the first of their job, and most jobs were enqueued just now.
    const home = log.table.homeOf(slot);
    const frame = log.cachedFrame(sequenceOf(home));
    if (frame === undefined) return undefined;
    log.stayAhead(frame.sequence);
    const beginning = readBeginning(frame, offsetOf(home));
    if (beginning !== undefined) return startOf(beginning);
  }
  const walk = walkStart(log, slot);
  let step = walk.next();
  while (step.done !== true) {
    const frame = log.cachedFrame(step.value);
    if (frame === undefined) return undefined;
    step = walk.next(frame);
  }
  return step.value;
}

/** What an attempt needs; undefined when the job in `slot` is not the one with this `order` any more. */
export function readStartRecords(log: Log, slot: number, order: number): Promise<StartRecords | undefined> {
  const ahead = sequenceOf(log.table.homeOf(slot));
  const records = readWhileStored(log, slot, order, walkStart);
  // Jobs of equal priority start in the order in which they lie in the log; after this one, or they would overtake it.
  log.readAhead(ahead);
  return records;
}

/** The results of the jobs that the one in `slot` waited for, as the JSON of an object; undefined if it waited for none. */
export async function readResults(log: Log, slot: number): Promise<string | undefined> {
  const { table } = log;
  const edges = decodeEdges(table.parentsOf(slot) ?? '');
  if (edges.length === 0) return undefined;
  const entries: string[] = [];
  for (const { id, as } of edges) {
    const parent = table.ids.find(id);
    const records = parent < 0 ? undefined : await readJob(log, parent, table.orderOf(parent));
    if (records?.history.result !== undefined) entries.push(`${JSON.stringify(as)}:${records.history.result}`);
  }
  return `{${entries.join(',')}}`;
}

/** Reads the job at once; every frame of a stored job is there when nothing else can happen in between. */
export function readJobNow(log: Log, slot: number): JobRecords {
  const walk = walkJob(log, slot);
  let step = walk.next();
  while (step.done !== true) step = walk.next(log.readFrameNow(step.value));
  if (step.value === undefined) throw lost(log.table.lastOf(slot));
  return step.value;
}

/**
 * Reads the job in `slot` if it is still the one with this `order`; undefined when it is gone. All its records must be
 * committed.
 */
export function readJob(log: Log, slot: number, order: number): Promise<JobRecords | undefined> {
  return readWhileStored(log, slot, order, walkJob);
}

/** A walk that found a frame trimmed is begun again, since the job was carried, until the job is gone. */
async function readWhileStored<Found>(
  log: Log,
  slot: number,
  order: number,
  walkOf: (log: Log, slot: number) => Walk<Found>,
): Promise<Found | undefined> {
  while (log.table.stateOf(slot) !== 'absent' && log.table.orderOf(slot) === order) {
    const walk = walkOf(log, slot);
    let step = walk.next();
    while (step.done !== true) {
      step = walk.next(log.cachedFrame(step.value) ?? (await log.readFrame(step.value)));
    }
    if (step.value !== undefined) return step.value;
  }
  return undefined;
}
