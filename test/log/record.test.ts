import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isAboutJob, type LogEvent } from '../../src/job/event.ts';
import { JobTable } from '../../src/job/table.ts';
import { HEADER_BYTES, OpenFrame, positionOf, readFrame, type Frame } from '../../src/log/frame.ts';
import { readBeginning, readRecord, readRecords, type LoggedEvent } from '../../src/log/read-record.ts';
import { KINDS } from '../../src/log/record-format.ts';
import { mostBytesOf, writeRecord } from '../../src/log/write-record.ts';
import {
  ALL_KINDS,
  anyCarried,
  anyEnqueued,
  anyEventOf,
  anyMark,
  anyNoted,
  enqueued,
  frameOf,
  NOW,
} from '../support/log.ts';

const BODIES = ['payload', 'checkpoint', 'report', 'reason', 'result', 'error', 'history', 'detail'];

/** The event alone, without what every record says beside it. */
function eventOf(logged: LoggedEvent): Record<string, unknown> {
  const { position: _position, previous: _previous, length: _length, ...event } = logged;
  return event;
}

/** What must come back: the event itself, and the job's names where the event does not say them. */
function expected(event: LogEvent, names: object): Record<string, unknown> {
  if (!isAboutJob(event)) {
    return { ...event, id: '', type: '', queue: '' };
  }
  return { ...names, ...event };
}

function withoutBodies(event: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [key, BODIES.includes(key) ? undefined : value]),
  );
}

describe('a record', () => {
  test('of every kind comes back as it was written: all fields, and the names of its job', () => {
    const kinds = new Set<string>();
    const events = fc
      .tuple(anyEnqueued, anyCarried)
      .chain(([birth, carried]) =>
        fc.tuple(
          fc.constant(birth),
          fc.array(fc.oneof(anyEventOf(birth.slot), anyEventOf(birth.slot), anyMark, anyNoted), { maxLength: 8 }),
          fc.constant({ ...carried, slot: birth.slot }),
        ),
      );
    fc.assert(
      fc.property(events, ([birth, others, carried]) => {
        const table = new JobTable();
        const open = new OpenFrame();
        open.begin(7, NOW);
        const written: Array<{ event: LogEvent; length: number; previous: number; position: number }> = [];
        const write = (event: LogEvent): void => {
          open.makeRoomFor(mostBytesOf(event));
          const isAboutKnownJob = 'slot' in event && event.kind !== 'enqueued' && event.kind !== 'carried';
          const previous = isAboutKnownJob ? table.lastOf(event.slot) : 0;
          const position = positionOf(7, open.end);
          const length = writeRecord(open, event, table);
          assert.ok(length <= mostBytesOf(event), 'there was room for it');
          written.push({ event, length, previous, position });
          if (event.kind === 'enqueued' || event.kind === 'carried') table.apply(event, position, length);
          kinds.add(event.kind);
        };
        write(birth);
        others.forEach(write);
        const { id, type, queue } = birth;
        const frame = readFrame(open.seal(0, true).bytes, 7);
        const read = [...readRecords(frame, HEADER_BYTES, true)];
        assert.deepEqual(
          read.map(eventOf),
          written.map(({ event }) => expected(event, { id, type, queue })),
        );
        for (const [n, { length, previous, position }] of written.entries()) {
          assert.deepEqual(
            { length, previous, position },
            { length: read[n]?.length, previous: read[n]?.previous, position: read[n]?.position },
          );
        }
        const bare = [...readRecords(frame, HEADER_BYTES, false)].map(eventOf);
        assert.deepEqual(bare.map(withoutBodies), read.map(eventOf).map(withoutBodies));
        for (const event of bare)
          for (const key of BODIES)
            if (event['kind'] !== 'carried' || key !== 'payload') assert.equal(event[key], undefined);

        open.begin(8, NOW);
        write(carried);
        const [again] = readRecords(readFrame(open.seal(0, true).bytes, 8), HEADER_BYTES, true);
        assert.deepEqual(eventOf(again as LoggedEvent), { ...carried });
      }),
      { numRuns: 300 },
    );
    assert.deepEqual([...kinds].sort(), [...ALL_KINDS].sort());
  });

  test('tells an absent body from an empty one', () => {
    for (const payload of [undefined, '']) {
      const { frame } = frameOf([enqueued(0, { payload })]);
      assert.deepEqual(
        [...readRecords(frame, HEADER_BYTES, true)].map((event) => 'payload' in event && event.payload),
        [payload],
      );
    }
  });

  test('has a number for its kind that never changes', () => {
    assert.deepEqual(
      [...KINDS.entries()].map(([n, kind]) => `${n + 1} ${kind}`),
      [
        '1 enqueued',
        '2 started',
        '3 checkpointed',
        '4 progressed',
        '5 cancelling',
        '6 completed',
        '7 failed',
        '8 interrupted',
        '9 snoozed',
        '10 cancelled',
        '11 died',
        '12 revived',
        '13 removed',
        '14 carried',
        '15 opened',
        '16 closed',
        '17 trimmed',
        '18 rescheduled',
        '19 noted',
        '20 updated',
      ],
    );
  });

  test('can be read by itself from its position', () => {
    const { frame, positions } = frameOf([
      enqueued(0, { payload: '1' }),
      { kind: 'started', slot: 0, at: NOW, starts: 1 },
      { kind: 'checkpointed', slot: 0, at: NOW, checkpoint: '"half"' },
    ]);
    const [home, started, last] = positions as [number, number, number];
    const record = readRecord(frame, last % 65_536, true);
    assert.ok(record.kind === 'checkpointed' && record.checkpoint === '"half"');
    assert.equal(record.previous, started);
    assert.equal(readRecord(frame, started % 65_536, true).previous, home);
  });
});

