import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Carried, JobEvent, JobEventKind } from '../../src/job/event.ts';
import { encodeLabels } from '../../src/job/labels.ts';
import { isFinal, JOB_STATES, nextState, TRANSITIONS } from '../../src/job/machine.ts';
import type { JobRow } from '../../src/job/row.ts';
import { JobTable } from '../../src/job/table.ts';
import { TableModel } from './table-model.ts';

const KINDS = Object.keys(TRANSITIONS) as JobEventKind[];
const QUEUES = ['default', 'email', 'photos'];

/** Raw numbers, from which a legal event is made in the state that is met. */
const stimulus = fc.record({
  slot: fc.nat({ max: 12 }),
  kind: fc.nat({ max: 999 }),
  bytes: fc.integer({ min: 46, max: 100_000 }),
  at: fc.nat({ max: 2 ** 41 }),
  number: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  flag: fc.boolean(),
});
type Stimulus = typeof stimulus extends fc.Arbitrary<infer Value> ? Value : never;

function jobEvent(kind: JobEventKind, { slot, at, number, flag }: Stimulus, id: string, starts: number): JobEvent {
  const dueAt = at + Math.abs(number);
  switch (kind) {
    case 'enqueued':
      return {
        kind,
        slot,
        at,
        id,
        dueAt,
        priority: number,
        type: `type:${at % 5}`,
        queue: QUEUES[at % 3] as string,
        deadlineAt: at % 7 === 0 ? dueAt + 1 : 0,
        settings: '',
        parents: at % 4 === 0 ? '[["a","success"]]' : '',
        key: at % 7 === 0 ? 'a tenant' : '',
        labels: at % 3 === 0 ? encodeLabels({ unique: `u${at % 2}`, idempotencyKey: `i${at % 5}` }) : '',
        payload: undefined,
      };
    case 'started':
      return { kind, slot, at, starts: starts + 1 };
    case 'checkpointed':
      return { kind, slot, at, checkpoint: undefined };
    case 'progressed':
      return { kind, slot, at, report: undefined };
    case 'cancelling':
    case 'cancelled':
      return { kind, slot, at, reason: undefined };
    case 'completed':
      return { kind, slot, at, result: undefined };
    case 'failed':
      return { kind, slot, at, dueAt, error: undefined };
    case 'interrupted':
      return { kind, slot, at, why: flag ? 'crashed' : 'closing' };
    case 'snoozed':
    case 'rescheduled':
      return { kind, slot, at, dueAt };
    case 'updated':
      return {
        kind,
        slot,
        at,
        dueAt,
        priority: number,
        hasPayload: flag,
        payload: undefined,
        keepAttempts: at % 2 === 0,
      };
    case 'died':
      return { kind, slot, at, why: flag ? 'exhausted' : 'unreachable', error: undefined };
    case 'revived':
      return { kind, slot, at, dueAt, keepAttempts: flag };
    case 'removed':
      return { kind, slot, at };
  }
}

function carried(row: JobRow, { slot, at }: Stimulus): Carried {
  const {
    home: _home,
    last: _last,
    bytes: _bytes,
    checkpoint,
    token,
    deadlineAt = 0,
    parents = '',
    key = '',
    labels = {},
    payload: _payload,
    ...rest
  } = row;
  return {
    ...{ kind: 'carried', slot, at, ...rest, token: token ?? 0, hasCheckpoint: checkpoint !== undefined },
    ...{ deadlineAt, parents, key, labels: encodeLabels(labels), settings: '' },
    ...{ payload: undefined, history: undefined },
  };
}

