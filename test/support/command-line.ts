/** The command line without a process of its own: what it would write to a terminal, or to a program that reads. */
import { PassThrough, Readable } from 'node:stream';
import { runCommand } from '../../src/admin/cli/program.ts';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface SpokenTo {
  readonly isTerminal?: boolean;
  /** What a person types. */
  readonly typed?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Told whatever is written, as it is. */
  readonly onOut?: (text: string) => void;
}

export async function say(words: readonly string[], options: SpokenTo = {}): Promise<Said> {
  const { isTerminal = false, typed = '', env = {}, cwd = '/', signal, onOut } = options;
  let [out, err] = ['', ''];
  const stream = (hear: (text: string) => void): PassThrough & { isTTY: boolean; columns: number } => {
    const through = new PassThrough();
    through.on('data', (part: Buffer) => hear(part.toString()));
    return Object.assign(through, { isTTY: isTerminal, columns: 100 });
  };
  const streams = {
    stdin: Object.assign(Readable.from(typed === '' ? [] : [Buffer.from(typed)]), { isTTY: isTerminal }),
    stdout: stream((text) => {
      out += text;
      onOut?.(text);
    }),
    stderr: stream((text) => (err += text)),
    env,
    cwd,
    signal: signal ?? new AbortController().signal,
  };
  const code = await runCommand(words, streams, '0.0.0');
  return { code, out, err };
}
