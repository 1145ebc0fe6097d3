/**
 * The words of the command line: which commands there are, what they take, and what `--help` teaches. What they do is
 * loaded when one is called, so that saying what there is takes no longer than it must.
 */
import { Command, CommanderError } from 'commander';
import type { Failure } from './failure.ts';
import { EXIT, failureOf, type ExitCode } from './failure.ts';
import { createTerminal, type Streams, type Terminal } from './terminal.ts';
import { jobCommands } from './words/jobs.ts';
import { deadCommands } from './words/dead.ts';
import { folderCommands } from './words/folder.ts';
import { queueCommands } from './words/queues.ts';
import { scheduleCommands } from './words/schedules.ts';

export interface Globals {
  readonly folder?: string;
  readonly json?: boolean;
  readonly color: boolean;
}

/** What every command is given beside its own words. */
export interface Setting {
  readonly terminal: Terminal;
  /** What was said with `--folder`, or in the environment. */
  readonly folder: string | undefined;
}

/** Adds commands below a command; `act` makes an action of what does the work. */
export type Words = (parent: Command, act: Act) => void;
export type Act = <Words extends unknown[]>(
  load: () => Promise<(setting: Setting, ...words: Words) => Promise<ExitCode | void>>,
) => (...words: Words) => Promise<void>;

const EXAMPLES = `
Examples:
  holdfast -d ./data/jobs info
  holdfast -d ./data/jobs jobs add email:welcome '{"to":"ada@example.org"}'
  holdfast -d ./data/jobs jobs list --state dead --json
  holdfast -d ./data/jobs dead revive --all --type email:welcome
  holdfast -d ./data/jobs jobs watch
  holdfast -d ./data/jobs process email:welcome ./send-mail.sh

It works on the folder of an app that runs, through the app, if that has called control(jobs) of holdfast/admin; and on a
folder that nobody has open, by itself. Set HOLDFAST_FOLDER to say the folder once.

It ends with 0, or: 1 failed, 2 wrong words, 3 no such job or schedule, 4 refused or not confirmed, 5 the folder cannot be had.`;

/** The whole program. @param version as package.json has it */
export function createProgram(streams: Streams, version: string, ended: (code: ExitCode) => void): Command {
  const program = new Command('holdfast')
    .description('Looks at and works on the jobs in a folder of holdfast.')
    .version(version)
    .option('-d, --folder <path>', 'the folder of the engine (or HOLDFAST_FOLDER, or where you stand)')
    .option('--json', 'give JSON, for programs')
    .option('--no-color', 'give no colours')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError()
    .exitOverride();

  const act: Act =
    (load) =>
    async (...words) => {
      const globals = program.opts<Globals>();
      const terminal = createTerminal(streams, globals.json === true, globals.color);
      const work = await load();
      ended((await work({ terminal, folder: globals.folder ?? streams.env['HOLDFAST_FOLDER'] }, ...words)) ?? EXIT.ok);
    };
  folderCommands(program, act);
  jobCommands(program, act);
  deadCommands(program, act);
  queueCommands(program, act);
  scheduleCommands(program, act);
  speakThrough(program, streams);
  return program;
}

/** Its words go where the streams lead, for all commands below it too. */
function speakThrough(command: Command, streams: Streams): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void streams.stdout.write(text),
    writeErr: (text) => void streams.stderr.write(text),
    getOutHelpWidth: () => streams.stdout.columns ?? 100,
    getErrHelpWidth: () => 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const below of command.commands) speakThrough(below, streams);
}

/** Runs one command to its end and gives the exit code. */
export async function runCommand(words: readonly string[], streams: Streams, version: string): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(streams, version, (ended) => (code = ended));
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (streams.signal.aborted) return EXIT.interrupted;
    const failure = failureOf(error);
    tell(failure, streams, program.opts<Globals>().json === true);
    return failure.exitCode;
  }
}

function tell({ message, code, exitCode }: Failure, { stderr }: Streams, isJson: boolean): void {
  stderr.write(isJson ? `${JSON.stringify({ error: { code, message, exitCode } })}\n` : `holdfast: ${message}\n`);
}
