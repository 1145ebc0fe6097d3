import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { FORMAT_VERSION, HEADER_BYTES, readFrame } from '../../src/log/frame.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { enqueued, frameOf, NOW } from '../support/log.ts';

function withCrc(bytes: Buffer): Buffer {
  const sealed = Buffer.from(bytes);
  sealed.writeUInt32LE(crc32(sealed.subarray(4)), 0);
  return sealed;
}

describe('a frame that is not as it was written is refused, by name', () => {
  const { frame } = frameOf([enqueued(0), enqueued(1, { type: 'x' })], { sequence: 9, previousChain: 5 });

  test('if any single bit of it is flipped', () => {
    for (let bit = 0; bit < frame.bytes.length * 8; bit++) {
      const bytes = Buffer.from(frame.bytes);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.throws(() => readFrame(bytes, 9), { code: 'HOLDFAST_DAMAGED', where: 'frame 9 of the log' }, `bit ${bit}`);
    }
  });

  test('if it is cut off anywhere, or longer than it was', () => {
    for (let length = 0; length < frame.bytes.length; length++) {
      assert.throws(
        () => readFrame(frame.bytes.subarray(0, length), 9),
        { code: 'HOLDFAST_DAMAGED' },
        `${length} bytes`,
      );
    }
    assert.throws(() => readFrame(Buffer.concat([frame.bytes, Buffer.alloc(1)]), 9), { code: 'HOLDFAST_DAMAGED' });
  });

  test('if it stands where another frame belongs', () => {
    assert.throws(() => readFrame(frame.bytes, 8), { code: 'HOLDFAST_DAMAGED', message: /it says that it is frame 9/ });
  });

  test('if it is something else', () => {
    assert.throws(() => readFrame(Buffer.alloc(0), 1), { message: /it has 0 bytes, fewer than its header/ });
    assert.throws(() => readFrame(Buffer.alloc(HEADER_BYTES), 1), { message: /it does not begin as a frame does/ });
  });

  test('and the error says which check it did not pass', () => {
    const changed = Buffer.from(frame.bytes);
    changed.writeUInt8(0xff, HEADER_BYTES);
    assert.throws(() => readFrame(changed, 9), { message: /its checksum does not match its bytes/ });
    changed.writeUInt32LE(HEADER_BYTES - 1, 20);
    assert.throws(() => readFrame(withCrc(changed), 9), { message: /its names do not end where it ends/ });
  });

  test('if its names would begin in its header, also where they would end with it', () => {
    const empty = frameOf([], { sequence: 1 }).frame.bytes;
    assert.deepEqual(readFrame(empty, 1).names, []);
    const bytes = Buffer.from(empty);
    bytes.writeUInt32LE(HEADER_BYTES - 2, 20);
    assert.throws(() => readFrame(withCrc(bytes), 1), { code: 'HOLDFAST_DAMAGED' });
  });

  test('if it was written by a newer version, which is told apart from damage', () => {
    const bytes = Buffer.from(frame.bytes);
    bytes[7] = FORMAT_VERSION + 1;
    assert.throws(() => readFrame(bytes, 9), { code: 'HOLDFAST_DAMAGED' }, 'a flipped bit is no newer version');
    assert.throws(() => readFrame(withCrc(bytes), 9), {
      code: 'HOLDFAST_FORMAT',
      where: 'frame 9 of the log',
      found: FORMAT_VERSION + 1,
      supported: FORMAT_VERSION,
    });
  });

  const namesAt = frame.end;
  const cases: ReadonlyArray<readonly [sentence: string, change: (bytes: Buffer) => void]> = [
    ['before the records', (bytes) => bytes.writeUInt32LE(0, 20)],
    ['in the header', (bytes) => bytes.writeUInt32LE(HEADER_BYTES - 1, 20)],
    ['behind its end', (bytes) => bytes.writeUInt32LE(bytes.length + 1, 20)],
    ['far behind its end', (bytes) => bytes.writeUInt32LE(0xffffffff, 20)],
    ['one byte before its end', (bytes) => bytes.writeUInt32LE(bytes.length - 1, 20)],
    ['where they are, but one is longer than what is left', (bytes) => bytes.writeUInt16LE(60_000, namesAt)],
    ['where they are, but one is shorter than it was', (bytes) => bytes.writeUInt16LE(1, namesAt)],
  ];
  for (const [sentence, change] of cases) {
    test(`if its names are said to begin ${sentence}, though its checksum is right`, () => {
      const bytes = Buffer.from(frame.bytes);
      change(bytes);
      assert.throws(() => readFrame(withCrc(bytes), 9), { code: 'HOLDFAST_DAMAGED', where: 'frame 9 of the log' });
    });
  }
});

describe('bytes with a right checksum, whatever they are', () => {
  test('are read or refused with a typed error, in bounded time', () => {
    const source = frameOf([
      enqueued(0, { settings: '{"a":1}' }),
      { kind: 'started', slot: 0, at: NOW, starts: 1 },
      { kind: 'failed', slot: 0, at: NOW, dueAt: NOW, error: '"x"' },
      { kind: 'trimmed', at: NOW, head: 1 },
    ]).frame.bytes;
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: source.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 12 })
      .map((changes) => {
        const bytes = Buffer.from(source);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 600 }).map((rest) => {
      const bytes = Buffer.concat([source.subarray(0, HEADER_BYTES), rest]);
      bytes.writeUInt32LE(Math.min(bytes.length, HEADER_BYTES + 400), 20);
      return bytes;
    });
    let readWhole = 0;
    fc.assert(
      fc.property(fc.oneof(mutated, mutated, random), fc.boolean(), (bytes, withBodies) => {
        // So that the header is not what is refused every time, most of it is put back.
        bytes.set(source.subarray(4, 20), 4);
        try {
          const frame = readFrame(withCrc(bytes), 1);
          let count = 0;
          for (const event of readRecords(frame, HEADER_BYTES, withBodies)) {
            assert.ok(event.length > 0);
            assert.ok(++count < bytes.length, 'it comes to an end');
          }
          readWhole++;
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'HOLDFAST_DAMAGED', String(error));
        }
      }),
      { numRuns: 20_000 },
    );
    assert.ok(readWhole > 1_000, `only ${readWhole} were read: the others prove little`);
  });
});
