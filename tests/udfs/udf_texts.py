"""Texts that go wrong, for Hypothesis, and Arrow arrays of them in every shape Arrow allows."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

FRAGMENTS = [
    "", " ", "\n", "\n\n", "\r", "\r\n", "\t", "\0", "\x1c", "\x85", "\u00a0", "\u2028", "\u3000", "\u200b",
    "a", "the", "The", "(with)", "to", "of,", "J.", "J.S.", "Mr.", "Hello.", "hello?", "World!", "\"Yes.\"", "no...",
    "…", "wait…", "#", "##", "...", "....", ".", "?!", ")", "»", "- a", "• b", "*", "-", "1.", "42", "½", "٣",
    "é", "e\u0301", "\u0301", "ß", "İ", "ſ", "K", "Ⱥ", "ﬁ", "日本。", "語！」と", "。", "שלום", "\u202bعربي؟", "🙂",
    "👩\u200d👩\u200d👧", "\ufe0f", "\U0001f1e9\U0001f1ea", "x" * 40, "lorem ipsum", "Lorem Ipsum",
    "{", "javascript", "JavaScript", "</s>", "__label__de", "__label__",
]  # fmt: skip
"""Pieces of text; small, so that lines, words and n-grams repeat."""

characters = st.characters(exclude_categories=["Cs"], max_codepoint=0x2FFFF)
texts = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join),
    st.lists(st.sampled_from([*FRAGMENTS, " ", "\n"]), max_size=60).map("".join),
    st.text(characters, max_size=80),
    st.lists(st.sampled_from(["a b", "a b c", "x", "", " "]), max_size=30).map("\n".join),
)
columns = st.lists(st.none() | texts, max_size=6)


def shapes(values: list[str | None]) -> list[pa.Array | pa.ChunkedArray]:
    """The same column as large_string, string, a slice of a longer array, and chunks."""
    padded = pa.array(["before é", None, *values, "after"], pa.large_string())
    return [
        pa.array(values, pa.large_string()),
        pa.array(values, pa.string()),
        padded.slice(2, len(values)),
        pa.chunked_array([pa.array(values[:1], pa.large_string()), pa.array(values[1:], pa.large_string())]),
    ]
