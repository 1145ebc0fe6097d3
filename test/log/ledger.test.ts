import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameLedger } from '../../src/log/ledger.ts';

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('add' as const), bytes: fc.integer({ min: 40, max: 1 << 24 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('hold' as const), back: fc.nat({ max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const), back: fc.nat({ max: 40 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
);

describe('the ledger of frames', () => {
  test('knows what two Maps would know, from any first frame, while the head moves on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.array(step, { minLength: 20, maxLength: 300, size: 'max' }),
        (head, script) => {
          const ledger = new FrameLedger(head);
          const bytes = new Map<number, number>();
          const held = new Map<number, number>();
          let first = head;
          let tail = head;
          for (const next of script) {
            if (next.kind === 'add') {
              ledger.add(tail, next.bytes);
              bytes.set(tail++, next.bytes);
            } else if (next.kind === 'drop') {
              const below = first + Math.floor((tail - first) * next.share);
              for (let sequence = first; sequence < below; sequence++) {
                bytes.delete(sequence);
                held.delete(sequence);
              }
              ledger.dropBelow(below);
              first = below;
            } else {
              // Also the frame that is still open can be held.
              const sequence = Math.max(first, tail - next.back);
              const count = held.get(sequence) ?? 0;
              if (next.kind === 'hold') ledger.hold(sequence);
              else if (count > 0) ledger.release(sequence);
              else continue;
              held.set(sequence, count + (next.kind === 'hold' ? 1 : -1));
            }
            assert.equal(ledger.head, first);
            assert.equal(ledger.tail, tail);
            assert.equal(
              ledger.totalBytes,
              [...bytes.values()].reduce((sum, size) => sum + size, 0),
            );
          }
          for (let sequence = first; sequence <= tail; sequence++) {
            assert.equal(ledger.bytesOf(sequence), bytes.get(sequence) ?? 0);
            assert.equal(ledger.heldBy(sequence), held.get(sequence) ?? 0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('forgets the frames before its head, and a release there changes nothing', () => {
    const ledger = new FrameLedger(1);
    for (let sequence = 1; sequence <= 10; sequence++) {
      ledger.add(sequence, 100);
      ledger.hold(sequence);
    }
    ledger.dropBelow(5);
    ledger.release(4);
    assert.equal(ledger.totalBytes, 600);
    assert.deepEqual([ledger.heldBy(4), ledger.heldBy(5)], [1, 1]);
    assert.equal(ledger.bytesOf(0), 0);
  });

  test('stays as small as what is stored, however many frames have passed', () => {
    const ledger = new FrameLedger(1);
    for (let sequence = 1; sequence <= 500_000; sequence++) {
      ledger.add(sequence, 50);
      ledger.hold(sequence);
      if (sequence > 100) {
        ledger.release(sequence - 100);
        ledger.dropBelow(sequence - 99);
      }
    }
    assert.equal(ledger.totalBytes, 100 * 50);
    assert.equal(ledger.heldBy(500_000), 1);
    assert.equal(ledger.heldBy(499_900), 0);
  });

  test('takes in a frame far behind its arrays, and keeps what it knew', () => {
    const ledger = new FrameLedger(10);
    ledger.add(10, 7);
    ledger.hold(10);
    ledger.hold(5_000);
    assert.equal(ledger.bytesOf(10), 7);
    assert.equal(ledger.heldBy(10), 1);
    assert.equal(ledger.heldBy(5_000), 1);
    ledger.dropBelow(4_000);
    ledger.add(9_000, 3);
    assert.equal(ledger.heldBy(5_000), 1);
    assert.equal(ledger.tail, 9_001);
  });
});
