/** `holdfast process` */
import type { JobView, TypeStats } from '../../../index.ts';
import type { Desk, Told } from '../desk.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, styleOf, type Terminal } from '../terminal.ts';
import { visibleLine } from '../../visible.ts';
import { integer } from './add.ts';
import { queryOf } from './list.ts';
import type { Work } from '../work.ts';
import { withDesk } from './with-desk.ts';

export interface ProcessOptions {
  readonly concurrency: string;
  readonly untilEmpty?: boolean;
}

export async function processJobs(
  setting: Setting,
  type: string,
  words: readonly string[],
  { concurrency: most, untilEmpty }: ProcessOptions,
): Promise<void> {
  const { terminal } = setting;
  const [program, ...args] = words;
  if (program === undefined) {
    throw new Failure(
      EXIT.usage,
      `Which program shall run for a job of ${type}? holdfast process ${type} -- <program> [arguments]`,
    );
  }
  const concurrency = integer('--concurrency', most) ?? 1;
  const { command } = await import('../../../index.ts');
  const run = command(program, args);
  // On a closed folder this is the app, and jobs that take it down each time are stopped.
  const asApp = { keepAlive: true, maxCrashes: 3, concurrency };
  await withDesk(setting, (desk) => processAt(desk, terminal, { type, concurrency, run }, untilEmpty === true), asApp);
}

async function processAt(
  desk: Desk,
  terminal: Terminal,
  asked: Pick<Work, 'type' | 'concurrency' | 'run'>,
  untilEmpty: boolean,
): Promise<void> {
  const { type } = asked;
  const { work } = await import('../work.ts');
  const enough = new AbortController();
  const quiet = new AbortController();
  const begun = new Set<string>();
  let hasLeft = false;
  let failure: unknown;

  const look = async (): Promise<void> => {
    if (untilEmpty && !hasLeft && (await isEmpty(desk, type))) enough.abort();
  };
  const events = await desk.follow(queryOf({ type: type.endsWith('*') ? undefined : type }), quiet.signal);
  const watching = (async () => {
    for await (const event of events) {
      if (event.type === undefined || !serves(type, event.type)) continue;
      tell(terminal, event);
      if (!ENDS.has(event.kind)) continue;
      begun.delete(event.id ?? '');
      if (hasLeft && begun.size === 0) return;
      await look();
    }
  })().catch((error: unknown) => {
    failure = error;
    enough.abort();
  });
  try {
    await work(desk, {
      ...asked,
      signal: AbortSignal.any([terminal.signal, enough.signal]),
      joined: () => void look().catch((error: unknown) => (failure = error)),
      began: (jobId) => void begun.add(jobId),
    });
    hasLeft = true;
    // How the last ones ended is on its way.
    if (begun.size === 0) quiet.abort();
    await watching;
    if (failure !== undefined) throw failure as Error;
  } finally {
    quiet.abort();
    await watching;
  }
}

function tell(terminal: Terminal, event: Told): void {
  if (terminal.isJson) return terminal.jsonLine(event);
  const error = event.error === undefined ? '' : `: ${visibleLine(event.error.message)}`;
  const kind = terminal.paint(styleOf(event.kind), event.kind);
  terminal.line(`[${moment(event.at)}] ${event.id} ${event.type} ${kind}${error}`);
}

/** Whether no job of the type runs, and none is due. */
async function isEmpty(desk: Desk, type: string): Promise<boolean> {
  const { types } = await desk.ask<{ types: TypeStats[] }>('GET', '/v1/stats');
  const ours = types.filter((row) => serves(type, row.type));
  if (ours.some(({ running }) => running > 0)) return false;
  for (const row of ours) {
    if (row.waiting === 0) continue;
    for (const face of ['ready', 'held']) {
      const query = queryOf({ state: 'waiting', face, type: row.type, limit: 1 });
      const { jobs } = await desk.ask<{ jobs: JobView[] }>('GET', `/v1/jobs${query}`);
      if (jobs.length > 0) return false;
    }
  }
  return true;
}

function serves(route: string, type: string): boolean {
  return route.endsWith('*') ? type.startsWith(route.slice(0, -1)) : type === route;
}

const ENDS: ReadonlySet<string> = new Set([
  'completed',
  'failed',
  'died',
  'cancelled',
  'snoozed',
  'interrupted',
  'removed',
]);
