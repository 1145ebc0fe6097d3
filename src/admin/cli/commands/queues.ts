/** `holdfast queues` */
import type { QueueStats } from '../../../index.ts';
import type { Setting } from '../program.ts';
import { span } from '../terminal.ts';
import { withDesk } from './with-desk.ts';

export async function list(setting: Setting): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const { queues } = await desk.ask<{ queues: QueueStats[] }>('GET', '/v1/queues');
    if (terminal.isJson) return terminal.json({ queues });
    terminal.table(
      queues,
      [
        { title: 'Queue', of: ({ queue }) => queue },
        { title: 'Waiting', of: ({ waiting }) => waiting, isNumber: true },
        { title: 'Running', of: ({ running }) => running, isNumber: true },
        { title: 'Completed', of: ({ completed }) => completed, isNumber: true },
        { title: 'Cancelled', of: ({ cancelled }) => cancelled, isNumber: true },
        { title: 'Dead', of: ({ dead }) => dead, isNumber: true, style: ({ dead }) => (dead > 0 ? 'red' : undefined) },
        { title: 'Oldest ready', of: ({ oldestReadyMs }) => (oldestReadyMs > 0 ? span(oldestReadyMs) : '') },
      ],
      'No queues.',
    );
  });
}
