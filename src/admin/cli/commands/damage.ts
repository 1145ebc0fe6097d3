/** `holdfast verify`, `repair`, `backup` and `restore` */
import path from 'node:path';
import { folderOf } from '../desk.ts';
import { EXIT, type ExitCode } from '../failure.ts';
import type { BackupReport } from '../../../index.ts';
import type { Setting } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { withDesk } from './with-desk.ts';

export async function verifyFolder({ terminal, folder }: Setting): Promise<ExitCode> {
  const { verify } = await import('../../../index.ts');
  const report = await verify(await folderOf(folder, terminal.cwd));
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
  const report = await repair(path.resolve(terminal.cwd, folder ?? '.'), { to: path.resolve(terminal.cwd, to) });
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
    copied(terminal, await desk.ask<BackupReport>('POST', '/v1/backup', { to: target }));
  });
}

export async function restoreFrom({ terminal }: Setting, from: string, { to }: { readonly to: string }): Promise<void> {
  const { restore } = await import('../../../index.ts');
  copied(terminal, await restore(path.resolve(terminal.cwd, from), { to: path.resolve(terminal.cwd, to) }));
}

function copied(terminal: Terminal, report: BackupReport): void {
  if (terminal.isJson) return terminal.json(report);
  terminal.facts([
    ['folder', report.path],
    ['frames', report.frames],
    ['bytes', report.bytes],
  ]);
}
