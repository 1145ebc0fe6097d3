import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { JobTable } from '../../src/job/table.ts';
import {
  FULL_FRAME_BYTES,
  HEADER_BYTES,
  offsetOf,
  OpenFrame,
  positionOf,
  previousChainOf,
  readFrame,
  sequenceOf,
} from '../../src/log/frame.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { writeRecord } from '../../src/log/write-record.ts';
import { ALL_KINDS, anyEventOf, anyMark, anyNoted, carried, enqueued, frameOf, NOW } from '../support/log.ts';

const AT = 1_767_225_600_000;

/** Bytes written out by hand: each part is a number with its type, or text. */
function bytesOf(...parts: Array<readonly [type: 'u8' | 'u16' | 'u32' | 'f64', value: number] | string>): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'utf8');
      const [type, value] = part;
      const bytes = Buffer.alloc({ u8: 1, u16: 2, u32: 4, f64: 8 }[type]);
      if (type === 'f64') bytes.writeDoubleLE(value);
      else bytes.writeUIntLE(value, 0, bytes.length);
      return bytes;
    }),
  );
}

function withCrc(bytes: Buffer): Buffer {
  const sealed = Buffer.from(bytes);
  sealed.writeUInt32LE(crc32(sealed.subarray(4)), 0);
  return sealed;
}