describe('the beginning of a record', () => {
  test('is its moment, its settings and its payload, whatever its id is', () => {
    for (const id of ['01HZZZZZZZZZZZZZZZZZZZZZZZ', 'album:7']) {
      const { frame, positions } = frameOf([enqueued(0, { id, settings: '{"a":1}', payload: '[2]', at: NOW + 7 })]);
      const beginning = readBeginning(frame, (positions[0] as number) % 65_536);
      assert.deepEqual(beginning, { at: NOW + 7, settings: '{"a":1}', payload: '[2]' });
    }
  });

  test('is none for another kind', () => {
    const { frame, positions } = frameOf([enqueued(0), { kind: 'started', slot: 0, at: NOW, starts: 1 }]);
    assert.equal(readBeginning(frame, (positions[1] as number) % 65_536), undefined);
  });
});

describe('the bound of a record', () => {
  /** Of three bytes each. */
  const text = '€'.repeat(1000);
  const whole = { settings: text, parents: text, key: text, labels: text, payload: text };
  const [anyNote] = fc.sample(anyNoted, { numRuns: 1, seed: 1 });
  const [anyWhole] = fc.sample(anyCarried, { numRuns: 1, seed: 1 });
  const long: readonly LogEvent[] = [
    enqueued(0, whole),
    { ...(anyWhole as Extract<LogEvent, { kind: 'carried' }>), ...whole, history: text, slot: 0 },
    { ...(anyNote as Extract<LogEvent, { kind: 'noted' }>), name: text, what: text, value: text, detail: text },
  ];
  for (const event of long) {
    test(`holds for '${event.kind}' with nothing but long texts, and is not much above it`, () => {
      const open = new OpenFrame();
      open.begin(1, NOW);
      open.makeRoomFor(50_000);
      const length = writeRecord(open, event, new JobTable());
      assert.ok(length <= mostBytesOf(event), `${length} bytes, and at most ${mostBytesOf(event)} were expected`);
      assert.ok(mostBytesOf(event) < length + 320);
    });
  }

  test('has no room for a payload that is not there', () => {
    const bare = { ...(anyWhole as Extract<LogEvent, { kind: 'carried' }>), slot: 0 };
    const lengthOf = (payload: string | undefined): number => {
      const open = new OpenFrame();
      open.begin(1, NOW);
      open.makeRoomFor(50_000);
      return writeRecord(open, { ...bare, payload }, new JobTable());
    };
    assert.equal(lengthOf(undefined), lengthOf(''));
  });
});

