/** `holdfast explain` */
import type { Explanation } from '../../../index.ts';
import type { Setting } from '../program.ts';
import { moment } from '../terminal.ts';
import { withDesk } from './with-desk.ts';

export async function explain(setting: Setting, id: string): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const explanation = await desk.ask<Explanation>('GET', `/v1/jobs/${encodeURIComponent(id)}/explain`);
    if (terminal.isJson) return terminal.json(explanation);
    const { state, reasons } = explanation;
    if (reasons.length === 0) return terminal.line(`${id} is ${state}.`);
    terminal.table(
      reasons,
      [
        { title: 'Why', of: ({ why }) => why, style: () => 'yellow' },
        { title: 'Can change at', of: ({ at }) => moment(at) },
        { title: 'More', of: ({ why: _why, at: _at, ...more }) => factsOf(more) },
      ],
      'Nothing holds it back.',
    );
  });
}

function factsOf(more: object): string {
  return Object.entries(more)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
