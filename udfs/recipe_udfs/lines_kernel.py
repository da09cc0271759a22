"""The kernel behind `lines`: which lines of a text stay, and the text that they make.

A byte that begins no whole character is read as U+0000 and, where its line stays, written as it is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import SPACE
from recipe_udfs.statistics_kernels import DOT, NEWLINE, decode


@njit(cache=True, nogil=True)
def begins_phrase(data, at, end, lower, phrases, phrase_ends):
    """Does one of the phrases stand at `at`, in any case?"""
    begin = 0
    for p in range(len(phrase_ends)):
        i, j = at, begin
        while j < phrase_ends[p] and i < end:
            c, n = decode(data, i, end)
            if lower[c] != phrases[j]:
                break
            i += n
            j += 1
        if j == phrase_ends[p]:
            return True
        begin = phrase_ends[p]
    return False


@njit(cache=True, nogil=True)
def holds_phrase(data, start, end, lower, phrases, phrase_ends, pairs):
    """Does the line hold one of the phrases in any case? Phrases are code points in lower case; `pairs` says which
    two bytes, in any case, one may begin with."""
    for i in range(start, end):
        if data[i] & 0xC0 == 0x80:
            continue  # within a character; one that stands alone has no lower case that begins a phrase
        after = data[i + 1] if i + 1 < end else 0
        if pairs[data[i], after] and begins_phrase(data, i, end, lower, phrases, phrase_ends):
            return True
    return False


@njit(cache=True, nogil=True)
def first_pairs(lower, phrases, phrase_ends):
    """bool[256, 256]: may a phrase begin with these two bytes? Whatever is not ASCII may."""
    pairs = np.ones((256, 256), np.bool_)
    for x in range(128):
        for y in range(256):
            found, begin = False, 0
            for end in phrase_ends:
                if phrases[begin] == lower[x]:
                    found |= end - begin == 1 or y >= 128 or phrases[begin + 1] == lower[y]
                begin = end
            pairs[x, y] = found
    return pairs


@njit(cache=True, nogil=True)
def keep_lines(
    data, offsets, valid, classes, lower, min_words, max_word, phrases, phrase_ends, marks, terminal, out, ends, removed
):
    """Writes the lines that stay to `out`, a newline between two; `ends[i]`: where text i ends there.

    min_words, max_word: 0 for no limit; terminal: a line ends in one of `marks` (code points, sorted) and
    not in three dots; removed: how many lines with anything on them went. Null texts have no lines.
    """
    pairs = first_pairs(lower, phrases, phrase_ends)
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
                    elif data[i] < 0x80:  # with the ASCII characters of the word that follow: most of a text
                        line_start = i if line_start < 0 else line_start
                        words += length == 0
                        while i + n < end and data[i + n] < 0x80 and not classes[data[i + n]] & SPACE:
                            n += 1
                        length += n
                        longest = max(longest, length)
                        last, line_end = np.int64(data[i + n - 1]), i + n
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
                    keep = not holds_phrase(data, line_start, line_end, lower, phrases, phrase_ends, pairs)
                if keep:
                    if not first_line:
                        out[size] = NEWLINE
                        size += 1
                    first_line = False
                    out[size : size + line_end - line_start] = data[line_start:line_end]
                    size += line_end - line_start
                else:
                    removed[d] += not blank
        ends[d] = size
    return size
