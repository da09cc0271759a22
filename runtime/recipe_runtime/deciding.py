"""The operations of a select over Arrow, as `side_by_side` has workers do them; each says what its counterpart in
`decide`, over Spark, says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recipe_runtime.rules import Rule, spelled
from recipe_runtime.side_by_side import Rows, Stored, parquet

CHANGED = ("doc_id", "text_hash", "text_bytes")
"""What an edit changes of a row."""

GROUPED = ("doc_id", "survivor", "group_license", "similarity")


@dataclass(frozen=True)
class Undecided:
    """No row has been rejected."""

    def __call__(self, rows: Rows) -> None:
        import pyarrow as pa

        from recipe_runtime.arrow import ddl_schema
        from recipe_runtime.tables import REJECTED

        rows.arrays["rejected"] = pa.nulls(len(rows), ddl_schema(f"rejected {REJECTED}")[0].type)
        rows.arrays["matched"] = pa.nulls(len(rows), pa.string())


@dataclass(frozen=True)
class Keep:
    """Rows fall out by the first rule that does not hold of them. Every rule is a test that fits its column."""

    rules: tuple[Rule, ...]

    def __call__(self, rows: Rows) -> None:
        import numpy as np
        import pyarrow as pa

        broken = np.full(len(rows), -1, np.int32)
        alive = rows.alive().to_numpy(zero_copy_only=False)
        values = np.full(len(rows), None, object)
        for i, rule in enumerate(self.rules):
            figures = rows.arrays[rule.test.column]
            at = np.flatnonzero(alive & ~rule.test.holds(figures).to_numpy(zero_copy_only=False))
            if len(at):
                broken[at], alive[at] = i, False
                values[at] = spelled(figures.take(pa.array(at)))
        said = pa.array(broken, mask=broken < 0)
        texts = {
            "rule": [rule.text for rule in self.rules],
            "threshold": [rule.test.threshold for rule in self.rules],
            "at": [rule.at for rule in self.rules],
        }
        reasons = {name: pa.array(given, pa.string()).take(said) for name, given in texts.items()}
        rows.reject(said.is_valid(), {**reasons, "value": pa.array(values, pa.string())})


@dataclass(frozen=True)
class AfterEdit:
    """Rows go on as the documents they became; one whose text is gone falls out."""

    edited: Stored
    rule: str
    at: str

    def __call__(self, rows: Rows) -> None:
        import pyarrow.compute as pc

        found = rows.beside(self.edited)
        gone = found["text_hash"].is_null()
        rows.reject(gone, {"rule": self.rule, "value": "no text left", "threshold": "some text", "at": self.at})
        for name in CHANGED:
            before = rows.arrays[name]
            rows.arrays[name] = pc.if_else(gone, before, pc.coalesce(found[name].cast(before.type), before))


@dataclass(frozen=True)
class WithColumns:
    """Columns of these rows, in place of any of that name."""

    columns: Stored

    def __call__(self, rows: Rows) -> None:
        rows.arrays.update(rows.beside(self.columns))


@dataclass(frozen=True)
class Without:
    """The rows less these columns."""

    names: tuple[str, ...]

    def __call__(self, rows: Rows) -> None:
        for name in self.names:
            rows.arrays.pop(name, None)


@dataclass(frozen=True)
class Groups:
    """What a dedup found, a table of GROUPED in Parquet files: read once by a worker."""

    uri: str
    files: tuple[str, ...]
    schema: Any

    @cached_property
    def table(self) -> Any:
        import pyarrow as pa

        schema = pa.schema([self.schema.field(name) for name in GROUPED])
        found = [parquet(self.uri, name, GROUPED).select(GROUPED).cast(schema) for name in self.files]
        return pa.concat_tables([schema.empty_table(), *found]).combine_chunks()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "table"}


@dataclass(frozen=True)
class DropDuplicates:
    """All but the survivor of a group fall out, as `decide.drop_duplicates` says it."""

    groups: Groups
    rule: str
    threshold: str
    at: str

    def __call__(self, rows: Rows) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        groups = self.groups.table
        at = pc.index_in(rows.arrays["doc_id"].cast(pa.large_string()), groups["doc_id"].cast(pa.large_string()))
        found = {name: groups[name].combine_chunks().take(at) for name in GROUPED[1:]}
        survivor = found["survivor"].cast(pa.string())
        dropped = pc.fill_null(pc.not_equal(survivor, rows.arrays["doc_id"].cast(pa.string())), False)
        matched = pc.if_else(pc.and_(dropped, rows.alive()), survivor, pa.scalar(None, pa.string()))
        rows.arrays["matched"] = pc.coalesce(rows.arrays["matched"], matched)
        value = pa.array(spelled(found["similarity"]), pa.string())
        rows.reject(dropped, {"rule": self.rule, "value": value, "threshold": self.threshold, "at": self.at})
        before = rows.arrays["license"]
        licensed = found["group_license"].cast(before.type)
        if licensed.null_count < len(licensed):
            rows.arrays["license"] = _lists(licensed, before)


@dataclass(frozen=True)
class Living:
    """The rows that no rule has rejected."""

    def __call__(self, rows: Rows) -> None:
        rows.keep(rows.alive())


@dataclass(frozen=True)
class Alive:
    """The rows that no rule has rejected, which may be dropped (`fixed` is false): these columns of them, and of each a
    number of its own."""

    columns: tuple[str, ...]

    def __call__(self, rows: Rows) -> None:
        import numpy as np
        import pyarrow as pa

        rows.keep(rows.alive())
        first = (rows.task or 0) << 33  # as Spark numbers the rows of a partition
        rows.arrays = {name: rows.arrays[name] for name in self.columns} | {
            "fixed": pa.repeat(pa.scalar(False), len(rows)),
            "number": pa.array(np.arange(len(rows), dtype=np.int64) + first),
        }


def _lists(given: Any, otherwise: Any) -> Any:
    """`given`, and where it is null the other: for lists, of which Arrow's coalesce has no kernel."""
    import numpy as np
    import pyarrow as pa

    both = pa.concat_arrays([given, otherwise])
    place = np.arange(len(given))
    return both.take(pa.array(np.where(given.is_null().to_numpy(zero_copy_only=False), place + len(given), place)))


def fitting(rules: Sequence[Rule], schema: Any) -> bool:
    """Whether `Keep` can decide these rules over columns of this Arrow schema."""
    return all(
        rule.test is not None
        and rule.test.column in schema.names
        and rule.test.fits(schema.field(rule.test.column).type)
        for rule in rules
    )