describe('a frame', () => {
  test('is these bytes', () => {
    const { frame } = frameOf(
      [
        { kind: 'opened', at: AT },
        enqueued(258, {
          at: AT,
          id: '01HZZZZZZZZZZZZZZZZZZZZZZZ',
          type: 'email',
          queue: 'q',
          priority: -2,
          dueAt: AT + 1,
          settings: '{}',
          payload: '"é"',
        }),
        { kind: 'started', slot: 258, at: AT + 2, starts: 1 },
      ],
      { sequence: 5, previousChain: 0xdeadbeef, isLastOfCommit: true },
    );
    const opened = bytesOf(['u32', 22], ['u8', 15], ['u8', 0], ['u32', 0], ['u32', 0], ['f64', AT]);
    // The 128 bits of the ULID, as four words, the highest first.
    const id = [
      ['u32', 0x018ffffe + 1],
      ['u32', 0xffffffff],
      ['u32', 0xffffffff],
      ['u32', 0xffffffff],
    ] as const;
    const birth = bytesOf(
      ...([
        ['u32', 80],
        ['u8', 1],
        ['u8', 1],
        ['u16', 0],
        ['u16', 1],
        ['u32', 258],
        ['f64', AT],
        ['f64', 0],
      ] as const),
      ...id,
      ...([['f64', AT + 1], ['f64', 0], ['u32', 2 ** 32 - 2], ['u32', 2], '{}', ['u32', 0], '"é"'] as const),
    );
    const start = bytesOf(
      ...([
        ['u32', 50],
        ['u8', 2],
        ['u8', 0],
        ['u16', 0],
        ['u16', 1],
        ['u32', 258],
        ['f64', AT + 2],
      ] as const),
      ['f64', 5 * 65_536 + HEADER_BYTES + 22],
      ...id,
      ['u32', 1],
    );
    const header = bytesOf(
      ...([['u32', 0], 'HFF', ['u8', 1], ['f64', 5], ['u32', 0xdeadbeef]] as const),
      ...([
        ['u32', HEADER_BYTES + 22 + 80 + 50],
        ['f64', AT],
        ['u32', 3],
        ['u32', 1],
      ] as const),
    );
    const names = bytesOf(['u16', 5], 'email', ['u16', 1], 'q');
    const expected = withCrc(Buffer.concat([header, opened, birth, start, names]));
    assert.equal(header.length, HEADER_BYTES);
    assert.equal(frame.bytes.toString('hex'), expected.toString('hex'));
  });

  test('is read back as it was sealed', () => {
    const { frame } = frameOf([enqueued(0), enqueued(1)], { sequence: 3, previousChain: 77, isLastOfCommit: false });
    const read = readFrame(frame.bytes, 3);
    assert.deepEqual({ ...read, view: undefined }, { ...frame, view: undefined });
    assert.equal(previousChainOf(read), 77);
    assert.equal(read.recordCount, 2);
    assert.equal(read.startedAt, NOW);
    assert.equal(read.isLastOfCommit, false);
    assert.deepEqual(read.names, ['email:welcome', 'default']);
    assert.equal(readFrame(frameOf([enqueued(0)]).frame.bytes, 1).isLastOfCommit, true);
  });

  test('is read from the middle of a larger buffer', () => {
    const { frame } = frameOf([enqueued(0, { payload: '"here"' })]);
    const large = Buffer.concat([Buffer.alloc(13, 1), frame.bytes, Buffer.alloc(9, 2)]);
    const read = readFrame(new Uint8Array(large.buffer, large.byteOffset + 13, frame.bytes.length), 1);
    assert.deepEqual(
      [...readRecords(read, HEADER_BYTES, true)].map((event) => 'payload' in event && event.payload),
      ['"here"'],
    );
  });

  test('stores each name once, however many jobs have it', () => {
    const events = Array.from({ length: 50 }, (_, slot) =>
      enqueued(slot, { type: `type:${slot % 3}`, queue: 'default' }),
    );
    const { frame } = frameOf(events);
    assert.deepEqual(frame.names, ['type:0', 'default', 'type:1', 'type:2']);
  });

  test('holds nothing of what lay in memory before it', () => {
    const events = [
      ...[enqueued(0), enqueued(1, { id: '01HZZZZZZZZZZZZZZZZZZZZZZZ', payload: undefined })],
      ...fc.sample(fc.oneof(anyEventOf(0), anyEventOf(1), anyMark, anyNoted), { numRuns: 300, seed: 1 }),
    ];
    assert.equal(new Set(events.map(({ kind }) => kind)).size, ALL_KINDS.length - 1, 'of every kind but carried');
    const sealed = [0x00, 0xff].map((garbage) => {
      const table = new JobTable();
      const open = new OpenFrame();
      open.makeRoomFor(50_000_000);
      open.bytes.fill(garbage);
      open.sequence = 1;
      open.startedAt = NOW;
      for (const event of [...events, carried(0)]) {
        const length = writeRecord(open, event, table);
        if (event.kind === 'enqueued') table.apply(event, positionOf(1, open.end - length), length);
      }
      return open.seal(0, true).bytes;
    });
    assert.ok(sealed[0]?.equals(sealed[1] as Buffer));
  });

  test('that was sealed is not changed by what is written into the next', () => {
    const table = new JobTable();
    const open = new OpenFrame();
    open.begin(1, NOW);
    writeRecord(open, enqueued(0, { payload: '"first"' }), table);
    const first = open.seal(0, true);
    const copy = Buffer.from(first.bytes);
    open.begin(2, NOW);
    writeRecord(open, enqueued(1, { payload: '"other"', type: 'x', queue: 'y' }), table);
    const second = open.seal(first.chain, true);
    assert.deepEqual(first.bytes, copy);
    assert.deepEqual(second.names, ['x', 'y']);
    assert.equal(previousChainOf(second), first.chain);
  });

  test('grows for a large body, and gives the room back with the next', () => {
    const open = new OpenFrame();
    const table = new JobTable();
    open.begin(1, NOW);
    const small = open.bytes.length;
    const payload = JSON.stringify('x'.repeat(3_000_000));
    open.makeRoomFor(9_100_000);
    writeRecord(open, enqueued(0, { payload }), table);
    const [record] = readRecords(readFrame(open.seal(0, true).bytes, 1), HEADER_BYTES, true);
    assert.equal(record?.kind === 'enqueued' && record.payload, payload);
    assert.ok(open.bytes.length > 9_000_000);
    open.begin(2, NOW);
    assert.equal(open.bytes.length, small);
  });

  test('doubles its room when it is full, not before, and keeps what is not large', () => {
    const open = new OpenFrame();
    open.begin(1, NOW);
    const first = open.bytes;
    open.makeRoomFor(first.length - HEADER_BYTES);
    assert.equal(open.bytes, first);
    open.makeRoomFor(first.length - HEADER_BYTES + 1);
    assert.equal(open.bytes.length, 2 * first.length);
    open.makeRoomFor(4 * FULL_FRAME_BYTES - HEADER_BYTES);
    const kept = open.bytes;
    assert.equal(kept.length, 4 * FULL_FRAME_BYTES);
    open.begin(2, NOW);
    assert.equal(open.bytes, kept);
  });

  test('knows how long it will be, with its names', () => {
    const open = new OpenFrame();
    open.begin(1, NOW);
    for (const name of ['email', 'default', 'email', 'x']) open.nameNumber(name);
    open.putWord(7);
    assert.equal(open.length, HEADER_BYTES + 4 + 7 + 9 + 3);
    assert.equal(open.seal(0, true).bytes.length, HEADER_BYTES + 4 + 7 + 9 + 3);
  });

  test('may be only a name without letters', () => {
    const open = new OpenFrame();
    open.begin(1, NOW);
    open.nameNumber('');
    assert.deepEqual(readFrame(open.seal(0, true).bytes, 1).names, ['']);
  });
});

describe('positions', () => {
  test('are a frame and an offset in it as one number, up to 2^37 frames', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 37 - 1 }), fc.nat({ max: FULL_FRAME_BYTES - 1 }), (sequence, offset) => {
        const position = positionOf(sequence, offset);
        assert.ok(Number.isSafeInteger(position));
        assert.equal(sequenceOf(position), sequence);
        assert.equal(offsetOf(position), offset);
      }),
    );
  });

  test('are in the order of the log', () => {
    assert.ok(positionOf(1, FULL_FRAME_BYTES - 1) < positionOf(2, 0));
    assert.ok(positionOf(2, HEADER_BYTES) < positionOf(2, HEADER_BYTES + 1));
  });
});
