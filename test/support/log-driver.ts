/**
 * Drives a log as the journal would, but by dice: legal events only, commits now and then, trimming with each of them.
 * Beside it stands what must come of it: the events of each job from its beginning, whatever was trimmed since.
 */
import assert from 'node:assert/strict';
import { ENTRY_SPACES, type Entry } from '../../src/job/entries.ts';
import type { JobEvent, JobEventKind, LogEvent, Noted } from '../../src/job/event.ts';
import { foldHistory, payloadIn } from '../../src/job/history.ts';
import { encodeLabels } from '../../src/job/labels.ts';
import { nextState, TRANSITIONS } from '../../src/job/machine.ts';
import type { JobRow } from '../../src/job/row.ts';
import { readJobNow } from '../../src/log/history.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { copyOf, enqueued, entriesOf, NOW, openLog, rowsOf } from './log.ts';

/** What a killed process would leave behind, and what the next one must make of it. */
export interface Remains {
  readonly frames: MemoryFrames;
  readonly rows: Map<number, JobRow>;
  readonly entries: Entry[][];
  readonly liveBytes: number;
}

export interface DriverOptions {
  readonly seed: number;
  readonly slackBytes?: number;
  readonly cacheBytes?: number;
  /** The longest body, in characters. */
  readonly mostText?: number;
  /** How many jobs there are at most. */
  readonly mostJobs?: number;
}

const KINDS = Object.keys(TRANSITIONS) as JobEventKind[];
/** How often each kind is chosen where it may happen. */
const WEIGHTS: Record<JobEventKind, number> = {
  ...{ enqueued: 0, started: 8, checkpointed: 5, progressed: 2, cancelling: 1, completed: 3, failed: 4 },
  ...{ interrupted: 1, snoozed: 1, rescheduled: 1, updated: 2, cancelled: 1, died: 1, revived: 1, removed: 4 },
};

export class LogDriver {
  readonly frames: MemoryFrames = new Map();
  /** What was there after each commit, if `keepsRemains`. */
  readonly remains: Remains[] = [];
  keepsRemains = false;
  log: Log;
  trimmer: Trimmer;
  now = NOW;
  carriedCount = 0;
  readonly random: () => number;
  readonly #options: Required<DriverOptions>;
  /** All events of the jobs that are stored, by slot. */
  readonly #lives = new Map<number, JobEvent[]>();
  /** What was noted last, by space and name. */
  readonly #noted = new Map<string, string>();
  #idCount = 0;

  static async open(options: DriverOptions): Promise<LogDriver> {
    const driver = new LogDriver(options, await openLog());
    await driver.reopen();
    return driver;
  }

