/** `holdfast schedules` */
import type { ScheduleView } from '../../../index.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, type Terminal } from '../terminal.ts';
import { integer, payloadOf } from './add.ts';
import { withDesk } from './with-desk.ts';

interface RuleWords {
  readonly tz?: string;
  readonly catchUp?: string;
  readonly overlap?: string;
  readonly start?: string;
  readonly end?: string;
  readonly limit?: string;
  readonly jitter?: string;
}

export interface UpdateScheduleOptions extends RuleWords {
  readonly rule?: string;
  readonly payload?: string;
}

export interface BackfillWords {
  readonly max?: string;
  readonly newest?: boolean;
  readonly parallel?: boolean;
  readonly dryRun?: boolean;
}

export interface AddScheduleOptions extends RuleWords {
  readonly key?: string;
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
  const { queue, deadline, key } = options;
  const body = {
    name,
    type,
    ...ruleIn(rule, options),
    payload: payload === undefined ? undefined : await payloadOf(payload, terminal),
    queue,
    key,
    deadline,
    priority: integer('--priority', options.priority),
    retry: options.tries === undefined ? undefined : { attempts: integer('--tries', options.tries) },
  };
  await withDesk(setting, async (desk) => {
    tell(terminal, await desk.ask<ScheduleView>('POST', '/v1/schedules', body));
  });
}

export async function update(setting: Setting, name: string, options: UpdateScheduleOptions): Promise<void> {
  const { terminal } = setting;
  const { rule, payload, ...words } = options;
  if (Object.keys(options).length === 0) throw new Failure(EXIT.usage, 'What shall change? See --help.');
  const body = {
    ...ruleIn(rule, words),
    payload: payload === undefined ? undefined : await payloadOf(payload, terminal),
  };
  await withDesk(setting, async (desk) => {
    tell(terminal, await desk.ask<ScheduleView>('POST', pathOf(name), body));
  });
}

export async function backfill(
  setting: Setting,
  name: string,
  from: string,
  to: string,
  { max, newest, parallel, dryRun }: BackfillWords,
): Promise<void> {
  const { terminal } = setting;
  const order = newest === true ? 'newest' : undefined;
  const body = { from, to, max: integer('--max', max), order, parallel, dryRun };
  const answer = await withDesk(setting, (desk) =>
    desk.ask<{ count: number }>('POST', `${pathOf(name)}/backfill`, body),
  );
  if (terminal.isJson) return terminal.json(answer);
  const times = `${answer.count} ${answer.count === 1 ? 'time' : 'times'}`;
  terminal.line(dryRun === true ? `${times} would have jobs` : `${times} have jobs`);
}

/** The rule as the API takes it; what was not said is undefined. */
function ruleIn(rule: string | undefined, { tz, catchUp, overlap, start, end, limit, jitter }: RuleWords): object {
  const every = /^@?every\s+(\S.*)$/.exec(rule ?? '')?.[1];
  const cron = rule !== undefined && WORDS.test(rule) ? `@${rule}` : rule;
  const when = every === undefined ? { cron } : { every };
  return { ...when, tz, catchUp, overlap, start, end, limit: integer('--limit', limit), jitter };
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
