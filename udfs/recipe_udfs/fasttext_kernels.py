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

BATCH = 256
"""Tokens that are hashed, then looked up, then added: rows of the next ones come from memory meanwhile."""

_FNV, _PRIME = np.uint32(2166136261), np.uint32(16777619)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
LABEL = tuple(b"__label__")
ZEROS = (np.float32(0),) * DIMENSIONS
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
def add_rows(sums, rows, ids, first, n):
    """The sums of the dimensions with the rows ids[first] … ids[first + n - 1] added, in this order. A tuple, which
    stays in registers: an array would be read and written for every row, because it might be the rows' own."""
    for j in range(np.uint64(first), np.uint64(first + n)):
        i = np.uint64(ids[j])
        sums = (
            sums[0] + rows[i, 0], sums[1] + rows[i, 1], sums[2] + rows[i, 2], sums[3] + rows[i, 3],
            sums[4] + rows[i, 4], sums[5] + rows[i, 5], sums[6] + rows[i, 6], sums[7] + rows[i, 7],
            sums[8] + rows[i, 8], sums[9] + rows[i, 9], sums[10] + rows[i, 10], sums[11] + rows[i, 11],
            sums[12] + rows[i, 12], sums[13] + rows[i, 13], sums[14] + rows[i, 14], sums[15] + rows[i, 15],
        )  # fmt: skip
    return sums


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
    space = np.empty(256, np.bool_)
    for b in range(256):
        space[b] = is_space(b)
    room = 1 + longest * (LONG + 2)
    own = np.empty(room, np.int32)
    hidden = np.empty(DIMENSIONS, np.float32)
    stack, scores = np.empty(2 * len(output) + 2, np.int64), np.empty(2 * len(output) + 2, np.float32)
    most = max(1, min(BATCH, len(cache) // 4, len(pool) // room))  # all of a batch has room in an empty cache
    keys, places = np.empty(BATCH, np.uint64), np.empty(BATCH, np.int64)
    starts, sizes = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    for d in range(len(valid)):
        labels[d], probabilities[d] = -1, np.float32(0)
        if not valid[d]:
            continue
        sums = ZEROS
        i, end, n_rows, tokens, ended = offsets[d], offsets[d + 1], 0, 0, False
        while i < end and not ended:
            batch = 0
            while i < end and batch < most:
                if space[data[i]]:
                    i += 1
                    continue
                start, h = i, _ZERO
                while i < end and not space[data[i]]:
                    h = h * BASE + np.uint64(data[i])
                    i += 1
                keys[batch], starts[batch], sizes[batch] = mix(h + np.uint64(i - start)) | _ONE, start, i - start
                batch += 1
            if 2 * (used[0] + batch) >= len(cache) or used[1] + batch * room > len(pool):
                cache[:] = _ZERO
                used[:] = 0
            for t in range(batch):
                key = keys[t]
                if key == end_key:
                    batch, ended = t, True
                    tokens += 1
                    break
                if sizes[t] > LONG:
                    places[t] = -1
                    continue
                slot = key & mask
                while cache[slot, 0] != key and cache[slot, 0] != _ZERO:
                    slot = (slot + _ONE) & mask
                if cache[slot, 0] == _ZERO:
                    n = token_rows(
                        data, starts[t], starts[t] + sizes[t], key, word_keys, word_ids, bucket_rows, shortest, longest,
                        pool[used[1] :],
                    )  # fmt: skip
                    cache[slot, 0], cache[slot, 1] = key, used[1] << 16 | n
                    used[0] += 1
                    used[1] += n
                places[t] = np.int64(cache[slot, 1])
            for t in range(batch):
                if places[t] < 0:
                    if len(own) < 1 + longest * (sizes[t] + 2):
                        own = np.empty(1 + longest * (sizes[t] + 2), np.int32)
                    n = token_rows(
                        data, starts[t], starts[t] + sizes[t], keys[t], word_keys, word_ids, bucket_rows, shortest,
                        longest, own,
                    )  # fmt: skip
                    sums = add_rows(sums, rows, own, 0, n)
                else:
                    n = places[t] & 0xFFFF
                    sums = add_rows(sums, rows, pool, places[t] >> 16, n)
                n_rows += n
            tokens += batch
        if tokens == 0:
            continue
        for k in range(DIMENSIONS):
            hidden[k] = sums[k]
        if end_row >= 0:
            for k in range(DIMENSIONS):
                hidden[k] += rows[end_row, k]
            n_rows += 1
        if n_rows:
            hidden *= np.float32(1.0 / n_rows)
            labels[d], best = best_leaf(hidden, output, left, right, stack, scores)
            probabilities[d] = np.float32(math.exp(best))
