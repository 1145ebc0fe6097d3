/**
 * What lies in the folder of a LevelDB database, read without opening it: which files hold the store, what is wrong with
 * them, and every entry that is whole. Nothing is written, and nothing is trusted.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode, unavailable } from './durable-file.ts';
import { readBlocks } from './level-blocks.ts';
import { readBatch, type LevelEntry } from './level-entries.ts';
import { readManifest, type Manifest } from './level-manifest.ts';
import { readTable, tableProblem } from './level-table.ts';

/** Something that is not as it was written. */
export interface Problem {
  /** The file, and the byte in it. */
  readonly where: string;
  readonly what: string;
  /** The file just ends there: so it does when a write was under way, and LevelDB goes on with what stands before. */
  readonly isCut: boolean;
}

export interface DatabaseFile {
  readonly path: string;
  readonly number: number;
  readonly kind: 'log' | 'table';
  /** Whether LevelDB would read it. Others are left over, or wait to be deleted. */
  readonly isLive: boolean;
  /** Of a table: as the MANIFEST says. */
  readonly bytes: number | undefined;
}

export interface Survey {
  readonly location: string;
  /** Undefined when it cannot be found; all files are taken for live then. */
  readonly manifest: Manifest | undefined;
  /** In the order in which they were begun. */
  readonly files: readonly DatabaseFile[];
  readonly problems: readonly Problem[];
}

/** Looks at the names, CURRENT and MANIFEST. @throws {StoreUnavailableError} when the folder cannot be read */
export async function surveyDatabase(location: string): Promise<Survey> {
  const names = await readdir(location).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unavailable(`read the folder ${location}`, error);
  });
  if (names === undefined) {
    const problem = { where: location, what: 'the folder of the log is missing', isCut: false };
    return { location, manifest: undefined, files: [], problems: [problem] };
  }
  const problems: Problem[] = [];
  const manifest = await manifestOf(location, problems);
  const files = names
    .flatMap((name) => databaseFile(location, name, manifest))
    .sort((a, b) => a.number - b.number || a.path.localeCompare(b.path));
  for (const number of manifest?.tables.keys() ?? []) {
    if (!files.some((file) => file.kind === 'table' && file.number === number)) {
      problems.push({ where: path.join(location, `${nameOf(number)}.ldb`), what: 'a file is missing', isCut: false });
    }
  }
  // LevelDB deletes no log from this number on; without it, the MANIFEST is not the newest there was.
  const first = manifest?.logNumber ?? 0;
  if (first > 0 && !files.some((file) => file.kind === 'log' && file.number === first)) {
    problems.push({ where: path.join(location, `${nameOf(first)}.log`), what: 'a file is missing', isCut: false });
  }
  for (const file of files) problems.push(...(await wrongSizeOf(file)));
  return { location, manifest, files, problems };
}

async function manifestOf(location: string, problems: Problem[]): Promise<Manifest | undefined> {
  const current = path.join(location, 'CURRENT');
  const named = await readWhole(current);
  if (named === undefined) {
    problems.push({ where: current, what: 'the file CURRENT is missing', isCut: false });
    return undefined;
  }
  const name = named.toString('latin1');
  if (!/^MANIFEST-\d{6,19}\n$/.test(name)) {
    problems.push({ where: current, what: 'it does not name a MANIFEST', isCut: false });
    return undefined;
  }
  const where = path.join(location, name.trim());
  const bytes = await readWhole(where);
  if (bytes === undefined) {
    problems.push({ where, what: 'a file is missing', isCut: false });
    return undefined;
  }
  const manifest = readManifest(bytes);
  if (manifest.problems.length === 0 && manifest.nextFile <= Number(name.slice('MANIFEST-'.length))) {
    problems.push({ where, what: 'it is older than its name', isCut: false });
  }
  for (const { at, ...rest } of manifest.problems) problems.push({ where: `${where}, byte ${at}`, ...rest });
  return manifest;
}

const FILE_NAME = /^(\d+)\.(log|ldb|sst)$/;

function databaseFile(location: string, name: string, manifest: Manifest | undefined): DatabaseFile[] {
  const [, digits, ending] = FILE_NAME.exec(name) ?? [];
  if (digits === undefined) return [];
  const number = Number(digits);
  const kind = ending === 'log' ? 'log' : 'table';
  const isLive =
    manifest === undefined ||
    (kind === 'table'
      ? manifest.tables.has(number)
      : number >= manifest.logNumber || number === manifest.previousLogNumber);
  const bytes = kind === 'table' ? manifest?.tables.get(number)?.bytes : undefined;
  return [{ path: path.join(location, name), number, kind, isLive, bytes }];
}

function nameOf(number: number): string {
  return String(number).padStart(6, '0');
}

async function wrongSizeOf({ path: file, bytes }: DatabaseFile): Promise<Problem[]> {
  if (bytes === undefined) return [];
  const { size } = await stat(file).catch((error: unknown) => {
    throw unavailable(`look at ${file}`, error);
  });
  return size === bytes ? [] : [{ where: file, what: `it has ${size} bytes instead of ${bytes}`, isCut: false }];
}

export type SurveyItem =
  { readonly kind: 'entry'; readonly entry: LevelEntry } | ({ readonly kind: 'problem' } & Problem);

/** Everything that can be read of one file, and what cannot. @throws {StoreUnavailableError} */
export async function* readEntries(file: DatabaseFile): AsyncGenerator<SurveyItem> {
  const bytes = await readWhole(file.path);
  if (bytes === undefined) yield { kind: 'problem', where: file.path, what: 'a file is missing', isCut: false };
  else if (file.kind === 'log') yield* readLogEntries(file.path, bytes);
  else {
    for (const item of readTable(bytes)) {
      if (item.kind === 'entry') yield item;
      else yield { kind: 'problem', where: `${file.path}, byte ${item.at}`, what: item.what, isCut: false };
    }
  }
}

/** What is wrong with a table, by its checksums alone. @throws {StoreUnavailableError} */
export async function checkTable({ path: where }: DatabaseFile): Promise<Problem | undefined> {
  const bytes = await readWhole(where);
  if (bytes === undefined) return { where, what: 'a file is missing', isCut: false };
  const found = tableProblem(bytes);
  return found && { where: `${where}, byte ${found.at}`, what: found.what, isCut: false };
}

function* readLogEntries(where: string, bytes: Buffer): Generator<SurveyItem> {
  for (const item of readBlocks(bytes)) {
    if (item.kind === 'problem') {
      yield { kind: 'problem', where: `${where}, byte ${item.at}`, what: item.what, isCut: item.isCut };
      continue;
    }
    try {
      for (const entry of readBatch(item.bytes)) yield { kind: 'entry', entry };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      yield {
        kind: 'problem',
        where: `${where}, byte ${item.at}`,
        what: `not a batch: ${error.message}`,
        isCut: false,
      };
    }
  }
}

async function readWhole(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unavailable(`read ${file}`, error);
  }
}
