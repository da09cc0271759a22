"""Text statistics: what is counted, and the fused pass that counts all that a batch is asked for.

**Definitions.** Characters are Unicode code points. White space is what `str.isspace()` says. A *word* is a
run of characters between white space; in scripts that put no spaces between words (Chinese, Japanese, Thai,
Lao, Khmer, Burmese and others: `characters.UNSPACED_SCRIPTS`) a letter with its combining marks is a word, so
a run is parted between two letters or digits wherever one of them is such a letter: `第3章，` is `第`, `3`,
`章，`. A *line* ends at a newline and nowhere else (a lone carriage return is white space); it is taken without
the white space around it, and does not count if nothing is left. A *paragraph* is a run of such lines between
empty ones. A *sentence* ends at the end of a line, behind a word that ends in one of `.?!…‽؟۔।॥։` (quotes and
brackets may follow) unless the next word begins in lower case or the word is an initial (`J.`), and behind
`。！？｡` wherever they stand.

**Shares, ratios and lengths** of nothing are null: no character, no word, no line, no paragraph, as the name
says. Duplicates are what occurred before, so a line that stands three times counts twice.

**Against datatrove 0.10** (whose rules these serve): words are the paper's, between white space, not a
tokenizer's that splits punctuation off; lines and paragraphs are trimmed and empty lines count for
nothing; a paragraph ends at a line of white space too; stop words match in any case; sentences are by the
rule above, not by Punkt. N-gram shares follow it: the most frequent n-gram (the first of equals) with the
spaces inside, and repeated n-grams without, both ÷ characters of the text; a share never exceeds 1.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from recipe_udfs import statistics_kernels as k
from recipe_udfs.buffers import Strings, joined, large_string, numbers, padded, utf8_views
from recipe_udfs.characters import WORD, classes, lower, lower_case
from recipe_udfs.operator import Call
from recipe_udfs.statistics_characters import SHARES, character_shares
from recipe_udfs.statistics_documents import document_statistics
from recipe_udfs.statistics_phrases import boilerplate_paragraph_shares, contains
from recipe_udfs.statistics_words import word_key

MAX_N = 32
"""Longest n-gram."""


def statistics(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """Every `stats.*` and `contains` call over one batch of texts: one array a call, null for a null text."""
    texts = large_string(inputs["text"])
    found: dict[int, pa.Array] = {}
    for operators, family in FAMILIES:
        members = [i for i, call in enumerate(calls) if call.operator in operators]
        if members:
            found.update(zip(members, family(texts, [calls[i] for i in members]), strict=True))
    return [[found[i]] for i in range(len(calls))]


def figures(texts: pa.LargeStringArray, calls: Sequence[Call]) -> list[pa.Array]:
    """The figures of words, lines and n-grams: one walk over each text counts all that these calls ask for."""
    wanted = Wanted()
    for call in calls:
        if call.operator in PARAMETERS:
            name, read = PARAMETERS[call.operator]
            wanted.add(name, read(call.args))
        wanted.duplicates |= "duplicate_line" in call.operator or "duplicate_paragraph" in call.operator
    counts = _count(texts, wanted)
    return [FIGURES[call.operator](counts, call.args) for call in calls]


# ---- what is asked for: each distinct parameter once ---------------------------------------------


@dataclass
class Wanted:
    """The parameters of a batch's calls, by kind and in the order of the kernel's columns."""

    duplicates: bool = False
    tops: list[int] = field(default_factory=list)
    dups: list[int] = field(default_factory=list)
    shorts: list[int] = field(default_factory=list)
    marks: list[tuple[str, ...]] = field(default_factory=list)
    symbols: list[tuple[str, ...]] = field(default_factory=list)
    words: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, name: str, value: Hashable) -> None:
        values = getattr(self, name)
        if value not in values:
            values.append(value)
            if name in ("tops", "dups"):
                values.sort()

    def groups(self) -> list[tuple[tuple[str, ...], list[str]]]:
        """(symbols asked for, spellings of one symbol among them)."""
        return [(asked, group) for asked in self.symbols for group in _symbol_groups(asked)]


def _n(args: Mapping[str, Any]) -> int:
    if not 1 <= args["n"] <= MAX_N:
        raise ValueError(f"n is {args['n']}; an n-gram has 1 to {MAX_N} words")
    return int(args["n"])


def _texts(name: str) -> Callable[[Mapping[str, Any]], tuple[str, ...]]:
    def read(args: Mapping[str, Any]) -> tuple[str, ...]:
        values = tuple(args[name])
        if not values or not all(values):
            raise ValueError(f"{name} is {list(values)!r}; it must name at least one text, none of them empty")
        return values

    return read


PARAMETERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Any]]] = {
    "stats.top_ngram_character_share": ("tops", _n),
    "stats.duplicate_ngram_character_share": ("dups", _n),
    "stats.short_line_share": ("shorts", lambda args: int(args["max"])),
    "stats.line_end_share": ("marks", _texts("marks")),
    "stats.symbol_word_ratio": ("symbols", _texts("symbols")),
    "stats.distinct_words_of": ("words", _texts("words")),
}


def _symbol_groups(spellings: Iterable[str]) -> list[list[str]]:
    """Spellings made of dots and ellipses alone are one symbol, every other is one of its own."""
    dots = [s for s in dict.fromkeys(spellings) if not s.strip(".…")]
    return [*([dots] if dots else []), *([s] for s in dict.fromkeys(spellings) if s not in dots)]


# ---- counting ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """What the kernel counted: int64[texts, columns], which texts there are, their bytes."""

    wanted: Wanted
    columns: np.ndarray
    valid: np.ndarray
    sizes: np.ndarray

    def __getitem__(self, column: int) -> np.ndarray:
        return self.columns[:, column]

    def parameter(self, name: str, value: Hashable) -> np.ndarray:
        """The column of one parameter."""
        at = k.FIXED
        for kind in ("tops", "dups", "shorts", "marks"):
            if kind == name:
                return self[at + getattr(self.wanted, name).index(value)]
            at += len(getattr(self.wanted, kind))
        groups = self.wanted.groups()
        if name == "symbols":
            return np.max([self[at + i] for i, (asked, _) in enumerate(groups) if asked == value], axis=0)
        return self[at + len(groups) + self.wanted.words.index(value)]


def _count(texts: pa.LargeStringArray, wanted: Wanted) -> Counts:
    data, offsets, valid = utf8_views(texts)
    sizes = np.diff(offsets)
    data, eights, offsets = padded(data, offsets)
    groups = wanted.groups()
    marks, mark_ends = joined([mark for marks in wanted.marks for mark in marks])
    symbols, symbol_ends = joined([spelling for _, group in groups for spelling in group])
    keys = [_word_keys(words) for words in wanted.words]
    ns = sorted({*wanted.tops, *wanted.dups})
    parameters = (wanted.tops, wanted.dups, wanted.shorts, wanted.marks, groups, wanted.words)
    out = np.zeros((len(texts), k.FIXED + sum(map(len, parameters))), np.int64)
    document_statistics(
        data, eights, offsets, valid, classes(), lower_case(), wanted.duplicates, np.array(ns, np.int64),
        _columns(ns, wanted.tops, k.FIXED), _columns(ns, wanted.dups, k.FIXED + len(wanted.tops)),
        np.array(wanted.shorts, np.int64),
        marks, mark_ends, np.cumsum([len(marks) for marks in wanted.marks], dtype=np.int64),
        symbols, symbol_ends, np.array([i for i, (_, group) in enumerate(groups) for _ in group], np.int64),
        len(groups),
        *(np.concatenate([np.zeros(0, kind), *(key[i] for key in keys)], dtype=kind) for i, kind in enumerate(KEY)),
        np.cumsum([len(key[0]) for key in keys], dtype=np.int64),
        max((len(word) for words in wanted.words for word in words), default=0),
        out,
    )  # fmt: skip
    return Counts(wanted, out, valid, sizes)


def _columns(ns: Sequence[int], of: Sequence[int], first: int) -> np.ndarray:
    """The column of each n, -1 for one that is not among `of`."""
    return np.array([first + of.index(n) if n in of else -1 for n in ns], np.int64)


KEY = (np.uint64, np.uint8, np.uint8)


@cache
def _word_keys(words: tuple[str, ...]) -> list[np.ndarray]:
    """The distinct hashes the kernel looks for, sorted, with the first character and the characters of each word."""
    found = {}
    counted = figures(pa.array(words, pa.large_string()), [Call("stats.words")])[0].to_pylist()
    for word, count in zip(words, counted, strict=True):
        if count != 1:
            raise ValueError(f"{word!r} is {count} words and never one of a text: list each word by itself")
    for word in words:
        encoded, _ = joined([word])
        key = int(word_key(encoded, 0, len(encoded), classes(), lower_case(), len(word)))
        inside = [i for i, c in enumerate(word) if classes()[ord(c)] & WORD] or [0, len(word) - 1]
        bare = lower(word[inside[0] : inside[-1] + 1])
        found[key] = (ord(bare[0]) if bare[0].isascii() else 0, min(len(bare), 63))
    columns = zip(*((key, *found[key]) for key in sorted(found)), strict=True)
    return [np.array(column, kind) for column, kind in zip(columns, KEY, strict=True)]


# ---- from counts to figures ----------------------------------------------------------------------

Figure = Callable[[Counts, Mapping[str, Any]], pa.Array]


def _number(column: int) -> Figure:
    return lambda counts, args: numbers(counts[column], counts.valid)


def _quotient(above: Callable[[Counts, Mapping[str, Any]], np.ndarray], below: int, limit: float = 1.0) -> Figure:
    """above ÷ a column, null where that is 0."""

    def figure(counts: Counts, args: Mapping[str, Any]) -> pa.Array:
        valid = counts.valid & (counts[below] > 0)
        return _divide(above(counts, args), counts[below], valid, limit)

    return figure


def _divide(above: np.ndarray, below: np.ndarray, valid: np.ndarray, limit: float) -> pa.Array:
    return numbers(np.minimum(above / np.where(valid, below, 1), limit), valid)


def _column(column: int) -> Callable[[Counts, Mapping[str, Any]], np.ndarray]:
    return lambda counts, args: counts[column]


def _asked(operator: str) -> Callable[[Counts, Mapping[str, Any]], np.ndarray]:
    name, read = PARAMETERS[operator]
    return lambda counts, args: counts.parameter(name, read(args))


def _of_characters(above: Callable[[Counts, Mapping[str, Any]], np.ndarray], some: int, newlines: bool) -> Figure:
    """above ÷ characters of the text (without its newlines, if so), null where the column `some` is 0."""

    def figure(counts: Counts, args: Mapping[str, Any]) -> pa.Array:
        below = counts[k.CHARACTERS] - (0 if newlines else counts[k.NEWLINES])
        return _divide(above(counts, args), below, counts.valid & (counts[some] > 0), 1.0)

    return figure


UNLIMITED = float("inf")

FIGURES: Mapping[str, Figure] = {
    "stats.characters": _number(k.CHARACTERS),
    "stats.bytes": lambda counts, args: numbers(counts.sizes, counts.valid),
    "stats.lines": _number(k.LINES),
    "stats.paragraphs": _number(k.PARAGRAPHS),
    "stats.words": _number(k.WORDS),
    "stats.sentences": _number(k.SENTENCES),
    "stats.mean_word_length": _quotient(_column(k.WORD_CHARACTERS), k.WORDS, UNLIMITED),
    "stats.symbol_word_ratio": _quotient(_asked("stats.symbol_word_ratio"), k.WORDS, UNLIMITED),
    "stats.bullet_line_share": _quotient(_column(k.BULLET_LINES), k.LINES),
    "stats.ellipsis_line_share": _quotient(_column(k.ELLIPSIS_LINES), k.LINES),
    "stats.alphabetic_word_share": _quotient(_column(k.LETTER_WORDS), k.WORDS),
    "stats.distinct_words_of": lambda counts, args: numbers(
        _asked("stats.distinct_words_of")(counts, args), counts.valid
    ),
    "stats.duplicate_line_share": _quotient(_column(k.DUPLICATE_LINES), k.LINES),
    "stats.duplicate_paragraph_share": _quotient(_column(k.DUPLICATE_PARAGRAPHS), k.PARAGRAPHS),
    "stats.duplicate_line_character_share": _of_characters(
        _column(k.DUPLICATE_LINE_CHARACTERS), k.LINES, newlines=False
    ),
    "stats.duplicate_paragraph_character_share": _of_characters(
        _column(k.DUPLICATE_PARAGRAPH_CHARACTERS), k.PARAGRAPHS, newlines=True
    ),
    "stats.top_ngram_character_share": _of_characters(
        _asked("stats.top_ngram_character_share"), k.WORDS, newlines=True
    ),
    "stats.duplicate_ngram_character_share": _of_characters(
        _asked("stats.duplicate_ngram_character_share"), k.WORDS, newlines=True
    ),
    "stats.line_end_share": _quotient(_asked("stats.line_end_share"), k.LINES),
    "stats.short_line_share": _quotient(_asked("stats.short_line_share"), k.LINES),
    "stats.newline_word_ratio": _quotient(_column(k.NEWLINES), k.WORDS, UNLIMITED),
    "stats.max_word_length": lambda counts, args: numbers(
        counts[k.LONGEST_WORD], counts.valid & (counts[k.WORDS] > 0)
    ),
}

FAMILIES: Sequence[tuple[Container[str], Callable[[pa.LargeStringArray, Sequence[Call]], list[pa.Array]]]] = (
    (FIGURES, figures),
    (SHARES, character_shares),
    (("stats.boilerplate_paragraph_share",), boilerplate_paragraph_shares),
    (("contains",), contains),
)
"""Operators that one pass over the texts serves, and that pass."""
