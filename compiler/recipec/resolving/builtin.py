"""Operators that belong to the language itself: how a `table` is read from a file."""

from __future__ import annotations

from recipec.operators import REQUIRED
from recipec.record import Record


class BuiltinParameter(Record):
    name: str
    type: str
    default: object = REQUIRED
    doc: str = ""
    embedded: tuple[str, ...] = ()


class Builtin(Record):
    """An operator of the language; attributes as in `recipec.resolved.Operator`."""

    name: str
    kind: str
    doc: str
    parameters: tuple[BuiltinParameter, ...]
    version: int = 1
    columns: tuple = ()
    reads: tuple[str, ...] = ()
    run: str = ""
    libraries: tuple[str, ...] = ()
    variadic: bool = False


TABLES = {
    "csv": Builtin(
        "csv",
        "table",
        "A CSV file with a header: a column of the name of each key, and one with the values.",
        (BuiltinParameter("file", "file"), BuiltinParameter("value", "text", doc="The column of the values.")),
    )
}
