"""Tables in CSV files: a header, a column for each that the table goes by, and one with the values."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from recipec.record import Record

LARGEST = 10_000
"""Entries: they stand in the script, and Spark plans a condition for each value."""

_NUMBER = r"-?\d[\d_]*(?:\.\d+)?"
_CELL = re.compile(rf"({_NUMBER})\s*(%|x)?")
_RANGE = re.compile(rf"({_NUMBER}\s*%?)\s*\.\.\s*({_NUMBER}\s*%?)")

Scalar = int | float | str


class Row(Record):
    """`keys`: a text for each column that the table goes by. `value`: a number (of a share, 0 to 1), a text, or a
    range of numbers, both ends in it."""

    keys: tuple[str, ...]
    value: Scalar | tuple[Scalar, Scalar]


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows, an absent cell empty. OSError, UnicodeDecodeError or csv.Error where it is no UTF-8 CSV."""
    import csv  # few recipes have a table, and every check would pay for it

    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restval="")
        return list(reader.fieldnames or ()), list(reader)


def entries(lines: list[dict[str, str]], by: tuple[str, ...], value: str) -> list[Row]:
    """What lines of a file say, read as a recipe would write it."""
    return [Row(tuple(line[name] for name in by), cell(line[value])) for line in lines]


def cell(text: str) -> Scalar | tuple[Scalar, Scalar]:
    """`40%`, `1_000`, `0.5x`, `3 .. 14`; anything else is a text."""
    text = text.strip()
    found = _RANGE.fullmatch(text)
    if found:
        return _number(found[1]), _number(found[2])
    return _number(text) if _CELL.fullmatch(text) else text


def _number(text: str) -> Scalar:
    digits, unit = _CELL.fullmatch(text).groups()
    exact = Decimal(digits.replace("_", "")) / (100 if unit == "%" else 1)
    return int(exact) if unit is None and exact == exact.to_integral_value() else float(exact)
