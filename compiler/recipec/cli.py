"""The console command: one function a subcommand, imports inside them, exit codes as documented.

0 done · 1 the recipe is wrong · 2 usage · 3 incomplete, run again to go on · 4 a step could not do its work ·
70 a defect of ours · 130, 143 signals.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from recipec import __version__

DONE, RECIPE_WRONG, USAGE, DEFECT = 0, 1, 2, 70
REFUSED = 'raise SystemExit("recipec: refused, see stderr")\n'
"""What a refused recipe writes into a pipe: an empty script would let the pipe end with 0."""


def _defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A crash of ours is never shown as an error of theirs: Python's own 1 would say that the recipe is wrong."""
    print("recipec: this is a defect of recipec, not of your recipe; please report these lines", file=sys.stderr)
    import traceback

    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(DEFECT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    sys.excepthook = _defect
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if not given:
        parser.print_help(sys.stderr)
        return USAGE
    extra: list[str] = []
    if given[0] == "submit" and "--" in given:
        cut = given.index("--")
        given, extra = given[:cut], given[cut + 1 :]
    options = parser.parse_args(given)
    options.extra = extra
    try:
        return options.function(options)
    except BrokenPipeError:
        return DONE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recipec", description="A compiler for training-data recipes.")
    parser.add_argument("--version", action="version", version=f"recipec {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(function=function)
        return made

    def recipe(made: argparse.ArgumentParser) -> None:
        made.add_argument("recipe", help="a .recipe file, or - for standard input")
        made.add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", help="a value for a `param` of the recipe"
        )

    def frozen(made: argparse.ArgumentParser) -> None:
        made.add_argument("--frozen", action="store_true", help="refuse what differs from the lock of `freeze`")

    made = command("check", check, "Check a recipe and print every diagnostic.")
    recipe(made)
    frozen(made)
    made.add_argument("--output", choices=("full", "concise", "json", "github", "sarif"), default="full")
    made.add_argument("--fix", action="store_true", help="apply the fixes that the diagnostics offer, then check again")

    made = command("fmt", fmt, "Bring recipes into the one layout.")
    made.add_argument("recipes", nargs="+", metavar="FILE", help="a .recipe file, or - for standard input")
    made.add_argument("--check", action="store_true", help="change nothing; end with 1 where a file would change")
    made.add_argument("--diff", action="store_true", help="change nothing; print what would change")

    made = command("freeze", freeze, "Write the hashes of all files a recipe uses into a lock beside it.")
    recipe(made)

    made = command("explain", explain, "The long story of a diagnostic's code, an operator, a rule or a filter.")
    made.add_argument("subject", metavar="CODE|NAME", help="E0202, gopher.quality, stats.words, minhash …")

    made = command("compile", compile_, "Print the PySpark script of a recipe, and nothing else, on stdout.")
    recipe(made)
    frozen(made)
    made.add_argument("--format", choices=("pyspark", "plan", "dot", "ast"), default="pyspark")
    made.add_argument("-o", dest="out", metavar="FILE", help="write there instead of stdout")

    made = command("run", run, "Compile a recipe and run it on local Spark.")
    recipe(made)

    made = command("submit", submit, "Hand a script to spark-submit: recipec submit job.py -- <its arguments>.")
    made.add_argument("script", help="a script that `compile` printed, or - for standard input")

    made = command("lineage", lineage, "Ask a lake where a row came from, why one is not there, what runs made.")
    questions = ("trace", "why", "runs", "run", "funnel", "balance", "shares", "generations")
    made.add_argument("question", choices=questions)
    made.add_argument("lake")
    made.add_argument("key", nargs="?", help="a doc_id or URL; for run: a run id; for funnel and shares: an output")
    made.add_argument("--output", metavar="NAME", help="trace: the output table the row is in")
    made.add_argument("--version", type=int, help="trace, funnel, shares: that version of the output, not the newest")
    made.add_argument("--run", metavar="ID", help="generations: the calls of that run only")
    made.add_argument("--json", action="store_true")

    made = command("doctor", doctor, "Look at Python, Java, jars, libraries, operators, stores and ports.")
    made.add_argument("lake", nargs="?")
    made.add_argument("--spark", action="store_true", help="also start Spark and write a small Delta table")
    made.add_argument("--json", action="store_true")

    made = command("bundle", bundle, "Write a zip with the code that executors need, for --py-files.")
    made.add_argument("-o", dest="out", default="recipec.zip", metavar="FILE")

    made = command("shell-init", shell_init, 'Print shell functions: eval "$(recipec shell-init bash)".')
    made.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser


# ---- compiling ---------------------------------------------------------------------------------


def _compilation(options: argparse.Namespace) -> Any:
    from recipec.driver import Compilation

    gc.set_threshold(50_000, 20, 100)  # a tree is made and kept: looking through it again and again frees nothing
    params = {}
    for pair in options.param:
        name, equals, value = pair.partition("=")
        if not equals:
            print(f"recipec: --param wants NAME=VALUE, not {pair!r}", file=sys.stderr)
            raise SystemExit(USAGE)
        params[name] = value
    frozen = getattr(options, "frozen", False)
    if options.recipe == "-":
        return Compilation(params=params, data=sys.stdin.buffer.read(), name="stdin.recipe", frozen=frozen)
    path = Path(options.recipe)
    if not path.is_file():
        print(f"recipec: no recipe at {path}", file=sys.stderr)
        raise SystemExit(USAGE)
    return Compilation(path, params, frozen=frozen)


def _report(compilation: Any, diagnostics: Sequence[Any], output: str = "full", stream: Any = None) -> bool:
    """Prints them and says whether the recipe is refused."""
    from recipec.renderers import render

    stream = stream or sys.stderr
    text = render(diagnostics, compilation, output, colour=stream.isatty())
    if text:
        print(text, file=stream)
    return any(one.severity == "error" for one in diagnostics)


def check(options: argparse.Namespace) -> int:
    """Diagnostics on stdout, all of them; 1 where one is an error."""
    compilation = _compilation(options)
    if options.fix:
        from recipec.editing import fix

        compilation = fix(compilation, sys.stderr)
        if options.recipe == "-":  # the recipe takes the place of the diagnostics
            sys.stdout.buffer.write(compilation.text.encode())
            sys.stdout.flush()
    stream = sys.stderr if options.fix and options.recipe == "-" else sys.stdout
    refused = _report(compilation, compilation.diagnostics, options.output, stream)
    return RECIPE_WRONG if refused else DONE


def fmt(options: argparse.Namespace) -> int:
    """Files in place, standard input to stdout."""
    from recipec.editing import fmt as lay_out

    return lay_out(options.recipes, options.check, options.diff)


def freeze(options: argparse.Namespace) -> int:
    """The lock beside the recipe, what changed on stdout; 1 where the recipe has errors."""
    if options.recipe == "-":
        print("recipec: freeze wants a file: the lock is written beside it", file=sys.stderr)
        return USAGE
    compilation = _compilation(options)
    if compilation.errors:
        _report(compilation, compilation.diagnostics)
        return RECIPE_WRONG
    from recipec.freeze import freeze as write_lock

    return write_lock(compilation)


def explain(options: argparse.Namespace) -> int:
    """The explanation on stdout; 2 for a subject that nobody knows."""
    from recipec.explain import explain as story

    text, known = story(options.subject)
    print(text, file=sys.stdout if known else sys.stderr)
    return DONE if known else USAGE


def _script(options: argparse.Namespace, form: str = "pyspark") -> str | None:
    """The text asked for, or None where the recipe is refused; diagnostics go to stderr."""
    from recipec.backend import FORMS, Backend

    compilation = _compilation(options)
    backend = Backend(compilation)
    diagnostics, text = FORMS[form]
    found = diagnostics(backend) or (compilation.errors if compilation.frozen else [])
    return None if _report(compilation, found) else text(backend)


def compile_(options: argparse.Namespace) -> int:
    """The script in one piece, after all checks. A refused recipe leaves no half of one."""
    text = _script(options, options.format)
    if text is None:
        if options.out is None and not sys.stdout.isatty():
            sys.stdout.write(REFUSED)
        return RECIPE_WRONG
    if options.out is not None:
        Path(options.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    return DONE


# ---- running -----------------------------------------------------------------------------------
# The runtime is imported here and nowhere above: compiling needs none of it.


def run(options: argparse.Namespace) -> int:
    """Compiles, then runs the script with this Python on local Spark."""
    text = _script(options)
    if text is None:
        return RECIPE_WRONG
    return _runtime("submit").run_local(text)


def submit(options: argparse.Namespace) -> int:
    """spark-submit with Delta's jar and this Python, whatever its arguments."""
    if options.script == "-":
        script = sys.stdin.buffer.read().decode()
    elif Path(options.script).is_file():
        script = Path(options.script).read_text(encoding="utf-8")
    else:
        print(f"recipec: no script at {options.script}", file=sys.stderr)
        return USAGE
    errors = _runtime("errors")
    try:
        return _runtime("submit").submit(script, options.extra)
    except errors.StepError as error:
        return _failed(error)


def _runtime(module: str) -> Any:
    return importlib.import_module(f"recipe_runtime.{module}")


def _answers(function: Callable[[], Any], as_json: bool) -> int:
    """Prints an answer, or the error that says why there is none."""
    errors = _runtime("errors")
    try:
        answer = function()
    except errors.StepError as error:
        return _failed(error)
    if as_json:
        print(json.dumps(answer.to_json(), indent=2))
    else:
        import shutil

        print(answer.text(shutil.get_terminal_size((110, 40)).columns))
    return getattr(answer, "exit_code", DONE)


def lineage(options: argparse.Namespace) -> int:
    """One question to a lake; no JVM."""
    wanted = {"run": "a run id", "funnel": "an output", "shares": "an output"}
    wanted |= dict.fromkeys(("trace", "why"), "a doc_id or URL")
    if options.key is None and options.question in wanted:
        print(f"recipec: lineage {options.question} wants {wanted[options.question]} after the lake", file=sys.stderr)
        return USAGE
    module = _runtime("lineage")
    ask: dict[str, Callable[[], Any]] = {
        "trace": lambda: module.trace(options.lake, options.output, options.key, options.version),
        "why": lambda: module.why(options.lake, options.key),
        "runs": lambda: module.runs(options.lake),
        "run": lambda: module.run(options.lake, options.key),
        "funnel": lambda: module.funnel(options.lake, options.key, options.version),
        "balance": lambda: module.balance(options.lake),
        "shares": lambda: module.shares(options.lake, options.key, options.version),
        "generations": lambda: module.generations(options.lake, options.run),
    }
    return _answers(ask[options.question], options.json)


def doctor(options: argparse.Namespace) -> int:
    """What is here and what is missing."""
    return _answers(lambda: _runtime("doctor").doctor(options.lake, spark=options.spark), options.json)


def bundle(options: argparse.Namespace) -> int:
    """The zip, and what is in it on stderr."""
    errors = _runtime("errors")
    try:
        lines = _runtime("bundle").bundle(Path(options.out))
    except errors.StepError as error:
        return _failed(error)
    print("\n".join(lines), file=sys.stderr)
    print(options.out)
    return DONE


def _failed(error: Any) -> int:
    print(f"recipec: error: {error}", file=sys.stderr)
    return error.exit_code


def shell_init(options: argparse.Namespace) -> int:
    """Functions and completion for a shell."""
    from recipec.shell_init import shell_init as text

    words: dict[str, list[str]] = {}
    subcommands = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in subcommands.choices.items():
        named = [option for action in command._actions for option in action.option_strings]
        choices = [str(c) for action in command._actions if not action.option_strings for c in action.choices or ()]
        words[name] = sorted([*named, *choices])
    print(text(options.shell, words), end="")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
