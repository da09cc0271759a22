"""Between Spark's types, their spelling in DDL, and the Arrow types of Python workers and of delta-rs."""

from __future__ import annotations

from typing import Any


def arrow_schema(struct: Any) -> Any:
    """The Arrow schema Spark expects of `mapInArrow` for a StructType (large strings, UTC timestamps)."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(struct, timezone="UTC", prefers_large_types=True)


def spark_struct(schema: Any) -> Any:
    """The StructType of an Arrow schema."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=False)


def ddl_schema(ddl: str) -> Any:
    """The Arrow schema of columns in Spark's DDL (`a string, b map<string,bigint>`)."""
    import pyarrow as pa

    return pa.schema([_field(part, " ") for part in _parts(ddl)])


def ddl_struct(ddl: str) -> Any:
    """The StructType of columns in Spark's DDL; unlike Spark's own, it needs no session."""
    return spark_struct(ddl_schema(ddl))


def _field(text: str, between: str) -> Any:
    import pyarrow as pa

    name, _, kind = text.strip().partition(between)
    return pa.field(name.strip(), _type(kind.strip()))


def _type(text: str) -> Any:
    import pyarrow as pa

    plain = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    if text in plain:
        return plain[text]
    outer, _, inner = text.removesuffix(">").partition("<")
    if outer == "array":
        return pa.list_(_type(inner))
    if outer == "map":
        key, value = _parts(inner)
        return pa.map_(_type(key.strip()), _type(value.strip()))
    if outer == "struct":
        return pa.struct([_field(part, " ") for part in _parts(inner)])
    raise ValueError(f"no Arrow type for {text!r}")


def _parts(text: str) -> list[str]:
    """Split at commas outside angle brackets."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]
