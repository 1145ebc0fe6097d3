/** Several processes open a new folder at the same moment, and then the folder of a killed one: one gets it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { killed, startOpener } from './opener.ts';

/** @returns what went otherwise */
export async function raceOften(races: number, processes: number): Promise<string[]> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-race-'));
  const expected = [...Array.from({ length: processes - 1 }, () => 'HOLDFAST_IN_USE'), 'open'].join(' ');
  const breaches: string[] = [];
  try {
    for (let race = 0; race < races; race++) {
      const folder = path.join(base, String(race >> 1));
      const children = Array.from({ length: processes }, () => startOpener({ folder, tries: 1 }));
      const answers = await Promise.all(
        children.map(async (child) => (await once(child, 'message'))[0] as readonly string[]),
      );
      const got = answers.flat().sort().join(' ');
      if (got !== expected) breaches.push(`race ${race}: ${got}`);
      await Promise.all(children.map(killed));
    }
    return breaches;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
