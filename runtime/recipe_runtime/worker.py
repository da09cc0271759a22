"""What runs in a Spark Python worker: texts into columns, scores and other texts. Nothing here imports Spark.

A task object is pickled once per stage; it holds plain values and dotted paths, so that a worker needs
only this package, the operators' packages and their libraries.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import MappingProxyType
from typing import Any

from recipe_runtime.lake_fs import lake_fs


class LibraryMismatch(Exception):
    """This worker's libraries would give other results than the driver's."""


def check_libraries(expected: Mapping[str, str]) -> None:
    """Raises LibraryMismatch unless this process has the driver's versions of `expected`."""
    wrong = []
    for name, version in expected.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            wrong.append(f"{name}: {found} here, {version} on the driver")
    if wrong:
        raise LibraryMismatch("this worker's libraries differ from the driver's: " + "; ".join(wrong))


@dataclass(frozen=True)
class Blob:
    """A file kept in the lake by its SHA-256; on a worker it becomes a local path."""

    lake: str
    sha256: str


@cache
def local_copy(blob: Blob) -> str:
    """A verified local copy of a blob, fetched once per process and kept for the machine by its hash."""
    path = os.path.join(tempfile.gettempdir(), f"recipec-blobs-{os.getuid()}", blob.sha256)
    if not os.path.exists(path):
        fs, root = lake_fs(blob.lake)
        data = fs.cat_file(f"{root.rstrip('/')}/_recipec/blobs/{blob.sha256}")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "wb") as out:
            out.write(data)
        os.replace(temporary, path)
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != blob.sha256:
            raise LibraryMismatch(f"{path} does not hold the file of that hash; delete it")
    return path


def local_value(value: Any) -> Any:
    """A blob as the path of its copy here; anything else as it is."""
    return local_copy(value) if isinstance(value, Blob) else value


@dataclass(frozen=True)
class Column:
    """One operator call of an annotate pass and the columns it fills, with their Arrow types."""

    run: str
    operator: str
    args: Mapping[str, Any]
    reads: tuple[str, ...]
    outputs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Annotate:
    """The fused pass: every column that the recipe asks of a text, in one walk over the rows.

    Calls that share a `run` go to it together, so that one operator family reads a text once. The text
    itself is not passed on unless an operator edits it (`edits`).
    """

    columns: Sequence[Column]
    keep: Sequence[str]
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        yield from map(self.open(), batches)

    def open(self) -> Annotator:
        """Loads the operators."""
        check_libraries(self.libraries)
        families: dict[str, list[Column]] = {}
        for column in self.columns:
            families.setdefault(column.run, []).append(column)
        loaded = {path: Family(function_of(path), members, _calls(members)) for path, members in families.items()}
        return Annotator(loaded, self.keep, self.schema)


@dataclass(frozen=True)
class Family:
    """The calls of an annotate pass that go to one function."""

    function: Callable[[Mapping[str, Any], Sequence[Any]], list[list[Any]]]
    members: Sequence[Column]
    calls: Sequence[Any]

    def __add__(self, other: Family) -> Family:
        return Family(self.function, [*self.members, *other.members], [*self.calls, *other.calls])

    def over(self, batch: Any, rows: Any = None) -> list[Any]:
        """The columns of all members, one behind the other; of some `rows` of the batch, as a mask."""
        import pyarrow as pa

        kinds = [kind for member in self.members for _, kind in member.outputs]
        if rows is not None and not rows.true_count:
            return [pa.array([], kind) for kind in kinds]
        reads = {name: batch.column(name) for member in self.members for name in member.reads}
        inputs = reads if rows is None else {name: column.filter(rows) for name, column in reads.items()}
        arrays = [array for found in self.function(inputs, self.calls) for array in found]
        return [array.cast(kind) for array, kind in zip(arrays, kinds, strict=True)]


@dataclass(frozen=True)
class Annotator:
    """An annotate pass with its operators loaded, by their functions' paths."""

    families: Mapping[str, Family]
    keep: Sequence[str]
    schema: Any

    def __call__(self, batch: Any, known: Mapping[str, Sequence[Any]] = MappingProxyType({})) -> Any:
        """A batch of `schema` of a batch of documents. `known`: columns of families that need not be asked."""
        import pyarrow as pa

        made: dict[str, Any] = {name: batch.column(name) for name in self.keep}
        for path, family in self.families.items():
            found = known[path] if path in known else family.over(batch)
            made.update(zip((name for member in family.members for name, _ in member.outputs), found, strict=True))
        return pa.RecordBatch.from_arrays([made[name] for name in self.schema.names], schema=self.schema)


