/** `holdfast jobs list` and `holdfast dead list` */
import type { JobView } from '../../../index.ts';
import type { Setting } from '../program.ts';
import { moment, styleOf, type Column } from '../terminal.ts';
import { integer } from './add.ts';
import { withDesk } from './with-desk.ts';

export interface ListOptions {
  readonly state?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly face?: string;
  readonly key?: string;
  readonly tag?: string;
  readonly since?: string;
  readonly cursor?: string;
  readonly all?: boolean;
}

interface Page {
  readonly jobs: readonly JobView[];
  readonly cursor?: string;
}

const COLUMNS: readonly Column<JobView>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'Type', of: ({ type }) => type },
  { title: 'Created', of: ({ createdAt }) => moment(createdAt) },
  {
    title: 'State',
    of: ({ state, face }) => (face === undefined ? state : `${state}, ${face}`),
    style: ({ state }) => styleOf(state),
  },
  { title: 'Queue', of: ({ queue }) => queue },
  { title: 'Tries', of: ({ attempts, maxAttempts }) => `${attempts}/${maxAttempts ?? '∞'}`, isNumber: true },
];

const DEAD: readonly Column<JobView>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'Type', of: ({ type }) => type },
  { title: 'Died', of: ({ finishedAt }) => moment(finishedAt) },
  { title: 'Tries', of: ({ attempts }) => attempts, isNumber: true },
  { title: 'Reason', of: ({ reason }) => reason },
  { title: 'Last error', of: ({ errors }) => errors.at(-1)?.message, style: () => 'red' },
];

export async function list(setting: Setting, limit: string | undefined, options: ListOptions): Promise<void> {
  await show(setting, limit, options, COLUMNS, 'No jobs.');
}

export async function listDead(setting: Setting, limit: string | undefined, options: ListOptions): Promise<void> {
  await show(setting, limit, { ...options, state: 'dead' }, DEAD, 'No dead jobs.');
}

async function show(
  setting: Setting,
  limit: string | undefined,
  { all, ...filter }: ListOptions,
  columns: readonly Column<JobView>[],
  whenEmpty: string,
): Promise<void> {
  const { terminal } = setting;
  await withDesk(setting, async (desk) => {
    let cursor = filter.cursor;
    const jobs: JobView[] = [];
    do {
      const query = queryOf({ ...filter, cursor, limit: integer('[limit]', limit) ?? (all ? 1_000 : 200) });
      const page = await desk.ask<Page>('GET', `/v1/jobs${query}`);
      jobs.push(...page.jobs);
      cursor = page.cursor;
    } while (all === true && cursor !== undefined && !terminal.signal.aborted);
    if (terminal.isJson) return terminal.json({ jobs, ...(cursor !== undefined && { cursor }) });
    terminal.table(jobs, columns, whenEmpty);
    if (cursor !== undefined) terminal.note(`There are more: add --cursor ${cursor}, or --all.`);
  });
}

export function queryOf(given: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
