/**
 * The auditor stands outside the engine: it knows what was promised to whom, sees what is on the disk, and reports what
 * does not fit. The first report of a run is what counts; those after it may follow from it.
 */
import { crc32 } from 'node:zlib';
import { HoldfastError } from '../../src/errors.ts';
import { HistoryModel } from './history-model.ts';

export interface Violation {
  readonly law: string;
  readonly detail: string;
  readonly atMs: number;
}

/** A process, as far as promises go: what it was told dies with it. */
export interface Promisee {
  readonly isGone: boolean;
}

/** Codes that say that nothing of a command was stored. */
const REFUSALS = [
  'HOLDFAST_BUSY',
  'HOLDFAST_CLOSED',
  'HOLDFAST_STORE_UNAVAILABLE',
  'HOLDFAST_JOB_EXISTS',
  'HOLDFAST_DUPLICATE_JOB',
  'HOLDFAST_JOB_NOT_FOUND',
  'HOLDFAST_INVALID_ARGUMENT',
  'HOLDFAST_ILLEGAL_TRANSITION',
];

export class Auditor {
  readonly violations: Violation[] = [];
  readonly model: HistoryModel;
  readonly #now: () => number;
  readonly #keepTrace: boolean;
  /** The last lines of the trace, or all of them. */
  readonly lines: string[] = [];
  /** Of everything that was noted: two runs of one seed have the same. */
  hash = 0;
  /** Promises that have not settled, by process, and what they are. */
  readonly #open = new Map<Promisee, Map<number, string>>();
  #callCount = 0;
  /** How often each kind of thing happened. */
  readonly counts = new Map<string, number>();

  constructor(now: () => number, keepTrace: boolean) {
    this.#now = now;
    this.#keepTrace = keepTrace;
    this.model = new HistoryModel((law, detail) => this.report(law, detail));
  }

  report(law: string, detail: string): void {
    this.violations.push({ law, detail, atMs: this.#now() });
    this.note(`VIOLATION ${law}: ${detail}`);
  }

  note(text: string): void {
    const line = `${this.#now().toFixed(2)} ${text}`;
    this.hash = crc32(line, this.hash);
    if (!this.#keepTrace) return;
    this.lines.push(line);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Notes a promise of the engine and hands its end on, unless the process has died meanwhile. */
  follow<Value>(
    process: Promisee,
    what: string,
    promise: Promise<Value>,
    kept: (value: Value) => void,
    broken: (code: string, error: unknown) => void,
  ): void {
    const number = this.#callCount++;
    const open = this.#open.get(process) ?? new Map<number, string>();
    this.#open.set(process, open);
    open.set(number, what);
    const settle = (then: () => void): void => {
      if (process.isGone) return;
      if (!open.delete(number)) this.report('every promise settles once', what);
      then();
    };
    promise.then(
      (value) =>
        settle(() => {
          this.note(`${what} → kept`);
          this.count(`${nameOf(what)} kept`);
          kept(value);
        }),
      (error: unknown) =>
        settle(() => {
          const code = this.codeOf(what, error);
          this.note(`${what} → ${code}`);
          this.count(`${nameOf(what)} ${code}`);
          broken(code, error);
        }),
    );
  }

  /** What this process still waits for. */
  openCalls(process: Promisee): string[] {
    return [...(this.#open.get(process)?.values() ?? [])];
  }

  /** The code of an error of ours; anything else is a violation. */
  codeOf(what: string, error: unknown): string {
    if (error instanceof HoldfastError) return error.code;
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code?.startsWith('HOLDFAST_') === true) return code;
    this.report('only typed errors reach the outside', `${what}: ${String(error)}`);
    return 'UNTYPED';
  }

  isRefusal(code: string): boolean {
    return REFUSALS.includes(code);
  }
}

/** `handler save`, `enqueue 17` → `enqueue`. */
function nameOf(what: string): string {
  return what.startsWith('handler ') ? what : (what.split(' ')[0] ?? what);
}
