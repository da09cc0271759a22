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
    "{", "javascript", "JavaScript", "</s>", "__label__de", "__label__", "[12]", "[edit", "it.[]", "[citation needed]",
    "第3章GPT", "ก่อน", "か\u3099", "日本?", "한국어 문장",
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


def raw_column(values: list[bytes | None], kind: pa.DataType | None = None) -> pa.Array:
    """A string column of bytes that need not be UTF-8, as no constructor of Arrow's would make it."""
    binary = pa.array(values, pa.binary() if kind == pa.string() else pa.large_binary())
    return pa.Array.from_buffers(kind or pa.large_string(), len(values), binary.buffers(), binary.null_count)


def decoded(data: bytes, apart: bool = False) -> str:
    """What the kernels read: a byte that begins no whole character is U+0000, a surrogate is a character.

    apart: such bytes are surrogates of their own, of no class like U+0000, so that different ones differ.
    """
    text, i = "", 0
    while i < len(data):
        for n in (1, 2, 3, 4):
            try:
                text += data[i : i + n].decode("utf-8", "surrogatepass")
                break
            except UnicodeDecodeError:
                continue
        else:
            text, n = text + (chr(0xDC00 + data[i]) if apart else "\0"), 1
        i += n
    return text


BROKEN = [
    b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xe0\x80\xa0", b"\xe0\x80\x8a", b"\xe2\x80", b"\xe3\x80", b"\xfe\xfe",
    b"\xf0\x80\x80\x8a", b"\xf0\x9f\x99", b"\xf5\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xed\xb0\x80",
    b"\xed\xa0\xbd\xed\xb9\x82", b"\xc2\n", b"\xc2 ", b"\0",
]  # fmt: skip
"""Bytes that are no UTF-8: stray and missing continuation bytes, overlong blanks and newlines, surrogates; and NUL."""

raw_texts = st.lists(
    st.one_of(st.sampled_from(BROKEN), st.sampled_from(FRAGMENTS).map(str.encode), st.sampled_from([b" ", b"\n"])),
    max_size=40,
).map(b"".join) | st.binary(max_size=60)
raw_columns = st.lists(st.none() | raw_texts, max_size=5)
