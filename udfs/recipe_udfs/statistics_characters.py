"""Shares of a text's characters by what they are, as NeMo Curator counts them (its filters `string.py` and the
constants of them, version 1.4): each is a count ÷ characters of the text, null for a text without any.

An address is what its `https?://(?:[A-Za-z0-9$\\-_@.&+/:=?#~]|[!*\\(\\),]|(?:%[0-9A-Fa-f]{2}))+` matches, from left
to right. Digits are those of every script.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numba import njit

from recipe_udfs.buffers import numbers, utf8_views
from recipe_udfs.characters import kinds
from recipe_udfs.operator import Call
from recipe_udfs.statistics_kernels import decode

# Columns of the counts: characters, then those of the kinds in the order of their flags, then those in addresses.
CHARACTERS, PLAIN, DIGITS, BLANKS, BRACKETS, ADDRESSES, COLUMNS = range(7)

SHARES = {
    "stats.non_alphanumeric_character_share": PLAIN,  # what is left without them
    "stats.digit_character_share": DIGITS,
    "stats.url_character_share": ADDRESSES,
    "stats.white_space_character_share": BLANKS,
    "stats.parenthesis_character_share": BRACKETS,
}

IN_ADDRESS = string.ascii_letters + string.digits + "$-_@.&+/:=?#~!*(),"
LANE = 12  # bits of a counter: five of them lie in one word
LANE_MASK, MOST = (1 << LANE) - 1, (1 << LANE) - 1
COLON, SLASH, PERCENT = ord(":"), ord("/"), ord("%")


def character_shares(texts: pa.LargeStringArray, calls: Sequence[Call]) -> list[pa.Array]:
    """The shares asked for, double[n]; null for null and for an empty text."""
    data, offsets, valid = utf8_views(texts)
    counts = np.zeros((len(valid), COLUMNS), np.int64)
    count_kinds(data, offsets, valid, kinds(), counts)
    if any(SHARES[call.operator] == ADDRESSES for call in calls):
        allowed = np.zeros(256, np.bool_)
        allowed[[ord(c) for c in IN_ADDRESS]] = True
        count_addresses(data, offsets, valid, allowed, counts)
    below = counts[:, CHARACTERS]
    some = valid & (below > 0)
    divisor = np.where(some, below, 1)
    results = []
    for call in calls:
        column = SHARES[call.operator]
        above = below - counts[:, PLAIN] if column == PLAIN else counts[:, column]
        results.append(numbers(above / divisor, some))
    return results


@njit(cache=True, nogil=True)
def spread(kind):
    """The flags of a character as counters side by side, before them one that counts the character."""
    word = np.uint64(1)
    for lane in range(1, ADDRESSES):
        word |= np.uint64(kind >> (lane - 1) & 1) << np.uint64(lane * LANE)
    return word


@njit(cache=True, nogil=True)
def count_kinds(data, offsets, valid, kinds, out):
    """Adds the characters of each text, and those of each kind, to its row of `out`.

    All counters are one addition a character; they are emptied before the first can run over.
    """
    ascii_words = np.zeros(128, np.uint64)
    for c in range(128):
        ascii_words[c] = spread(kinds[c])
    for d in range(len(valid)):
        if not valid[d]:
            continue
        i, end = offsets[d], offsets[d + 1]
        while i < end:
            stop, word = min(i + MOST, end), np.uint64(0)
            while i < stop:
                b = data[i]
                if b < 0x80:
                    word += ascii_words[b]
                    i += 1
                else:
                    c, n = decode(data, i, end)
                    word += spread(kinds[c])
                    i += n
            for lane in range(ADDRESSES):
                out[d, lane] += np.int64(word >> np.uint64(lane * LANE)) & LANE_MASK


@njit(cache=True, nogil=True)
def is_hex(b):
    """Is the byte a hexadecimal digit?"""
    return 48 <= b <= 57 or 65 <= b <= 70 or 97 <= b <= 102


@njit(cache=True, nogil=True)
def scheme(data, colon, start):
    """Where `http` or `https` before the colon begins, not before `start`; -1 if it is neither."""
    at = colon - 1 if colon > start and data[colon - 1] == ord("s") else colon
    if at - start < 4:
        return -1
    h, t, u, p = data[at - 4], data[at - 3], data[at - 2], data[at - 1]
    return at - 4 if h == ord("h") and t == ord("t") and u == ord("t") and p == ord("p") else -1


@njit(cache=True, nogil=True)
def count_addresses(data, offsets, valid, allowed, out):
    """Adds the characters in addresses of each text to its row of `out`; all of them are ASCII."""
    for d in range(len(valid)):
        if not valid[d]:
            continue
        start, end = offsets[d], offsets[d + 1]
        i = start
        while i + 3 < end:
            if data[i] == COLON and data[i + 1] == SLASH and data[i + 2] == SLASH:
                first, at = scheme(data, i, start), i + 3
                while first >= 0 and at < end:
                    if allowed[data[at]]:
                        at += 1
                    elif data[at] == PERCENT and at + 2 < end and is_hex(data[at + 1]) and is_hex(data[at + 2]):
                        at += 3
                    else:
                        break
                if at > i + 3:
                    out[d, ADDRESSES] += at - first
                    start = i = at  # the next address begins behind this one
                    continue
            i += 1