function assertSame(table: JobTable, model: TableModel): void {
  assert.equal(table.size, model.jobs.size);
  assert.equal(table.liveBytes, model.liveBytes);
  for (let slot = 0; slot < 16; slot++) {
    if (model.jobs.has(slot)) assert.deepEqual(table.row(slot), model.row(slot));
    else assert.equal(table.stateOf(slot), 'absent');
  }
  const jobs = [...model.jobs];
  assert.deepEqual(
    [...table.running()].sort((a, b) => a - b),
    jobs
      .filter(([, { state }]) => state === 'running')
      .map(([slot]) => slot)
      .sort((a, b) => a - b),
  );
  for (const type of table.types.all()) {
    const typeNumber = table.types.find(type);
    const labelled = jobs.filter(([, job]) => job.type === type && job.labels !== undefined);
    for (const key of ['u0', 'u1']) {
      const holders = labelled.filter(([, { labels, state }]) => labels?.unique === key && !isFinal(state));
      assert.deepEqual(
        table.labelled.holdersOf(typeNumber, key),
        holders.sort(([, a], [, b]) => a.order - b.order).map(([slot]) => slot),
        `who holds ${key} of ${type}`,
      );
    }
  }
  assert.equal(table.runningCount, jobs.filter(([, { state }]) => state === 'running').length);
  for (const [slot, { type, queue }] of jobs) {
    assert.equal(table.typeNumberOf(slot), table.types.find(type));
    assert.equal(table.queueNumberOf(slot), table.queues.find(queue));
  }
  for (const type of table.types.all()) {
    for (const state of JOB_STATES) {
      const count = jobs.filter(([, job]) => job.type === type && job.state === state).length;
      assert.equal(table.countOfType(table.types.find(type), state), count, `${state} of ${type}`);
    }
  }
  for (const queue of QUEUES) {
    for (const state of JOB_STATES) {
      const count = jobs.filter(([, job]) => job.queue === queue && job.state === state).length;
      assert.equal(table.countOf(table.queues.find(queue), state), count, `${state} in ${queue}`);
    }
  }
}

