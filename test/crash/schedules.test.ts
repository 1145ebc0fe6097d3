// Down for ten periods, with a real SIGKILL: ten runs, one, or none, in order, each told its nominal time, and none of them twice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const HOUR_MS = 3_600_000;
const program = fileURLToPath(new URL('./timetable.js', import.meta.url));

/** Runs the process, kills it after so many lines (never with 0), and gives what it printed. */
async function life(args: readonly string[], killAfter: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === killAfter) child.kill('SIGKILL');
  }
  return lines;
}

const CASES = [
  ['all', 10, {}],
  ['latest', 1, { merged: 9 }],
  ['none', 0, { late: 10 }],
] as const;

for (const [catchUp, count, skipped] of CASES) {
  test(`killed, and down for 10 periods with '${catchUp}': ${count} runs`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-timetable-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    // For all of them it is half past, whenever this test is run; for the first life ten hours earlier.
    const lastHour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const behindMs = Date.now() - (lastHour + HOUR_MS / 2);
    const present = [folder, catchUp, String(behindMs)];
    assert.deepEqual(await life([folder, catchUp, String(behindMs + 10 * HOUR_MS), '0'], 1), ['ready']);
    const seen: string[] = [];
    // Killed in the middle of making up, three times.
    for (let kills = 0; kills < 3 && count > 1; kills++) seen.push(...(await life([...present, '2'], 2)));
    seen.push(...(await life([...present, '-1'], 0)));
    const end = JSON.parse(seen.pop() as string) as { ids: string[]; skipped: object; runs: number };
    const hours = Array.from({ length: count }, (_, n) => new Date(lastHour - (count - 1 - n) * HOUR_MS).toISOString());
    assert.deepEqual(
      { ids: end.ids.sort(), skipped: end.skipped, runs: end.runs },
      { ids: hours.map((at) => `s@${at}`), skipped, runs: count },
    );
    // Each was told its own time, in order; one that was killed while it ran has run again.
    const told = seen.filter((line, n) => line !== seen[n - 1]);
    const stands = catchUp === 'latest' ? 10 : 1;
    assert.deepEqual(
      told,
      hours.map((at) => `s@${at} ${at} ${stands}`),
    );
  });
}
