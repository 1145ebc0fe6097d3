/**
 * A process that uses up its file handles while it enqueues so much that LevelDB needs new files, and lets them go
 * again. It says what was accepted, what was refused, and how long it took to go on.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { open } from '../../src/index.ts';

const [folder = ''] = process.argv.slice(2);
const engine = await open(folder, { reserveBytes: 65_536 });
const accepted: string[] = [];
const refused = new Set<string>();
const filling = 'x'.repeat(100_000);

async function enqueueSome(): Promise<boolean> {
  try {
    for (const { id } of await engine.enqueueAll(Array.from({ length: 10 }, () => ['nobody', { filling }] as const))) {
      accepted.push(id);
    }
    return true;
  } catch (error) {
    refused.add(String((error as { code?: unknown }).code));
    return false;
  }
}

await enqueueSome();
const taken: number[] = [];
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch {
  // There are no more.
}
for (let n = 0; n < 60 && !refused.has('HOLDFAST_STORE_UNAVAILABLE'); n++) {
  await enqueueSome();
  await pause(10);
}
for (const descriptor of taken) closeSync(descriptor);
const freedAt = performance.now();
while (!(await enqueueSome()) && performance.now() - freedAt < 10_000) await pause(10);
const resumedMs = performance.now() - freedAt;
await engine.close();
process.stdout.write(JSON.stringify({ accepted, refused: [...refused], resumedMs }));
