"""Which columns a source has, and what has changed in them: between its files, and between two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from recipe_runtime.sources.spec import SourceError, SourceSpec

Names = Mapping[str, str]
"""Column → type, as text: what a run remembers of a source."""


def names(schema: pa.Schema) -> dict[str, str]:
    """The columns of a schema with their types as text."""
    return {field.name: _FORMS.get((field.metadata or {}).get(b"form"), str(field.type)) for field in schema}


_FORMS = {b"json": "json", b"unseen": "null"}


def compare_schemas(before: Names, now: Names) -> list[str]:
    """What was lost, gained and retyped, in words; empty where nothing was. Order does not count, nor does a
    column without a value on either side (`null`), because it has shown no type."""
    lost = [f"{name} ({before[name]}) is lost" for name in before if name not in now]
    gained = [f"{name} ({now[name]}) is new" for name in now if name not in before]
    retyped = [
        f"{name} was {before[name]} and is {now[name]}"
        for name in before
        if name in now and before[name] != now[name] and "null" not in (before[name], now[name])
    ]
    return lost + gained + retyped


def agreed(spec: SourceSpec, schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """The one schema of all files, given as (URI, schema); raises SourceError with the difference by file."""
    first_uri, first = schemas[0]
    differences = [
        f"{uri}: " + ", ".join(changes)
        for uri, schema in schemas[1:]
        if (changes := compare_schemas(names(first), names(schema)))
    ]
    if differences:
        more = f"\n  … and {len(differences) - 5} more files" if len(differences) > 5 else ""
        raise SourceError(
            f"the files of source {spec.name} do not have the same columns; against {first_uri}\n  "
            + "\n  ".join(differences[:5])
            + more,
            remedy="give files of one schema to one source, and make a source of each other schema",
        )
    return first


def check_fields(spec: SourceSpec, schema: pa.Schema) -> None:
    """Raises SourceError where the recipe names a column that the files do not have."""
    missing = [name for name in spec.fields() if schema.get_field_index(name) < 0]
    if missing:
        raise SourceError(
            f"source {spec.name} has no column {', '.join(missing)}",
            remedy=f"its columns are {', '.join(schema.names)}; change the recipe, or the input",
        )


def spark_schema(spec: SourceSpec, schema: pa.Schema) -> pa.Schema:
    """The schema with types that Spark has; raises SourceError for a column the recipe names and Spark cannot
    carry. What the recipe does not name keeps its type."""
    wanted = set(spec.fields())
    return pa.schema([f.with_type(_spark_type(spec, f.name, f.type)) if f.name in wanted else f for f in schema])


_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
    pa.null(): pa.string(),
}


def _spark_type(spec: SourceSpec, name: str, kind: pa.DataType) -> pa.DataType:
    def inner(kind: pa.DataType) -> pa.DataType:
        return _spark_type(spec, name, kind)

    if kind in _WIDER:
        return _WIDER[kind]
    if pa.types.is_dictionary(kind):
        return inner(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(inner(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(inner(kind.key_type), inner(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, inner(f.type)) for f in kind])
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_date32)
    if any(is_kind(kind) for is_kind in (*plain, pa.types.is_binary, pa.types.is_decimal128)):
        return kind
    raise SourceError(
        f"source {spec.name}: column {name} has the type {kind}, which Spark does not have",
        remedy="leave the column out, or convert it in the input",
    )
