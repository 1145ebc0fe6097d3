/** A small file system of our own in memory, to be filled up. Needs the right to mount; where there is none, it says so. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface SmallDisk {
  readonly path: string;
  freeBytes(): number;
  /** Takes all but `left` bytes of what is free, as somebody else's file. */
  fill(left: number): void;
  /** Gives it back. */
  release(): void;
  unmount(): void;
}

/** A disk, or the reason why there cannot be one. */
export function mountDisk(mebibytes: number): SmallDisk | string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    rmdirSync(folder);
    return `a file system of our own cannot be mounted here: ${mounted.stderr || String(mounted.error)}`;
  }
  const ballast = path.join(folder, 'ballast');
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  return {
    path: folder,
    freeBytes,
    fill(left) {
      const descriptor = openSync(ballast, 'a');
      try {
        const chunk = Buffer.alloc(64 * 1024, 1);
        for (let free = freeBytes(); free > left; free = freeBytes()) {
          writeSync(descriptor, chunk, 0, Math.min(chunk.length, free - left));
        }
      } catch (error) {
        // Somebody else took the last of it.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    release: () => rmSync(ballast, { force: true }),
    unmount() {
      spawnSync('umount', ['-l', folder]);
      rmdirSync(folder);
    },
  };
}

/** Why there can be no disk; undefined if there can. */
export function whyNoDisk(): string | undefined {
  const disk = mountDisk(1);
  if (typeof disk === 'string') return disk;
  disk.unmount();
  return undefined;
}