describe('the job table', () => {
  test('holds what plain objects would, through every legal event, carried jobs included', () => {
    let events = 0;
    const kinds = new Set<string>();
    fc.assert(
      fc.property(fc.array(stimulus, { minLength: 50, maxLength: 250, size: 'max' }), (stimuli) => {
        const table = new JobTable();
        const model = new TableModel();
        let position = 65_536;
        for (const [n, given] of stimuli.entries()) {
          const state = table.stateOf(given.slot);
          const legal = KINDS.filter((kind) => nextState(state, kind) !== undefined);
          // Every eighth is carried, and removals are made rare so that jobs grow old.
          const isCarried = state !== 'absent' && given.kind % 8 === 0;
          const kind = legal[given.kind % legal.length] as JobEventKind;
          if (kind === 'removed' && !isCarried && given.bytes % 4 !== 0) continue;
          const event = isCarried
            ? carried(table.row(given.slot), given)
            : jobEvent(kind, given, `job:${n}`, state === 'absent' ? 0 : table.startsOf(given.slot));
          kinds.add(`${state} ${event.kind}`);
          table.apply(event, position, given.bytes);
          model.apply(event, position, given.bytes);
          position += given.bytes;
          events++;
          assert.ok(table.liveBytes >= 0);
          assertSame(table, model);
        }
        for (const [slot, { id }] of model.jobs) assert.equal(table.ids.find(id), slot);
      }),
      { numRuns: 120 },
    );
    assert.ok(events >= 10_000, `only ${events} events were tried`);
    const legalCells = KINDS.flatMap((kind) => Object.keys(TRANSITIONS[kind]).map((state) => `${state} ${kind}`));
    assert.deepEqual(
      [...kinds].filter((cell) => !cell.endsWith('carried')).sort(),
      legalCells.sort(),
      'every cell was met',
    );
    assert.equal([...kinds].filter((cell) => cell.endsWith('carried')).length, JOB_STATES.length);
  });

  test('counts up to what its columns hold and no further', () => {
    const table = new JobTable();
    const base = { slot: 0, at: 1 };
    const given: Stimulus = { slot: 0, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
    table.apply(jobEvent('enqueued', given, 'a', 0), 1, 50);
    const fresh = table.row(0);
    table.apply(
      { ...carried(fresh, given), attempts: 65_534, crashes: 254, interrupts: 65_533, snoozes: 65_534 },
      2,
      50,
    );
    let position = 3;
    const applied = (event: JobEvent): void => table.apply(event, position++, 50);
    for (let n = 0; n < 3; n++) {
      applied({ ...base, kind: 'started', starts: 1 });
      applied({ ...base, kind: 'failed', dueAt: 1, error: undefined });
      applied({ ...base, kind: 'started', starts: 1 });
      applied({ ...base, kind: 'interrupted', why: 'crashed' });
      applied({ ...base, kind: 'started', starts: 1 });
      applied({ ...base, kind: 'snoozed', dueAt: 1 });
    }
    const { attempts, crashes, interrupts, snoozes } = table.row(0);
    assert.deepEqual(
      { attempts, crashes, interrupts, snoozes },
      { attempts: 65_535, crashes: 255, interrupts: 65_535, snoozes: 65_535 },
    );
  });

  test('counts a death by a crash as a crash, and any other as a failure', () => {
    for (const [why, crashes, attempts] of [
      ['crashed', 1, 0],
      ['exhausted', 0, 1],
    ] as const) {
      const table = new JobTable();
      const given: Stimulus = { slot: 0, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
      table.apply(jobEvent('enqueued', given, 'a', 0), 100, 50);
      table.apply({ kind: 'started', slot: 0, at: 2, starts: 1 }, 200, 50);
      table.apply({ kind: 'died', slot: 0, at: 3, why, error: undefined }, 300, 50);
      assert.deepEqual([table.row(0).crashes, table.row(0).attempts], [crashes, attempts]);
    }
  });

  test('notes the moments of starts, and of nothing else, until nobody asks for them any more', () => {
    const table = new JobTable();
    const given: Stimulus = { slot: 0, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
    table.apply(jobEvent('enqueued', given, 'a', 0), 100, 50);
    const queue = table.queueOf(0);
    table.apply({ kind: 'started', slot: 0, at: 20, starts: 1 }, 200, 50);
    table.apply({ kind: 'interrupted', slot: 0, at: 30, why: 'closing' }, 300, 50);
    table.apply({ kind: 'started', slot: 0, at: 40, starts: 2 }, 400, 50);
    assert.deepEqual(table.recentStarts?.of(queue, 0), [20, 40]);
    assert.deepEqual(table.recentStarts?.of(queue, 200), [40]);
    table.recentStarts = undefined;
    table.apply({ kind: 'interrupted', slot: 0, at: 50, why: 'closing' }, 500, 50);
    table.apply({ kind: 'started', slot: 0, at: 60, starts: 3 }, 600, 50);
    assert.equal(table.row(0).starts, 3);
  });

  test('knows the newest job of an idempotency key, whichever it hears of last', () => {
    const labels = encodeLabels({ idempotencyKey: 'i', idempotentUntil: 1e15 });
    for (const positions of [
      [100, 200],
      [200, 100],
    ] as const) {
      const table = new JobTable();
      for (const [slot, position] of positions.entries()) {
        const given: Stimulus = { slot, kind: 0, bytes: 50, at: 5, number: 1, flag: false };
        table.apply({ ...jobEvent('enqueued', given, `job:${slot}`, 0), labels } as JobEvent, position, 50);
      }
      const newest = positions[0] > positions[1] ? 0 : 1;
      assert.equal(table.labelled.idempotent(table.typeNumberOf(0), 'i', 1), newest);
    }
  });

  test('knows which jobs wait for others', () => {
    const table = new JobTable();
    for (const [slot, at] of [4, 5, 8].entries()) {
      const given: Stimulus = { slot, kind: 0, bytes: 50, at, number: 1, flag: false };
      table.apply(jobEvent('enqueued', given, `job:${slot}`, 0), 100 + slot, 50);
    }
    assert.deepEqual([...table.slotsWithParents()], [0, 2]);
  });

  test('counts the bytes of entries among those that are alive', () => {
    const table = new JobTable();
    const given: Stimulus = { slot: 0, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
    table.apply(jobEvent('enqueued', given, 'a', 0), 100, 50);
    table.entries.apply(
      { kind: 'noted', at: 1, space: 'queue', name: 'q', value: '1', what: 'changed', detail: undefined },
      200,
      7,
    );
    assert.equal(table.liveBytes, 57);
  });

  test('holds the bytes of as many errors as a history keeps, and no more', () => {
    const table = new JobTable();
    let position = 100;
    const apply = (event: JobEvent, bytes: number): void => table.apply(event, ++position, bytes);
    const given: Stimulus = { slot: 0, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
    apply(jobEvent('enqueued', given, 'a', 0), 50);
    const lengths = Array.from({ length: 12 }, (_, n) => {
      apply({ kind: 'started', slot: 0, at: n, starts: n + 1 }, 40);
      const before = table.liveBytes;
      apply({ kind: 'failed', slot: 0, at: n, dueAt: n, error: undefined }, 70);
      return table.liveBytes - before;
    });
    assert.deepEqual(lengths, [...Array.from({ length: 10 }, () => 70), 0, 0]);
  });

  test('keeps every number of a job as it was given: the largest moments, orders and starts, the lowest priority', () => {
    const table = new JobTable();
    const most: Carried = {
      ...{
        kind: 'carried',
        slot: 3,
        at: 1,
        id: 'x',
        type: 't',
        queue: 'q',
        settings: '',
        payload: undefined,
        history: undefined,
      },
      ...{
        priority: -(2 ** 31),
        order: Number.MAX_SAFE_INTEGER,
        createdAt: 8.64e15,
        dueAt: 8.64e15,
        state: 'running',
        token: 2 ** 52,
      },
      ...{ starts: 2 ** 32 - 1, attempts: 65_535, crashes: 255, interrupts: 65_535, snoozes: 65_535 },
      ...{
        hasCheckpoint: true,
        isCancelling: true,
        isUnreachable: false,
        deadlineAt: 8.64e15,
        parents: '[]',
        key: 'ü',
        labels: '',
      },
    };
    table.apply(most, 2 ** 51, 1_000);
    const {
      kind: _kind,
      slot: _slot,
      at: _at,
      settings: _settings,
      payload: _p,
      history: _h,
      hasCheckpoint: _c,
      labels: _l,
      ...kept
    } = most;
    assert.deepEqual(table.row(3), {
      ...kept,
      ...{ home: 2 ** 51, last: 2 ** 51, checkpoint: 2 ** 51, bytes: 1_000, labels: undefined, payload: undefined },
    });
  });
});

describe('slots', () => {
  const enqueue = (table: JobTable, slot: number): void => {
    const given: Stimulus = { slot, kind: 0, bytes: 50, at: 1, number: 1, flag: false };
    table.apply(jobEvent('enqueued', given, `job:${slot}:${Math.random()}`, 0), 65_536 + slot, 50);
  };

  test('are given out in order while none is free', () => {
    const table = new JobTable();
    table.collectFreeSlots();
    for (let n = 0; n < 200; n++) {
      assert.equal(table.freeSlot(), n);
      enqueue(table, n);
    }
    assert.equal(table.end, 200);
  });

  test('that were left empty are found when a replay ends, and given out before new ones', () => {
    const table = new JobTable();
    for (const slot of [0, 2, 5, 9]) enqueue(table, slot);
    table.apply({ kind: 'removed', slot: 2, at: 2 }, 9_999_999, 40);
    table.collectFreeSlots();
    const given = new Set<number>();
    for (let n = 0; n < 8; n++) {
      const slot = table.freeSlot();
      assert.equal(table.stateOf(slot), 'absent');
      assert.ok(!given.has(slot));
      given.add(slot);
      enqueue(table, slot);
    }
    assert.deepEqual(
      [...given].sort((a, b) => a - b),
      [1, 2, 3, 4, 6, 7, 8, 10],
    );
  });

  test('of removed jobs are given out again, those of carried ones are not', () => {
    const table = new JobTable();
    table.collectFreeSlots();
    for (let n = 0; n < 3; n++) enqueue(table, table.freeSlot());
    table.apply(carried(table.row(1), { slot: 1, kind: 0, bytes: 50, at: 5, number: 1, flag: false }), 99_999_999, 60);
    assert.equal(table.freeSlot(), 3);
    table.apply({ kind: 'removed', slot: 1, at: 6 }, 100_000_000, 40);
    assert.equal(table.freeSlot(), 1);
  });

  test('beyond the last are absent, and have no numbers', () => {
    const table = new JobTable();
    assert.equal(table.stateOf(0), 'absent');
    assert.equal(table.stateOf(1e9), 'absent');
    assert.equal(table.end, 0);
    assert.equal(table.size, 0);
    assert.equal(table.countOf(0, 'waiting'), 0);
  });
});