  constructor(options: DriverOptions, log: Log) {
    this.#options = { slackBytes: 20_000, cacheBytes: 1 << 20, mostText: 300, mostJobs: 60, ...options };
    this.random = createFakeClock({ seed: options.seed }).random;
    this.log = log;
    this.trimmer = new Trimmer(log, this.#options.slackBytes);
  }

  /** Replays the store, as after a kill when everything was committed, and goes on with what that gives. */
  async reopen(): Promise<void> {
    this.log = await openLog(this.frames, this.#options.cacheBytes);
    this.trimmer = new Trimmer(this.log, this.#options.slackBytes);
  }

  pick(below: number): number {
    return Math.floor(this.random() * below);
  }

  text(): string {
    const length = this.pick(10) === 0 ? this.#options.mostText : this.pick(40);
    return JSON.stringify(String.fromCharCode(97 + this.pick(26), 233).repeat(Math.ceil(length / 2)));
  }

  /** One legal event of a random job, or a new job; or something is noted beside the jobs. */
  act(): void {
    this.now += this.pick(50);
    if (this.pick(12) === 0) {
      this.note();
      return;
    }
    const { table } = this.log;
    const slots = [...this.#lives.keys()];
    if (slots.length === 0 || (slots.length < this.#options.mostJobs && this.pick(4) === 0)) {
      this.record(this.newJob());
      return;
    }
    const slot = slots[this.pick(slots.length)] as number;
    const legal = KINDS.filter((kind) => nextState(table.stateOf(slot), kind) !== undefined);
    this.record(this.eventOf(this.#weighed(legal), slot));
  }

  note(): void {
    const space = ENTRY_SPACES[this.pick(ENTRY_SPACES.length)] as (typeof ENTRY_SPACES)[number];
    const name = `entry ${this.pick(8)}`;
    const value = this.pick(6) === 0 ? '' : this.text();
    const detail = this.pick(2) === 0 ? undefined : this.text();
    this.record({ kind: 'noted', at: this.now, space, name, what: 'said', detail, value });
    if (value === '') this.#noted.delete(`${space}/${name}`);
    else this.#noted.set(`${space}/${name}`, value);
  }

  #weighed(kinds: readonly JobEventKind[]): JobEventKind {
    let left = this.random() * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
    return kinds.find((kind) => (left -= WEIGHTS[kind]) < 0) ?? (kinds[0] as JobEventKind);
  }

  /** A job that nobody had before. */
  newJob(): JobEvent & { kind: 'enqueued' } {
    const n = ++this.#idCount;
    const id = n % 3 === 0 ? `order:${n}` : `01HZZZZZZZZZZZZZZZZZZ${String(n).padStart(5, '0')}`;
    return enqueued(this.log.table.freeSlot(), {
      ...{ id, at: this.now, dueAt: this.now + this.pick(1_000), priority: this.pick(5) - 2 },
      ...{
        type: `type:${n % 4}`,
        queue: n % 2 === 0 ? 'default' : 'email',
        settings: n % 5 === 0 ? '{"attempts":3}' : '',
        parents: n % 6 === 0 ? `[["order:${n - 3}","success"]]` : '',
        labels: n % 8 === 0 ? encodeLabels({ unique: `key:${n % 3}`, tags: ['a'] }) : '',
        deadlineAt: n % 4 === 0 ? this.now + 5_000 : 0,
        key: n % 5 === 2 ? `tenant ${n % 3}` : '',
      },
      payload: n % 7 === 0 ? undefined : this.text(),
    });
  }

  eventOf(kind: JobEventKind, slot: number): JobEvent {
    const at = this.now;
    switch (kind) {
      case 'enqueued':
        return this.newJob();
      case 'started':
        return { kind, slot, at, starts: this.log.table.startsOf(slot) + 1 };
      case 'checkpointed':
        return { kind, slot, at, checkpoint: this.text() };
      case 'progressed':
        return { kind, slot, at, report: this.text() };
      case 'cancelling':
      case 'cancelled':
        return { kind, slot, at, reason: this.pick(2) === 0 ? undefined : this.text() };
      case 'completed':
        return { kind, slot, at, result: this.pick(3) === 0 ? undefined : this.text() };
      case 'failed':
        return { kind, slot, at, dueAt: at + this.pick(100), error: this.text() };
      case 'interrupted':
        return { kind, slot, at, why: this.pick(2) === 0 ? 'crashed' : 'closing' };
      case 'snoozed':
      case 'rescheduled':
        return { kind, slot, at, dueAt: at + this.pick(100) };
      case 'updated': {
        const hasPayload = this.pick(2) === 0;
        return {
          ...{ kind, slot, at, dueAt: at + this.pick(100), priority: this.pick(5) - 2 },
          ...{
            hasPayload,
            payload: hasPayload && this.pick(4) > 0 ? this.text() : undefined,
            keepAttempts: this.pick(2) === 0,
          },
        };
      }
      case 'died':
        return {
          kind,
          slot,
          at,
          why: this.pick(3) === 0 ? 'unreachable' : 'exhausted',
          error: this.pick(3) === 0 ? undefined : this.text(),
        };
      case 'revived':
        return { kind, slot, at, dueAt: at, keepAttempts: this.pick(2) === 0 };
      case 'removed':
        return { kind, slot, at };
    }
  }

  record(event: JobEvent | Noted): number {
    const position = this.log.record(event);
    if (event.kind === 'noted') return position;
    if (event.kind === 'enqueued') this.#lives.set(event.slot, []);
    this.#lives.get(event.slot)?.push(event);
    if (event.kind === 'removed') this.#lives.delete(event.slot);
    return position;
  }

  mark(event: LogEvent & { kind: 'opened' | 'closed' }): void {
    this.log.record(event);
  }

  /** A commit with a step of trimming; `meanwhile` is done while it is under way. */
  async commit(meanwhile: () => void = () => undefined): Promise<void> {
    this.trimmer.step(this.now);
    const { table } = this.log;
    const held = { rows: rowsOf(table), entries: entriesOf(table), liveBytes: table.liveBytes };
    const committed = this.log.commit();
    meanwhile();
    await committed;
    this.trimmer.committed();
    if (this.keepsRemains) this.remains.push({ frames: copyOf(this.frames), ...held });
  }

  /** Goes on until there is nothing to write and nothing to trim, as an idle engine does. */
  async settle(): Promise<void> {
    for (let commits = 0; this.log.hasUncommitted || this.trimmer.hasWork; commits++) {
      assert.ok(commits < 500, 'trimming comes to an end');
      await this.commit();
    }
  }

  /** A replay of the store gives what is in memory. Everything must be committed. */
  async checkReplay(): Promise<void> {
    const again = await openLog(copyOf(this.frames));
    assert.deepEqual(rowsOf(again.table), rowsOf(this.log.table));
    assert.deepEqual(entriesOf(again.table), entriesOf(this.log.table));
    assert.equal(again.table.liveBytes, this.log.table.liveBytes);
    assert.deepEqual(ledgerOf(again), ledgerOf(this.log));
    assert.deepEqual(again.witnessed, this.log.witnessed);
    for (const { id } of rowsOf(this.log.table).values()) {
      assert.equal(again.table.ids.find(id), this.log.table.ids.find(id));
    }
  }

  /** What the log says of each job is what happened to it from its beginning, carried or not. */
  checkHistories(): void {
    assert.deepEqual([...this.#lives.keys()].sort(), [...rowsOf(this.log.table).keys()].sort());
    for (const [slot, life] of this.#lives) {
      const { home, history } = readJobNow(this.log, slot);
      const birth = life[0] as JobEvent & { kind: 'enqueued' };
      assert.deepEqual(history, foldHistory(life));
      const { id, type, queue, settings, labels } = birth;
      const payload = payloadIn(life);
      assert.deepEqual(
        {
          id: home.id,
          type: home.type,
          queue: home.queue,
          payload: home.payload,
          settings: home.settings,
          labels: home.labels,
        },
        { id, type, queue, payload, settings, labels },
      );
      if (home.kind === 'carried') this.carriedCount++;
    }
    const entries = ENTRY_SPACES.flatMap((space) =>
      Array.from(this.log.table.entries.in(space), ({ name, value }): [string, string] => [`${space}/${name}`, value]),
    );
    assert.deepEqual(new Map(entries), this.#noted);
  }
}

function ledgerOf({ ledger }: Log): unknown {
  const frames: unknown[] = [];
  for (let sequence = ledger.head; sequence < ledger.tail; sequence++) {
    frames.push([sequence, ledger.bytesOf(sequence), ledger.heldBy(sequence)]);
  }
  return { head: ledger.head, tail: ledger.tail, totalBytes: ledger.totalBytes, frames };
}
