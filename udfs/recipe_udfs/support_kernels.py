"""The kernels behind `lexical_support` and copied spans: words of two texts, compared by their hashes.

All in this one file because Numba's cache on disk notices a change only in the file of the function it is
called for; whoever changes a helper of `statistics_kernels` that stands here (`decode`: overlong forms are no
characters) changes this file too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import WORD
from recipe_udfs.statistics_kernels import BASE, base_of, decode, mix, parts

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@njit(cache=True, nogil=True)
def words(data, start, end, classes, lower, keys, starts, ends):
    """Writes each word's hash in lower case and its first and end byte; how many there are.

    A word is a run of letters, digits and combining marks; in a script without spaces, one letter with its marks.
    """
    n = 0
    i = start
    inside, base = False, np.uint16(0)
    h = _ZERO
    while i < end:
        c, width = decode(data, i, end)
        k = classes[c]
        if k & WORD:
            if not inside or parts(k, base):
                if inside:
                    keys[n], ends[n] = mix(h), i
                    n += 1
                starts[n] = i
                h = _ONE
            h = h * BASE + np.uint64(lower[c] + 1)
            inside, base = True, base_of(k, base)
        elif inside:
            keys[n], ends[n] = mix(h), i
            n += 1
            inside, base = False, np.uint16(0)
        i += width
    if inside:
        keys[n], ends[n] = mix(h), end
        n += 1
    return n


@njit(cache=True, nogil=True)
def spans(keys, n, size, out):
    """Hash of every run of `size` keys, to `out`; how many there are."""
    power = _ONE
    for _ in range(size):
        power *= BASE
    h = _ZERO
    for i in range(n):
        h = h * BASE + keys[i]
        if i >= size:
            h -= keys[i - size] * power
        if i >= size - 1:
            out[i - size + 1] = mix(h)
    return max(n - size + 1, 0)


@njit(cache=True, nogil=True)
def slot(table, stamps, stamp, key):
    """Where the key stands in the table, or the free slot where it would."""
    mask = np.uint64(len(table) - 1)
    at = key & mask
    while stamps[at] == stamp and table[at] != key:
        at = (at + _ONE) & mask
    return at


@njit(cache=True, nogil=True)
def fill(keys, n, table, stamps, stamp):
    """Puts the keys into the table, as those of this stamp."""
    for i in range(n):
        at = slot(table, stamps, stamp, keys[i])
        table[at], stamps[at] = keys[i], stamp


@njit(cache=True, nogil=True)
def room(answer_offsets, segment_offsets, valid):
    """(bytes of the longest text, slots for the words of the longest segment, a power of two)."""
    most, segment = 1, 1
    for d in range(len(valid)):
        if valid[d]:
            bytes_ = segment_offsets[d + 1] - segment_offsets[d]
            segment = max(segment, bytes_)
            most = max(most, bytes_, answer_offsets[d + 1] - answer_offsets[d])
    slots = 16
    while slots < 2 * segment:
        slots *= 2
    return most, slots


@njit(cache=True, nogil=True)
def supported(answers, answer_offsets, segments, segment_offsets, valid, classes, lower, total, found):
    """Words of each answer, and how many of them occur in its segment."""
    most, slots = room(answer_offsets, segment_offsets, valid)
    keys = np.empty(most, np.uint64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    table, stamps = np.empty(slots, np.uint64), np.zeros(slots, np.int64)
    for d in range(len(valid)):
        total[d] = found[d] = 0
        if valid[d]:
            stamp = d + 1
            n = words(segments, segment_offsets[d], segment_offsets[d + 1], classes, lower, keys, starts, ends)
            fill(keys, n, table, stamps, stamp)
            n = words(answers, answer_offsets[d], answer_offsets[d + 1], classes, lower, keys, starts, ends)
            total[d] = n
            for i in range(n):
                found[d] += stamps[slot(table, stamps, stamp, keys[i])] == stamp


@njit(cache=True, nogil=True)
def copied(
    answers, answer_offsets, segments, segment_offsets, valid, classes, lower, size,
    total, covered, span_starts, span_ends, span_rows,
):  # fmt: skip
    """Words of each answer, and how many lie in a run of `size` that occurs in its segment; then the runs.

    A longer common run is covered by those of `size` in it. The maximal runs of covered words are written
    as first byte, end byte (in `answers`) and row, in order; how many there are: at most one for every `size`
    bytes of answers.
    """
    most, slots = room(answer_offsets, segment_offsets, valid)
    keys, grams = np.empty(most, np.uint64), np.empty(most, np.uint64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    table, stamps = np.empty(slots, np.uint64), np.zeros(slots, np.int64)
    count = 0
    for d in range(len(valid)):
        total[d] = covered[d] = 0
        if valid[d]:
            stamp = d + 1
            n = words(segments, segment_offsets[d], segment_offsets[d + 1], classes, lower, keys, starts, ends)
            fill(grams, spans(keys, n, size, grams), table, stamps, stamp)
            n = words(answers, answer_offsets[d], answer_offsets[d + 1], classes, lower, keys, starts, ends)
            total[d] = n
            until = 0  # the words before this one are counted
            for i in range(spans(keys, n, size, grams)):
                if stamps[slot(table, stamps, stamp, grams[i])] == stamp:
                    if i > until or until == 0:
                        span_starts[count], span_rows[count] = starts[i], d
                        count += 1
                    covered[d] += i + size - max(until, i)
                    until = i + size
                    span_ends[count - 1] = ends[until - 1]
    return count
