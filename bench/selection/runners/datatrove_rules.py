"""What datatrove's filters say of each document, rule by rule: every rule asked alone, of every text.

    python datatrove_rules.py INPUT OUTPUT MARKS

INPUT is a .jsonl file with id and text; MARKS, as JSON, the marks that end a line to our rules: `{"fineweb": [],
"c4": []}`. OUTPUT gets a line for each document: `lines`, the text that datatrove's C4 filter leaves, null where it
drops the page; under `theirs` the reasons that datatrove gives (`failed`), and why FineWeb's chain of filters drops it,
null where it stays (`chain`); under `ours` the same where words are what stands between white space, in place of
spaCy's tokens, lines end in MARKS, and a line of white space is an empty one. C4's rules count what its own line rules
leave, with and without terminal punctuation (`…, terminal`); all others read the text as it is. Words and sentences are
cut once for all rules.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterable

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result
from datatrove.utils import text as texts

PROCESSES = 2
QUALITY = {
    "min_doc_words": 50, "max_doc_words": 100_000, "min_avg_word_length": 3, "max_avg_word_length": 10,
    "max_symbol_word_ratio": 0.1, "max_bullet_lines_ratio": 0.9, "max_ellipsis_lines_ratio": 0.3,
    "max_non_alpha_words_ratio": 0.8, "min_stop_words": 2,
}  # fmt: skip
REPETITION = {"dup_line_frac": 0.3, "dup_para_frac": 0.3, "dup_line_char_frac": 0.2, "dup_para_char_frac": 0.2}
TOP = ((2, 0.2), (3, 0.18), (4, 0.16))
REPEATED = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
FINEWEB = {"line_punct_thr": 0.12, "short_line_thr": 0.67, "char_duplicates_ratio": 0.01, "new_line_ratio": 0.3}
FINEWEB_OFF = {"line_punct_thr": 0.0, "short_line_thr": 1.0, "char_duplicates_ratio": 1.0, "new_line_ratio": math.inf}
"""Values at which a rule drops nothing; the other filters take None for that."""


def alone() -> list[BaseFilter]:
    """A filter for every rule, in which only that rule can drop a text."""
    no_grams = {"top_n_grams": (), "dup_n_grams": ()}
    off = dict.fromkeys(REPETITION) | no_grams
    return [
        *(GopherQualityFilter(**dict.fromkeys(QUALITY) | {name: value}) for name, value in QUALITY.items()),
        *(GopherRepetitionFilter(**off | {name: value}) for name, value in REPETITION.items()),
        *(GopherRepetitionFilter(**off | {"top_n_grams": (gram,)}) for gram in TOP),
        *(GopherRepetitionFilter(**off | {"dup_n_grams": (gram,)}) for gram in REPEATED),
        *(FineWebQualityFilter(**FINEWEB_OFF | {name: value}) for name, value in FINEWEB.items()),
    ]


def c4_alone(terminal: bool) -> list[C4QualityFilter]:
    """C4's three page rules, each alone, behind its line rules."""
    off = {"filter_lorem_ipsum": False, "filter_curly_bracket": False, "min_num_sentences": -1}
    some = ({"filter_lorem_ipsum": True}, {"filter_curly_bracket": True}, {"min_num_sentences": 5})
    return [C4QualityFilter(filter_no_terminal_punct=terminal, **off | one) for one in some]


CHAIN = [
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
]
ALONE = alone()
C4 = {"": c4_alone(terminal=False), ", terminal": c4_alone(terminal=True)}
LINES = C4QualityFilter(
    filter_no_terminal_punct=False, filter_lorem_ipsum=False, filter_curly_bracket=False, min_num_sentences=-1
)


def remembered(cut: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The same function, which remembers what it cut the texts of one document into."""
    known: dict[str, list[str]] = {}

    def cut_once(text: str, *language: str) -> list[str]:
        if text not in known:
            if len(known) > 5_000:
                known.clear()
            known[text] = cut(text, *language)
        return known[text]

    return cut_once


TOKENS = remembered(texts.split_into_words)
THEIR_MARKS = (FineWebQualityFilter().stop_chars, c4_filters.END_PUNCTUATION)
OURS: dict[str, list[str]] = {}


def reason(rule: BaseFilter, document: Document) -> str | None:
    """Why a filter drops a document; None where it keeps it."""
    keep, why = get_filter_result(rule.filter(document))
    return None if keep else why


def spaces(text: str, *language: str) -> list[str]:
    return text.split()


def read_with(cut: Callable[..., list[str]], fineweb_marks: Iterable[str], c4_marks: Iterable[str]) -> None:
    """From here on the filters cut words so, and lines end in these marks."""
    for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
        module.split_into_words = cut
    c4_filters.END_PUNCTUATION = tuple(c4_marks)
    for rule in (*ALONE, *CHAIN):
        if isinstance(rule, FineWebQualityFilter):
            rule.stop_chars = tuple(fineweb_marks)


def emptied(text: str) -> str:
    """The text with nothing in its lines of white space."""
    return "\n".join(line if line.strip() else "" for line in text.split("\n"))


def decisions(row: dict[str, str]) -> dict[str, object]:
    def document() -> Document:
        return Document(text=row["text"], id=row["id"])

    failed = {reason(rule, document()) for rule in ALONE}
    for suffix, rules in C4.items():
        failed |= {why + suffix for rule in rules if (why := reason(rule, document()))}
    passing = document()
    chain = next((why for step in CHAIN if (why := reason(step, passing))), None)
    return {"failed": sorted(failed - {None}), "chain": chain}


def judged(line: str) -> str:
    row = json.loads(line)
    read_with(TOKENS, *THEIR_MARKS)
    theirs = decisions(row)
    cleaned = Document(text=row["text"], id=row["id"])
    left = reason(LINES, cleaned) is None
    read_with(spaces, OURS["fineweb"], OURS["c4"])
    ours = decisions(row | {"text": emptied(row["text"])})
    return json.dumps({"id": row["id"], "lines": cleaned.text if left else None, "theirs": theirs, "ours": ours})


def main(source: str, target: str, marks: str) -> None:
    OURS.update(json.loads(marks))
    c4_filters.split_into_sentences = remembered(texts.split_into_sentences)
    with open(source) as lines, open(target, "w") as out, multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        for result in pool.imap(judged, lines, chunksize=50):
            out.write(result + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