describe('bytes that are no record', () => {
  const { frame } = frameOf([
    enqueued(3, { payload: '"abc"' }),
    { kind: 'started', slot: 3, at: NOW, starts: 1 },
    { kind: 'trimmed', at: NOW, head: 1 },
  ]);
  const offsets = [...readRecords(frame, HEADER_BYTES, false)].map(({ position }) => position % 65_536);
  const [first = 0, second = 0, third = 0] = offsets;

  /** The frame with bytes changed; its CRC does not matter any more, since it is already read. */
  function changed(change: (bytes: Buffer) => void, end = frame.end): Frame {
    const bytes = Buffer.from(frame.bytes);
    change(bytes);
    return { ...frame, end, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  }

  const cases: ReadonlyArray<readonly [sentence: string, frame: Frame, offset: number, message: RegExp]> = [
    [
      'a kind that is not known',
      changed((bytes) => (bytes[first + 4] = KINDS.length + 1)),
      first,
      /is of an unknown kind/,
    ],
    ['kind 0', changed((bytes) => (bytes[first + 4] = 0)), first, /is of an unknown kind/],
    ['a length of 0', changed((bytes) => bytes.writeUInt32LE(0, first)), first, /does not fit into it/],
    [
      'a length below that of the shortest record',
      changed((bytes) => bytes.writeUInt32LE(21, first)),
      first,
      /does not fit into it/,
    ],
    [
      'a length beyond the frame',
      changed((bytes) => bytes.writeUInt32LE(frame.end, first)),
      first,
      /does not fit into it/,
    ],
    ['the largest length', changed((bytes) => bytes.writeUInt32LE(0xffffffff, first)), first, /does not fit into it/],
    ['the end of the records', frame, frame.end, /does not fit into it/],
    ['a place before which there is no room for a record', frame, frame.end - 21, /does not fit into it/],
    ['a place behind the records', frame, frame.bytes.length - 3, /does not fit into it/],
    ['a place behind the frame', frame, frame.bytes.length + 1000, /does not fit into it/],
    [
      'a name that the frame does not have',
      changed((bytes) => bytes.writeUInt16LE(2, first + 6)),
      first,
      /a name that the frame does not have/,
    ],
    [
      'settings longer than the record',
      changed((bytes) => bytes.writeUInt32LE(1_000_000, first + 30 + 6 + 20)),
      first,
      /a text that is longer than itself/,
    ],
    [
      'a record shorter than its fields',
      changed((bytes) => bytes.writeUInt32LE(33, second)),
      second,
      /is shorter than its own fields/,
    ],
    [
      'a mark shorter than its fields',
      changed((bytes) => bytes.writeUInt32LE(22, third)),
      third,
      /is shorter than its own fields/,
    ],
    [
      'an id longer than the frame',
      changed((bytes) => (bytes[second + 30] = 255)),
      second,
      /is not a record|is shorter than its own/,
    ],
  ];
  for (const [sentence, given, offset, message] of cases) {
    test(`are refused: ${sentence}`, () => {
      assert.throws(() => readRecord(given, offset, true), {
        code: 'HOLDFAST_DAMAGED',
        where: 'frame 1 of the log',
        message,
      });
    });
  }

  for (const [kind, words] of [
    ['died', 5],
    ['interrupted', 2],
  ] as const) {
    test(`are refused: a reason of '${kind}' that is not known`, () => {
      const table = new JobTable();
      const why = kind === 'died' ? 'exhausted' : 'closing';
      const made = frameOf([enqueued(0), { kind, slot: 0, at: NOW, why, error: undefined } as LogEvent], { table });
      const offset = (made.positions[1] as number) % 65_536;
      const bytes = Buffer.from(made.frame.bytes);
      bytes[offset + 30 + 6] = words;
      const damaged = { ...made.frame, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
      assert.throws(() => readRecord(damaged, offset, true), {
        code: 'HOLDFAST_DAMAGED',
        message: /a word that this version does not know/,
      });
    });
  }
});
