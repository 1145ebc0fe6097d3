/** `holdfast queues`, `holdfast pause` and `holdfast resume` */
import type { PauseView, QueueStats, QueueView } from '../../../index.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, span, type Terminal } from '../terminal.ts';
import { integer } from './add.ts';
import { withDesk } from './with-desk.ts';

type Row = QueueView & Partial<Pick<QueueStats, 'oldestReadyMs'>>;

export interface QueueWords {
  readonly concurrent?: string;
  readonly entries?: string;
  readonly discardOld?: boolean;
  readonly age?: string;
  readonly tries?: string;
  readonly runTime?: string;
  readonly rate?: string;
  readonly perKey?: string;
  readonly weight?: string;
  readonly minimum?: string;
  readonly aging?: string;
}
export interface PauseWords {
  readonly reason?: string;
  readonly for?: string;
}

export async function list(setting: Setting): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    const { queues } = await desk.ask<{ queues: Row[] }>('GET', '/v1/queues');
    if (terminal.isJson) return terminal.json({ queues });
    terminal.table(
      queues,
      [
        { title: 'Name', of: ({ name }) => name },
        { title: 'Waiting', of: ({ counts }) => counts.waiting, isNumber: true },
        { title: 'Running', of: ({ counts }) => counts.running, isNumber: true },
        {
          title: 'Dead',
          of: ({ counts }) => counts.dead,
          isNumber: true,
          style: ({ counts }) => (counts.dead > 0 ? 'red' : undefined),
        },
        { title: 'Max running', of: ({ settings }) => settings.concurrency, isNumber: true },
        { title: 'Max entries', of: ({ settings }) => bound(settings.maxEntries), isNumber: true },
        { title: 'Oldest ready', of: ({ oldestReadyMs = 0 }) => (oldestReadyMs > 0 ? span(oldestReadyMs) : '') },
        {
          title: 'Paused',
          of: ({ paused }) => (paused === undefined ? '' : (paused.reason ?? 'yes')),
          style: () => 'yellow',
        },
      ],
      'No queues.',
    );
  });
}

export async function view(setting: Setting, name: string): Promise<void> {
  await withDesk(setting, async (desk) => tell(setting.terminal, await desk.ask<QueueView>('GET', pathOf(name))));
}

export async function create(setting: Setting, name: string, words: QueueWords): Promise<void> {
  const body = { name, ...settingsOf(words) };
  await withDesk(setting, async (desk) =>
    tell(setting.terminal, await desk.ask<QueueView>('POST', '/v1/queues', body)),
  );
}

export async function configure(setting: Setting, name: string, words: QueueWords): Promise<void> {
  const body = settingsOf(words);
  await withDesk(setting, async (desk) =>
    tell(setting.terminal, await desk.ask<QueueView>('POST', pathOf(name), body)),
  );
}

export async function pause(setting: Setting, name: string, words: PauseWords): Promise<void> {
  await withDesk(setting, async (desk) => {
    tell(setting.terminal, await desk.ask<QueueView>('POST', `${pathOf(name)}/pause`, words));
  });
}

export async function resume(setting: Setting, name: string): Promise<void> {
  await resumeAt(setting, `${pathOf(name)}/resume`, name);
}

export async function pauseAll(setting: Setting, words: PauseWords): Promise<void> {
  await withDesk(setting, (desk) => desk.ask('POST', '/v1/pause', words));
  if (setting.terminal.isJson) setting.terminal.json({ paused: true });
  else setting.terminal.line('Nothing more is started.');
}

export async function resumeAll(setting: Setting): Promise<void> {
  await resumeAt(setting, '/v1/resume', 'the engine');
}

async function resumeAt(setting: Setting, path: string, what: string): Promise<void> {
  const { terminal } = setting;
  const answer = await withDesk(setting, (desk) => desk.ask<{ resumed: boolean }>('POST', path, {}));
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(answer.resumed ? `${what} goes on.` : `${what} was not paused.`);
}

export async function purge(setting: Setting, name: string, { force }: { readonly force?: boolean }): Promise<void> {
  const { terminal } = setting;
  await terminal.confirm(`Cancel all jobs that wait in ${name}?`, force === true);
  const answer = await withDesk(setting, (desk) =>
    desk.ask<{ cancelled: number }>('POST', `${pathOf(name)}/purge`, {}),
  );
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(`${answer.cancelled} ${answer.cancelled === 1 ? 'job' : 'jobs'} cancelled`);
}

function settingsOf({ concurrent, entries, discardOld, age, tries, runTime, rate, ...more }: QueueWords): object {
  return {
    concurrency: integer('--concurrent', concurrent),
    maxEntries: integer('--entries', entries),
    whenFull: discardOld === true ? 'dropOldest' : undefined,
    maxAge: age,
    retry: tries === undefined ? undefined : { attempts: integer('--tries', tries) },
    timeout: runTime,
    rate: rate === undefined ? undefined : rateOf(rate),
    perKey: more.perKey === undefined ? undefined : { concurrency: integer('--per-key', more.perKey) },
    weight: integer('--weight', more.weight),
    minimum: integer('--minimum', more.minimum),
    aging: more.aging,
  };
}

function rateOf(text: string): object | string {
  const [, limit, per] = /^(\d+)\/(\S+)$/.exec(text) ?? [];
  if (text === 'none') return text;
  if (limit === undefined || per === undefined) {
    throw new Failure(EXIT.usage, `--rate: expected a limit such as 10/1s, or none, got ${text}.`);
  }
  return { limit: Number(limit), per };
}

function pathOf(name: string): string {
  if (name === '.' || name === '..') throw new Failure(EXIT.usage, `${name} cannot be asked for by its name.`);
  return `/v1/queues/${encodeURIComponent(name)}`;
}

/** JSON has no Infinity: no limit comes as null. */
function bound(value: number | null): string {
  return value === null ? '' : String(value);
}

export function pauseOf({ at, reason, until }: PauseView): string {
  return [moment(at), reason, until && `until ${moment(until)}`].filter(Boolean).join(', ');
}

function tell(terminal: Terminal, queue: QueueView): void {
  if (terminal.isJson) return terminal.json(queue);
  const { name, settings, paused, isConsumed, counts } = queue;
  const { rate, aging, maxAge, perKey } = settings;
  terminal.facts([
    ['name', name],
    ['paused', paused && pauseOf(paused)],
    ['worked on', isConsumed ? undefined : 'no'],
    ...Object.entries(counts).map(([state, count]) => [state, count] as const),
    ['max running', settings.concurrency],
    ['max entries', settings.maxEntries === null ? undefined : `${settings.maxEntries}, then ${settings.whenFull}`],
    ['max age', length(maxAge)],
    ['rate', rate === 'none' ? undefined : `${rate.limit} in ${span(rate.per)}`],
    ['per key', perKey.concurrency === null ? undefined : perKey.concurrency],
    ['weight', settings.weight === 1 ? undefined : settings.weight],
    ['minimum', settings.minimum || undefined],
    ['aging', length(aging)],
  ]);
}

function length(value: number | 'none' | null): string | undefined {
  return value === 'none' || value === null ? undefined : span(value);
}
