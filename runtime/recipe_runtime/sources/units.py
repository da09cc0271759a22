"""Units of work: a pinned file, or one of the parts it is read in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TARGET = 64 * 1024 * 1024
"""Bytes a part has at least: small enough for many tasks, large enough for a task's start to vanish."""


@dataclass(frozen=True, slots=True)
class File:
    """An input file as it was when the run began."""

    uri: str  # absolute, opened with lake_fs
    path: str  # as the recipe's path found it: relative where that was, without scheme and bucket
    size: int  # bytes
    checksum: str
    file_id: str  # 32 hex digits over size and checksum (and path, where a column is made of it)
    modified: int | None = None  # local files: mtime in ns
    also: tuple[str, ...] = ()  # URIs of equal files, which are not read again
    groups: tuple[tuple[int, int], ...] = ()  # Parquet: (rows, bytes) of each row group
    partition: tuple[tuple[str, Any], ...] = ()  # Delta: columns whose value stands in the log
    seekable: bool = False  # JSONL: not compressed, so that parts can begin anywhere


@dataclass(frozen=True, slots=True)
class Unit:
    """Part `part` (from 0) of `parts` of a file. `start` and `end` are bytes of JSONL, row groups of Parquet;
    `end` None is the file's end. `first_row` is the row that a Parquet part begins with."""

    file: File
    part: int = 0
    parts: int = 1
    start: int = 0
    end: int | None = None
    first_row: int = 0


def split(file: File, target: int = TARGET) -> Iterator[Unit]:
    """The units of a file: by bytes, by row groups, or the whole of it. The same file is always cut alike."""
    if file.seekable and file.size >= 2 * target:
        parts = file.size // target
        cuts = [file.size * k // parts for k in range(parts)]
        for k, (start, end) in enumerate(zip(cuts, [*cuts[1:], None], strict=True)):
            yield Unit(file, k, parts, start, end)
    elif len(file.groups) > 1:
        spans = list(_spans(file.groups, target))
        first_row = 0
        for k, (start, end) in enumerate(spans):
            yield Unit(file, k, len(spans), start, end, first_row)
            first_row += sum(rows for rows, _ in file.groups[start:end])
    else:
        yield Unit(file, end=len(file.groups) or None)


def _spans(groups: tuple[tuple[int, int], ...], target: int) -> Iterator[tuple[int, int]]:
    """Consecutive row groups, cut once they reach the target."""
    start = size = 0
    for k, (_, group) in enumerate(groups):
        size += group
        if size >= target or k == len(groups) - 1:
            yield start, k + 1
            start, size = k + 1, 0
