/**
 * A soak: two apps under a moderate mixed load for as long as wanted. One is killed every minute or so, in a tenth of the
 * cases while it opens; the other is never killed, so that a slope can be seen. At the end both work off what is left,
 * and every job that was ever acknowledged is accounted for.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { verify } from '../../src/index.ts';
import { diceFrom, type Dice } from '../crash/dice.ts';
import { accountOf, lastSeqIn, type AccountFigures } from './account.ts';
import { bear } from './app.ts';
import type { LifeLine, Order, OwnSample, Said, Sample } from './orders.ts';
import type { Lines } from './summary.ts';

export interface SoakPlan {
  readonly minutes: number;
  /** Holds the samples, and while it lasts the folders and notes of the apps. */
  readonly out: string;
  readonly seed: number;
  readonly beatMs: number;
}

export interface SoakReport {
  readonly lines: Lines;
  readonly figures: Readonly<Record<Sample['app'], AccountFigures>>;
  readonly breaches: readonly string[];
}

/** The longest that working off what is left may take, beside the longest delay. */
const LAST_MS = 120_000;
const ANSWER_MS = 5_000;

export function samplesFileIn(out: string): string {
  return path.join(out, 'samples.jsonl');
}

export function readLines(file: string): Lines {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Lines[number]);
}

export async function soak(plan: SoakPlan): Promise<SoakReport> {
  const run = new Run(plan);
  return run.whole();
}

/** One app and its folder, over all its lives. */
interface App {
  readonly name: Sample['app'];
  readonly folder: string;
  readonly notesFile: string;
  readonly dice: Dice;
  life: number;
  child: ChildProcess | undefined;
}

class Run {
  readonly #plan: SoakPlan;
  readonly #scale: number;
  readonly #from = performance.now();
  /** The time is that of the load: it runs from the first opening on. */
  #endsAt = Infinity;
  readonly #breaches: string[] = [];
  readonly #samplesFile: string;
  readonly #apps: readonly App[];

