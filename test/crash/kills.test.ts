/** SIGKILL, over and over, while everything is in use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killOften, pointByTurns } from './kills.ts';
import { POINTS } from './points.ts';

test('100 kills at random moments lose nothing and repeat nothing that was finished', async (t) => {
  const figures = await killOften({ seed: 1, kills: 100 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.breaches, []);
  assert.ok(figures.accepted > 500 && figures.starts > 500, 'there was something to lose');
  assert.ok(figures.killsWhileOpening > 5, 'some were killed while they opened');
});

test('kills at every named point, in a log that is trimmed all the time, lose nothing', async (t) => {
  const figures = await killOften({ seed: 2, kills: 2 * POINTS.length, keep: 20, padding: 300, slackBytes: 50_000, pointOf: pointByTurns });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.breaches, []);
  assert.deepEqual(
    POINTS.filter((point) => figures.met[point] === undefined),
    [],
    'every point was met',
  );
  assert.ok(figures.wasTrimmed);
});
