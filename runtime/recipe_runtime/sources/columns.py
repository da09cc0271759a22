"""Columns that only the reader of a source can make, in the shape of every operator's `run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from recipe_udfs.operator import Call


def path_part(inputs: Mapping[str, Any], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """The n-th part of each `path`, from 0, or from the end where n is negative; null where there is none."""
    split = [path.strip("/").split("/") for path in inputs["path"].to_pylist()]
    return [[pa.array([_part(parts, call.args["n"]) for parts in split], pa.string())] for call in calls]


def _part(parts: list[str], n: int) -> str | None:
    return parts[n] if -len(parts) <= n < len(parts) else None
