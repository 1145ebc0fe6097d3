/** `holdfast jobs watch` */
import type { Told } from '../desk.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, styleOf, type Terminal } from '../terminal.ts';
import { visibleLine } from '../../visible.ts';
import { queryOf } from './list.ts';
import { withDesk } from './with-desk.ts';

export interface WatchOptions {
  readonly job?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly since?: string;
}

export async function watch(setting: Setting, { job: id, type, queue, since }: WatchOptions): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    if (!desk.isLive) {
      throw new Failure(
        EXIT.folder,
        'Nobody has the folder open, so nothing happens in it. Start the app and try again.',
      );
    }
    for await (const event of await desk.follow(queryOf({ id, type, queue, since }), terminal.signal)) {
      if (terminal.isJson) terminal.jsonLine(event);
      else terminal.line(lineOf(terminal, event));
    }
  });
}

function lineOf({ paint }: Terminal, event: Told): string {
  const { at, id, type, queue, start, error, reason, name, what } = event;
  const facts = [
    ['queue', queue],
    ['type', type],
    ['start', start],
    ['reason', reason],
    ['error', error?.message],
  ].filter(([, value]) => value !== undefined);
  const text = facts.map(([word, value]) => `${word}: ${visibleLine(String(value))}`).join(' ');
  return `[${moment(at)}] ${id ?? name}: ${paint(styleOf(event.kind), what ?? event.kind)} ${text}`.trimEnd();
}
