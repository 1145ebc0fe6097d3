/**
 * For apps that must open: puts a damaged folder aside and what could be salvaged of it in its place.
 *
 *     jobs                         the damaged folder, in the end the salvaged one
 *     jobs.salvaged                the salvaged one, whole, until it is moved
 *     jobs.damaged-2026-…          the damaged one, kept
 *     jobs.salvaging               who is at it
 *
 * Two renames cannot be one. A process that is killed between them leaves no folder of that name, which must not pass
 * for a new one: whoever opens it next finishes the second rename (`finishSetAside`).
 */
import { open, readFile, readlink, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError, StoreInUseError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { syncFolder, systemCode, unavailable } from './durable-file.ts';
import { claimFolder, isNameOfRunning, processName } from './guard.ts';
import { repairInto, type RepairReport } from './repair.ts';

export interface SalvageReport extends RepairReport {
  /** Where the damaged folder is kept. Delete it when nobody wants to look at it any more. */
  readonly keptAt: string;
}

/**
 * @param location a damaged folder that is not open
 * @throws {StoreInUseError} somebody else is at it, or has it open
 * @throws {StoreUnavailableError} the disk or the rights do not allow it; the damaged folder is as it was then
 */
export async function setAside(location: string, clock: Clock): Promise<SalvageReport> {
  const folder = await realpath(location);
  const release = await lock(`${folder}.salvaging`, folder, clock.processStartedAt);
  try {
    const claim = await claimFolder(folder, clock.processStartedAt);
    const salvaged = `${folder}.salvaged`;
    let report: RepairReport;
    try {
      await rm(salvaged, { recursive: true, force: true });
      report = await repairInto(folder, salvaged, clock);
    } finally {
      await claim.release();
    }
    const keptAt = `${folder}.damaged-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}`;
    await rename(folder, keptAt);
    await rename(salvaged, folder);
    await syncFolder(path.dirname(folder));
    return { ...report, from: keptAt, to: folder, keptAt };
  } catch (error) {
    throw error instanceof HoldfastError ? error : unavailable(`put ${folder} aside`, error);
  } finally {
    await release();
  }
}

/** Finishes what a killed process began with `setAside`. */
export async function finishSetAside(location: string): Promise<void> {
  try {
    await stat(location);
    return;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') return;
  }
  const folder = await whereItLeads(location);
  try {
    await rename(`${folder}.salvaged`, folder);
    await syncFolder(path.dirname(folder));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unavailable(`put the salvaged folder at ${folder}`, error);
  }
}

/** The path of a folder that is not there, also behind links. */
async function whereItLeads(location: string): Promise<string> {
  const target = await readlink(location).catch(() => undefined);
  return target === undefined ? path.resolve(location) : whereItLeads(path.resolve(path.dirname(location), target));
}

/** Only one may be at it, of all processes; one that was killed is nobody. */
async function lock(file: string, folder: string, processStartedAt: number): Promise<() => Promise<void>> {
  const name = processName(processStartedAt);
  for (let isFirst = true; ; isFirst = false) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(name).finally(() => handle.close());
      return () => unlink(file).catch(() => undefined);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw unavailable(`write ${file}`, error);
      const holder = await readFile(file, 'latin1').catch(() => '');
      if (!isFirst || holder === name || isNameOfRunning(holder)) {
        throw new StoreInUseError({ folder, holder: 'a process that salvages it', cause: error });
      }
      await unlink(file).catch(() => undefined);
    }
  }
}
