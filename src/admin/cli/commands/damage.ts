/** `holdfast verify`, `repair`, `backup` and `restore` */
import path from 'node:path';
import { withBar } from '../bar.ts';
import { folderOf, type Desk } from '../desk.ts';
import { EXIT, Failure, failureFrom, type ExitCode } from '../failure.ts';
import type { BackupReport, Progress } from '../../../index.ts';
import type { Setting } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { withDesk } from './with-desk.ts';

export async function verifyFolder({ terminal, folder }: Setting): Promise<ExitCode> {
  const { verify } = await import('../../../index.ts');
  const place = await folderOf(folder, terminal.cwd);
  const report = await withBar(terminal, (onProgress) => verify(place, { onProgress }));
  if (terminal.isJson) terminal.json(report);
  else {
    terminal.facts([
      ['folder', report.folder],
      ['sound', report.isSound ? 'yes' : 'no'],
      ['frames', report.frames],
      ['jobs', report.jobs],
    ]);
    for (const { where, what } of report.damage) terminal.line(terminal.paint('red', `damage: ${where}: ${what}`));
    for (const { where, what } of report.notes) terminal.line(`note: ${where}: ${what}`);
  }
  return report.isSound ? EXIT.ok : EXIT.folder;
}

export async function repairFolder({ terminal, folder }: Setting, { to }: { readonly to: string }): Promise<ExitCode> {
  const { repair } = await import('../../../index.ts');
  const place = path.resolve(terminal.cwd, folder ?? '.');
  const target = path.resolve(terminal.cwd, to);
  const report = await withBar(terminal, (onProgress) => repair(place, { to: target, onProgress }));
  if (terminal.isJson) {
    terminal.json(report);
    return EXIT.ok;
  }
  terminal.facts([
    ['from', report.from],
    ['to', report.to],
    ['jobs', report.jobs],
    ['uncertain', report.uncertain.length],
    ['lost', report.lost.length],
    ['frames', report.frames],
  ]);
  for (const { id } of report.lost) terminal.line(terminal.paint('red', `lost: ${id}`));
  for (const { id } of report.uncertain) terminal.line(terminal.paint('yellow', `uncertain: ${id}`));
  return EXIT.ok;
}

export async function backUp(setting: Setting, to: string): Promise<void> {
  const { terminal } = setting;
  const target = path.resolve(terminal.cwd, to);
  await withDesk(setting, async (desk) => {
    copied(terminal, await withBar(terminal, (told) => backedUp(desk, target, terminal.signal, told)));
  });
}

type BackupLine =
  | Progress
  | { readonly report: BackupReport }
  | { readonly error: { readonly message: string; readonly details: { readonly code?: string } } };

async function backedUp(
  desk: Desk,
  to: string,
  signal: AbortSignal,
  told: (progress: Progress) => void,
): Promise<BackupReport> {
  for await (const text of desk.lines('POST', '/v1/backup?stream=ndjson', { to }, signal)) {
    const line = JSON.parse(text) as BackupLine;
    if ('report' in line) return line.report;
    if ('error' in line) throw failureFrom(line.error.details.code, 500, line.error.message);
    told(line);
  }
  throw new Failure(EXIT.interrupted, 'It was stopped before its end; look whether the copy is there.');
}

export async function restoreFrom({ terminal }: Setting, from: string, { to }: { readonly to: string }): Promise<void> {
  const { restore } = await import('../../../index.ts');
  const place = path.resolve(terminal.cwd, from);
  const target = path.resolve(terminal.cwd, to);
  copied(terminal, await withBar(terminal, (onProgress) => restore(place, { to: target, onProgress })));
}

function copied(terminal: Terminal, report: BackupReport): void {
  if (terminal.isJson) return terminal.json(report);
  terminal.facts([
    ['folder', report.path],
    ['frames', report.frames],
    ['bytes', report.bytes],
  ]);
}
