"""What stands in a text more than once: n-grams of words, lines, paragraphs, by their hashes.

An n-gram is looked at only where all shorter ones within it that were counted repeat, so that of most texts only the
shortest n-gram costs a pass; no figure changes by it, for what stands once is within nothing that repeats.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.statistics_kernels import BASE

ALL_PLACES = 1 << 32
"""Of the entries of a hash table, before it has to be emptied."""

_ZERO, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def emptied(table):
    """Empties a hash table, whose next base is 0."""
    table[:] = _ZERO
    return 0


@njit(cache=True, nogil=True)
def slots_for(items):
    """Slots of a hash table for so many items: a power of two, at most half of them in use."""
    slots = 64
    while slots < 2 * items:
        slots *= 2
    return slots


@njit(cache=True, nogil=True)
def group(keys, n, base, table, firsts, counts):
    """How many of n keys stood before. firsts[j]: where the j-th stands first; counts[firsts[j]]: how often.

    A slot is the upper half of a key and base + 1 + its place; one of `base` or less is free. So a table need not
    be emptied for the next keys, whose base is that much higher.
    """
    mask = np.uint64(slots_for(n) - 1)
    above, again = np.uint64(base), 0
    for j in range(n):
        key = keys[j]
        at, upper = key & mask, key & ~_HALF
        firsts[j] = j
        while True:
            place = table[at] & _HALF
            if place <= above:
                table[at] = upper | (above + np.uint64(j + 1))
                counts[j] = 1
                break
            first = np.int64(place - above) - 1
            if table[at] & ~_HALF == upper and keys[first] == key:
                firsts[j] = first
                counts[first] += 1
                again += 1
                break
            at = (at + _ONE) & mask
    return again


@njit(cache=True, nogil=True)
def repeated(firsts, sizes, n):
    """(how many of n items occurred before, characters in those)."""
    count = covered = 0
    for j in range(n):
        if firsts[j] != j:
            count += 1
            covered += sizes[j]
    return count, covered


@njit(cache=True, nogil=True)
def candidates(places, m, gap):
    """Of m places of repeated n-grams those where an n-gram of `gap` words more may repeat: all within it repeat."""
    n = 0
    for j in range(m - gap):
        if places[j + gap] == places[j] + gap:
            places[n] = places[j]
            n += 1
    return n


@njit(cache=True, nogil=True)
def ngram_keys(prefix, n, places, m, keys):
    """Hashes of the n-grams at m places."""
    power = _ONE
    for _ in range(n):
        power *= BASE
    for j in range(m):
        i = places[j]
        keys[j] = prefix[i + n] - prefix[i] * power


@njit(cache=True, nogil=True)
def top_ngram(prefix_characters, n_words, n, places, m, firsts, counts):
    """Characters of the occurrences of the most frequent n-gram, the first such one in the text."""
    if n_words < n:
        return 0
    best, where = 1, 0  # where none repeats, the first
    for j in range(m):
        if firsts[j] == j and counts[j] > best:
            best, where = np.int64(counts[j]), np.int64(places[j])
    return best * (prefix_characters[where + n] - prefix_characters[where] + n - 1)


@njit(cache=True, nogil=True)
def duplicate_ngrams(prefix_characters, n, places, m, firsts, counts):
    """Characters of words in n-grams that occurred before; after such a one the walk goes on behind it.

    An n-gram that the walk has met has its count negated.
    """
    covered = behind = 0
    for j in range(m):
        i, first = places[j], firsts[j]
        if i < behind:
            continue
        if counts[first] < 0:
            covered += prefix_characters[i + n] - prefix_characters[i]
            behind = i + n
        elif counts[first] > 1:
            counts[first] = -counts[first]
    return covered


@njit(cache=True, nogil=True)
def still_repeated(places, m, firsts, counts):
    """Keeps those of m places whose n-gram stands in the text more than once; how many they are."""
    n = 0
    for j in range(m):
        if counts[firsts[j]] != 1:
            places[n] = places[j]
            n += 1
    return n
