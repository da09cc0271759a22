"""`recipec freeze`: writes the lock beside a recipe and says what is another than before."""

from __future__ import annotations

import sys

from recipec import lock as locks
from recipec.diagnostics import Diagnostic
from recipec.driver import Compilation
from recipec.editing import write
from recipec.renderers import printable, render
from recipec.used import used

DONE, RECIPE_WRONG, USAGE = 0, 1, 2


def freeze(compilation: Compilation) -> int:
    """Writes the lock of a recipe without errors, in one piece, and says on stdout what is another than before;
    nothing where nothing is. Returns an exit code: 2 where the lock may not be written."""
    path = locks.lock_path(compilation.path)
    now = used(compilation)
    if now.found:
        return refuse(compilation, now.found)
    note = ""
    try:
        before = locks.read(path)
    except locks.Unreadable as error:
        before, note = None, f"; the old lock could not be read: {error}"
    data = locks.text(now.lock).encode("ascii")
    try:
        if before is None or path.read_bytes() != data:
            write(path, data, like=compilation.path)
    except OSError as error:
        print(f"recipec: {printable(str(path))}: {error.strerror}", file=sys.stderr)
        return USAGE
    if before is None:
        print(
            f"{printable(str(path))}: {_count(len(now.lock.files), 'file')}, "
            f"{_count(len(now.lock.operators), 'operator')}{note}"
        )
        return DONE
    for change in locks.changes(before, now.lock):
        print(printable(_said(change)))
    return DONE


def refuse(compilation: Compilation, found: list[Diagnostic]) -> int:
    """Prints why nothing is frozen, on stderr."""
    print(render(found, compilation, colour=sys.stderr.isatty()), file=sys.stderr)
    return RECIPE_WRONG


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _said(change: locks.Change) -> str:
    """`changed model std/edu.onnx: 0123456789ab… → ba9876543210…`, `new     dedup minhash: version 1`."""
    kind, name = change.key
    values = [locks.short(one) for one in (change.before, change.after) if one is not None]
    if change.before is not None and change.after is not None:
        verb = "changed"
    else:
        verb = "new    " if change.before is None else "gone   "
    return f"{verb} {kind} {name}: {' → '.join(values)}"
