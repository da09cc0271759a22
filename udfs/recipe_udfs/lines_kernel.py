"""The kernel behind `lines`: which lines of a text stay, and the text that they make."""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import SPACE
from recipe_udfs.statistics_kernels import DOT, NEWLINE, decode


@njit(cache=True, nogil=True)
def holds_phrase(data, start, end, lower, phrases, phrase_ends, firsts):
    """Does the line hold one of the phrases in any case? Phrases are code points in lower case; `firsts`
    says which low bytes of a first code point occur."""
    i = start
    while i < end:
        c, n = decode(data, i, end)
        c = lower[c]
        if firsts[c & 0xFF]:
            begin = 0
            for p in range(len(phrase_ends)):
                j, at = begin, i
                while j < phrase_ends[p] and at < end:
                    c, width = decode(data, at, end)
                    if lower[c] != phrases[j]:
                        break
                    at += width
                    j += 1
                if j == phrase_ends[p]:
                    return True
                begin = phrase_ends[p]
        i += n
    return False


@njit(cache=True, nogil=True)
def keep_lines(
    data, offsets, valid, classes, lower, min_words, max_word, phrases, phrase_ends, marks, terminal, out, ends, removed
):
    """Writes the lines that stay to `out`, a newline between two; `ends[i]`: where text i ends there.

    min_words, max_word: 0 for no limit; terminal: a line ends in one of `marks` (code points, sorted) and
    not in three dots; removed: how many lines with anything on them went. Null texts have no lines.
    """
    firsts = np.zeros(256, np.bool_)
    for p in range(len(phrase_ends)):
        firsts[phrases[phrase_ends[p - 1] if p else 0] & 0xFF] = True
    size = 0
    for d in range(len(valid)):
        removed[d] = 0
        if valid[d]:
            i, end, first_line = offsets[d], offsets[d + 1], True
            while i <= end:
                line_start, line_end = -1, i  # without the white space around it
                words = length = longest = last = 0
                while i < end and data[i] != NEWLINE:
                    c, n = decode(data, i, end)
                    if classes[c] & SPACE:
                        length = 0
                    else:
                        line_start = i if line_start < 0 else line_start
                        words += length == 0
                        length += 1
                        longest = max(longest, length)
                        last, line_end = c, i + n
                    i += n
                i += 1
                blank = line_start < 0
                line_start = line_end if blank else line_start
                keep = words >= min_words and (max_word == 0 or longest <= max_word)
                if keep and terminal:
                    at = np.searchsorted(marks, last)
                    keep = not blank and at < len(marks) and marks[at] == last
                    if line_end - line_start >= 3 and last == DOT:
                        keep = keep and not (data[line_end - 2] == DOT and data[line_end - 3] == DOT)
                if keep and len(phrase_ends):
                    keep = not holds_phrase(data, line_start, line_end, lower, phrases, phrase_ends, firsts)
                if keep:
                    if not first_line:
                        out[size] = NEWLINE
                        size += 1
                    first_line = False
                    for j in range(line_start, line_end):
                        out[size] = data[j]
                        size += 1
                else:
                    removed[d] += not blank
        ends[d] = size
    return size
