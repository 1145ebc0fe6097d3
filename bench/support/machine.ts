/** On what the figures were measured: they mean little without it. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { percentile } from './statistics.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly fileSystem: string;
  /** Median of an append of 4 KiB and its `fdatasync`. */
  readonly fsyncMs: number;
  /** Mean number of processes that wanted a processor in the minute before. */
  readonly loadBefore: number;
}

/** The numbers of the kernel for the usual ones. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
  0xf2f52010: 'f2fs',
};

export function describeMachine(folder: string): Machine {
  const { type: fileSystem } = statfsSync(folder);
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split('-')[0] ?? ''}`,
    node: process.version,
    fileSystem: FILE_SYSTEMS[fileSystem] ?? `type ${fileSystem.toString(16)}`,
    fsyncMs: fsyncMs(folder),
    loadBefore: loadavg()[0] ?? NaN,
  };
}

/** What a reader must know before believing any figure. */
export function warningsFor({ fileSystem, loadBefore, fsyncMs: ms }: Machine): string[] {
  return [
    ...(fileSystem === 'tmpfs'
      ? ['The folder is in memory: an fsync costs nothing there. Name a disk with --dir.']
      : []),
    ...(ms < 0.02 ? ['An fsync takes next to no time here; the disk may not do it.'] : []),
    ...(loadBefore > 0.5 ? [`The machine is busy (load ${loadBefore.toFixed(1)}); the figures will be noisy.`] : []),
  ];
}

function fsyncMs(folder: string): number {
  const own = mkdtempSync(join(folder, 'holdfast-fsync-'));
  const file = openSync(join(own, 'probe'), 'a');
  const page = Buffer.alloc(4096, 1);
  const samples = Array.from({ length: 200 }, () => {
    const begin = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - begin;
  });
  closeSync(file);
  rmSync(own, { recursive: true });
  return percentile(samples, 0.5);
}
