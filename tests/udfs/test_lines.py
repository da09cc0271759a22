"""`clean lines` removes what C4's rules name, keeps the rest, and counts what went."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import lower_simple, words_of
from recipe_udfs.lines import END_MARKS, clean_lines
from recipe_udfs.operator import Call
from udf_texts import columns, shapes

NO_RULE = {
    "min_words": None, "max_word_length": None, "without": [], "terminal_punctuation": False, "citations": "keep",
}  # fmt: skip
CITATION = re.compile(r"\[[0-9]*]|\[edit]|\[citation needed]")


def cleaned(column: pa.Array, **args) -> list[tuple[str | None, int | None]]:
    text, removed = clean_lines({"text": column}, [Call("lines", {**NO_RULE, **args})])[0]
    text.validate(full=True)
    return list(zip(text.to_pylist(), removed.to_pylist(), strict=True))


def plain(text: str, min_words, max_word_length, without, terminal_punctuation, citations="keep") -> tuple[str, int]:
    kept, removed = [], 0
    for line in map(str.strip, (CITATION.sub("", text) if citations == "remove" else text).split("\n")):
        words = words_of(line)
        goes = (
            len(words) < (min_words or 0)
            or any(len(word) > (max_word_length or len(text)) for word in words)
            or any(lower_simple(phrase) in lower_simple(line) for phrase in without)
            or (terminal_punctuation and (not line.endswith(tuple(END_MARKS)) or line.endswith("...")))
        )
        kept += [] if goes else [line]
        removed += goes and line != ""
    return "\n".join(kept), removed


rules = st.fixed_dictionaries(
    {
        "min_words": st.sampled_from([None, 1, 3]),
        "max_word_length": st.sampled_from([None, 5, 39]),
        "without": st.lists(st.sampled_from(["javascript", "LOREM ipsum", "É", "日本", "İ", "a b", "t"]), max_size=3),
        "terminal_punctuation": st.booleans(),
        "citations": st.sampled_from(["keep", "remove"]),
    }
)


@settings(max_examples=300, deadline=None)
@given(columns, rules)
def test_equals_the_reference(values, args):
    expected = [(None, None) if v is None else plain(v, **args) for v in values]
    assert cleaned(pa.array(values, pa.large_string()), **args) == expected


letters = st.sampled_from("aAkK\u212aiIİsſé xy")  # K, Kelvin's K and k are one letter, of one byte or of three


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(letters, min_size=1, max_size=12), min_size=1, max_size=3), st.data())
def test_phrases_of_any_length_are_found_wherever_they_stand_and_however_they_are_spelled(phrases, data):
    lines = data.draw(st.lists(st.text(letters)))
    phrase = data.draw(st.sampled_from(phrases))
    spelled = [data.draw(st.sampled_from([c for c in (x, x.lower(), x.upper()) if len(c) == 1])) for x in phrase]
    lines.append(data.draw(st.text(letters)) + "".join(spelled) + data.draw(st.text(letters, max_size=2)))
    args = {"min_words": None, "max_word_length": None, "without": phrases, "terminal_punctuation": False}
    assert cleaned(pa.array(["\n".join(lines)], pa.large_string()), **args) == [plain("\n".join(lines), **args)]


@settings(max_examples=40, deadline=None)
@given(columns)
def test_slices_chunks_and_string_types_make_no_difference(values):
    results = [cleaned(column, min_words=2) for column in shapes(values)]
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize(
    ("rule", "kept", "removed"),
    [
        ({}, "Home\n\nThis page uses Cookies.\nA good sentence stands here.\nand it goes on...", 0),
        ({"min_words": 3}, "This page uses Cookies.\nA good sentence stands here.\nand it goes on...", 1),
        ({"without": ["uses cookies"]}, "Home\n\nA good sentence stands here.\nand it goes on...", 1),
        ({"max_word_length": 7}, "Home\n\nand it goes on...", 2),
        ({"terminal_punctuation": True}, "This page uses Cookies.\nA good sentence stands here.", 2),
        ({"min_words": 9}, "", 4),
    ],
    ids=str,
)
def test_each_rule(rule, kept, removed):
    page = " Home \n\nThis page uses Cookies.\nA good sentence stands here.\r\nand it goes on..."
    assert cleaned(pa.array([page]), **rule) == [(kept, removed)]


@pytest.mark.parametrize("number", [0, 63, 64, 99])
def test_more_phrases_than_bits(number):
    page = f"a line\nwith PHRASE{number:02}\nand phrase\nkelvin \u212aey"
    phrases = [f"phrase{i:02}" for i in range(100) if i != 50]
    assert cleaned(pa.array([page]), without=phrases) == [(page.replace(f"\nwith PHRASE{number:02}", ""), 1)]
    assert cleaned(pa.array(["phrase50\nphras"]), without=phrases) == [("phrase50\nphras", 0)]
    assert cleaned(pa.array([page]), without=["key"])[0][1] == 1, "K has the lower case k"


def test_line_ends_and_citations_are_found_wherever_they_stand():
    """Bytes are looked for many at once: so at each place of what is looked at together, and behind it."""
    rules = {**NO_RULE, "min_words": 2, "citations": "remove"}
    pages = [f"{'a' * n} b[12]c\n{'é' * (n // 2)}\n{'d' * n}[1]{'e ' * n}[edit]\nlast" for n in range(150)]
    assert cleaned(pa.array([*pages, "f g"]), **rules) == [plain(page, **rules) for page in [*pages, "f g"]]


def test_an_empty_phrase_is_refused():
    with pytest.raises(ValueError, match="empty text is in every line"):
        cleaned(pa.array(["a"]), without=["x", ""])


def test_citations_go_before_the_rules_are_asked():
    column = pa.array(["A line[1] of four words.[12]\n[edit]\nTwo [citation needed] words.\n[a] [1a] [ 1 ]"])
    assert cleaned(column, citations="remove", min_words=3) == [("A line of four words.\n[a] [1a] [ 1 ]", 1)]
    assert cleaned(column, min_words=3) == [(column[0].as_py().replace("[edit]\n", ""), 1)]
