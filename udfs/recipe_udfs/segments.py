"""Segments: the pieces of a text that are sent to a model, as spans of its UTF-8 bytes.

A line ends at a newline, which with a carriage return before it belongs to no line. A piece is a run of
whole lines: the bytes from the start of its first line to the end of its last, line ends between them
included, so that it holds what the text holds. A line of white space alone neither begins nor ends one.

Lines are taken greedily while their tokens, and one for each line end between them, are at most `max`.
The piece is then counted as one text; where that is more after all, its last lines go to the next piece.
So every piece has at most `max` tokens, and `tokens` is the count of the piece itself.

Nemotron-CC (Su et al. 2024) segments so: split at newlines, drop a single line over the limit, rejoin greedily.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa

from recipe_udfs.buffers import Strings, large_string, valid_mask
from recipe_udfs.operator import Call
from recipe_udfs.tokens import token_counts

SPANS = pa.list_(pa.struct([(name, pa.int64()) for name in ("span_start", "span_end", "tokens")]))


def segments(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`lines(max, min)` and `head(max, at)` → the spans of each text's pieces, in order; null for a null text.

    `call.args` also holds `tokenizer`, the path of a tokenizer.json. `lines`: a line over `max` is dropped
    and ends a piece; pieces under `min` are dropped. `head`: the first piece, if nothing but blank lines
    stands before it. Raises ValueError where `max` is below 1.
    """
    texts = large_string(inputs["text"])
    valid = valid_mask(texts)
    found: dict[tuple[str, int, bool], list[list[tuple[int, int, int]]]] = {}
    lines: dict[str, list[Lines]] = {}
    results = []
    for call in calls:
        path, most, head = call.args["tokenizer"], int(call.args["max"]), call.operator == "head"
        if most < 1:
            raise ValueError(f"max is {most} tokens; a segment has at least one")
        if path not in lines:
            lines[path] = counted_lines(texts.drop_null().to_pylist(), path)
        if (path, most, head) not in found:
            found[path, most, head] = [text.spans for text in _filled(lines[path], most, head, path)]
        least = int(call.args.get("min") or 0)
        spans = iter(found[path, most, head])
        rows = [[one for one in next(spans) if one[2] >= least] if there else None for there in valid.tolist()]
        results.append([_column(rows, valid)])
    return results


def segment_text(text: bytes, start: int, end: int) -> str:
    """The piece of a text, given in UTF-8, between two byte offsets.

    Raises ValueError where the span is not within the text or does not fall between characters.
    """
    if not 0 <= start <= end <= len(text):
        raise ValueError(f"the span {start} to {end} is not within a text of {len(text)} bytes")
    return text[start:end].decode()


# ---- lines, counted once --------------------------------------------------------------------------


@dataclass(slots=True)
class Lines:
    """One text's lines that hold something: byte spans, which line each is, and its tokens."""

    data: bytes
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)


def counted_lines(texts: Sequence[str], path: str) -> list[Lines]:
    """The lines of texts, tokenised in one batch."""
    results, contents = [], []
    for text in texts:
        lines = Lines(text.encode())
        at = 0
        for number, line in enumerate(lines.data.split(b"\n")):
            held = line[:-1] if line.endswith(b"\r") else line
            content = held.decode()
            if content and not content.isspace():
                lines.starts.append(at)
                lines.ends.append(at + len(held))
                lines.numbers.append(number)
                contents.append(content)
            at += len(line) + 1
        results.append(lines)
    counts = iter(token_counts(contents, path).tolist())
    for lines in results:
        lines.tokens = list(islice(counts, len(lines.starts)))
    return results


# ---- filling --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Filling:
    """How far one text is cut into pieces: the line that comes next, and where the next piece must end."""

    lines: Lines
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    next: int = 0
    before: int | None = None


def _filled(texts: Sequence[Lines], most: int, head: bool, path: str) -> list[Filling]:
    """Every text cut: all candidates of all texts are counted in one batch, and from a text's first piece
    that is too long on they are made anew, with one line less in it. A piece of one line never is."""
    results = [Filling(lines) for lines in texts]
    pending = results
    while pending:
        candidates = [(one, _candidates(one, most, head)) for one in pending]
        pieces = [
            segment_text(one.lines.data, one.lines.starts[first], one.lines.ends[last])
            for one, runs in candidates
            for first, last in runs
        ]
        counts = iter(token_counts(pieces, path).tolist())
        pending = [one for one, runs in candidates if not _accept(one, runs, list(islice(counts, len(runs))), most)]
    return results


def _candidates(text: Filling, most: int, head: bool) -> list[tuple[int, int]]:
    """(first line, last line) of the pieces from `text.next` on, by the sum of their lines' tokens."""
    numbers, tokens = text.lines.numbers, text.lines.tokens
    runs: list[tuple[int, int]] = []
    first, filled = -1, 0
    for i in range(text.next, len(tokens)):
        if first >= 0:
            filled += tokens[i] + numbers[i] - numbers[i - 1]
            if filled <= most and i != text.before:
                continue
            runs.append((first, i - 1))
            if head:
                return runs
        first, filled = (i, tokens[i]) if tokens[i] <= most else (-1, 0)
        if head and first < 0:
            return runs
    return [*runs, (first, len(tokens) - 1)] if first >= 0 else runs


def _accept(text: Filling, runs: Sequence[tuple[int, int]], counts: Sequence[int], most: int) -> bool:
    """Keeps the pieces up to the first that is too long; is there none?"""
    for (first, last), tokens in zip(runs, counts, strict=True):
        if tokens > most:
            text.next, text.before = first, last
            return False
        text.spans.append((text.lines.starts[first], text.lines.ends[last], tokens))
    return True


def _column(rows: Sequence[Sequence[tuple[int, int, int]] | None], valid: np.ndarray) -> pa.ListArray:
    flat = np.array([span for row in rows if row for span in row], np.int64).reshape(-1, 3)
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) if row else 0 for row in rows], out=offsets[1:])
    children = [pa.array(np.ascontiguousarray(flat[:, i])) for i in range(3)]
    values = pa.StructArray.from_arrays(children, fields=list(SPANS.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS, mask=pa.array(~valid))
