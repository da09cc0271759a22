"""Phrases looked for in a text in any case, many at once: what `contains`, boilerplate and the line rules share.

Case is Unicode's simple lower case, code point by code point (`characters.lower_case`).
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from numba import njit

from recipe_udfs.characters import lower, lower_case
from recipe_udfs.statistics_kernels import decode

_ZERO, _ONE, _TWO, _THREE, _FIVE = (np.uint64(i) for i in (0, 1, 2, 3, 5))

LOOKED_AT = 4
"""Bytes by which most places are seen to begin no phrase."""

PAIRS, WINDOW = 1 << 13, 64
"""Places of `skips` for two bytes; the longest window."""

_PAIR = np.uint64(PAIRS - 1)


@cache
def compiled(phrases: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `holds_phrase` takes of phrases; it finds no empty one.

    (code points of all in lower case and sorted; where each ends; uint64[LOOKED_AT, 256]: of which phrases, as bits
    modulo 64, a byte may be the first, second …; int32[256, 2]: the first and the end of those it may begin; `_skips`)
    """
    lowered = sorted(map(lower, phrases))
    filters, ranges = np.zeros((LOOKED_AT, 256), np.uint64), np.zeros((256, 2), np.int32)
    for p in reversed(range(len(lowered))):
        bit = np.uint64(1 << p % 64)
        for spelled in filter(None, map(b"".join, product(*map(_spellings, lowered[p][:LOOKED_AT])))):
            ranges[spelled[0]] = p, max(ranges[spelled[0], 1], p + 1)
            for place in range(LOOKED_AT):
                filters[place, spelled[place] if place < len(spelled) else slice(None)] |= bit
    codes = np.array([ord(c) for phrase in lowered for c in phrase], np.int64)
    ends = np.cumsum([len(phrase) for phrase in lowered], dtype=np.int64)
    return codes, ends, filters, ranges, _skips([phrase for phrase in lowered if phrase])


def _skips(lowered: list[str]) -> np.ndarray:
    """uint8[PAIRS + 1]: how many places may be passed over by the last two bytes of a window (Wu and Manber 1994), and
    the window: as many bytes as any phrase has at least, since a character has one or more. 0: one may begin here."""
    window = min(WINDOW, min(map(len, lowered), default=1))
    skips = np.full(PAIRS + 1, window - 1, np.uint8)
    skips[PAIRS] = window
    for phrase in lowered:
        found: set[tuple[int, int]] = {(0, -1)}  # (bytes so far, the last of them)
        for character in phrase[:window]:
            found = {
                (size + len(spelled), _skip_less(skips, spelled, size, before, window - 1))
                for size, before in found
                for spelled in _spellings(character)
                if size < window
            }
    return skips


def _skip_less(skips: np.ndarray, spelled: bytes, at: int, before: int, last: int) -> int:
    """Takes note of a character's bytes that may stand from `at` on in a window, behind the byte `before`; its last."""
    for place, byte in enumerate(spelled, at):
        if 0 < place <= last:
            pair = (before << 5 ^ byte) % PAIRS
            skips[pair] = min(skips[pair], last - place)
        before = byte
    return before


@cache
def _spellings(character: str) -> list[bytes]:
    """UTF-8 of every code point whose lower case the character is."""
    return [chr(c).encode("utf-8", "surrogatepass") for c in np.flatnonzero(lower_case() == ord(character))]


@njit(cache=True, nogil=True)
def begins_phrase(data, i, end, lower, codes, ends, first, last):
    """Does one of the phrases first … last - 1 begin at i and end by `end`?"""
    for p in range(first, last):
        j, at = ends[p - 1] if p else 0, i
        while j < ends[p] and at < end:
            c, n = decode(data, at, end)
            if lower[c] != codes[j]:
                break
            at += n
            j += 1
        if j == ends[p]:
            return True
    return False


@njit(cache=True, nogil=True)
def holds_phrase(data, start, end, lower, codes, ends, filters, ranges, skips):
    """Does one of the phrases occur in the bytes start … end?"""
    firsts, seconds, thirds, fourths = filters[0], filters[1], filters[2], filters[3]
    # Unsigned, so that no place is looked at for being counted from behind: that took as long as the rest.
    window, i, stop = np.uint64(skips[PAIRS]), np.uint64(start), np.uint64(end)
    while i + window <= stop:
        if window > _ONE:
            last = i + window - _ONE
            skip = skips[(np.uint64(data[last - _ONE]) << _FIVE ^ np.uint64(data[last])) & _PAIR]
            if skip:
                i += np.uint64(skip)
                continue
        a = data[i]
        may = ranges[a, 1] > 0
        if may and i + _THREE < stop:
            may = firsts[a] & seconds[data[i + _ONE]] & thirds[data[i + _TWO]] & fourths[data[i + _THREE]] != _ZERO
        if may and begins_phrase(data, np.int64(i), end, lower, codes, ends, ranges[a, 0], ranges[a, 1]):
            return True
        i += _ONE
    return False
