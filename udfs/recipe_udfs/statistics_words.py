"""Marks at the ends of lines, symbols in a text, and the words of a list among its words."""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import WORD
from recipe_udfs.statistics_kernels import BASE, decode, mix

_ZERO, _ONE = np.uint64(0), np.uint64(1)

ANY, WIDE = 128, 129
"""Places in `lengths_left`, behind those of ASCII: of what may be anything, and of what `decode` has to tell."""


@njit(cache=True, nogil=True)
def same(data, at, pattern, start, end):
    """Do the bytes at `at` equal those of the pattern? The caller knows that they are there."""
    j = start
    while j < end and data[at + j - start] == pattern[j]:
        j += 1
    return j == end


@njit(cache=True, nogil=True)
def count_symbols(data, start, end, symbols, ends, groups, firsts, row, column):
    """Occurrences of spellings that do not overlap, from left to right, summed by group."""
    free = np.zeros(len(ends), np.int64)
    for place in range(np.uint64(start), np.uint64(end)):
        if firsts[data[place]]:
            i, begin = np.int64(place), 0
            for p in range(len(ends)):
                size = ends[p] - begin
                if i >= free[p] and i + size <= end and same(data, i, symbols, begin, ends[p]):
                    row[column + groups[p]] += 1
                    free[p] = i + size
                begin = ends[p]


@njit(cache=True, nogil=True)
def ends_with_mark(data, start, end, marks, mark_ends, first, last):
    """Does the line end with one of the marks first … last?"""
    for m in range(first, last):
        begin = mark_ends[m - 1] if m else 0
        size = mark_ends[m] - begin
        if size <= end - start and same(data, end - size, marks, begin, mark_ends[m]):
            return True
    return False


@njit(cache=True, nogil=True)
def word_key(data, start, end, classes, lower, most):
    """Hash of a word in lower case without what is neither letter, digit nor mark at its ends.

    A word of nothing else is taken as it is. 0 if it has more than `most` characters.
    """
    h = key = _ZERO
    i, count = start, 0
    while i < end:
        c, n = decode(data, i, end)
        inside = classes[c] & WORD
        if inside or count:
            h = h * BASE + np.uint64(lower[c] + 1)
            count += 1
            if inside:
                if count > most:
                    return _ZERO
                key = h
        i += n
    if count == 0:
        i = start
        while i < end and count <= most:
            c, n = decode(data, i, end)
            key = key * BASE + np.uint64(lower[c] + 1)
            i += n
            count += 1
        if count > most:
            return _ZERO
    return mix(key) | _ONE


@njit(cache=True, nogil=True)
def first_bytes(classes, lower):
    """(uint8[256]: the place in `lengths_left` of words that begin with a byte; bool[256]: is it of one, in ASCII?)"""
    places, inside = np.full(256, ANY, np.uint8), np.zeros(256, np.bool_)
    for b in range(0x80):
        if classes[b] & WORD:
            places[b], inside[b] = lower[b], True
    places[0x80:] = WIDE
    return places, inside


@njit(cache=True, nogil=True)
def lengths_left(keys, key_firsts, key_lengths, seen, out):
    """uint64[130]: the lengths of the keys not seen that begin with a character, in any case, as a set of bits; at 0
    of those that begin with none of ASCII, at ANY all lengths."""
    out[:] = _ZERO
    out[ANY] = ~_ZERO
    for i in range(len(keys)):
        if not seen[i]:
            out[key_firsts[i]] |= _ONE << np.uint64(key_lengths[i])


@njit(cache=True, nogil=True)
def distinct_words(data, words, n_words, classes, lower, places, inside, keys, key_firsts, key_lengths, most):
    """How many of the keys (distinct, sorted) occur among the words.

    places, inside: see `first_bytes`; key_firsts, key_lengths: the first character of each word, or 0 if it is not
    ASCII, and its characters, 63 for more.
    """
    _, prefix_characters, starts, ends = words
    seen, lengths = np.zeros(len(keys), np.bool_), np.empty(130, np.uint64)
    lengths_left(keys, key_firsts, key_lengths, seen, lengths)
    found = 0
    for w in range(n_words):
        place = places[data[np.uint64(starts[w])]]  # unsigned: never counted from behind, which would be asked
        if place == WIDE:
            c, _ = decode(data, starts[w], ends[w])
            place = np.uint8((lower[c] if lower[c] < 0x80 else 0) if classes[c] & WORD else ANY)
        possible = lengths[place]  # of what begins with a character of a word, there is nothing before it
        if inside[data[np.uint64(ends[w] - 1)]]:  # nor behind it
            possible &= _ONE << np.uint64(min(prefix_characters[w + 1] - prefix_characters[w], 63))
        if not possible:
            continue
        key = word_key(data, starts[w], ends[w], classes, lower, most)
        at = np.searchsorted(keys, key)
        if at < len(keys) and keys[at] == key and not seen[at]:
            seen[at] = True
            found += 1
            if found == len(keys):
                break
            lengths_left(keys, key_firsts, key_lengths, seen, lengths)
    return found
