"""fastText's prediction over Arrow buffers, bit-equal to the library: same rows, added in the same order.

A text's vector is the mean of the input rows of its words and their character n-grams. A language repeats
its words, so the rows of each distinct token are found once and kept in a cache; they are added one by one
in float32, as the library adds them (keeping sums would be faster and not equal).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from recipe_udfs.fasttext_file import DIMENSIONS
from recipe_udfs.statistics_kernels import BASE, mix

LONG = 64
"""Bytes above which a token's rows are not kept: such tokens do not come again."""

_FNV, _PRIME = np.uint32(2166136261), np.uint32(16777619)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
LABEL = tuple(b"__label__")
OPEN, CLOSE = 60, 62  # "<" and ">", which fastText puts around a word


@njit(cache=True)
def token_hash(data, start, end):
    """64-bit hash of a token's bytes, never 0; `predict` computes the same while it looks for the end."""
    h = _ZERO
    for i in range(start, end):
        h = h * BASE + np.uint64(data[i])
    return mix(h + np.uint64(end - start)) | _ONE


@njit(cache=True)
def is_space(b):
    """What fastText takes as white space: blank, newline, carriage return, tabs, form feed and NUL."""
    return b == 32 or 9 <= b <= 13 or b == 0


@njit(cache=True)
def fnv_step(h, b):
    """FNV-1a with the byte sign-extended, as fastText computes it."""
    return np.uint32((h ^ np.uint32(np.int8(b))) * _PRIME)


@njit(cache=True)
def begins_with_label(data, start, end):
    """Is it a `__label__…` token, which gives no row?"""
    i = 0
    while i < len(LABEL) and start + i < end and data[start + i] == LABEL[i]:
        i += 1
    return i == len(LABEL)


@njit(cache=True)
def token_rows(data, start, end, key, word_keys, word_ids, bucket_rows, shortest, longest, out):
    """Writes the rows of a token: its word's, then those of its n-grams of code points in `<token>`.

    Returns how many. `out` has room for 1 + longest · (bytes + 2).
    """
    n = 0
    at = np.searchsorted(word_keys, key)
    if at < len(word_keys) and word_keys[at] == key:
        out[0] = word_ids[at]
        n = 1
    elif begins_with_label(data, start, end):
        return 0
    buckets = np.uint32(len(bucket_rows))
    size = end - start + 2
    for first in range(size):
        b = OPEN if first == 0 else (CLOSE if first == size - 1 else data[start + first - 1])
        if b & 0xC0 == 0x80:
            continue  # within a code point
        h, i, length = _FNV, first, 1
        while i < size and length <= longest:
            b = OPEN if i == 0 else (CLOSE if i == size - 1 else data[start + i - 1])
            h = fnv_step(h, b)
            i += 1
            while i < size - 1 and data[start + i - 1] & 0xC0 == 0x80:
                h = fnv_step(h, data[start + i - 1])
                i += 1
            if length >= shortest and not (length == 1 and (first == 0 or i == size)):
                row = bucket_rows[h % buckets]
                if row >= 0:
                    out[n] = row
                    n += 1
            length += 1
    return n


@njit(cache=True)
def add_rows(hidden, rows, ids, first, n):
    """Adds the rows ids[first] … ids[first + n - 1] to the hidden vector, in this order."""
    for j in range(first, first + n):
        row = rows[ids[j]]
        for k in range(DIMENSIONS):
            hidden[k] += row[k]


@njit(cache=True)
def log_of(x):
    return np.float32(math.log(np.float64(x) + 1e-5))


@njit(cache=True)
def best_leaf(hidden, output, left, right, stack, scores):
    """(label, its log probability): depth first, the likelier child first, pruned by the best leaf so far."""
    labels = len(output)
    best, label, floor = np.float32(-np.inf), -1, log_of(np.float32(0))
    stack[0], scores[0], top = 2 * labels - 2, np.float32(0), 1
    while top:
        top -= 1
        node, score = stack[top], scores[top]
        if score < floor or score < best:
            continue
        if left[node] < 0:
            if score > best:
                best, label = score, node
            continue
        f = np.float32(0)
        for k in range(DIMENSIONS):
            f += output[node - labels, k] * hidden[k]
        f = np.float32(1.0 / np.float64(np.float32(1) + np.float32(math.exp(-f))))
        to_left = np.float32(score + log_of(np.float32(1.0 - np.float64(f))))
        to_right = np.float32(score + log_of(f))
        if to_left > to_right:
            stack[top], scores[top] = right[node], to_right
            stack[top + 1], scores[top + 1] = left[node], to_left
        else:
            stack[top], scores[top] = left[node], to_left
            stack[top + 1], scores[top + 1] = right[node], to_right
        top += 2
    return label, best


@njit(cache=True)
def predict(
    data, offsets, valid, rows, word_keys, word_ids, end_key, end_row, bucket_rows, shortest, longest,
    output, left, right, cache, pool, used, labels, probabilities,
):
    """The best label of each text and its probability; -1 for a text without a token.

    A text is one line: a newline is white space, and the row of `</s>` is added at its end, as the library's
    `predict` does. A token `</s>` in the text ends it. The cache (key and first << 16 | count in the pool;
    used: [keys, pool entries]) lives as long as the model; it is emptied when full.
    """
    mask = np.uint64(len(cache) - 1)
    room = 1 + longest * (LONG + 2)
    own = np.empty(room, np.int32)
    hidden = np.empty(DIMENSIONS, np.float32)
    stack, scores = np.empty(2 * len(output) + 2, np.int64), np.empty(2 * len(output) + 2, np.float32)
    for d in range(len(valid)):
        labels[d], probabilities[d] = -1, np.float32(0)
        if not valid[d]:
            continue
        hidden[:] = np.float32(0)
        i, end, n_rows, tokens = offsets[d], offsets[d + 1], 0, 0
        while i < end:
            if is_space(data[i]):
                i += 1
                continue
            start, h = i, _ZERO
            while i < end and not is_space(data[i]):
                h = h * BASE + np.uint64(data[i])
                i += 1
            tokens += 1
            key = mix(h + np.uint64(i - start)) | _ONE
            if key == end_key:
                break
            if i - start > LONG:
                if len(own) < 1 + longest * (i - start + 2):
                    own = np.empty(1 + longest * (i - start + 2), np.int32)
                n = token_rows(data, start, i, key, word_keys, word_ids, bucket_rows, shortest, longest, own)
                add_rows(hidden, rows, own, 0, n)
                n_rows += n
                continue
            slot = key & mask
            while cache[slot, 0] != key and cache[slot, 0] != _ZERO:
                slot = (slot + _ONE) & mask
            if cache[slot, 0] == _ZERO:
                if 2 * used[0] >= len(cache) or used[1] + room > len(pool):
                    cache[:] = _ZERO
                    used[:] = 0
                    slot = key & mask
                n = token_rows(
                    data, start, i, key, word_keys, word_ids, bucket_rows, shortest, longest, pool[used[1] :]
                )
                cache[slot, 0], cache[slot, 1] = key, used[1] << 16 | n
                used[0] += 1
                used[1] += n
            place = np.int64(cache[slot, 1])
            first, n = place >> 16, place & 0xFFFF
            add_rows(hidden, rows, pool, first, n)
            n_rows += n
        if tokens == 0:
            continue
        if end_row >= 0:
            for k in range(DIMENSIONS):
                hidden[k] += rows[end_row, k]
            n_rows += 1
        if n_rows:
            hidden *= np.float32(1.0 / n_rows)
            labels[d], best = best_leaf(hidden, output, left, right, stack, scores)
            probabilities[d] = np.float32(math.exp(best))
