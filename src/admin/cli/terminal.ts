/**
 * What a command speaks through: a person at a terminal gets tables, colours and questions; a program that reads gets
 * plain lines, or JSON if it says so, and is never asked.
 */
import type { Readable, Writable } from 'node:stream';
import { visibleLine } from '../visible.ts';
import { EXIT, Failure } from './failure.ts';

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts when the user wants to stop. */
  readonly signal: AbortSignal;
}

/** What begins and ends each style on a terminal. */
const STYLE_CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
} as const;
export type Style = keyof typeof STYLE_CODES;

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  readonly isNumber?: boolean;
  readonly style?: (row: Row) => Style | undefined;
}

export type Fact = readonly [name: string, value: string | number | undefined, style?: Style | undefined];

export interface Terminal {
  readonly isJson: boolean;
  /** Whether a person sees what is written. */
  readonly isPerson: boolean;
  readonly signal: AbortSignal;
  readonly env: Streams['env'];
  readonly cwd: string;
  readonly stdin: Streams['stdin'];
  line(text?: string): void;
  /** To the side: not part of what a program reads. */
  note(text: string): void;
  json(value: unknown): void;
  /** One value in JSON on one line, for streams of them. */
  jsonLine(value: unknown): void;
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], whenEmpty: string): void;
  facts(rows: readonly Fact[]): void;
  paint(style: Style | undefined, text: string): string;
  /** @throws {Failure} when the answer is no, or there is nobody to ask */
  confirm(question: string, isForced: boolean): Promise<void>;
  readonly stderr: Streams['stderr'];
}

export function createTerminal(streams: Streams, isJson: boolean, wantsColor: boolean): Terminal {
  const { stdin, stdout, stderr, env } = streams;
  const isPerson = stdout.isTTY === true && !isJson;
  const hasColor = isPerson && wantsColor && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';

  function line(text = ''): void {
    stdout.write(`${text}\n`);
  }

  function paint(style: Style | undefined, text: string): string {
    if (!hasColor || style === undefined) return text;
    const [begin, end] = STYLE_CODES[style];
    return `\u001b[${begin}m${text}\u001b[${end}m`;
  }

  function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], whenEmpty: string): void {
    const cells = rows.map((row) => columns.map(({ of }) => visibleLine(String(of(row) ?? ''))));
    if (!isPerson) return cells.forEach((row) => line(row.join('\t')));
    if (rows.length === 0) return line(paint('dim', whenEmpty));
    const widths = columns.map(({ title }, n) => Math.max(title.length, ...cells.map((row) => row[n]?.length ?? 0)));
    const padded = (text: string, n: number): string => {
      if (columns[n]?.isNumber === true) return text.padStart(widths[n] ?? 0);
      // What comes last may be as long as it likes.
      return n === columns.length - 1 ? text : text.padEnd(widths[n] ?? 0);
    };
    line(
      paint(
        'bold',
        columns
          .map(({ title }, n) => padded(title, n))
          .join('  ')
          .trimEnd(),
      ),
    );
    for (const [index, row] of cells.entries()) {
      const styled = row.map((text, n) => paint(columns[n]?.style?.(rows[index] as Row), padded(text, n)));
      line(styled.join('  ').trimEnd());
    }
  }

  return {
    isJson,
    isPerson,
    signal: streams.signal,
    env,
    cwd: streams.cwd,
    stdin,
    stderr,
    line,
    note: (text) => void stderr.write(`${text}\n`),
    json: (value) => line(JSON.stringify(value, undefined, 2)),
    jsonLine: (value) => line(JSON.stringify(value)),
    table,
    facts(rows) {
      const present = rows.filter(([, value]) => value !== undefined && value !== '');
      const width = Math.max(0, ...present.map(([name]) => name.length)) + 1;
      for (const [name, value, style] of present) {
        const text = visibleLine(String(value));
        line(isPerson ? `${paint('dim', `${name}:`.padEnd(width + 1))}${paint(style, text)}` : `${name}\t${text}`);
      }
    },
    paint,
    async confirm(question, isForced) {
      if (isForced) return;
      if (stdin.isTTY !== true || stderr.isTTY !== true) {
        throw new Failure(EXIT.refused, `${question} There is nobody here to ask: add --force.`);
      }
      const { createInterface } = await import('node:readline/promises');
      const asking = createInterface({ input: stdin, output: stderr });
      try {
        const answer = await asking.question(`${question} [y/N] `, { signal: streams.signal });
        if (/^y(es)?$/i.test(answer.trim())) return;
      } finally {
        asking.close();
      }
      throw new Failure(EXIT.refused, 'Nothing was done.');
    },
  };
}

/** The colour of a state, of a job or of an event. */
export function styleOf(state: string): Style | undefined {
  return STYLES[state];
}
const STYLES: Readonly<Record<string, Style>> = {
  waiting: 'cyan',
  enqueued: 'cyan',
  running: 'blue',
  started: 'blue',
  completed: 'green',
  cancelled: 'yellow',
  failed: 'yellow',
  interrupted: 'yellow',
  dead: 'red',
  died: 'red',
};

export function moment(at: number | undefined): string | undefined {
  return at === undefined
    ? undefined
    : new Date(at)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z');
}

/** A duration as people say it: `3.2 s`, `5 min`. */
export function span(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size) return `${(ms / size).toFixed(ms / size < 10 ? 1 : 0)} ${unit}`;
  }
  return `${Math.round(ms)} ms`;
}
