/**
 * What a question of the suite is: what it asks, of whom, and how it is measured once. Whoever asks it (`ask.ts`) does so
 * in rounds, one fresh process for each measurement, the contenders in turn.
 */
import type { Contender, OpenQueue, Server, Setup } from '../contenders/contender.ts';

/** The outcome of one measurement: numbers by the key of their figure. */
export type Figures = Readonly<Record<string, number>>;

export type Unit = 'jobs/s' | 'jobs' | 'ms' | 'µs' | 'B' | '%' | '';

/** A number that a question gives. */
export interface FigureKind {
  readonly key: string;
  readonly title: string;
  readonly unit: Unit;
  readonly better: 'more' | 'less';
  /** What holdfast shall reach with `durability: 'disk'`, in all variants or in the one that is named. */
  readonly target?: Target;
}

export interface Target {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** At least this share of what another contender reaches in the same run. */
  readonly shareOf?: { readonly contender: string; readonly atLeast: number };
  /** Only for this variant. */
  readonly variant?: string;
}

/** One form of a question, such as a size of payload. */
export interface Variant {
  readonly name: string;
  readonly settings: Readonly<Record<string, number>>;
  /** Asked only of these. */
  readonly only?: readonly string[];
}

export interface Question {
  /** The name of its file. */
  readonly name: string;
  readonly asks: string;
  /** How it is answered, for the reader of the results. */
  readonly how: string;
  readonly variants: readonly Variant[];
  /** The first one is compared. */
  readonly figures: readonly FigureKind[];
  /** The names of those it is put to. */
  readonly contenders: readonly string[];
  /** Why a contender cannot be asked this, or undefined. */
  readonly refuses?: (contender: Contender) => string | undefined;
  /** The measurement is ended by force after this. */
  readonly limitMs: number;
  /** In `all`, asked so often at most: for questions whose answers hardly differ, or that take long. */
  readonly maxRounds?: number;
  /** Draws the first figure over the variants instead of over the contenders. */
  readonly chart?: 'variants';
  measure(stage: Stage): Promise<Figures>;
}

/** Where a measurement happens: a process of its own, with an empty folder and, if it needs one, a running server. */
export interface Stage {
  readonly contender: Contender;
  readonly settings: Readonly<Record<string, number>>;
  /** Undefined in the process that was asked; the name it was given in one made by `again`. */
  readonly phase: string | undefined;
  readonly folder: string;
  readonly server: Server | undefined;
  /** Where to put profiles; undefined for none. */
  readonly profileFolder: string | undefined;
  /** `count`, scaled by `--size`. */
  size(count: number): number;
  /** Opens a queue of the contender, each time a new and empty one. */
  open(setup: Omit<Setup, 'folder' | 'name' | 'server'> & { readonly folder?: string }): Promise<OpenQueue>;
  /** Measures on in another fresh process that sees the same folder. */
  again(phase: string, settings?: Readonly<Record<string, number>>): Promise<Figures>;
}
