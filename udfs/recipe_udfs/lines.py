"""`clean lines`: C4's line rules (Raffel et al. 2020), which remove lines and keep the page.

A line ends at a newline; it is taken without the white space around it and around what citations leave. Words
are those of `recipe_udfs.statistics`. Deliberate differences from datatrove 0.10's C4 filter: only a newline ends
a line (it also takes carriage returns, form feeds and others), and the marks that may end a line are those below,
for all scripts, in place of `. ? ! " '`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recipe_udfs.buffers import Strings, bytes_view, joined, null_bitmap, utf8_views
from recipe_udfs.characters import SENTENCE_MARKS, WIDE_SENTENCE_MARKS, classes, lower_case
from recipe_udfs.lines_kernel import keep_lines
from recipe_udfs.operator import Call
from recipe_udfs.phrases_kernel import compiled

END_MARKS = SENTENCE_MARKS.replace("…", "") + WIDE_SENTENCE_MARKS + "\"'”’»"
"""What a line may end in under `terminal_punctuation`; an ellipsis is no end."""
CITATIONS = ("[edit]", "[citation needed]")
"""What goes beside numbers in brackets, `[12]` and `[]`, under `citations = remove`: Wikipedia's (C4's own code)."""


def clean_lines(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`lines(min_words, max_word_length, without, terminal_punctuation, citations)` → text, removed_lines.

    A blank line has no word and ends in no mark, and goes by those rules; `removed_lines` counts only
    lines with something on them, citations left out. Where no line stays the text is empty.
    """
    return [_clean(inputs["text"], call.args) for call in calls]


def _clean(texts: Strings, args: Mapping[str, Any]) -> list[pa.Array]:
    data, offsets, valid = utf8_views(texts)
    if not all(args["without"]):
        raise ValueError(f"without is {list(args['without'])!r}; an empty text is in every line")
    citations = CITATIONS if args.get("citations") == "remove" else ()
    left = np.empty(int(np.diff(offsets).max(initial=0)) if citations else 0, np.uint8)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends, removed = np.empty(len(valid), np.int64), np.empty(len(valid), np.int64)
    size = keep_lines(
        data, offsets, valid, classes(), lower_case(),
        int(args["min_words"] or 0), int(args["max_word_length"] or 0),
        *compiled(tuple(args["without"])),
        np.array(sorted(map(ord, END_MARKS)), np.int64), bool(args["terminal_punctuation"]),
        *joined(citations), left, bytes_view(left.data), out, ends, removed,
    )  # fmt: skip
    new_offsets = np.concatenate([np.zeros(1, np.int64), ends])
    nulls = int((~valid).sum())
    buffers = [null_bitmap(valid), pa.py_buffer(new_offsets), pa.py_buffer(out[:size])]
    cleaned = pa.LargeStringArray.from_buffers(len(valid), buffers[1], buffers[2], buffers[0], nulls)
    return [cleaned, pa.array(removed, mask=~valid)]
