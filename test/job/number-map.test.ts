import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NumberMap } from '../../src/job/number-map.ts';

/** Few keys, so that they meet: slots, and tokens beyond 32 bits. */
const keys = fc.oneof(
  fc.nat({ max: 40 }),
  fc.nat({ max: 40 }).map((n) => 2 ** 40 + n * 60),
);
const steps = fc.array(fc.record({ key: keys, value: fc.option(fc.string(), { nil: undefined }) }), { maxLength: 300 });

describe('a map from numbers', () => {
  test('holds what a Map would, whatever is set and deleted in which order', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const [map, model] = [new NumberMap<string>(), new Map<number, string>()];
        for (const { key, value } of sequence) {
          if (value === undefined) {
            map.delete(key);
            model.delete(key);
          } else {
            map.set(key, value);
            model.set(key, value);
          }
          assert.equal(map.get(key), model.get(key));
          assert.equal(map.has(key), model.has(key));
          assert.equal(map.size, model.size);
        }
        for (const { key } of sequence) assert.equal(map.get(key), model.get(key));
        assert.deepEqual(map.keys().toSorted(), [...model.keys()].toSorted());
        assert.deepEqual(map.values().toSorted(), [...model.values()].toSorted());
      }),
      { numRuns: 1_000 },
    );
  });
});
