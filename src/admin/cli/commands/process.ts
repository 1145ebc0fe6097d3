/** `holdfast process` */
import { once } from 'node:events';
import type { Engine } from '../../../index.ts';
import { folderOf, UNTOUCHED } from '../desk.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { moment, styleOf, type Terminal } from '../terminal.ts';
import { visibleLine } from '../../visible.ts';
import { integer } from './add.ts';

export interface ProcessOptions {
  readonly concurrency: string;
  readonly untilEmpty?: boolean;
}

export async function processJobs(
  setting: Setting,
  type: string,
  words: readonly string[],
  options: ProcessOptions,
): Promise<void> {
  const { terminal, folder } = setting;
  const [program, ...args] = words;
  if (program === undefined) {
    throw new Failure(
      EXIT.usage,
      `Which program shall run for a job of ${type}? holdfast process ${type} -- <program> [arguments]`,
    );
  }
  const place = await folderOf(folder, terminal.cwd);
  const { command, defineJob, open } = await import('../../../index.ts');
  const run = command(program, args);
  const concurrency = integer('--concurrency', options.concurrency) ?? 1;
  const engine = await open(place, {
    ...UNTOUCHED,
    keepAlive: true,
    maxCrashes: 3,
    concurrency,
    jobs: [defineJob({ type, run })],
  });
  try {
    const following = tell(engine, terminal);
    if (options.untilEmpty === true) await empty(engine, type, terminal.signal);
    else if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    await engine.close();
    await following;
  } finally {
    await engine.close();
  }
}

async function tell(engine: Engine, terminal: Terminal): Promise<void> {
  for await (const event of engine.events()) {
    if (terminal.isJson) terminal.jsonLine(event);
    else if (event.id !== undefined) {
      const error = event.error === undefined ? '' : `: ${visibleLine(event.error.message)}`;
      terminal.line(
        `[${moment(event.at)}] ${event.id} ${event.type} ${terminal.paint(styleOf(event.kind), event.kind)}${error}`,
      );
    }
  }
}

/** Resolves when no job of the type runs, and none could be started at once. */
async function empty(engine: Engine, type: string, signal: AbortSignal): Promise<void> {
  const isOurs = (name: string): boolean => (type.endsWith('*') ? name.startsWith(type.slice(0, -1)) : name === type);
  const isEmpty = async (): Promise<boolean> => {
    const stats = (await engine.stats()).filter((row) => isOurs(row.type));
    if (stats.some(({ running }) => running > 0)) return false;
    for (const row of stats) {
      const { jobs } = await engine.list({ state: 'waiting', type: row.type, limit: 1_000 });
      if (jobs.some(({ face }) => face === 'ready')) return false;
    }
    return true;
  };
  if (await isEmpty()) return;
  for await (const { kind } of engine.events({ signal })) {
    if (ENDS.has(kind) && (await isEmpty())) return;
  }
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
