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
_ONE, _BLOCK = np.uint64(1), np.uint64(64)


@njit(cache=True, nogil=True)
def find(data, start, end, byte):
    """Where the byte stands first in start … end; `end` if nowhere."""
    i, stop = np.uint64(start), np.uint64(end)  # unsigned: never counted from behind, which would be asked
    while i + _BLOCK <= stop:
        here = 0
        for k in range(_BLOCK):  # to its end, without a branch: so that it is done for many bytes at once
            here += data[i + k] == byte
        if here:
            break
        i += _BLOCK
    while i < stop and data[i] != byte:
        i += _ONE
    return np.int64(i)


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
def has_words(data, start, end, classes, wanted):
    """Are there so many words? That needs no decoding where the line begins with so many in ASCII."""
    found, before = 0, True
    for i in range(np.uint64(start), np.uint64(end)):  # unsigned: never counted from behind, which would be asked
        if found == wanted or data[i] >= 0x80:
            break
        now = classes[data[i]] & SPACE != 0
        found += before & (not now)
        before = now
    return found >= wanted or has_wide_words(data, start, end, classes, wanted)


@njit(cache=True, nogil=True)
def has_wide_words(data, i, end, classes, wanted):
    """The same for any characters."""
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
def written(data, first, last, newline, out, size):
    """Writes first … last to `out`, behind a newline if so; its new size."""
    if newline:
        out[size] = NEWLINE
        size += 1
    out[size : size + last - first] = data[first:last]
    return size + last - first


@njit(cache=True, nogil=True)
def citation_end(data, i, end, citations, citation_ends):
    """Where `[12]` or one of the citations ends that begins at the bracket i; i if none does."""
    j = i + 1
    while j < end and ZERO <= data[j] <= NINE:
        j += 1
    if j < end and data[j] == CLOSED:
        return j + 1
    begin = 0
    for p in range(len(citation_ends)):
        size = citation_ends[p] - begin
        if i + size <= end and same(data, i, citations, begin, citation_ends[p]):
            return i + size
        begin = citation_ends[p]
    return i


@njit(cache=True, nogil=True)
def without_citations(data, first, end, citations, citation_ends, out):
    """Writes a text to `out` without these spellings, which are in brackets, and `[12]`: its bytes. Where there is none
    nothing is written, and it says -1."""
    size = -1
    place = find(data, first, end, BRACKET)
    while place < end:
        after = citation_end(data, place, end, citations, citation_ends)
        if after > place:
            size = written(data, first, place, False, out, max(size, 0))
            first = after
        place = find(data, max(after, place + 1), end, BRACKET)
    return size if size < 0 else written(data, first, end, False, out, size)


@njit(cache=True, nogil=True)
def kept_lines(
    data, i, end, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges, skips, marks, terminal,
    out, size,
):  # fmt: skip
    """Writes the lines of one text that stay to `out`, from `size` on: (where they end, how many with anything on them
    went). The parameters are those of `keep_lines`."""
    removed = 0
    first, last = i, i  # what stays and is not written yet: lines that stand one behind the other
    some = more = False  # is there such a line, and was there one before them?
    # Of a text that holds no phrase no line need be asked; most are such.
    phrases = len(phrase_ends) > 0 and holds_phrase(data, i, end, lower, codes, phrase_ends, filters, ranges, skips)
    while i <= end:
        line = find(data, i, end, NEWLINE)
        start, stop = trimmed(data, i, line, classes)
        i = line + 1
        keep = has_words(data, start, stop, classes, min_words)
        if keep and max_word:
            keep = not has_long_word(data, start, stop, classes, max_word)
        if keep and terminal:
            keep = start < stop and ends_well(data, start, stop, marks)
        if keep and phrases:
            keep = not holds_phrase(data, start, stop, lower, codes, phrase_ends, filters, ranges, skips)
        if not keep:
            removed += start < stop
        elif some and start == last + 1:
            last = stop
        else:
            if some:
                size, more = written(data, first, last, more, out, size), True
            first, last, some = start, stop, True
    if some:
        size = written(data, first, last, more, out, size)
    return size, removed


@njit(cache=True, nogil=True)
def keep_lines(
    data, offsets, valid, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges, skips, marks,
    terminal, citations, citation_ends, left, left_read, out, ends, removed,
):  # fmt: skip
    """Writes the lines that stay to `out`, a newline between two; `ends[i]`: where text i ends there.

    min_words, max_word: 0 for no limit; codes, phrase_ends, filters, ranges, skips: of phrases that no line may hold,
    in any case; terminal: a line ends in one of `marks` (code points, sorted) and not in three dots; citations: what
    goes with `[12]` before a line is looked at, if any; left: room for any of the texts, and left_read the same as an
    array of the type of `data`, so that what reads texts is compiled once; removed: how many lines with anything on
    them went. Null texts have no lines.
    """
    size = 0
    for d in range(len(valid)):
        removed[d] = 0
        if valid[d]:
            text, first, end = data, offsets[d], offsets[d + 1]
            if len(citation_ends):
                uncited = without_citations(data, first, end, citations, citation_ends, left)
                if uncited >= 0:
                    text, first, end = left_read, 0, uncited
            size, removed[d] = kept_lines(
                text, first, end, classes, lower, min_words, max_word, codes, phrase_ends, filters, ranges, skips,
                marks, terminal, out, size,
            )  # fmt: skip
        ends[d] = size
    return size
