/** The tables that are read rather than run: of events, of keys, of entries, of counts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StateCounts } from '../../src/job/counts.ts';
import { Entries, ENTRY_SPACES } from '../../src/job/entries.ts';
import {
  DEATH_REASONS,
  INTERRUPT_REASONS,
  isAboutJob,
  type LogEvent,
  type LogEventKind,
  type Noted,
} from '../../src/job/event.ts';
import { TRANSITIONS } from '../../src/job/machine.ts';
import { ENCOUNTERS, UNIQUE_MODES } from '../../src/job/unique.ts';

test('the words that the log keeps by their numbers never change their places', () => {
  assert.deepEqual(DEATH_REASONS, ['exhausted', 'terminated', 'expired', 'crashed', 'unreachable']);
  assert.deepEqual(INTERRUPT_REASONS, ['closing', 'crashed']);
  assert.deepEqual(ENTRY_SPACES, ['queue', 'schedule', 'engine', 'progress']);
});

test('an event is about a job if the table of transitions has it, or is none', () => {
  const isOne = (kind: LogEventKind): boolean => isAboutJob({ kind } as LogEvent);
  for (const kind of [...Object.keys(TRANSITIONS), 'carried']) assert.ok(isOne(kind as LogEventKind), kind);
  for (const kind of ['opened', 'closed', 'trimmed', 'noted'] as const) assert.ok(!isOne(kind), kind);
});

test('a unique key meets its holder as the table of the docs says', () => {
  assert.deepEqual(UNIQUE_MODES, ['keep', 'replace', 'reject', 'keepLast']);
  assert.deepEqual(ENCOUNTERS, {
    keep: { nobody: 'store', waiting: 'give', running: 'give' },
    reject: { nobody: 'store', waiting: 'refuse', running: 'refuse' },
    replace: { nobody: 'store', waiting: 'replace', running: 'follow' },
    keepLast: { nobody: 'store', waiting: 'refresh', running: 'follow' },
  });
});

test('counts begin with nothing and are those of each thing', () => {
  const counts = new StateCounts(3);
  assert.deepEqual([counts.of(0, 0), counts.of(5, 2)], [0, 0]);
  counts.move(1, 0, 2);
  counts.move(1, 0, 2);
  assert.deepEqual([counts.of(1, 2), counts.of(1, 0), counts.of(0, 2), counts.of(2, 0)], [2, -2, 0, 0]);
});

describe('entries', () => {
  const noted = (name: string, value: string): Noted => ({
    ...{ kind: 'noted', at: 1, space: 'queue', name, value, what: 'changed', detail: undefined },
  });

  test('are what was said of them last, and live in that record alone', () => {
    const entries = new Entries();
    entries.apply(noted('a', '1'), 100, 50);
    entries.apply(noted('b', '2'), 200, 60);
    entries.apply(noted('a', '3'), 300, 7);
    assert.deepEqual(entries.get('queue', 'a'), { name: 'a', value: '3', position: 300, bytes: 7 });
    assert.deepEqual(
      [...entries.in('queue')].map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(entries.liveBytes, 67);
    assert.equal(entries.get('schedule', 'a'), undefined);
  });

  test('are gone when nothing is said of them', () => {
    const entries = new Entries();
    entries.apply(noted('a', '1'), 100, 50);
    entries.apply(noted('a', ''), 200, 60);
    assert.equal(entries.get('queue', 'a'), undefined);
    assert.deepEqual([...entries.in('queue')], []);
    assert.equal(entries.liveBytes, 0);
  });
});
