import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobEventKind } from '../../src/job/event.ts';
import {
  FINAL_STATES,
  isFinal,
  JOB_STATES,
  nextState,
  type StoredState,
  TRANSITIONS,
  type Transitions,
} from '../../src/job/machine.ts';

/**
 * Every state and every event, written out by hand from the table in the design: what the job is after the event, or
 * `·` where the event may not happen. Nothing here is taken from the code, so a changed cell there is a failed test.
 */
const COLUMNS = ['absent', 'waiting', 'running', 'completed', 'cancelled', 'dead'] as const;
const GRID = `
                  absent     waiting     running     completed   cancelled   dead
  enqueued        waiting    ·           ·           ·           ·           ·
  started         ·          running     ·           ·           ·           ·
  checkpointed    ·          ·           running     ·           ·           ·
  progressed      ·          ·           running     ·           ·           ·
  cancelling      ·          ·           running     ·           ·           ·
  completed       ·          ·           completed   ·           ·           ·
  failed          ·          ·           waiting     ·           ·           ·
  interrupted     ·          ·           waiting     ·           ·           ·
  snoozed         ·          ·           waiting     ·           ·           ·
  rescheduled     ·          waiting     ·           ·           ·           ·
  updated         ·          waiting     ·           ·           ·           ·
  cancelled       ·          cancelled   cancelled   ·           ·           ·
  died            ·          dead        dead        ·           ·           ·
  revived         ·          ·           ·           waiting     waiting     waiting
  removed         ·          absent      ·           absent      absent      absent
`;

interface Cell {
  readonly kind: JobEventKind;
  readonly state: StoredState;
  readonly next: StoredState | undefined;
}

const [header = [], ...rows] = GRID.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

const cells: Cell[] = rows.flatMap(([kind, ...nexts]) =>
  nexts.map((next, column) => ({
    kind: kind as JobEventKind,
    state: header[column] as StoredState,
    next: next === '·' ? undefined : (next as StoredState),
  })),
);

describe('the machine of a job', () => {
  test('knows six states and fifteen events, and the grid has a cell for each pair', () => {
    assert.deepEqual(header, [...COLUMNS]);
    assert.deepEqual([...COLUMNS], ['absent', ...JOB_STATES]);
    assert.deepEqual(rows.map(([kind]) => kind).sort(), Object.keys(TRANSITIONS).sort());
    assert.equal(cells.length, 6 * 15);
    assert.equal(new Set(cells.map(({ kind, state }) => `${kind} ${state}`)).size, 6 * 15);
  });

  for (const { kind, state, next } of cells) {
    const sentence =
      next === undefined
        ? `a job that is ${state} cannot be '${kind}'`
        : `a job that is ${state} and '${kind}' is ${next} then`;
    test(sentence, () => {
      assert.equal(nextState(state, kind), next);
      assert.equal((TRANSITIONS as Transitions)[kind][state], next);
    });
  }

  test('lists no cell that the grid does not have', () => {
    const listed = Object.entries(TRANSITIONS).flatMap(([kind, row]) =>
      Object.entries(row).map(([state, next]) => `${state} --${kind}--> ${next}`),
    );
    const allowed = cells.filter(({ next }) => next !== undefined);
    assert.deepEqual(listed.sort(), allowed.map(({ kind, state, next }) => `${state} --${kind}--> ${next}`).sort());
  });

  test('leads from every state to a final one, and from the final ones only where somebody acts', () => {
    const actsOfPeople: readonly JobEventKind[] = ['revived', 'removed'];
    assert.deepEqual([...FINAL_STATES], ['completed', 'cancelled', 'dead']);
    for (const state of COLUMNS) {
      assert.equal(isFinal(state), ['completed', 'cancelled', 'dead'].includes(state));
      const ways = cells.filter((cell) => cell.state === state && cell.next !== undefined);
      if (isFinal(state))
        assert.deepEqual(
          ways.map(({ kind }) => kind),
          actsOfPeople,
        );
      else assert.ok(ways.some(({ next }) => next !== undefined && next !== state));
    }
    assert.ok(reachable('waiting').has('completed') && reachable('waiting').has('dead'));
  });
});

function reachable(from: StoredState): Set<StoredState> {
  const found = new Set<StoredState>([from]);
  for (const state of found) for (const cell of cells) if (cell.state === state && cell.next) found.add(cell.next);
  return found;
}