  constructor(plan: SoakPlan) {
    this.#plan = plan;
    // A short run has short lives, so that it shows the same.
    this.#scale = Math.min(1, plan.minutes / 12);
    mkdirSync(plan.out, { recursive: true });
    this.#samplesFile = samplesFileIn(plan.out);
    rmSync(this.#samplesFile, { force: true });
    this.#apps = (['steady', 'killed'] as const).map((name, n): App => {
      const folder = path.join(plan.out, name);
      const notesFile = path.join(plan.out, `${name}.notes`);
      for (const place of [folder, notesFile]) rmSync(place, { recursive: true, force: true });
      return { name, folder, notesFile, dice: diceFrom(plan.seed + n), life: 0, child: undefined };
    });
  }

  async whole(): Promise<SoakReport> {
    try {
      await Promise.all(this.#apps.map((app) => (app.name === 'steady' ? this.#liveOnce(app) : this.#liveOften(app))));
      const [steady, killed] = this.#apps as readonly [App, App];
      const figures = { steady: await this.#account(steady), killed: await this.#account(killed) };
      return { lines: readLines(this.#samplesFile), figures, breaches: this.#breaches };
    } finally {
      for (const { child } of this.#apps) child?.kill('SIGKILL');
    }
  }

  async #liveOnce(app: App): Promise<void> {
    while (this.#leftMs() > 0) {
      const { child, gone } = await this.#bear(app);
      // If it dies by itself, another life shows whether anything was lost.
      await Promise.race([this.#sampleUntil(app, child, gone, this.#endsAt), gone]);
      if (this.#leftMs() <= 0) return this.#finish(app, child, gone);
      this.#died(app);
    }
  }

  async #liveOften(app: App): Promise<void> {
    const { dice } = app;
    while (this.#leftMs() > 0) {
      const lifeMs = Math.min(this.#leftMs(), dice.between(30_000, 90_000) * this.#scale);
      if (dice.chance(0.1)) {
        await this.#killWhileOpening(app);
        continue;
      }
      const { child, gone } = await this.#bear(app);
      await Promise.race([this.#sampleUntil(app, child, gone, performance.now() + lifeMs), gone]);
      if (child.exitCode !== null || child.signalCode !== null) this.#died(app);
      else if (dice.chance(0.15)) await this.#close(app, child, gone);
      else await this.#kill(app, child, gone, 'killed');
    }
    const { child, gone } = await this.#bear(app);
    await this.#finish(app, child, gone);
  }

  /** Resolves when its engine is open, or it is gone. */
  async #bear(app: App): Promise<{ child: ChildProcess; gone: Promise<unknown> }> {
    const { child, gone, opened } = this.#start(app);
    await Promise.race([opened, gone]);
    return { child, gone };
  }

  #start(app: App): { child: ChildProcess; gone: Promise<unknown>; opened: Promise<void> } {
    const life = ++app.life;
    const { folder, notesFile, dice } = app;
    const child = bear({
      ...{ folder, notesFile, life, seed: dice.between(0, 2 ** 31), beatMs: this.#plan.beatMs },
      longestMs: Math.round(120_000 * this.#scale),
      since: lastSeqIn(notesFile),
    });
    app.child = child;
    const opened = new Promise<void>((resolve) => {
      child.on('message', (said: Said) => {
        if (said.kind !== 'open') return;
        if (app.name === 'steady')
          this.#endsAt = Math.min(this.#endsAt, performance.now() + this.#plan.minutes * 60_000);
        this.#event(app, 'open', { openMs: said.openMs, bornMs: said.bornMs });
        resolve();
      });
    });
    return { child, gone: once(child, 'exit'), opened };
  }

  async #killWhileOpening(app: App): Promise<void> {
    const { child, gone } = this.#start(app);
    await pause(app.dice.between(50, 600));
    await this.#kill(app, child, gone, 'killed while opening');
  }

  async #kill(app: App, child: ChildProcess, gone: Promise<unknown>, event: LifeLine['event']): Promise<void> {
    child.kill('SIGKILL');
    await gone;
    if (child.signalCode === 'SIGKILL') this.#event(app, event);
    else this.#died(app);
  }

  async #close(app: App, child: ChildProcess, gone: Promise<unknown>): Promise<void> {
    send(child, { kind: 'close' });
    await this.#goneInTime(app, child, gone, 30_000);
    this.#event(app, 'closed');
  }

  async #finish(app: App, child: ChildProcess, gone: Promise<unknown>): Promise<void> {
    send(child, { kind: 'finish' });
    await this.#goneInTime(app, child, gone, 120_000 * this.#scale + LAST_MS);
    this.#event(app, 'finished');
  }

  async #goneInTime(app: App, child: ChildProcess, gone: Promise<unknown>, ms: number): Promise<void> {
    const stop = new AbortController();
    const patience = pause(ms, 'late', { signal: stop.signal }).catch(() => '');
    if ((await Promise.race([gone, patience])) === 'late') {
      this.#breaches.push(`${app.name}: life ${app.life} did not end within ${ms} ms`);
      child.kill('SIGKILL');
      await gone;
    } else if (child.exitCode !== 0) this.#died(app);
    stop.abort();
  }

  #died(app: App): void {
    const how = app.child?.signalCode ?? app.child?.exitCode;
    // One that cannot even open would be born for ever.
    if (this.#endsAt === Infinity) this.#endsAt = performance.now();
    this.#breaches.push(`${app.name}: life ${app.life} ended by itself, with ${how}`);
    this.#event(app, 'ended by itself');
  }

  async #sampleUntil(app: App, child: ChildProcess, gone: Promise<unknown>, endsAt: number): Promise<void> {
    const everyMs = Math.max(500, 10_000 * this.#scale);
    for (let count = 1; performance.now() < endsAt; count++) {
      await pause(Math.min(everyMs, Math.max(0, endsAt - performance.now())));
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const own = await sampleOf(child, gone, app.name === 'steady' && count % 6 === 0);
      if (own === undefined) continue;
      const line: Sample = {
        ...{ app: app.name, life: app.life, at: this.#at() },
        ...own,
        ...measure(child.pid),
        folderBytes: sizeOf(app.folder),
      };
      appendFileSync(this.#samplesFile, `${JSON.stringify(line)}\n`);
    }
  }

  #event({ name, life }: App, event: LifeLine['event'], times: Pick<LifeLine, 'openMs' | 'bornMs'> = {}): void {
    const line: LifeLine = { app: name, life, at: this.#at(), event, ...times };
    appendFileSync(this.#samplesFile, `${JSON.stringify(line)}\n`);
  }

  async #account({ name, folder, notesFile }: App): Promise<AccountFigures> {
    const { isSound, damage } = await verify(folder);
    if (!isSound) this.#breaches.push(`${name}: the folder is damaged: ${JSON.stringify(damage)}`);
    const { figures, breaches } = await accountOf(notesFile);
    this.#breaches.push(...breaches.map((breach) => `${name}: ${breach}`));
    return figures;
  }

  #leftMs(): number {
    return this.#endsAt - performance.now();
  }

  #at(): number {
    return Math.round((performance.now() - this.#from) / 100) / 10;
  }
}

function send(child: ChildProcess, order: Order): void {
  // It may be dying; then its exit says so.
  if (child.connected) child.send(order, () => undefined);
}

async function sampleOf(
  child: ChildProcess,
  gone: Promise<unknown>,
  collects: boolean,
): Promise<OwnSample | undefined> {
  const stop = new AbortController();
  const answer = new Promise<OwnSample>((resolve) => {
    const hear = (said: Said): void => {
      if (said.kind === 'sample') resolve(said.sample);
    };
    child.on('message', hear);
    stop.signal.addEventListener('abort', () => child.off('message', hear));
  });
  send(child, { kind: 'sample', collects });
  const patience = pause(ANSWER_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  const own = await Promise.race([answer, patience, gone.then(() => undefined)]);
  stop.abort();
  return own;
}

/** What the system knows of a process; 0 where it is not Linux. */
function measure(pid: number): Pick<Sample, 'handles' | 'threads'> {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      handles: readdirSync(`/proc/${pid}/fd`).length,
      threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    };
  } catch {
    return { handles: 0, threads: 0 };
  }
}

/** Files come and go meanwhile. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(path.join(folder, name), { throwIfNoEntry: false });
    if (stat?.isFile() === true) bytes += stat.size;
  }
  return bytes;
}
