"""Between Spark's types and the Arrow types its Python workers hand over."""

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
