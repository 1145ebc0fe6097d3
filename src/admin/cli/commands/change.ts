/** What changes jobs that are there: retry, cancel, delete, revive, clear. */
import type { JobView } from '../../../index.ts';
import type { Desk } from '../desk.ts';
import { EXIT, Failure, type ExitCode } from '../failure.ts';
import type { Setting } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { queryOf } from './list.ts';
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
}

export async function retry(setting: Setting, ids: readonly string[]): Promise<ExitCode> {
  return withDesk(setting, async (desk) => told(setting.terminal, 'retried', await many(desk, 'retry', ids)));
}

export async function cancel(
  setting: Setting,
  ids: readonly string[],
  { reason, descendants }: { readonly reason?: string; readonly descendants?: boolean },
): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const outcomes: Outcome[] = [];
    for (const id of ids) {
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
  return withDesk(setting, async (desk) => told(setting.terminal, 'forgotten', await many(desk, 'clear', ids)));
}

export async function revive(setting: Setting, ids: readonly string[], options: ManyOptions): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const chosen = await chosenOf(desk, ids, options);
    return told(setting.terminal, 'revived', await many(desk, 'revive', chosen));
  });
}

export async function clear(setting: Setting, ids: readonly string[], options: ManyOptions): Promise<ExitCode> {
  return withDesk(setting, async (desk) => {
    const chosen = await chosenOf(desk, ids, options);
    if (chosen.length > 0)
      await setting.terminal.confirm(`Forget ${counted(chosen.length)} for ever?`, options.force === true);
    return told(setting.terminal, 'forgotten', await many(desk, 'clear', chosen));
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

async function many(desk: Desk, verb: 'retry' | 'revive' | 'clear', ids: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let from = 0; from < ids.length; from += BATCH) {
    const answer = await desk.ask<{ outcomes: Outcome[] }>('POST', `/v1/jobs/${verb}`, {
      ids: ids.slice(from, from + BATCH),
    });
    outcomes.push(...answer.outcomes);
  }
  return outcomes;
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
