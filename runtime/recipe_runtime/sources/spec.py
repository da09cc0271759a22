"""What a source is asked for: plain values, so that a worker gets them pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recipe_udfs.operator import Call, Operator

from recipe_runtime.errors import StepError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Call", "Field", "Literal", "SourceError", "SourceSpec"]

DOCUMENT_COLUMNS = ("id", "text", "license", "url", "fetched_at", "lang")
"""Columns a recipe may set that are the document's own; every other name is a column of the user's."""

OWN_FIELDS = {"warc": ("html", "url", "fetched_at", "record_id", "content_type", "path")}
"""Fields that a reader fills in each record, where the records have no fields of their own."""


class SourceError(StepError):
    """A source cannot be read as the recipe asks."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the record under its own name. A JSONL field that a record lacks is null there."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """One value for every document: text, number, truth value, or a list of texts for `license`."""

    value: Any


@dataclass(frozen=True)
class SourceSpec:
    """One `source` item. `run` is the reader (`module:function`), `operators` the Operator behind each Call.

    `schema` holds the Arrow types of the record's fields; pinning finds them and gives back a spec that
    has it, which is the one to read with.
    """

    name: str
    namespace: str
    operator: str
    run: str
    args: Mapping[str, Any]
    columns: Mapping[str, Field | Literal | Call]
    at: str
    operators: Mapping[str, Operator] = field(default_factory=dict)
    schema: pa.Schema | None = None

    @property
    def max_bytes(self) -> int:
        return self.args["max_bytes"]

    @property
    def text(self) -> Field | Literal | Call:
        """Where the text comes from: the field `text` unless the recipe says otherwise."""
        return self.columns.get("text", Field("text"))

    @property
    def user_columns(self) -> dict[str, Field | Literal | Call]:
        """Columns that are not the document's own, in the recipe's order."""
        return {name: value for name, value in self.columns.items() if name not in DOCUMENT_COLUMNS}

    def fields(self) -> list[str]:
        """Names of all fields that the columns need of a record, each once, in order."""
        return list(dict.fromkeys(self._fields()))

    def _fields(self) -> Iterator[str]:
        for value in ({"text": self.text} | dict(self.columns)).values():
            if isinstance(value, Field):
                yield value.name
            elif isinstance(value, Call):
                yield from (name for name in self.operators[value.operator].reads if name != "path")

    @property
    def reads_path(self) -> bool:
        """Whether a column is made of the file's path, which is then part of what the file says."""
        own = "path" in OWN_FIELDS.get(self.operator, ()) and "path" in self.fields()
        calls = [self.operators[value.operator] for value in self.columns.values() if isinstance(value, Call)]
        return own or any("path" in operator.reads for operator in calls)

    def check(self) -> None:
        """Raises SourceError where the columns ask for what no record of this kind has."""
        own = OWN_FIELDS.get(self.operator)
        if own is None:
            return
        if "text" not in self.columns:
            raise SourceError(
                f"source {self.name}: a {self.operator} record has pages, no text",
                remedy="say how the text is found, as in `text = trafilatura(html)`",
            )
        unknown = sorted(set(self.fields()) - set(own))
        if unknown:
            raise SourceError(
                f"source {self.name}: a {self.operator} record has no field {', '.join(unknown)}",
                remedy=f"its fields are {', '.join(own)}",
            )
