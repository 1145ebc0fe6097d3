/** `holdfast info` */
import type { PauseView, TypeStats } from '../../../index.ts';
import type { Setting } from '../program.ts';
import { moment, span } from '../terminal.ts';
import { pauseOf } from './queues.ts';
import { withDesk } from './with-desk.ts';

interface Info {
  readonly path: string;
  readonly startedAt: number;
  readonly upMs: number;
  readonly handlers: readonly string[];
  readonly paused?: PauseView;
  readonly jobs: Readonly<Record<'waiting' | 'running' | 'completed' | 'cancelled' | 'dead', number>>;
}

export async function info(setting: Setting): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const told = await desk.ask<Info>('GET', '/v1/info');
    const { types } = await desk.ask<{ types: TypeStats[] }>('GET', '/v1/stats');
    if (terminal.isJson) return terminal.json({ ...told, isLive: desk.isLive, types });
    terminal.facts([
      ['folder', told.path],
      [
        'open',
        desk.isLive
          ? `in an app, which offered its socket at ${moment(told.startedAt)}, ${span(told.upMs)} ago`
          : 'nowhere',
      ],
      ['paused', told.paused && pauseOf(told.paused), 'yellow'],
      ['handlers', told.handlers.join(', ')],
      ...Object.entries(told.jobs).map(([state, count]) => [state, count] as const),
    ]);
    if (!terminal.isPerson) return;
    terminal.line();
    terminal.table(
      types,
      [
        { title: 'Type', of: ({ type }) => type },
        { title: 'Waiting', of: ({ waiting }) => waiting, isNumber: true },
        { title: 'Running', of: ({ running }) => running, isNumber: true },
        { title: 'Completed', of: ({ completed }) => completed, isNumber: true },
        { title: 'Cancelled', of: ({ cancelled }) => cancelled, isNumber: true },
        { title: 'Dead', of: ({ dead }) => dead, isNumber: true, style: ({ dead }) => (dead > 0 ? 'red' : undefined) },
      ],
      'No jobs.',
    );
  });
}
