/** SIGKILL, over and over, while everything is in use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killOften, pointByTurns } from './kills.ts';
import { POINTS } from './points.ts';

test('80 kills at random moments lose nothing and repeat nothing that was finished', async (t) => {
  const figures = await killOften({ seed: 1, kills: 80 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.breaches, []);
  assert.ok(figures.accepted > 100 && figures.starts > 100, 'there was something to lose');
  assert.ok(figures.killsWhileOpening > 0, 'some were killed while they opened');
});

test('kills at every named point, in a log that is trimmed all the time, lose nothing', async (t) => {
  const figures = await killOften({
    seed: 2,
    kills: 2 * POINTS.length,
    keep: 20,
    padding: 300,
    slackBytes: 10_000,
    pointOf: pointByTurns,
  });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.breaches, []);
  assert.deepEqual(
    POINTS.filter((point) => figures.met[point] !== 2),
    [],
    'every point was met, twice',
  );
  assert.ok(figures.wasTrimmed);
});
