import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MODES, runIndex, twice, type IndexMode } from './fault-index.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulation.ts';

const [gone, there, , before, after] = MODES as [IndexMode, IndexMode, IndexMode, IndexMode, IndexMode];

for (const { name, plan } of SCENARIOS) {
  describe(name, () => {
    test('goes well when nothing fails', async () => {
      const { violations, faultCount, operationCount } = await simulate(plan);
      assert.deepEqual(violations, []);
      assert.equal(faultCount, 0);
      assert.ok(operationCount > 15, `${operationCount} operations on the disk`);
    });

    for (const mode of MODES) {
      test(`each operation in turn ${mode.name}`, async () => {
        const { failed, runCount } = await runIndex(plan, mode);
        assert.deepEqual(failed, []);
        assert.ok(runCount > 8, `${runCount} runs`);
      });
    }

    test('each operation in turn fails, and then one of its recovery', async () => {
      for (const [first, second] of [
        [gone, gone],
        [there, before],
        [before, gone],
        [after, after],
      ] as const) {
        for (const distance of [1, 2, 3, 5]) {
          const { failed } = await runIndex(plan, twice(first, second, distance), 7);
          assert.deepEqual(failed, []);
        }
      }
    });
  });
}
