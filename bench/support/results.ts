/** What was measured, as it is kept on disk. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.ts';
import type { Machine } from './machine.ts';
import { resultsFolder } from './places.ts';
import type { Summary } from './statistics.ts';

export interface Row {
  readonly question: string;
  readonly variant: string;
  readonly contender: string;
  readonly title: string;
  readonly kind: Contender['kind'];
  readonly version: string;
  readonly durability: string;
  readonly settings?: string;
  readonly figures: Readonly<Record<string, Summary>>;
  /** Why there are no figures, or fewer rounds than asked for. */
  readonly problem?: string;
}

export interface Results {
  readonly name: string;
  readonly startedAt: string;
  readonly minutes: number;
  readonly rounds: number;
  readonly size: number;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export function resultsPath(name: string): string {
  return join(resultsFolder, `${name}.json`);
}

export async function keepResults(results: Results): Promise<string> {
  mkdirSync(resultsFolder, { recursive: true });
  const path = resultsPath(results.name);
  const short = JSON.stringify(results, (_key, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(6)) : value,
  );
  writeFileSync(path, await formatted(short, path));
  return path;
}

export function readResults(name: string): Results | undefined {
  const path = resultsPath(name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined;
}

/** As `npm run check` wants every file in the repository to be. */
export async function formatted(text: string, path: string): Promise<string> {
  const { format, resolveConfig } = await import('prettier');
  return format(text, { ...(await resolveConfig(path)), filepath: path });
}
