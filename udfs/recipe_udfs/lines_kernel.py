"""The kernel behind `lines`: which lines of a text stay, and the text that they make.

Of a line no more is looked at than a rule needs: its ends, as many words as it must have, the length of its words if
it is longer than a word may be. A byte that begins no whole character is read as U+0000 and, where its line stays,
written as it is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import SPACE
from recipe_udfs.phrases_kernel import holds_phrase
from recipe_udfs.statistics_kernels import DOT, NEWLINE, base_of, decode, parts
from recipe_udfs.statistics_words import same

BRACKET, CLOSED, ZERO, NINE = ord("["), ord("]"), ord("0"), ord("9")


@njit(cache=True, nogil=True)
def last_character(data, start, end):
    """(code point, first byte) of the last character of start … end, which are not empty."""
    i = end - 1
    while i > start and end - i < 4 and data[i] & 0xC0 == 0x80:
        i -= 1
    c, n = decode(data, i, end)
    return (c, i) if i + n == end else (np.int64(0), end - 1)


@njit(cache=True, nogil=True)
def trimmed(data, start, end, classes):
    """(first byte, end byte) of what stands there without the white space around it."""
    while start < end:
        c, n = decode(data, start, end)
        if not classes[c] & SPACE:
            break
        start += n
    while start < end:
        c, i = last_character(data, start, end)
        if not classes[c] & SPACE:
            break
        end = i
    return start, end


@njit(cache=True, nogil=True)
def has_words(data, i, end, classes, wanted):
    """Are there so many words?"""
    found, inside, base = 0, False, np.uint16(0)
    while i < end and found < wanted:
        c, n = decode(data, i, end)
        k = classes[c]
        if k & SPACE:
            inside, base = False, np.uint16(0)
        else:
            found += not inside or parts(k, base)
            inside, base = True, base_of(k, base)
        i += n
    return found >= wanted


@njit(cache=True, nogil=True)
def longest_word(data, i, end, classes):
    """Characters of the longest word."""
    longest, length, base = 0, 0, np.uint16(0)
    while i < end:
        c, n = decode(data, i, end)
        k = classes[c]
        if k & SPACE or parts(k, base):
            length, base = 0, np.uint16(0)
        length += k & SPACE == 0
        base = base_of(k, base)
        longest = max(longest, length)
        i += n
    return longest


@njit(cache=True, nogil=True)
def has_long_word(data, i, end, classes, most):
    """Is there a word of more than so many characters? From word to word, back from where one would be too long."""
    while i + most < end:
        j = i + most
        while j >= i and not (data[j] < 0x80 and classes[data[j]] & SPACE):
            j -= 1
        if j >= i:
            i = j + 1
            continue
        j = i + most
        while j < end and not (data[j] < 0x80 and classes[data[j]] & SPACE):
            j += 1
        if longest_word(data, i, j, classes) > most:  # in characters, and between white space that is not ASCII
            return True
        i = j
    return False


@njit(cache=True, nogil=True)
def ends_well(data, start, end, marks):
    """Does a line that is not empty end in one of the marks, and not in three dots?"""
    last, _ = last_character(data, start, end)
    at = np.searchsorted(marks, last)
    if at == len(marks) or marks[at] != last:
        return False
    return not (last == DOT and end - start >= 3 and data[end - 2] == DOT and data[end - 3] == DOT)


@njit(cache=True, nogil=True)
def without_citations(data, start, end, citations, citation_ends, out, at):
    """Writes the bytes start … end to `out`, from `at` on, without the citations and `[12]`; where they end there."""
    i = start
    while i < end:
        if data[i] == BRACKET:
            j = i + 1
            while j < end and ZERO <= data[j] <= NINE:
                j += 1
            after = j + 1 if j < end and data[j] == CLOSED else i
            begin = 0
            for p in range(len(citation_ends)):
                size = citation_ends[p] - begin
                if after == i and i + size <= end and same(data, i, citations, begin, citation_ends[p]):
                    after = i + size
                begin = citation_ends[p]
            if after > i:
                i = after
                continue
        out[at] = data[i]
        at += 1
        i += 1
    return at


@njit(cache=True, nogil=True)
def stays(
    data, start, stop, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges, marks, terminal,
):
    """Does the line start … stop, trimmed, keep to the rules of `keep_lines`?"""
    if not has_words(data, start, stop, classes, min_words):
        return False
    if max_word and has_long_word(data, start, stop, classes, max_word):
        return False
    if terminal and not (start < stop and ends_well(data, start, stop, marks)):
        return False
    return not (len(phrase_ends) and holds_phrase(data, start, stop, lower, codes, phrase_ends, filters, ranges))


@njit(cache=True, nogil=True)
def keep_lines(
    data, offsets, valid, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges, marks, terminal,
    citations, citation_ends, out, ends, removed,
):
    """Writes the lines that stay to `out`, a newline between two; `ends[i]`: where text i ends there.

    min_words, max_word: 0 for no limit; codes, phrase_ends, filters, ranges: of phrases that no line may hold, in any
    case; terminal: a line ends in one of `marks` (code points, sorted) and not in three dots; citations: spellings in
    brackets that go, and `[12]` with them, before the rules are asked, unless there are none; removed: how many lines
    with anything on them went. Null texts have no lines.
    """
    size = 0
    for d in range(len(valid)):
        removed[d] = 0
        if valid[d]:
            i, end, first_line = offsets[d], offsets[d + 1], True
            while i <= end:
                line, brackets = i, False
                while i < end and data[i] != NEWLINE:
                    brackets |= data[i] == BRACKET
                    i += 1
                start, stop = trimmed(data, line, i, classes)
                i += 1
                at = size if first_line else size + 1
                some = start < stop
                if brackets and len(citation_ends):
                    stop = without_citations(data, start, stop, citations, citation_ends, out, at)
                    start, stop = trimmed(out, at, stop, classes)
                    keep = stays(
                        out, start, stop, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges,
                        marks, terminal,
                    )
                    if keep and start > at:
                        out[at : at + stop - start] = out[start:stop].copy()
                else:
                    keep = stays(
                        data, start, stop, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges,
                        marks, terminal,
                    )
                    if keep:
                        out[at : at + stop - start] = data[start:stop]
                if keep:
                    if not first_line:
                        out[size] = NEWLINE
                    first_line = False
                    size = at + stop - start
                else:
                    removed[d] += some
        ends[d] = size
    return size
