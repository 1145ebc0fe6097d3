/** What changes jobs that are there: retry, cancel, delete, revive, clear. */
import type { JobView } from '../../../index.ts';
import type { Desk } from '../desk.ts';
import { EXIT, Failure, type ExitCode } from '../failure.ts';
import type { Setting } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { withBar } from '../bar.ts';
import { integer, lengthOf, payloadOf } from './add.ts';
import { queryOf, type ListOptions } from './list.ts';
import { showJob } from './view.ts';
import { withDesk } from './with-desk.ts';

interface Outcome {
  readonly id: string;
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface ManyOptions {
  readonly all?: boolean;
  readonly type?: string;
  readonly force?: boolean;
  readonly keepAttempts?: boolean;
}

export async function retry(setting: Setting, ids: readonly string[]): Promise<ExitCode> {
  return withDesk(setting, async (desk) =>
    told(setting.terminal, 'retried', await many(setting.terminal, desk, 'retry', ids)),
  );
}

export async function cancel(
  setting: Setting,
  ids: readonly string[],
  { reason, descendants }: { readonly reason?: string; readonly descendants?: boolean },
): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const outcomes: Outcome[] = [];
    for (const id of ids) {
      if (setting.terminal.signal.aborted) break;
      const path = `/v1/jobs/${encodeURIComponent(id)}/cancel`;
      const outcome = await desk.ask<{ cancelled: boolean }>('POST', path, { reason, descendants }).then(
        ({ cancelled }) => (cancelled ? { id, ok: true } : { id, ok: false, error: ENDED }),
        (error: unknown) => {
          if (!(error instanceof Failure) || error.code === undefined) throw error;
          return { id, ok: false, error: { code: error.code, message: error.message } };
        },
      );
      outcomes.push(outcome);
    }
    return told(setting.terminal, 'cancelled', outcomes);
  });
}

const ENDED = { code: 'HOLDFAST_ILLEGAL_TRANSITION', message: 'It had ended already.' };

export async function remove(setting: Setting, ids: readonly string[], { force }: ManyOptions): Promise<ExitCode> {
  await setting.terminal.confirm(`Forget ${counted(ids.length)} for ever?`, force === true);
  return withDesk(setting, async (desk) =>
    told(setting.terminal, 'forgotten', await many(setting.terminal, desk, 'delete', ids)),
  );
}

export async function promote(setting: Setting, ids: readonly string[]): Promise<ExitCode> {
  return withDesk(setting, async (desk) =>
    told(setting.terminal, 'promoted', await many(setting.terminal, desk, 'promote', ids)),
  );
}

export async function revive(setting: Setting, ids: readonly string[], options: ManyOptions): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const chosen = await chosenOf(desk, ids, options);
    const words = options.keepAttempts === true ? { attempts: 'keep' } : {};
    return told(setting.terminal, 'revived', await many(setting.terminal, desk, 'revive', chosen, words));
  });
}

export async function clear(setting: Setting, ids: readonly string[], options: ManyOptions): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const chosen = await chosenOf(desk, ids, options);
    if (chosen.length > 0)
      await setting.terminal.confirm(`Forget ${counted(chosen.length)} for ever?`, options.force === true);
    return told(setting.terminal, 'forgotten', await many(setting.terminal, desk, 'clear', chosen));
  });
}

async function chosenOf(desk: Desk, ids: readonly string[], { all, type }: ManyOptions): Promise<readonly string[]> {
  if (all !== true) {
    if (ids.length === 0) throw new Failure(EXIT.usage, 'Which jobs? Give their ids, or --all.');
    return ids;
  }
  if (ids.length > 0) throw new Failure(EXIT.usage, 'Give ids, or --all, and not both.');
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const query = queryOf({ state: 'dead', type, limit: 1_000, cursor });
    const page = await desk.ask<{ jobs: JobView[]; cursor?: string }>('GET', `/v1/jobs${query}`);
    found.push(...page.jobs.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

/** As many in one write as the API takes. */
const BATCH = 1_000;

async function many(
  terminal: Terminal,
  desk: Desk,
  verb: 'retry' | 'revive' | 'clear' | 'delete' | 'promote',
  ids: readonly string[],
  words: object = {},
): Promise<Outcome[]> {
  return withBar(terminal, async (tellProgress) => {
    const outcomes: Outcome[] = [];
    for (let from = 0; from < ids.length; from += BATCH) {
      if (ids.length > BATCH) tellProgress({ step: 'jobs', done: from, total: ids.length });
      const some = ids.slice(from, from + BATCH);
      const answer = await desk.ask<{ outcomes: Outcome[] }>('POST', `/v1/jobs/${verb}`, { ids: some, ...words });
      outcomes.push(...answer.outcomes);
    }
    return outcomes;
  });
}

export interface PurgeWords extends ListOptions {
  readonly force?: boolean;
}

export async function purge(setting: Setting, { force, ...filter }: PurgeWords): Promise<void> {
  const { terminal } = setting;
  const words = Object.entries(filter).map(([word, value]) => `${word} ${String(value)}`);
  if (words.length === 0) throw new Failure(EXIT.usage, 'Which jobs? Say it with --state, --type or another word.');
  await terminal.confirm(`Forget all jobs with ${words.join(', ')} for ever?`, force === true);
  const report = await withDesk(setting, (desk) =>
    desk.ask<{ removed: number; kept: number }>('POST', '/v1/jobs/purge', filter),
  );
  if (terminal.isJson) return terminal.json(report);
  terminal.line(`${counted(report.removed)} forgotten`);
  if (report.kept > 0) terminal.note(`${counted(report.kept)} stayed: they run, or others wait for them.`);
}

export interface UpdateWords {
  readonly priority?: string;
  readonly delay?: string;
  readonly at?: string;
  readonly payload?: string;
}

export async function update(setting: Setting, id: string, words: UpdateWords): Promise<void> {
  const { terminal } = setting;
  const { delay, at, payload } = words;
  const body = {
    priority: integer('--priority', words.priority),
    delay: delay === undefined ? undefined : lengthOf(delay),
    runAt: at,
    payload: payload === undefined ? undefined : await payloadOf(payload, terminal),
  };
  if (Object.values(body).every((value) => value === undefined)) {
    throw new Failure(EXIT.usage, 'What shall change? Say it with --priority, --delay, --at or --payload.');
  }
  await withDesk(setting, async (desk) => {
    const job = await desk.ask<JobView>('POST', `/v1/jobs/${encodeURIComponent(id)}`, body);
    if (terminal.isJson) terminal.json(job);
    else showJob(terminal, job);
  });
}

function told(terminal: Terminal, done: string, outcomes: readonly Outcome[]): ExitCode {
  const failed = outcomes.filter(({ ok }) => !ok);
  if (terminal.isJson) terminal.json({ outcomes });
  else {
    for (const { id, error } of failed) terminal.note(`${id}: ${error?.message ?? 'not done'}`);
    terminal.line(`${counted(outcomes.length - failed.length)} ${done}`);
  }
  if (failed.length === 0) return EXIT.ok;
  return failed.every(({ error }) => error?.code === 'HOLDFAST_JOB_NOT_FOUND') ? EXIT.notFound : EXIT.refused;
}

function counted(count: number): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'}`;
}
