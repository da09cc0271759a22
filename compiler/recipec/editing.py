"""What `recipec fmt` and `recipec check --fix` do to files: nothing is written by halves, nothing that says more.

Returned are exit codes: 0 done, 1 a recipe is wrong or would change, 2 usage.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipec.driver import Compilation
from recipec.fixes import apply
from recipec.fmt import difference, format_text
from recipec.imports import decode
from recipec.renderers import Sources, printable, render

DONE, RECIPE_WRONG, USAGE = 0, 1, 2
ROUNDS = 20
"""A fix can bring to light what another one fixes; more rounds than this no recipe needs."""


class _Texts:
    """One text under one name, for messages."""

    def __init__(self, name: str, text: str, path: str):
        self.files, self.paths = {name: text}, {name: path}


def fmt(paths: Sequence[str], check: bool, diff: bool) -> int:
    """Lays out each file in place, `-` from standard input to standard output; all are looked at, whatever is
    wrong with one."""
    missing = [path for path in paths if path != "-" and not Path(path).is_file()]
    for path in missing:
        print(f"recipec: no recipe at {path}", file=sys.stderr)
    if missing:
        return USAGE
    return max(_fmt_file(path, check, diff) for path in paths)


def _fmt_file(path: str, check: bool, diff: bool) -> int:
    try:
        return _fmt_one(path, check, diff)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _no_access(path, error)


def _no_access(path: str | Path, error: OSError) -> int:
    """A file that may not be read or written is its owner's to change."""
    print(f"recipec: {printable(str(path))}: {error.strerror}", file=sys.stderr)
    return USAGE


def _fmt_one(path: str, check: bool, diff: bool) -> int:
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    name = "stdin.recipe" if path == "-" else Path(path).name
    text, problem = decode(name, data)
    result = None if problem else format_text(name, text)
    found = (problem,) if problem else result.diagnostics
    if found:
        shown = name if path == "-" else path
        print(render(found, _Texts(name, text, shown), colour=sys.stderr.isatty()), file=sys.stderr)
        return RECIPE_WRONG
    after = result.text.encode()
    if diff:
        _out(difference(printable(path), text, result.text))
    if check or diff:
        if check and after != data:
            print(f"{printable(path)} is not formatted", file=sys.stderr)
        return RECIPE_WRONG if check and after != data else DONE
    if path == "-":
        _out(result.text)
    elif after != data:
        write(Path(path), after)
        print(f"formatted {printable(path)}", file=sys.stderr)
    return DONE


def _out(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def write(path: Path, data: bytes, like: Path | None = None) -> None:
    """The file in one piece with the rights it had, a new one with those of `like`; a link stays one. Raises
    OSError."""
    real = path.resolve()
    rights = (like if like is not None and not real.exists() else real).stat().st_mode & 0o7777
    descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, rights)
        os.replace(name, real)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def fix(compilation: Any, stream: Any) -> Any:
    """Applies the fixes of a recipe's diagnostics, checks again, and so on until none is left; says on `stream`
    what was done, and gives back the last compilation. A file is written, a text from standard input is not. Ends
    with exit code 2 where the file may not be written."""
    first = compilation
    for _ in range(ROUNDS):
        done = apply(compilation.text, compilation.name, compilation.diagnostics)
        if not done.done or done.text == compilation.text:
            break
        following = first.with_text(done.text)
        if _unreadable(following) > _unreadable(compilation):
            raise AssertionError("a fix makes a recipe that cannot be read")
        sources = Sources(compilation.files, compilation.paths)
        for diagnostic, one in done.done:
            place = sources.place(diagnostic.primary)
            print(f"{place}: fixed {diagnostic.code}: {printable(one.title)}", file=stream)
        compilation = following
    if compilation is not first and first.path is not None:
        mark = b"\xef\xbb\xbf" if first.path.read_bytes().startswith(b"\xef\xbb\xbf") else b""
        try:
            write(first.path, mark + compilation.text.encode())
        except OSError as error:
            raise SystemExit(_no_access(first.path, error)) from error
    return compilation


def _unreadable(compilation: Compilation) -> int:
    return sum(one.code.startswith("E01") for one in compilation.diagnostics)
