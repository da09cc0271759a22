"""What `eval "$(recipec shell-init bash)"` brings: completion, and a spark-submit that takes a script from a pipe.

    shell_init(shell, commands) -> text of the script for "bash", "zsh" or "fish"

`commands` maps each command to the words that may follow it, its options and sub-commands; everything else
completes to file names. The function `spark-submit` adds `pyspark-shell-main`, by which Spark reads the
program from stdin, where it is called without a program and with a pipe on stdin. In any other call the
arguments go to the real spark-submit untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Commands = Mapping[str, Sequence[str]]

PROGRAM = "pyspark-shell-main"

# Options of spark-submit (org.apache.spark.launcher.SparkSubmitOptionParser): those without a value, and
# those that need no program of ours. All others take a value.
_SWITCHES = ("--load-spark-defaults", "--supervise", "--verbose", "-v")
_NO_PROGRAM = ("--help", "-h", "--version", "--usage-error", "--kill", "--status", "--class")


def shell_init(shell: str, commands: Commands) -> str:
    """The script for one of `SHELLS`; another shell raises KeyError."""
    return SHELLS[shell](commands)


def _spark_submit() -> str:
    """The function for bash and zsh."""
    no_program = "|".join(f"{word}|{word}=*" if word.startswith("--") else word for word in _NO_PROGRAM)
    return f"""\
spark-submit() {{
  local word value= program=
  for word in "$@"; do
    if [ -n "$value" ]; then value=; continue; fi
    case "$word" in
      {no_program}) program=none; break ;;
      {"|".join(_SWITCHES)}) ;;
      -|[!-]*) program=given; break ;;
      --*=*) ;;
      *) value=next ;;
    esac
  done
  if [ -z "$program$value" ] && [ -p /dev/stdin ]; then
    command spark-submit "$@" {PROGRAM}
  else
    command spark-submit "$@"
  fi
}}
"""


def _bash(commands: Commands) -> str:
    cases = "".join(f"    {name}) words='{' '.join(words)}' ;;\n" for name, words in commands.items())
    return f"""\
# recipec for bash: completion, and a spark-submit that takes a compiled recipe from a pipe.
_recipec() {{
  local words= word="${{COMP_WORDS[COMP_CWORD]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='{" ".join(commands)}'
  else
    case "${{COMP_WORDS[1]}}" in
{cases}    esac
  fi
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -o default -F _recipec recipec

{_spark_submit()}"""


def _zsh(commands: Commands) -> str:
    cases = "".join(f"      {name}) following=({' '.join(words)}) ;;\n" for name, words in commands.items())
    return f"""\
# recipec for zsh: completion, and a spark-submit that takes a compiled recipe from a pipe.
_recipec() {{
  local -a following
  if (( CURRENT == 2 )); then
    following=({" ".join(commands)})
  else
    case "${{words[2]}}" in
{cases}    esac
    _files
  fi
  compadd -- $following
}}
if (( $+functions[compdef] )); then compdef _recipec recipec; fi

{_spark_submit()}"""


def _fish(commands: Commands) -> str:
    names = " ".join(commands)
    lines = [f"complete -c recipec -n __fish_use_subcommand -f -a '{names}'"]
    for name, words in commands.items():
        if words:
            lines.append(f"complete -c recipec -n '__fish_seen_subcommand_from {name}' -a '{' '.join(words)}'")
    no_program = " ".join(f"{word} '{word}=*'" if word.startswith("--") else word for word in _NO_PROGRAM)
    return f"""\
# recipec for fish: completion, and a spark-submit that takes a compiled recipe from a pipe.
{chr(10).join(lines)}

function spark-submit
  set -l value ''
  set -l program ''
  for word in $argv
    if test -n "$value"
      set value ''
      continue
    end
    switch $word
      case {no_program}
        set program none
        break
      case {" ".join(_SWITCHES)}
      case '-'
        set program given
        break
      case '--*=*'
      case '-*'
        set value next
      case '*'
        set program given
        break
    end
  end
  # The program test, not the builtin: a function of fish runs in the shell, whose own stdin that would be.
  if test -z "$program$value"; and command test -p /dev/stdin
    command spark-submit $argv {PROGRAM}
  else
    command spark-submit $argv
  end
end
"""


SHELLS: Mapping[str, Callable[[Commands], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""The shells there is a script for."""
