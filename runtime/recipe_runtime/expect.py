"""expect: what must hold of an output before a version of it is made. A breach makes no version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recipe_runtime.errors import StepError


@dataclass(frozen=True)
class Unique:
    """No two rows agree in these columns."""

    columns: tuple[str, ...]
    at: str

    def check(self, name: str, rows: Any) -> Any:
        """Looks at these columns alone, before anything is written."""
        from pyspark.sql import functions as F

        twice = rows.groupBy(*self.columns).agg(F.count("*").alias("rows")).where("rows > 1").first()
        if twice is not None:
            found = ", ".join(f"{column} = {twice[column]}" for column in self.columns)
            raise StepError(
                f"{self.at}: expect unique({', '.join(self.columns)}) fails for {name}: "
                f"{twice['rows']} rows have {found}",
                remedy="dedup by those columns, or expect others; no version was made",
            )
        return rows


@dataclass(frozen=True)
class NotNull:
    """Every row has a value in this column."""

    column: str
    at: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, as other expectations name theirs."""
        return (self.column,)

    def check(self, name: str, rows: Any) -> Any:
        """Adds the check to the rows themselves, so that a text is read once: a null ends the write."""
        from pyspark.sql import functions as F

        message = F.lit(f"{self.at}: expect not_null({self.column}) fails for {name}; no version was made")
        value = F.when(F.col(self.column).isNull(), F.raise_error(message)).otherwise(F.col(self.column))
        return rows.withColumn(self.column, value)


def unique(*columns: str, at: str) -> Unique:
    """No two rows agree in `columns`."""
    return Unique(columns, at)


def not_null(column: str, *, at: str) -> NotNull:
    """Every row has a value in `column`."""
    return NotNull(column, at)
