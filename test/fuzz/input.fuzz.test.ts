import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { cronRule, nextAfter } from '../../src/job/calendar.ts';
import { durationMs, momentMs } from '../../src/job/duration.ts';
import { flattenError, rebuildError } from '../../src/job/flat-error.ts';
import { decodeJson, encodeJson } from '../../src/job/json.ts';
import { HEADER_BYTES, readFrame } from '../../src/log/frame.ts';
import { openMemoryStore, type MemoryFrames } from '../../src/log/memory-store.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { replay } from '../../src/log/replay.ts';
import { readFromThread } from '../../src/protocol.ts';
import { assertUnpolluted, built, calm, calmly, junk, listOf, options, record, within } from './junk.ts';

const INVALID = 'HOLDFAST_INVALID_ARGUMENT';
const DAMAGE = ['HOLDFAST_DAMAGED', 'HOLDFAST_FORMAT'];
const MS = 700;

after(assertUnpolluted);

test('a payload is refused with the place in it, or comes back as it was', () => {
  const limits = { maxBytes: 1_000_000, maxDepth: 20 };
  fc.assert(
    fc.property(
      fc.oneof(junk, listOf(junk), record({ a: junk, b: junk, __proto__: junk, constructor: junk })),
      (drawn) => {
        const value = built(drawn);
        const text = calm(() => encodeJson(value, 'payload', limits), 'HOLDFAST_INVALID_PAYLOAD');
        if (text === undefined) return;
        assert.equal(encodeJson(decodeJson(text), 'payload', limits), text);
      },
    ),
    within(MS),
  );
});

test('a duration or a moment is a whole number of milliseconds, or refused', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^-?\d{0,20}\.?\d{0,20} ?[a-z]{0,12}$/),
    fc.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/),
  );
  fc.assert(
    fc.property(fc.oneof(text, fc.double(), junk), (drawn) => {
      const value = built(drawn);
      for (const read of [durationMs, momentMs]) {
        const ms = calm(() => read(value as string, 'field'), INVALID);
        if (ms !== undefined) assert.ok(Number.isSafeInteger(ms) && ms >= 0 && !Object.is(ms, -0), `${ms}`);
      }
    }),
    within(MS),
  );
});

