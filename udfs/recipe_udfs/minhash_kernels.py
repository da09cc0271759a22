"""The kernels behind dedup: normalised text, its shingles, MinHash bands and Jaccard similarity.

All in this one file because Numba's cache on disk notices a change only in the file of the function it is
called for; whoever changes a helper of `statistics_kernels` that stands here (`decode`: overlong forms are no
characters) changes this file too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import JOINED, SPACE, UNSPACED, WORD
from recipe_udfs.statistics_kernels import BASE, decode, mix

BLANK = np.uint8(32)
BLOCK = 2048  # shingles that stay in the processor's first cache while all permutations pass over them
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
_MOST = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True)
def encode(c, out, at):
    """Writes a code point as UTF-8; where the next one goes."""
    if c < 0x80:
        out[at] = c
        return at + 1
    if c < 0x800:
        out[at] = 0xC0 | c >> 6
        out[at + 1] = 0x80 | c & 0x3F
        return at + 2
    if c < 0x10000:
        out[at] = 0xE0 | c >> 12
        out[at + 1] = 0x80 | c >> 6 & 0x3F
        out[at + 2] = 0x80 | c & 0x3F
        return at + 3
    out[at] = 0xF0 | c >> 18
    out[at + 1] = 0x80 | c >> 12 & 0x3F
    out[at + 2] = 0x80 | c >> 6 & 0x3F
    out[at + 3] = 0x80 | c & 0x3F
    return at + 4


@njit(cache=True, nogil=True)
def normalise(data, offsets, valid, classes, lower, words_only, out, ends):
    """Each text in lower case, its words joined by single blanks, into `out`; `ends[i]` is where text i ends.

    words_only: a word is a run of letters, digits and combining marks, or in a script without spaces one letter with
    its marks; else a run of anything but white space. `out` needs half as many bytes again as the texts: lower case
    may be longer than upper (Ⱥ), and a letter of three bytes may have a blank before and behind it.
    """
    at = 0
    flag = WORD if words_only else SPACE
    inside = WORD if words_only else 0
    ascii = np.zeros(256, np.uint8)  # what is written for a byte; 0: more has to be looked at
    for b in range(0x80):
        ascii[b] = lower[b] if (classes[b] & flag) == inside else BLANK
    for d in range(len(valid)):
        if valid[d]:
            i, end, first, before = offsets[d], offsets[d + 1], at, BLANK
            alone = -1  # where a letter of a script without spaces ended, behind which there is a blank
            while i < end:
                x = ascii[data[i]]
                if x:  # without a branch for where words end, which cannot be foretold
                    out[at] = x
                    at += (x != BLANK) | (before != BLANK)
                    before = x
                    i += 1
                    continue
                c, n = decode(data, i, end)
                i += n
                k = classes[c]
                if words_only and (k & UNSPACED or k & JOINED and alone == i - n):
                    if k & JOINED:
                        at -= 1
                    elif before != BLANK:
                        out[at] = BLANK
                        at += 1
                    at = encode(lower[c], out, at)
                    out[at] = before = BLANK
                    at += 1
                    alone = i
                elif (k & flag) == inside:
                    at = encode(lower[c], out, at)
                    before = np.uint8(0)
                elif before != BLANK:
                    out[at] = before = BLANK
                    at += 1
            at -= at > first and before == BLANK
        ends[d] = at
    return at


@njit(cache=True, nogil=True)
def shingles(data, start, end, by_words, size, hashes, out):
    """Writes the hash of every shingle of a normalised text to `out`; how many there are.

    A shingle is `size` words, or characters, in a row; a shorter text is one shingle as a whole, an empty
    one has none. Its hash is mix(Σ h(i) · BASE^(size - 1 - i) mod 2**64), h the hashes of its pieces.
    `hashes` is scratch for the pieces; both have room for one value a byte.
    """
    if end == start:
        return 0
    n = 0
    if by_words:
        h = np.uint64(0)
        for i in range(np.uint64(start), np.uint64(end)):
            if data[i] == BLANK:
                hashes[n] = mix(h + _ONE)
                h = np.uint64(0)
                n += 1
            else:
                h = h * BASE + np.uint64(data[i]) + _ONE
        hashes[n] = mix(h + _ONE)
        n += 1
    else:
        i = start
        while i < end:
            c, width = decode(data, i, end)
            hashes[n] = mix(np.uint64(c) + _ONE)
            i += width
            n += 1
    power = np.uint64(1)
    for _ in range(min(size, n)):
        power *= BASE
    h, count = np.uint64(0), 0
    for i in range(n):
        h = h * BASE + hashes[i]
        if i >= size:
            h -= hashes[i - size] * power
        if i >= size - 1:
            out[count] = mix(h)
            count += 1
    if n < size:
        out[0] = mix(h + np.uint64(n))  # the length, so that it is no shingle of a longer text
        count = 1
    return count


@njit(cache=True, nogil=True)
def longest(ends):
    """Bytes of the longest of the normalised texts."""
    most = before = 0
    for d in range(len(ends)):
        most = max(most, ends[d] - before)
        before = ends[d]
    return most


@njit(cache=True, nogil=True)
def band_keys(data, ends, by_words, size, a, b, bands, rows, out, some):
    """MinHash band keys of normalised texts, int64[texts, bands]; `some[i]`: has text i a shingle at all?

    a, b: uint64[bands · rows], the permutations x → a·x + b mod 2**64 of the shingle hashes.
    """
    room = longest(ends)
    pieces, found = np.empty(room + 1, np.uint64), np.empty(room + 1, np.uint64)
    minima = np.empty(bands * rows, np.uint64)
    before = 0
    for d in range(len(ends)):
        n = shingles(data, before, ends[d], by_words, size, pieces, found)
        before = ends[d]
        some[d] = n > 0
        minima[:] = _MOST
        for begin in range(0, n, BLOCK):
            block = found[begin : min(begin + BLOCK, n)]
            for p in range(bands * rows):
                least, factor, offset = minima[p], a[p], b[p]
                for i in range(len(block)):
                    least = min(least, factor * block[i] + offset)
                minima[p] = least
        for band in range(bands):
            key = np.uint64(band)
            for row in range(rows):
                key = mix((key + GOLDEN) ^ minima[band * rows + row])
            out[d, band] = np.int64(key)


@njit(cache=True, nogil=True)
def shingle_sets(data, ends, by_words, size, out, set_ends):
    """The distinct shingle hashes of each normalised text as sorted int64; `set_ends[i]`: where set i ends.

    `out` has room for one value a byte.
    """
    room = longest(ends)
    pieces, found = np.empty(room + 1, np.uint64), np.empty(room + 1, np.uint64)
    before = at = 0
    for d in range(len(ends)):
        n = shingles(data, before, ends[d], by_words, size, pieces, found)
        before = ends[d]
        values = np.sort(found[:n].view(np.int64))
        for i in range(n):
            if i == 0 or values[i] != values[i - 1]:
                out[at] = values[i]
                at += 1
        set_ends[d] = at
    return at


@njit(cache=True, nogil=True)
def jaccard(left, left_offsets, right, right_offsets, out):
    """|A ∩ B| ÷ |A ∪ B| of pairs of sorted sets; 0 where both are empty."""
    for d in range(len(out)):
        i, i_end, j, j_end = left_offsets[d], left_offsets[d + 1], right_offsets[d], right_offsets[d + 1]
        union = (i_end - i) + (j_end - j)
        common = 0
        while i < i_end and j < j_end:
            x, y = left[i], right[j]
            common += x == y
            i += x <= y
            j += y <= x
        out[d] = common / (union - common) if union else 0.0
