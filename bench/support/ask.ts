/**
 * Puts questions to contenders: round after round, the contenders in turn within a round, so that whatever changes on
 * the machine meets all of them alike. What fails is noted, and the rest goes on.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { contenderNamed } from '../contenders/list.ts';
import type { Contender } from '../contenders/contender.ts';
import { whyAbsent, versionText } from './presence.ts';
import { measureInFreshProcess, type Answer } from './fresh-process.ts';
import { describeMachine, warningsFor } from './machine.ts';
import type { Options } from './options.ts';
import { resultsFolder } from './places.ts';
import type { Figures, Question, Variant } from './question.ts';
import type { Results, Row } from './results.ts';
import { serverFor } from './server-for.ts';
import { summarize } from './statistics.ts';
import { figureText } from './table.ts';

export async function ask(name: string, questions: readonly Question[], options: Options): Promise<Results> {
  const startedAt = new Date();
  const begin = performance.now();
  const folder = mkdtempSync(join(options.folder, 'holdfast-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const machine = describeMachine(folder);
  for (const warning of warningsFor(machine)) console.error(`! ${warning}`);

  const rows: Row[] = [];
  for (const question of questions) {
    const asked = present(question, options, rows);
    for (const variant of variantsOf(question, options)) {
      const cells = asked
        .filter(({ name }) => variant.only?.includes(name) ?? true)
        .map((contender) => new Cell(contender, question, variant));
      const rounds = Math.min(options.rounds, question.maxRounds ?? Infinity);
      for (let round = 0; round < rounds; round++) {
        // Each round begins with another one, so that none always comes after the same.
        for (let turn = 0; turn < cells.length; turn++) {
          const cell = cells[(turn + round) % cells.length] as Cell;
          if (cell.problem !== undefined) continue;
          cell.take(await measure(cell.contender, question, variant, folder, options));
          say(
            begin,
            `${question.name} · ${variant.name} · ${cell.contender.name} · ${round + 1}/${rounds}: ${cell.last()}`,
          );
        }
      }
      for (const cell of cells) rows.push(await cell.row());
    }
  }
  rmSync(folder, { recursive: true, force: true });
  const minutes = (performance.now() - begin) / 60_000;
  const { rounds, size } = options;
  return { name, startedAt: startedAt.toISOString(), minutes, rounds, size, machine, rows };
}

function variantsOf(question: Question, { variants }: Options): readonly Variant[] {
  if (variants === undefined) return question.variants;
  return question.variants.filter(({ name }) => variants.includes(name));
}

/** Those who can answer. The others get a row that says why they cannot. */
function present(question: Question, options: Options, rows: Row[]): Contender[] {
  const names = options.with ?? question.contenders;
  return names
    .filter((name) => !options.without.includes(name))
    .map(contenderNamed)
    .filter((contender) => {
      const problem = question.refuses?.(contender) ?? whyAbsent(contender);
      if (problem === undefined) return true;
      for (const variant of variantsOf(question, options)) {
        if (variant.only?.includes(contender.name) === false) continue;
        rows.push({ ...describe(question, variant, contender), version: '', figures: {}, problem });
      }
      console.error(`! ${question.name} without ${contender.name}: ${problem}`);
      return false;
    });
}

function describe(question: Question, variant: Variant, contender: Contender): Omit<Row, 'version' | 'figures'> {
  const { name, title, kind, durability, settings } = contender;
  return {
    question: question.name,
    variant: variant.name,
    contender: name,
    title,
    kind,
    durability,
    ...(settings === undefined ? {} : { settings }),
  };
}

/** One contender at one variant of a question, and what it reached so far. */
class Cell {
  readonly contender: Contender;
  readonly #question: Question;
  readonly #variant: Variant;
  readonly #taken: Figures[] = [];
  problem: string | undefined;

  constructor(contender: Contender, question: Question, variant: Variant) {
    this.contender = contender;
    this.#question = question;
    this.#variant = variant;
  }

  take(answer: Answer): void {
    if ('figures' in answer) this.#taken.push(answer.figures);
    // It would fail again, and may take its whole limit to do so.
    else this.problem = answer.problem;
  }

  last(): string {
    if (this.problem !== undefined) return this.problem.split('\n').slice(0, 2).join(' ');
    const figures = this.#taken.at(-1) ?? {};
    return this.#question.figures
      .filter(({ key }) => Number.isFinite(figures[key]))
      .map((kind) => `${kind.title} ${figureText(figures[kind.key] as number, kind.unit)}`)
      .join(', ');
  }

  async row(): Promise<Row> {
    const figures: Record<string, ReturnType<typeof summarize>> = {};
    for (const { key } of this.#question.figures) {
      // What could not be measured here came through the wire as null.
      const samples = this.#taken.map((taken) => taken[key] ?? NaN).filter(Number.isFinite);
      if (samples.length > 0) figures[key] = summarize(samples);
    }
    return {
      ...describe(this.#question, this.#variant, this.contender),
      version: await versionText(this.contender),
      figures,
      // Its first line: the rest names places of this machine.
      ...(this.problem === undefined ? {} : { problem: this.problem.split('\n')[0] ?? '' }),
    };
  }
}

async function measure(
  contender: Contender,
  question: Question,
  variant: Variant,
  folder: string,
  options: Options,
): Promise<Answer> {
  const own = mkdtempSync(join(folder, 'run-'));
  const profiles = options.profile && contender.kind === 'holdfast';
  const profileFolder = join(resultsFolder, 'profiles', `${question.name}-${variant.name.replace(/\W+/g, '-')}`);
  try {
    if (profiles) mkdirSync(profileFolder, { recursive: true });
    const server = contender.server === undefined ? undefined : await serverFor(contender.server, folder, own);
    try {
      const { kind, pid, port, socketFolder, user } = server ?? {};
      return await measureInFreshProcess({
        question: question.name,
        contender: contender.name,
        settings: variant.settings,
        phase: undefined,
        folder: own,
        server: server && ({ kind, pid, port, socketFolder, user } as typeof server),
        size: options.size,
        profileFolder: profiles ? profileFolder : undefined,
        limitMs: question.limitMs,
      });
    } finally {
      await server?.stop();
    }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function say(begin: number, text: string): void {
  const seconds = Math.round((performance.now() - begin) / 1000);
  console.error(`[${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}] ${text}`);
}
