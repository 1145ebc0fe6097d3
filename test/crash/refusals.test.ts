/** A file system that refuses: no right to write, no file handles, an fsync that fails. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openThreads } from '../../src/actors/threads.ts';
import { openEngine } from '../../src/engine.ts';
import { StoreUnavailableError } from '../../src/errors.ts';
import { open, verify } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { diceFrom } from './dice.ts';
import { readViews } from './read-folder.ts';
import { mountDisk, whyNoDisk } from './small-disk.ts';

const OPTIONS = { keepAlive: false, reserveBytes: 65_536 } as const;

test('a write that is rejected is answered as unknown, its store is never written to again, and nothing is lost', async (t) => {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-fsync-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const dice = diceFrom(7);
  const misuse: string[] = [];
  let rejections = 0;
  const openStore: typeof openLevelStore = async (location, options) => {
    const store = await openLevelStore(location, options);
    let isRejected = false;
    return {
      async write(frames, drop) {
        if (isRejected) misuse.push('a write after a rejected one');
        isRejected = dice.chance(0.1);
        // The fsync may fail when the frames are there, and when they are not.
        if (!isRejected || dice.chance(0.5)) await store.write(frames, drop);
        if (!isRejected) return;
        rejections++;
        throw new StoreUnavailableError('Input/output error');
      },
      read: (sequence) => store.read(sequence),
      readSync: (sequence) => store.readSync(sequence),
      scan: (from) => store.scan(from),
      close: () => store.close(),
    };
  };
  const folder = path.join(base, 'jobs');
  const settings = checkOpenOptions(OPTIONS);
  const clock = systemClock({ keepAlive: true });
  const home = await openHome(folder, clock, settings, openStore);
  const engine = await openEngine({ home, clock, settings, threads: openThreads({ max: 1, clock }) });
  const accepted: string[] = [];
  const codes = new Set<string>();
  for (let n = 0; rejections < 6; n++) {
    try {
      accepted.push((await engine.enqueue('nobody', { n })).id);
    } catch (error) {
      codes.add(String((error as { code?: unknown }).code));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await engine.close();
  assert.deepEqual(misuse, []);
  assert.deepEqual([...codes].sort(), ['HOLDFAST_OUTCOME_UNKNOWN', 'HOLDFAST_STORE_UNAVAILABLE']);
  const there = new Set((await readViews(folder)).map(({ id }) => id));
  assert.deepEqual(
    accepted.filter((id) => !there.has(id)),
    [],
  );
});

const noDisk = whyNoDisk();

test(
  'a read-only folder is refused by name, left as it is, and opens when it can be written to',
  { skip: noDisk },
  async (t) => {
    const disk = mountDisk(16);
    if (typeof disk === 'string') throw new Error(disk);
    t.after(() => disk.unmount());
    const folder = path.join(disk.path, 'jobs');
    const engine = await open(folder, OPTIONS);
    const { id } = await engine.enqueue('nobody');
    await engine.close();
    spawnSync('mount', ['-o', 'remount,ro', disk.path]);
    await assert.rejects(open(folder, OPTIONS), { code: 'HOLDFAST_STORE_UNAVAILABLE', message: /read-only/ });
    assert.equal((await verify(folder)).isSound, true);
    spawnSync('mount', ['-o', 'remount,rw', disk.path]);
    assert.deepEqual(
      (await readViews(folder)).map((view) => view.id),
      [id],
    );
  },
);

test(
  'without file handles nothing acknowledged is lost, and it goes on by itself',
  { skip: process.platform === 'win32' },
  async (t) => {
    const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-handles-'));
    t.after(() => rmSync(base, { recursive: true, force: true }));
    const folder = path.join(base, 'jobs');
    const program = fileURLToPath(new URL('hungry.js', import.meta.url));
    const child = spawn('/bin/sh', ['-c', 'ulimit -n 256 && exec "$0" "$@"', process.execPath, program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 0, said);
    const { accepted, refused, resumedMs } = JSON.parse(said) as {
      accepted: string[];
      refused: string[];
      resumedMs: number;
    };
    t.diagnostic(
      `${accepted.length} accepted, refused: ${refused.join(', ')}, resumed after ${Math.round(resumedMs)} ms`,
    );
    assert.ok(refused.includes('HOLDFAST_STORE_UNAVAILABLE'));
    assert.ok(resumedMs < 5_000);
    const there = new Set((await readViews(folder)).map(({ id }) => id));
    assert.deepEqual(
      accepted.filter((id) => !there.has(id)),
      [],
    );
  },
);
