"""Phrases in a text, in any case: `contains` and the share of paragraphs that are boilerplate.

Case is Unicode's simple lower case, code point by code point (`characters.lower_case`). A paragraph is what
`recipe_udfs.statistics` says, taken as it stands in the text from its first line to its last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numba import njit

from recipe_udfs.buffers import numbers, utf8_views
from recipe_udfs.characters import SPACE, classes, lower_case
from recipe_udfs.operator import Call
from recipe_udfs.phrases_kernel import compiled, holds_phrase
from recipe_udfs.statistics_kernels import decode

NEWLINE = 10


def contains(texts: pa.LargeStringArray, calls: Sequence[Call]) -> list[pa.Array]:
    """`contains(phrase, case)` → boolean[n], null for null."""
    data, offsets, valid = utf8_views(texts)
    results = []
    for call in calls:
        found = np.zeros(len(valid), np.bool_)
        if call.args["case"] == "exact":
            _mark_exact(data, offsets, call.args["phrase"].encode(), found)
        else:
            mark_texts(data, offsets, valid, lower_case(), *compiled((call.args["phrase"],)), found)
        results.append(numbers(found, valid))
    return results


def _mark_exact(data: np.ndarray, offsets: np.ndarray, phrase: bytes, found: np.ndarray) -> None:
    """Marks the texts that hold the bytes: all are looked through as one, which is what `bytes.find` is good at."""
    whole, ends = data[offsets[0] : offsets[-1]].tobytes(), offsets - offsets[0]
    found[:] = not phrase
    at = whole.find(phrase) if phrase else -1
    while at >= 0:
        row = np.searchsorted(ends, at, "right") - 1
        end = int(ends[row + 1])
        inside = at + len(phrase) <= end
        found[row] |= inside
        at = whole.find(phrase, end if inside else at + 1)


def boilerplate_paragraph_shares(texts: pa.LargeStringArray, calls: Sequence[Call]) -> list[pa.Array]:
    """`stats.boilerplate_paragraph_share(phrases)` → double[n], null where there is no paragraph."""
    data, offsets, valid = utf8_views(texts)
    results = []
    for call in calls:
        phrases = list(call.args["phrases"])
        if not phrases or not all(phrases):
            raise ValueError(f"phrases is {phrases!r}; it must name at least one text, none of them empty")
        counts = np.zeros((len(valid), 2), np.int64)
        count_paragraphs(data, offsets, valid, classes(), lower_case(), *compiled(tuple(phrases)), counts)
        some = counts[:, 0] > 0
        results.append(numbers(counts[:, 1] / np.where(some, counts[:, 0], 1), some))
    return results


@njit(cache=True, nogil=True)
def mark_texts(data, offsets, valid, lower, codes, ends, filters, ranges, skips, out):
    """bool[n]: does the text hold a phrase? False for null; an empty phrase is in every text."""
    for d in range(len(valid)):
        if valid[d]:
            out[d] = len(codes) == 0 or holds_phrase(
                data, offsets[d], offsets[d + 1], lower, codes, ends, filters, ranges, skips
            )


@njit(cache=True, nogil=True)
def line_end(data, i, end):
    """Where the line that holds i ends: at its newline, or at the end of the text."""
    while i < end and data[i] != NEWLINE:
        i += 1
    return i


@njit(cache=True, nogil=True)
def without_space(data, i, end, classes):
    """Where the first character stands that is no white space, from i on; `end` if there is none."""
    while i < end:
        c, n = decode(data, i, end)
        if not classes[c] & SPACE:
            break
        i += n
    return i


@njit(cache=True, nogil=True)
def count_paragraphs(data, offsets, valid, classes, lower, codes, ends, filters, ranges, skips, out):
    """int64[n, 2]: paragraphs of each text, and those that hold a phrase."""
    for d in range(len(valid)):
        if not valid[d]:
            continue
        end = offsets[d + 1]
        i = without_space(data, offsets[d], end, classes)
        while i < end:
            start, stop = i, line_end(data, i, end)
            while stop < end:  # the lines that follow belong to it, up to one of white space
                stop_of_next = line_end(data, stop + 1, end)
                i = without_space(data, stop + 1, stop_of_next, classes)
                if i == stop_of_next:
                    break
                stop = stop_of_next
            out[d, 0] += 1
            out[d, 1] += holds_phrase(data, start, stop, lower, codes, ends, filters, ranges, skips)
            i = without_space(data, stop, end, classes)
