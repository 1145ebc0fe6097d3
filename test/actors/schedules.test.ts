// The schedules by themselves, with a journal that takes its time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NoteMessage, SchedulesMessage } from '../../src/actors/messages.ts';
import { createSchedules } from '../../src/actors/schedules.ts';
import type { Template } from '../../src/job/schedule.ts';
import { JobTable } from '../../src/job/table.ts';
import { Turns } from '../../src/kernel/actor.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { checkScheduleRule } from '../../src/schedule-options.ts';

const HOUR_MS = 3_600_000;
const TEMPLATE: Template = {
  ...{ type: 'beat', queue: 'default', priority: 0, settings: '', key: '' },
  ...{ deadlineMs: undefined, payload: undefined },
};

test('a schedule goes on from what the journal was told, also while that has no time to record it', async () => {
  const clock = createFakeClock();
  const turns = new Turns(clock, (_, error) => assert.fail(error as Error));
  const mailbox = turns.mailbox<SchedulesMessage>('schedules');
  const told: NoteMessage[] = [];
  createSchedules({
    clock: turns.clock,
    table: new JobTable(),
    mailbox,
    journal: { tell: (message) => message.kind === 'note' && told.push(message) },
    watched: new Set(),
    settledAt: () => 0,
    isClosing: () => false,
    isFull: () => false,
  });
  const put = (every: '1h' | '2h') => {
    const rule = checkScheduleRule({ every, overlap: 'allow' });
    const settle = { resolve: () => undefined, reject: () => undefined };
    mailbox.tell({ kind: 'put', name: 's', ...rule, template: TEMPLATE, given: every, settle });
  };
  const begin = clock.now();
  put('1h');
  await clock.pass(2 * HOUR_MS);
  put('2h');
  await clock.settle();
  const nominal = (hours: number): string => `s@${new Date(begin + hours * HOUR_MS).toISOString()}`;
  assert.deepEqual(
    told.map(({ entries, jobs = [] }) => [entries[0]?.what, ...jobs.map(({ id }) => id)]),
    [['created'], ['enqueued', nominal(1)], ['enqueued', nominal(2)], ['changed']],
  );
  for (const { recorded } of told) recorded?.();
  put('1h');
  await clock.settle();
  assert.equal(told.at(-1)?.entries[0]?.what, 'created', 'and from the table when it was recorded: here, from nothing');
});
