import type { Command } from 'commander';

/** The shells that completion is there for. */
export const shells = ['bash', 'zsh'] as const;
export type Shell = (typeof shells)[number];

/** A place on the command line, `/repository/gc`, and the words that may follow there. */
interface Place {
  readonly path: string;
  readonly words: readonly string[];
}

/** A script for a shell that completes commands, options and their fixed values; file names where nothing else fits. */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, '', optionsOf(program));
  const values = new Map(places.flatMap(({ path, command }) => choicesOf(path, command)));
  const name = program.name();
  const script = shell === 'bash' ? bash : zsh;
  return script(name, places, values);
}

function placesOf(command: Command, path: string, global: readonly string[]): (Place & { command: Command })[] {
  const words = [
    ...command.commands.map((sub) => sub.name()),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    ...new Set([...optionsOf(command), ...global, '--help']),
  ];
  return [
    { path, words, command },
    ...command.commands.flatMap((sub) => placesOf(sub, `${path}/${sub.name()}`, global)),
  ];
}

function optionsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => long ?? []);
}

/** What may follow an option, by where and after which: nothing fixed is told by an empty text. */
function choicesOf(path: string, command: Command): (readonly [string, string])[] {
  return command.options
    .filter(({ required }) => required)
    .map(({ long, argChoices = [] }) => [`${path} ${long ?? ''}`, argChoices.join(' ')] as const);
}

function bash(name: string, places: readonly Place[], values: ReadonlyMap<string, string>): string {
  const shellName = name.replaceAll('-', '_');
  return `# bash completion: source <(${name} completion bash)
_${shellName}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" place='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$place/$word" in
      ${places
        .slice(1)
        .map(({ path }) => path)
        .join(' | ')}) place="$place/$word" ;;
    esac
  done
  case "$place $before" in
${casesOf(values, '    ')}
    *)
      case "$place" in
${casesOf(new Map(places.map(({ path, words }) => [path, words.join(' ')])), '        ')}
      esac
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${shellName} ${name}
`;
}

function zsh(name: string, places: readonly Place[], values: ReadonlyMap<string, string>): string {
  const shellName = name.replaceAll('-', '_');
  return `#compdef ${name}
# zsh completion: ${name} completion zsh > "\${fpath[1]}/_${name}"
_${shellName}() {
  local before="\${words[CURRENT-1]}" place='' word choices=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$place/$word" in
      (${places
        .slice(1)
        .map(({ path }) => path)
        .join('|')}) place="$place/$word" ;;
    esac
  done
  case "$place $before" in
${casesOf(values, '    ', 'choices')}
    *)
      case "$place" in
${casesOf(new Map(places.map(({ path, words }) => [path, words.join(' ')])), '        ', 'choices')}
      esac
      ;;
  esac
  compadd -- \${=choices} || _files
}
compdef _${shellName} ${name}
`;
}

function casesOf(words: ReadonlyMap<string, string>, indent: string, variable = 'words'): string {
  return [...words].map(([pattern, text]) => `${indent}'${pattern}') ${variable}='${text}' ;;`).join('\n');
}
