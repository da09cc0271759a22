"""What every answer is: data that becomes JSON, and text for people. All text goes through `safe`."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recipe_runtime.errors import USAGE, StepError
from recipe_runtime.safe_text import safe

LABEL = 14
"""Characters of the column of labels."""

LONG = 2_000
"""Characters of one value that a person is shown; JSON has all of it."""


class Unanswered(StepError):
    """The question names something that the lake does not have, or more than one thing: exit code 2."""

    exit_code = USAGE


class Answer:
    """Base of the answers: dataclasses with `text`."""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values: times in ISO 8601, nothing shortened and nothing escaped."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Answer):
        return value.to_json()
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


# ---- text --------------------------------------------------------------------------------------------


def entry(label: str, value: object, width: int, indent: int = 0) -> list[str]:
    """`label   value`, the value wrapped under itself; nothing where the value is None or empty."""
    if value is None or value == "":
        return []
    lead = " " * indent + label.ljust(LABEL - indent) + " "
    return _wrapped(safe(value, LONG), width, lead)


def item(text: object, width: int, indent: int = 0) -> list[str]:
    """One line of a list, wrapped under itself."""
    return _wrapped(safe(text, LONG), width, " " * indent)


def _wrapped(text: str, width: int, lead: str) -> list[str]:
    wide = max(width, len(lead) + 20)
    lines = textwrap.wrap(
        text, wide, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
    )
    return lines or [lead.rstrip()]


def table(header: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> list[str]:
    """Lines of a table: numbers stand to the right, the last column is wrapped to what is left of the width."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    right = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    wide = [max(len(row[i]) for row in cells) for i in range(len(header) - 1)]
    lines = []
    for row in cells:
        lead = "".join(
            (cell.rjust(size) if to_right else cell.ljust(size)) + "  "
            for cell, size, to_right in zip(row, wide, right, strict=False)
        )
        lines += [line.rstrip() for line in _wrapped(row[-1], width, lead)]
    return lines


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else safe(value, LONG)


def when(moment: datetime | None) -> str:
    """A time to the second, in UTC."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def counted(count: int, thing: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def placed(at: str | None, line: str | None) -> str:
    """`file.recipe:line  text of that line`."""
    return f"{at or 'place unknown'}  {line if line is not None else '(its text is not kept)'}"


def named(values: Mapping[str, object]) -> str:
    """`a = 1, b = x`, sorted by name."""
    return ", ".join(f"{name} = {number(value)}" for name, value in sorted(values.items()))


def number(value: object) -> str:
    """A figure as short as it can be told; anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
