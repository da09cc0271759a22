"""How much of an answer stands in the segment it was made from: words, and spans that were copied.

A *word* is a run of letters, digits and combining marks in lower case, as for near duplicates, so that case,
punctuation and spacing do not matter and `don't` is two; in scripts without spaces between words (Chinese,
Japanese, Thai, Lao, Khmer, Myanmar …) every letter with its marks is one. All words are content words, with
numbers and without a list of stop words: a rule that is the same in every language.

**Copied** is a word of the answer that lies in a span of at least `SPAN` words which also occurs, the same
words in the same order, in the segment. Adjoining and overlapping spans are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from recipe_udfs import support_kernels as k
from recipe_udfs.buffers import Strings, large_string, numbers, utf8_views
from recipe_udfs.characters import classes, lower_case
from recipe_udfs.operator import Call
from recipe_udfs.tokens import token_counts

SPAN = 13
"""Words of the shortest span that counts as copied."""


def lexical_support(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`lexical_support` → the answer's words that occur in the segment ÷ its words, 0 to 1.

    Null where either text is null and for an answer without a word.
    """
    answers, answer_offsets, segments, segment_offsets, valid = _views(inputs)
    total, found = np.empty(len(valid), np.int64), np.empty(len(valid), np.int64)
    k.supported(
        answers, answer_offsets, segments, segment_offsets, valid, classes(), lower_case(), total, found
    )  # fmt: skip
    return [[_share(found, total, valid)] for _ in calls]


def copies(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`copied_tokens(tokenizer)` → tokens of the answer's copied spans; `copy_rate` → copied words ÷ words.

    Null where either text is null; the rate also for an answer without a word. The tokens are those of each
    span taken as a text, from its first word's start to its last word's end, summed; at most those of the
    answer. Raises as `tokens.count_tokens`.
    """
    copied = _copied(inputs)
    results = []
    for call in calls:
        if call.operator == "copy_rate":
            results.append([_share(copied.covered, copied.words, copied.valid)])
        else:
            results.append([numbers(_tokens(inputs["answer"], copied, call.args["tokenizer"]), copied.valid)])
    return results


@dataclass(frozen=True)
class Copied:
    """The words of each answer, those copied, and the copied spans as texts with their rows."""

    words: np.ndarray
    covered: np.ndarray
    valid: np.ndarray
    spans: list[str]
    rows: np.ndarray


def _copied(inputs: Mapping[str, Strings]) -> Copied:
    answers, answer_offsets, segments, segment_offsets, valid = _views(inputs)
    n = len(valid)
    total, covered = np.empty(n, np.int64), np.empty(n, np.int64)
    most = n + int(answer_offsets[-1] - answer_offsets[0]) // SPAN
    starts, ends, rows = (np.empty(most, np.int64) for _ in range(3))
    count = k.copied(
        answers, answer_offsets, segments, segment_offsets, valid, classes(), lower_case(), SPAN,
        total, covered, starts, ends, rows,
    )  # fmt: skip
    data = memoryview(answers)
    spans = [str(data[starts[i] : ends[i]], "utf-8") for i in range(count)]
    return Copied(total, covered, valid, spans, rows[:count])


def _tokens(answers: Strings, copied: Copied, path: str) -> np.ndarray:
    """int64[n]: tokens of the copied spans of each answer."""
    tokens = np.zeros(len(copied.valid), np.int64)
    if copied.spans:
        np.add.at(tokens, copied.rows, token_counts(copied.spans, path))
        some = np.unique(copied.rows)
        whole = large_string(answers).take(pa.array(some)).to_pylist()
        tokens[some] = np.minimum(tokens[some], token_counts(whole, path))
    return tokens


def _views(inputs: Mapping[str, Strings]) -> tuple[np.ndarray, ...]:
    """Bytes and offsets of the answers, of the segments, and which rows have both."""
    answers, answer_offsets, some = utf8_views(inputs["answer"])
    segments, segment_offsets, others = utf8_views(inputs["segment"])
    if len(some) != len(others):
        raise ValueError(f"{len(some)} answers and {len(others)} segments; each answer has its own")
    return answers, answer_offsets, segments, segment_offsets, some & others


def _share(part: np.ndarray, whole: np.ndarray, valid: np.ndarray) -> pa.Array:
    """part ÷ whole, null where that is 0."""
    valid = valid & (whole > 0)
    return numbers(part / np.where(valid, whole, 1), valid)
