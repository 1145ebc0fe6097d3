/** The page docs/misbehaving-handlers.md, from what was seen. */
import type { JobView } from '../../src/index.ts';
import { BLOCKS, CALLS, HANGS, HARMS, LEAVES, RETURNS, THROWS } from './ways.ts';

/** What became of one way to misbehave, wherever it was tried. */
export interface Sight {
  inline?: JobView;
  thread?: JobView;
  isReplaced?: boolean;
  process?: JobView;
}

/** Texts that come from Node and may be others in its next version. */
const FOREIGN =
  /Cannot (?:find module|assign)|Maximum call stack|not supported in workers|fails-to-load|is not a function/;

function recordOf(view: JobView | undefined): string {
  if (view === undefined) return '';
  if (view.state === 'completed') return 'completed';
  const [error] = view.errors;
  const name = error?.code ?? error?.name ?? 'nothing';
  const message = (error?.message ?? '')
    .replaceAll(/file:\S*\//g, '')
    .replaceAll(/[\n|]/g, ' ')
    .replace(/timeout of \d+ ms/, 'timeout');
  const said = FOREIGN.test(message) ? '' : `: ${message.length > 80 ? `${message.slice(0, 80)}…` : message}`;
  return `failed, \`${name}\`${said}`;
}

export function page(seen: ReadonlyMap<string, Sight>): string {
  const inBoth = [...Object.keys(THROWS), ...Object.keys(RETURNS), ...Object.keys(CALLS), ...Object.keys(HANGS)];
  const onThread = [...Object.keys(BLOCKS), ...Object.keys(HARMS), ...Object.keys(LEAVES)];
  const modules = [...seen.keys()].filter((way) => way.startsWith('is a module'));
  const both = inBoth.map((way) => {
    const { inline, thread, isReplaced } = seen.get(way) ?? {};
    const [here, there] = [recordOf(inline), recordOf(thread)];
    return [way, here === there ? here : `${here}; on a thread ${there}`, isReplaced === true ? 'replaced' : 'kept'];
  });
  const there = [...onThread, ...modules].map((way) => {
    const { thread, isReplaced } = seen.get(way) ?? {};
    return [way, recordOf(thread), isReplaced === true ? 'replaced' : 'kept'];
  });
  const lethal = [...seen].flatMap(([way, { process: view }]) =>
    view === undefined ? [] : [[way, `${view.state} as \`${view.reason}\` after ${view.crashes} crashes`]],
  );
  return `# Handlers that misbehave

What happens when a handler does what it should not. Each row of these tables is a handler that a test runs, and the
rows are written by that test from what the job's record said afterwards (\`test/misbehaving\`).

In every row the engine goes on, and the next job on the same slot finds everything as it should be. A failed attempt is
followed by others as \`retry\` says; here every job had one attempt.

## On the main thread and on a thread

${table(['the handler', "the job's record", 'its thread'], both)}

A handler that goes on after its timeout and its grace period has failed. On a thread it is ended by force. On the main
thread nothing can end it: its attempt is over, and what it saves or returns later is refused, but it holds its slot until
it returns.

## On a thread

${table(['the handler', "the job's record", 'its thread'], there)}

A thread that is not as clean as before is replaced before the next job gets it. On the main thread none of this is
contained: there a handler is a part of your app.

## What takes the process with it

Some handlers end the whole process, and no library inside it can prevent that. Their start is on the disk before they are
called, so the next start of the app knows who ran. A job that was running at three deaths of the process
(\`maxCrashes\`) is dead as \`crashed\`; one that was running at two of them is run alone, with nothing beside it, so that the jobs
which were only beside a culprit are cleared. In the test all of these handlers and three harmless jobs began together in one app, which was
started again each time it fell: ${lethal.length + 3} starts later all culprits were dead, and the harmless jobs had completed.

${table(['the handler', "the job's record"], lethal)}

Running out of memory on a thread ends in one of two ways, and which one is V8's choice: the attempt fails with
\`HOLDFAST_THREAD_LOST\`, or the process dies and its crash is counted as above. Memory outside of V8's heap (\`Buffer\`s)
has no limit but the machine's. A longer run of the same test (\`HOLDFAST_LONG=1 npm test -- misbehaving\`) fills the memory in six
ways, and 2 GB of Buffers: on Node 20, with a heap of 40 MB, four of the six cost only their attempt, and two (a text that
doubles, one huge list) the process, three times; then the app went on.
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((word, n) => Math.max(word.length, ...rows.map((row) => (row[n] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
