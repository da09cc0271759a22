"""Counts of hashed word and character n-grams of each text, from its UTF-8 bytes, into a dense row.

The text is read as if a newline stood before and behind it. ASCII capitals become small letters, every digit
`0`, a run of ASCII white space one newline if it holds one, else one blank; other bytes stay as they are.

- A character n-gram is n successive bytes of what that gives, n up to 8.
- A word is a run of bytes between white space; each newline left is a word too, so that lines show. A word
  n-gram is n successive words, n up to 4.

An n-gram's bucket is `mix(key) & (buckets - 1)`; both kinds share the buckets.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.statistics_kernels import BASE, mix

LONGEST_WORD_GRAM, LONGEST_CHARACTER_GRAM = 4, 8
_ZERO, _ONE, _EIGHT, _FULL = np.uint64(0), np.uint64(1), np.uint64(8), np.uint64(0xFFFFFFFFFFFFFFFF)
_CHARACTERS, _WORDS = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)  # keep the kinds apart: π
NEWLINE, BLANK = 10, 32


def byte_map() -> np.ndarray:
    """uint8[256]: what each byte is read as."""
    table = np.arange(256, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] += 32
    table[ord("0") : ord("9") + 1] = ord("0")
    table[[9, 11, 12, 13]] = BLANK
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True)
def count_word(word, recent, seen, words, mask, row):
    """Takes in a word: counts the n-grams that end with it. `recent` holds the words before, the last first."""
    key = word
    for n in range(1, words[1] + 1):
        if n > 1:
            if n - 1 > seen:
                break
            key = key * BASE + recent[n - 2]
        if n >= words[0]:
            row[mix(key ^ _WORDS * np.uint64(n)) & mask] += np.float32(1)
    for i in range(LONGEST_WORD_GRAM - 1, 0, -1):
        recent[i] = recent[i - 1]
    recent[0] = word


@njit(cache=True, nogil=True)
def count_ngrams(data, starts, ends, table, words, characters, out):
    """Adds the counts of the text `data[starts[d]:ends[d]]` to row d of `out`, float32[texts, buckets].

    words, characters: (shortest, longest) n-gram of each kind; a longest of 0 leaves the kind out.
    """
    mask = np.uint64(out.shape[1] - 1)
    shortest, longest = max(characters[0], 1), characters[1]
    recent = np.zeros(LONGEST_WORD_GRAM, np.uint64)
    masks, salts = np.zeros(longest + 1, np.uint64), np.zeros(longest + 1, np.uint64)
    for n in range(1, longest + 1):
        masks[n] = _FULL if n == 8 else (_ONE << (_EIGHT * np.uint64(n))) - _ONE
        salts[n] = _CHARACTERS * np.uint64(n)
    with_words = words[1] > 0
    for d in range(len(starts)):
        row = out[d]
        i, end = starts[d], ends[d]
        window, have, seen = _ZERO, 0, 0
        h, size = _ZERO, 0
        c = np.uint8(NEWLINE)  # before the text
        while True:
            if c == NEWLINE or c == BLANK:  # noqa: SIM109
                while i < end:  # the run of white space
                    b = table[data[i]]
                    if b == NEWLINE:
                        c = np.uint8(NEWLINE)
                    elif b != BLANK:
                        break
                    i += 1
                if i >= end:
                    c = np.uint8(NEWLINE)  # behind the text
                if with_words:
                    if size:
                        count_word(mix(h + np.uint64(size)), recent, seen, words, mask, row)
                        seen += 1
                    if c == NEWLINE:
                        count_word(mix(np.uint64(NEWLINE)), recent, seen, words, mask, row)
                        seen += 1
                h, size = _ZERO, 0
            else:
                h = h * BASE + np.uint64(c)
                size += 1
                i += 1
            window = (window << _EIGHT) | np.uint64(c)
            have += 1
            if have >= longest:
                for n in range(shortest, longest + 1):
                    row[mix((window & masks[n]) ^ salts[n]) & mask] += np.float32(1)
            else:
                for n in range(shortest, have + 1):
                    row[mix((window & masks[n]) ^ salts[n]) & mask] += np.float32(1)
            if i < end:
                c = table[data[i]]
            elif size:
                c = np.uint8(NEWLINE)
            else:
                break
