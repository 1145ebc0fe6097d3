/** `holdfast jobs view` */
import type { JobView } from '../../../index.ts';
import type { Setting } from '../program.ts';
import { moment, span, styleOf, type Terminal } from '../terminal.ts';
import { visible, visibleLine } from '../../visible.ts';
import { withDesk } from './with-desk.ts';

export async function view(setting: Setting, id: string): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const job = await desk.ask<JobView>('GET', `/v1/jobs/${encodeURIComponent(id)}`);
    if (terminal.isJson) return terminal.json(job);
    showJob(terminal, job);
  });
}

/** JSON has no Infinity: no limit comes as null. */
function limit(value: number | null, told: (value: number) => string | number): string | number {
  return value === null || value === Infinity ? 'no limit' : told(value);
}

export function showJob(terminal: Terminal, job: JobView): void {
  const { state, face, reason } = job;
  terminal.facts([
    ['id', job.id],
    ['type', job.type],
    ['queue', job.queue],
    ['priority', job.priority],
    ['state', [state, face, reason].filter((word) => word !== undefined).join(', '), styleOf(state)],
    ['created', moment(job.createdAt)],
    ['due', moment(job.dueAt)],
    ['deadline', moment(job.deadlineAt)],
    ['started', moment(job.startedAt)],
    ['finished', moment(job.finishedAt)],
    ['attempts', `${job.attempts} failed of ${limit(job.maxAttempts, String)}, started ${job.starts} times`],
    ['crashes', job.crashes || undefined],
    ['interrupts', job.interrupts || undefined],
    ['snoozes', job.snoozes || undefined],
    ['timeout', limit(job.timeoutMs, span)],
    ['after', job.after?.join(', ')],
    ['waits for', job.waitsFor?.join(', ')],
    ['progress', json(job.progress)],
    ['payload', json(job.payload)],
    ['checkpoint', json(job.checkpoint)],
    ['result', json(job.result)],
  ]);
  for (const { at, start, stack, name, message } of job.errors) {
    terminal.line();
    terminal.line(terminal.paint('red', `${moment(at)}, start ${start}: ${visibleLine(`${name}: ${message}`)}`));
    if (terminal.isPerson && stack !== undefined)
      terminal.line(terminal.paint('dim', visible(stack.split('\n').slice(1).join('\n'))));
  }
  if (job.log === undefined) return;
  terminal.line();
  for (const { at, level, message, fields } of job.log) {
    terminal.line(`${moment(at)} ${level} ${visibleLine(message)}${fields === undefined ? '' : ` ${json(fields)}`}`);
  }
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
