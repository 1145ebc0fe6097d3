import { mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** An empty folder on the real disk that is gone when the test is. Its path is the real one. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'holdfast-log-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The files below this folder that the process has open; of none where the system does not say it. */
export async function openIn(folder: string): Promise<string[]> {
  const open = await readdir('/proc/self/fd').catch(() => []);
  const files = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return files.filter((file) => file.startsWith(folder));
}