test('a cron pattern gives a later instant, none, or is refused', () => {
  const field = fc.oneof(
    fc.constantFrom('*', '*/5', '0', '59', '1-5', 'L', '?', 'MON#2', 'FRI', 'JAN-DEC', '5L', '31', '29', '2'),
    fc.stringMatching(/^[0-9*/,\-L#?A-Z]{0,8}$/),
  );
  const pattern = fc.oneof(
    fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(' ')),
    fc.string(),
    junk,
  );
  const zone = fc.oneof(fc.constantFrom('UTC', 'Europe/Oslo', 'Australia/Lord_Howe', 'America/St_Johns'), junk);
  fc.assert(
    fc.property(pattern, zone, fc.integer({ min: 0, max: 4e12 }), (expression, tz, instant) => {
      const rule = calm(() => cronRule(built(expression) as string, built(tz) as string, 'schedule'), INVALID);
      if (rule === undefined) return;
      const next = calm(() => nextAfter(rule, instant));
      if (next !== undefined) assert.ok(next > instant && Number.isSafeInteger(next), `${next}`);
    }),
    within(2 * MS),
  );
});

test('whatever a handler throws becomes bounded data, and an error again', () => {
  fc.assert(
    fc.property(junk, (drawn) => {
      const thrown = built(drawn);
      const flat = calm(() => flattenError(thrown));
      assert.ok(flat !== undefined && JSON.stringify(flat).length < 200_000);
      assert.ok(calm(() => rebuildError(flat)) instanceof Error);
    }),
    within(MS),
  );
});

test('what a thread posts is one of our messages, or nothing', () => {
  const request = options({
    kind: 'enqueue',
    type: 'x',
    payload: '1',
    options: {},
    atEnd: true,
    checkpoint: '1',
    ms: 5,
  });
  const error = options({
    name: 'E',
    message: 'm',
    stack: 's',
    code: 'c',
    retryAfterMs: 1,
    cause: { name: 'E', message: 'm' },
  });
  const message = record({
    kind: fc.oneof(
      fc.constantFrom('loaded', 'progress', 'log', 'request', 'ended', 'refused', 'looked', 'dirty', 'broken'),
      junk,
    ),
    token: fc.oneof(fc.nat(), junk),
    id: fc.oneof(fc.nat(), junk),
    text: fc.oneof(fc.string(), junk),
    level: fc.oneof(fc.constant('info'), junk),
    message: fc.oneof(fc.string(), junk),
    fields: fc.oneof(fc.constant(undefined), junk),
    left: fc.oneof(fc.constant(undefined), fc.string(), junk),
    problem: fc.oneof(fc.string(), junk),
    request,
    outcome: fc.oneof(record({ ok: fc.constant(false), error }), record({ ok: fc.constant(true), result: junk }), junk),
  });
  fc.assert(
    fc.property(fc.oneof(message, junk), (drawn) => {
      const posted = built(drawn);
      const read = calm(() => readFromThread(posted));
      if (read !== undefined) assert.equal(read, posted);
    }),
    within(MS),
  );
});

/** A frame with every kind of text in it, as bytes. */
async function soundFrames(): Promise<MemoryFrames> {
  const frames: MemoryFrames = new Map();
  const { log } = await replay(openMemoryStore(frames), 0);
  const at = 1_000;
  log.record({ kind: 'opened', at });
  const job = {
    type: 'work',
    queue: 'default',
    priority: -1,
    dueAt: 5,
    deadlineAt: 9,
    settings: '{}',
    parents: '',
    key: '',
    labels: '{"unique":"k","tags":["a"]}',
  };
  log.record({ kind: 'enqueued', slot: 0, at, id: 'own', ...job, payload: '{"a":1}' });
  log.record({
    kind: 'enqueued',
    slot: 1,
    at,
    id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    ...job,
    parents: '[["own","always"]]',
    key: 'k',
    labels: '',
    payload: undefined,
  });
  log.record({ kind: 'started', slot: 0, at, starts: 1 });
  log.record({ kind: 'checkpointed', slot: 0, at, checkpoint: '1' });
  log.record({ kind: 'failed', slot: 0, at, dueAt: 7, error: '{"name":"Error","message":"x"}' });
  await log.commit();
  log.record({ kind: 'cancelled', slot: 0, at, reason: '"no"' });
  log.record({ kind: 'removed', slot: 0, at });
  await log.commit();
  return frames;
}

const CRC_BYTES = 4;

/** Changes bytes, and makes the checksum right again: only then does anybody look further. */
function changed(bytes: Uint8Array, changes: ReadonlyArray<readonly [number, number]>, length: number): Uint8Array {
  const copy = Buffer.from(bytes.subarray(0, Math.max(HEADER_BYTES, bytes.length - length)));
  for (const [at, value] of changes) copy[CRC_BYTES + (at % (copy.length - CRC_BYTES))] = value;
  copy.writeUInt32LE(crc32(copy.subarray(CRC_BYTES)), 0);
  return copy;
}

function areSlotsSmall(bytes: Uint8Array, sequence: number): boolean {
  try {
    for (const event of readRecords(readFrame(bytes, sequence), HEADER_BYTES, false)) {
      if ('slot' in event && event.slot >= 1_000) return false;
    }
  } catch {
    // Replay will say so too.
  }
  return true;
}

const change = fc.tuple(fc.nat(5_000), fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.nat(255)));

test('a frame of any bytes is read or called damaged, also when its checksum is right', async () => {
  const [sound] = [...(await soundFrames()).values()] as [Uint8Array];
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 6 }),
      fc.nat(40),
      fc.uint8Array({ maxLength: 200 }),
      (changes, cut, noise) => {
        for (const bytes of [changed(sound, changes, cut), noise]) {
          const frame = calm(() => readFrame(bytes, 1), ...DAMAGE);
          if (frame === undefined) continue;
          for (const withBodies of [true, false])
            calm(() => [...readRecords(frame, HEADER_BYTES, withBodies)], ...DAMAGE);
        }
      },
    ),
    within(MS),
  );
});

test('a log with a frame of any bytes is replayed or called damaged, and never half believed', async () => {
  const frames = await soundFrames();
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(1, 2),
      async (changes, sequence) => {
        const copy: MemoryFrames = new Map(frames);
        copy.set(sequence, changed(copy.get(sequence) as Uint8Array, changes, 0));
        // A checksum that is right by chance does not come with a slot in the millions, for which there would have to be memory.
        if (!areSlotsSmall(copy.get(sequence) as Uint8Array, sequence)) return;
        const replayed = await calmly(() => replay(openMemoryStore(copy), 0), ...DAMAGE);
        if (replayed !== undefined) assert.ok(replayed.log.table.size <= 2);
      },
    ),
    within(MS),
  );
});
