/** `holdfast completion`: the words of the program itself, as each shell wants them. */
import type { Command } from 'commander';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';

/** What may stand behind which words: `jobs` → add, list, … and their options. */
interface Place {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
}

export function completionOf(program: Command): (setting: Setting, shell: string) => Promise<void> {
  return ({ terminal }, shell) => {
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new Failure(EXIT.usage, `For which shell? ${Object.keys(SCRIPTS).join(', ')}; got ${shell}.`);
    }
    terminal.line(script(placesOf(program, '')));
    return Promise.resolve();
  };
}

function placesOf(command: Command, path: string): Place[] {
  const below = command.commands.map((child) => ({ word: child.name(), help: child.description() }));
  const options = command.options.map(({ long, short, description }) => ({
    word: long ?? short ?? '',
    help: description,
  }));
  const here = { path, words: [...below, ...options, { word: '--help', help: 'teaches' }] };
  return [
    here,
    ...command.commands.flatMap((child) => placesOf(child, path === '' ? child.name() : `${path} ${child.name()}`)),
  ];
}

const SCRIPTS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: (places) => `# source <(holdfast completion bash)
_holdfast() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      "${beforeLast(path)} ${last(path)}") path="${path}" ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    "${path}") COMPREPLY=($(compgen -W "${words.map(({ word }) => word).join(' ')}" -- "\${COMP_WORDS[COMP_CWORD]}")) ;;`).join('\n')}
  esac
}
complete -o default -F _holdfast holdfast`,
  zsh: (places) => `#compdef holdfast
# holdfast completion zsh > "\${fpath[1]}/_holdfast"
_holdfast() {
  local at="" word
  for word in "\${words[@]:1:$((CURRENT-2))}"; do
    case "$at $word" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      "${beforeLast(path)} ${last(path)}") at="${path}" ;;`)
  .join('\n')}
    esac
  done
  case "$at" in
${places.map(({ path, words }) => `    "${path}") compadd -- ${words.map(({ word }) => word).join(' ')} ;;`).join('\n')}
  esac
}
compdef _holdfast holdfast`,
  fish: (places) =>
    [
      '# holdfast completion fish > ~/.config/fish/completions/holdfast.fish',
      ...places.flatMap(({ path, words }) =>
        words.map(({ word, help }) => {
          const seen = path.split(' ').filter((part) => part !== '');
          const where =
            seen.length === 0
              ? '__fish_use_subcommand'
              : seen.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
          const told = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
          return `complete -c holdfast -n '${where}' ${told} -d '${help.replaceAll("'", '’')}'`;
        }),
      ),
    ].join('\n'),
};

/** As the script has it while it reads: the words before, joined by spaces, with one before the first. */
function beforeLast(path: string): string {
  return path.split(' ').slice(0, -1).join(' ');
}

function last(path: string): string {
  return path.split(' ').at(-1) ?? '';
}
