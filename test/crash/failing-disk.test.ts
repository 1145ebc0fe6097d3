/**
 * A disk that fails behind the operating system's back: an image with holes lies on a file system that becomes full, so
 * that whoever writes to the image sees no error before an fsync. Then the device itself is looked at, without what the
 * system remembers of it. So this is the test that would fail if nothing were fsynced.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { open, repair, verify } from '../../src/index.ts';
import { readViews } from './read-folder.ts';
import { mountDisk } from './small-disk.ts';

const IMAGE_MIB = 64;

interface Device {
  readonly path: string;
  /** From now on the device takes no new blocks. */
  fail(): void;
  /** From now on it does again. */
  mend(): void;
  /** Forgets what the operating system remembers of it. */
  remount(): void;
  remove(): void;
}

function makeDevice(): Device | string {
  const disk = mountDisk(IMAGE_MIB / 2);
  if (typeof disk === 'string') return disk;
  const image = path.join(disk.path, 'image');
  const folder = path.join(disk.path, 'mounted');
  writeFileSync(image, '');
  truncateSync(image, IMAGE_MIB * 1024 * 1024);
  mkdirSync(folder);
  const mount = (): string | undefined => {
    const { status, stderr, error } = spawnSync('mount', ['-o', 'loop', image, folder], { encoding: 'utf8' });
    return status === 0 ? undefined : `an image cannot be mounted here: ${stderr || String(error)}`;
  };
  const made = spawnSync('mke2fs', ['-q', '-F', '-t', 'ext2', image], { encoding: 'utf8' });
  const problem = made.status === 0 ? mount() : `no file system can be made here: ${made.stderr || String(made.error)}`;
  if (problem !== undefined) {
    disk.unmount();
    return problem;
  }
  return {
    path: folder,
    fail: () => disk.fill(0),
    mend: () => disk.release(),
    remount() {
      assert.equal(spawnSync('umount', [folder]).status, 0);
      assert.equal(mount(), undefined);
    },
    remove() {
      spawnSync('umount', ['-l', folder]);
      rmdirSync(folder);
      disk.unmount();
    },
  };
}

const device = makeDevice();
if (typeof device !== 'string') test.after(() => device.remove());

test(
  'a device that fails is noticed by the next commits, and what it lost is not lost in silence',
  { skip: typeof device === 'string' ? device : false },
  async (t) => {
    if (typeof device === 'string') return;
    const folder = path.join(device.path, 'jobs');
    const accepted: string[] = [];
    const codes = new Set<string>();
    let before: number;
    {
      await using engine = await open(folder, { keepAlive: false, reserveBytes: 0 });
      const enqueueSome = async (): Promise<void> => {
        try {
          const jobs = Array.from({ length: 20 }, () => ['nobody', { filling: 'x'.repeat(1_000) }] as const);
          for (const { id } of await engine.enqueueAll(jobs)) accepted.push(id);
        } catch (error) {
          codes.add(String((error as { code?: unknown }).code));
        }
      };
      for (let n = 0; n < 10; n++) await enqueueSome();
      device.fail();
      before = accepted.length;
      for (let n = 0; n < 20 && codes.size === 0; n++) await enqueueSome();
    }
    device.mend();
    device.remount();
    t.diagnostic(`${before} accepted, ${accepted.length - before} more after it failed`);
    assert.deepEqual([...codes], ['HOLDFAST_OUTCOME_UNKNOWN'], 'a commit was rejected');
    // The system answers the first fsync of such a device with success. Only the witness knows better.
    const salvaged = path.join(device.path, 'salvaged');
    const { isSound } = await verify(folder);
    if (!isSound) await repair(folder, { to: salvaged });
    const there = new Set((await readViews(isSound ? folder : salvaged)).map(({ id }) => id));
    assert.deepEqual(
      accepted.slice(0, isSound ? Infinity : before).filter((id) => !there.has(id)),
      [],
    );
  },
);