def annotated_twice(before: Annotator, after: Annotator, batch: Any, edited: Any, same: Any) -> Iterator[Any]:
    """What `before` makes of a batch, then what `after` makes of the same rows once they are edited.

    same: bool[n], the rows whose text the edit left alone: a function that both call goes through such a text once.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    changed = pc.invert(same)
    # The rows that are the same come first, then the others: at which of them each row is found.
    places = pa.array(np.argsort(np.argsort(np.asarray(changed), kind="stable")))

    def whole(some: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        return [pa.concat_arrays(pair).take(places) for pair in zip(some, others, strict=True)]

    of_before: dict[str, list[Any]] = {}
    of_same: dict[str, list[Any]] = {}
    for path, family in before.families.items():
        if path in after.families:
            others = family.over(batch, changed)
            found = (family + after.families[path]).over(batch, same)
            of_before[path], of_same[path] = whole(found[: len(others)], others), found[len(others) :]
    yield before(batch, of_before)
    yield after(
        edited, {path: whole(some, after.families[path].over(edited, changed)) for path, some in of_same.items()}
    )


def function_of(path: str):
    """The function at a dotted path, `module:name`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _calls(members: Sequence[Column]) -> list[Any]:
    from recipe_udfs.operator import Call

    return [Call(m.operator, {k: local_value(v) for k, v in m.args.items()}) for m in members]


@dataclass(frozen=True)
class Edit:
    """Changes texts; text_hash and doc_id follow. A text of which nothing is left becomes null."""

    run: str
    operator: str
    args: Mapping[str, Any]
    schema: Any
    libraries: Mapping[str, str]

    def open(self) -> Callable[[Any], Any]:
        """Loads the operator; the function makes a batch of `schema` of a batch of documents."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from recipe_udfs.identity import doc_ids, text_hashes
        from recipe_udfs.operator import Call

        check_libraries(self.libraries)
        function = function_of(self.run)
        call = Call(self.operator, {k: local_value(v) for k, v in self.args.items()})

        def edited(batch: Any) -> Any:
            text = function({"text": batch.column("text")}, [call])[0][0].cast(pa.large_string())
            text = pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, pa.large_string()), text)
            changed = pc.invert(pc.fill_null(pc.equal(text, batch.column("text").cast(pa.large_string())), False))
            hashes = text_hashes(text.filter(changed))
            ids = doc_ids(batch.column("origin_id").filter(changed), hashes)
            made = {"text": text, "text_bytes": pc.binary_length(text)}
            for name, new in (("text_hash", hashes), ("doc_id", ids)):
                made[name] = pc.replace_with_mask(batch.column(name).cast(new.type), changed, new)
            arrays = [
                made[f.name].cast(f.type) if f.name in made else batch.column(f.name).cast(f.type) for f in self.schema
            ]
            # A row whose text is gone keeps the doc_id it had: it is what its reject is found by.
            at = self.schema.get_field_index("doc_id")
            arrays[at] = pc.coalesce(arrays[at], batch.column("doc_id").cast(self.schema.field(at).type))
            return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

        return edited


@dataclass(frozen=True)
class OpenScorers:
    """Calls each scorer on no text → a row for each that cannot be used: its column, what is wrong, what to do.

    In a worker, because that is where scorers have to run: the driver may have no GPU, and a model it opened would
    stay in its memory. `scorers`: (column, run, operator, args, how the recipe calls its files).
    """

    scorers: tuple[tuple[str, str, str, Mapping[str, Any], Mapping[Blob, str]], ...]
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from recipe_udfs.operator import Call, OperatorError

        check_libraries(self.libraries)
        for batch in batches:
            for index in batch.column(0).to_pylist():
                column, run, operator, args, names = self.scorers[index]
                call = Call(operator, {k: local_value(v) for k, v in args.items()})
                try:
                    function_of(run)({"text": pa.array([], pa.large_string())}, [call])
                except OperatorError as error:
                    message = error.message
                    for blob, name in names.items():
                        message = message.replace(local_copy(blob), name)
                    row = {"column": column, "message": message, "remedy": error.remedy}
                    yield pa.RecordBatch.from_pylist([row], schema=self.schema)


@dataclass(frozen=True)
class ScoreTexts:
    """(text_hash, text, need) → one row for each scorer that the text needs; a model that gave no number gives
    null. `scorers`: (digest, run, operator, args)."""

    scorers: tuple[tuple[str, str, str, Mapping[str, Any]], ...]
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa
        from recipe_udfs.operator import Call

        check_libraries(self.libraries)
        for batch in batches:
            needs = batch.column("need").to_pylist()
            for digest, run, operator, args in self.scorers:
                mask = pa.array([digest in need for need in needs])
                part = batch.filter(mask)
                if not part.num_rows:
                    continue
                call = Call(operator, {k: local_value(v) for k, v in args.items()})
                score = function_of(run)({"text": part.column("text")}, [call])[0][0]
                numbers = score.to_numpy(zero_copy_only=False).astype(np.float64)
                values = pa.array(numbers, pa.float64(), mask=~np.isfinite(numbers))
                columns = {"scorer": pa.array([digest] * part.num_rows), "text_hash": part.column("text_hash")}
                columns["score"] = values
                arrays = [columns[f.name].cast(f.type) for f in self.schema]
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
