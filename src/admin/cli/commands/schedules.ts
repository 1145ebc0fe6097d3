/** `holdfast schedules` */
import type { ScheduleView } from '../../../index.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, type Terminal } from '../terminal.ts';
import { integer, payloadOf } from './add.ts';
import { withDesk } from './with-desk.ts';

export interface AddScheduleOptions {
  readonly tz?: string;
  readonly catchUp?: string;
  readonly overlap?: string;
  readonly queue?: string;
  readonly priority?: string;
  readonly deadline?: string;
  readonly tries?: string;
}

export async function list(setting: Setting, { names }: { readonly names?: boolean }): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const { schedules } = await desk.ask<{ schedules: ScheduleView[] }>('GET', '/v1/schedules?limit=1000');
    if (terminal.isJson) return terminal.json({ schedules });
    if (names === true) return schedules.forEach(({ name }) => terminal.line(name));
    terminal.table(
      schedules,
      [
        { title: 'Name', of: ({ name }) => name },
        { title: 'Rule', of: ruleOf },
        { title: 'Type', of: ({ type }) => type },
        { title: 'State', of: ({ state }) => state, style: ({ state }) => (state === 'active' ? 'green' : 'yellow') },
        { title: 'Last', of: ({ last }) => moment(last?.at) },
        { title: 'Next', of: ({ nextAt }) => moment(nextAt) },
        { title: 'Runs', of: ({ runs }) => runs, isNumber: true },
        { title: 'Skipped', of: skippedOf },
      ],
      'No schedules.',
    );
  });
}

/** Words that need no @ here. */
const WORDS = /^(yearly|annually|monthly|weekly|daily|midnight|hourly)$/;

export async function add(
  setting: Setting,
  name: string,
  rule: string,
  type: string,
  payload: string | undefined,
  options: AddScheduleOptions,
): Promise<void> {
  const { terminal } = setting;
  const { tz, catchUp, overlap, queue, deadline } = options;
  const every = /^@?every\s+(\S.*)$/.exec(rule)?.[1];
  const body = {
    name,
    type,
    ...(every === undefined ? { cron: WORDS.test(rule) ? `@${rule}` : rule } : { every }),
    payload: payload === undefined ? undefined : await payloadOf(payload, terminal),
    tz,
    catchUp,
    overlap,
    queue,
    deadline,
    priority: integer('--priority', options.priority),
    retry: options.tries === undefined ? undefined : { attempts: integer('--tries', options.tries) },
  };
  await withDesk(setting, async (desk) => {
    tell(terminal, await desk.ask<ScheduleView>('POST', '/v1/schedules', body));
  });
}

export async function view(setting: Setting, name: string): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const schedule = await desk.ask<ScheduleView>('GET', pathOf(name));
    if (terminal.isJson) return terminal.json(schedule);
    tell(terminal, schedule);
    if (schedule.state !== 'active') return;
    const { at } = await desk.ask<{ at: number[] }>('GET', `${pathOf(name)}/preview`);
    terminal.facts([['then', at.map(moment).join(', ')]]);
  });
}

export async function pause(setting: Setting, name: string, { reason }: { readonly reason?: string }): Promise<void> {
  await withDesk(setting, async (desk) => {
    tell(setting.terminal, await desk.ask<ScheduleView>('POST', `${pathOf(name)}/pause`, { reason }));
  });
}

export async function resume(
  setting: Setting,
  name: string,
  { catchUp }: { readonly catchUp?: string },
): Promise<void> {
  await withDesk(setting, async (desk) => {
    tell(setting.terminal, await desk.ask<ScheduleView>('POST', `${pathOf(name)}/resume`, { catchUp }));
  });
}

export async function trigger(setting: Setting, name: string): Promise<void> {
  await withDesk(setting, async (desk) => {
    const made = await desk.ask<{ id: string }>('POST', `${pathOf(name)}/trigger`, {});
    if (setting.terminal.isJson) setting.terminal.json(made);
    else setting.terminal.line(made.id);
  });
}

export async function remove(setting: Setting, name: string, { force }: { readonly force?: boolean }): Promise<void> {
  await setting.terminal.confirm(`Delete the schedule ${name}?`, force === true);
  await withDesk(setting, async (desk) => {
    await desk.ask('DELETE', pathOf(name));
    if (setting.terminal.isJson) setting.terminal.json({ deleted: name });
    else setting.terminal.line(`${name} deleted`);
  });
}

function pathOf(name: string): string {
  if (name === '.' || name === '..') throw new Failure(EXIT.usage, `${name} cannot be asked for by its name.`);
  return `/v1/schedules/${encodeURIComponent(name)}`;
}

function tell(terminal: Terminal, schedule: ScheduleView): void {
  if (terminal.isJson) return terminal.json(schedule);
  const { name, state, type, queue, priority, overlap, payload, paused, nextAt, last, runs, triggers, owed } = schedule;
  terminal.facts([
    ['name', name],
    ['state', [state, paused?.reason].filter((word) => word !== undefined).join(', ')],
    ['rule', ruleOf(schedule)],
    ['zone', schedule.tz],
    ['overlap', overlap],
    ['type', type],
    ['queue', queue],
    ['priority', priority],
    ['payload', payload === undefined ? undefined : JSON.stringify(payload)],
    ['last', last && `${moment(last.at)}, ${last.id}`],
    ['next', moment(nextAt)],
    ['runs', runs],
    ['triggers', triggers || undefined],
    ['owed', owed || undefined],
    ['skipped', skippedOf(schedule)],
  ]);
}

function ruleOf({ rule }: ScheduleView): string {
  return rule.cron ?? `every ${String(rule.every)}`;
}

function skippedOf({ skipped }: ScheduleView): string {
  return Object.entries(skipped)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}
