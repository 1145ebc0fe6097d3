/** What a person sees while a run goes on: bars in a terminal, and plain lines anywhere else. */
import { setInterval } from 'node:timers/promises';
import cliProgress from 'cli-progress';
import { HoldfastError, type Engine } from 'holdfast';
import { everyPart, THREADS, type PartView } from './run.ts';
import type { Tally } from './tally.ts';

const TICK_MS = 200;
const TICKS_PER_LINE = 10;

interface View {
  update(running: readonly PartView[]): void;
  stop(): void;
}

/** Shows the run until `signal` aborts. */
export async function show(engine: Engine, tally: Tally, signal: AbortSignal): Promise<void> {
  const view = process.stdout.isTTY ? bars(tally) : lines(tally);
  try {
    for await (const _tick of setInterval(TICK_MS, undefined, { signal, ref: false })) {
      const running = await runningParts(engine);
      for (const part of running) tally.set(part.id, part.checkpoint?.entries.length ?? 0, bytesOf(part));
      view.update(running);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    view.stop();
  }
}

/** None while the store is being recovered or closed: what is only shown must not end the work. */
async function runningParts(engine: Engine): Promise<PartView[]> {
  const running: PartView[] = [];
  try {
    for await (const part of everyPart(engine, 'running')) running.push(part);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
  }
  return running;
}

function bytesOf({ progress, checkpoint }: PartView): number {
  return typeof progress === 'number' ? progress : (checkpoint?.bytes ?? 0);
}

function lines(tally: Tally): View {
  let ticks = 0;
  return {
    update(running) {
      const folders = running.map(({ payload }) => payload?.folder).join(', ');
      if (++ticks % TICKS_PER_LINE === 0) console.log(`${tally.text}  now in ${folders}`);
    },
    stop: () => undefined,
  };
}

/** One bar for the run and one for each thread. */
function bars(tally: Tally): View {
  const multi = new cliProgress.MultiBar(
    {
      stream: process.stdout,
      barsize: 16,
      clearOnComplete: true,
      // A terminal that a SIGKILL leaves behind must be as it was, so nothing is switched off in it.
      hideCursor: false,
      linewrap: true,
      // Ctrl-C is the program's to handle.
      gracefulExit: false,
      format: (options, { progress }, { name, text }: { readonly name: string; readonly text: string }) =>
        `${name} ${cliProgress.Format.BarFormat(progress, options)} ${text}`.slice(0, process.stdout.columns - 1),
    },
    cliProgress.Presets.shades_classic,
  );
  const all = multi.create(100, 0, { name: '        ', text: '' });
  const threads = Array.from({ length: THREADS }, (_, at) =>
    multi.create(1, 0, { name: `thread ${at + 1}`, text: '' }),
  );
  /** Whose part is on the line of each thread: it stays there until it has ended. */
  let shown: ReadonlyArray<string | undefined> = threads.map(() => undefined);

  return {
    update(running) {
      const ids = running.map(({ id }) => id);
      const fresh = ids.filter((id) => !shown.includes(id));
      shown = shown.map((id) => (id !== undefined && ids.includes(id) ? id : fresh.shift()));
      all.update(tally.percent, { text: tally.text });
      for (const [at, bar] of threads.entries()) {
        const part = running.find(({ id }) => id === shown[at]);
        bar.setTotal(part?.payload?.bytes || 1);
        bar.update(part === undefined ? 0 : bytesOf(part), { text: part?.payload?.folder ?? '' });
      }
    },
    stop: () => multi.stop(),
  };
}
