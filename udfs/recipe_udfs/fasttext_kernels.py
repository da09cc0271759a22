"""fastText's prediction over Arrow buffers, bit-equal to the library: same rows, added in the same order.

A text's vector is the mean of the input rows of its words and their character n-grams. A language repeats
its words, so the rows of each distinct token are found once and kept in a cache; they are added one by one
in float32, as the library adds them (keeping sums would be faster and not equal).
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from recipe_udfs.fasttext_file import DIMENSIONS
from recipe_udfs.statistics_documents import roomy
from recipe_udfs.statistics_kernels import BASE, chunk_edges, mix

LONG = 64
"""Bytes above which a token's rows are not kept: such tokens do not come again."""

BATCH = 256
"""Tokens that are hashed, then looked up, then added: rows of the next ones come from memory meanwhile."""

COMMON = 4
"""Rows that are copied of any token, whether it has as many or not: most have no more."""

_FNV, _PRIME = np.uint32(2166136261), np.uint32(16777619)
_ZERO, _ONE, _TWO, _EIGHT, _BITS = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(8), np.uint64(64)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
LABEL = tuple(b"__label__")
OPEN, CLOSE = 60, 62  # "<" and ">", which fastText puts around a word


@njit(cache=True)
def token_key(eights, start, end):
    """64 bits of a token's bytes, never 0. Unsigned numbers, of which no place is counted from behind: to ask for it
    took longer than the rest."""
    i, end = np.uint64(start), np.uint64(end)
    size = end - i
    h = (eights[i] & (_FULL >> (_BITS - _EIGHT * min(size, _EIGHT)))) * BASE
    i += _EIGHT
    while i < end:
        h = (h ^ (eights[i] & (_FULL >> (_BITS - _EIGHT * min(end - i, _EIGHT))))) * BASE
        i += _EIGHT
    return mix(h + size) | _ONE


@njit(cache=True)
def token_keys(eights, ends):
    """The keys of tokens that stand one behind the other; ends[0] is where the first begins."""
    keys = np.empty(len(ends) - 1, np.uint64)
    for i in range(len(keys)):
        keys[i] = token_key(eights, ends[i], ends[i + 1])
    return keys


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


@intrinsic
def add_rows(context, sums, rows, ids, count):
    """Adds rows[ids[0]] … rows[ids[count - 1]], in this order, to sums, all of DIMENSIONS float32.

    As one vector: element by element, which is what the compiler makes of the same in Python, takes twice as long.
    """

    def generate(context, builder, signature, arguments):
        def data(i):
            return context.make_array(signature.args[i])(context, builder, arguments[i]).data

        vector = ir.VectorType(ir.FloatType(), DIMENSIONS)

        def at(place):
            return builder.bitcast(place, vector.as_pointer())

        def load(place):
            return builder.load(at(place), align=4)

        sums, rows, ids = data(0), data(1), data(2)
        total = cgutils.alloca_once_value(builder, load(sums))
        with cgutils.for_range(builder, arguments[3]) as loop:
            row = builder.zext(builder.load(builder.gep(ids, [loop.index])), ir.IntType(64))
            first = builder.mul(row, ir.Constant(ir.IntType(64), DIMENSIONS))
            builder.store(builder.fadd(builder.load(total), load(builder.gep(rows, [first]))), total)
        builder.store(builder.load(total), at(sums), align=4)
        return context.get_dummy_value()

    return types.void(sums, rows, ids, count), generate


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
    data, eights, offsets, valid, rows, word_keys, word_ids, end_key, end_row, bucket_rows, shortest, longest,
    output, left, right, cache, pool, used, labels, probabilities,
):
    """The best label of each text and its probability; -1 for a text without a token.

    eights: the eight bytes from each place of the data on, as a number. A text is one line: a newline is white space,
    and the row of `</s>` is added at its end, as the library's `predict` does. A token `</s>` in the text ends it. The
    cache (key and first << 16 | count in the pool; used: [keys, pool entries]) lives as long as the model; it is
    emptied when full.
    """
    mask = np.uint64(len(cache) - 1)
    spaces = np.zeros(256, np.uint8)
    for b in range(256):
        spaces[b] = is_space(b)
    room = COMMON + 1 + longest * (LONG + 2)
    own, some = np.empty(room, np.int32), np.empty(BATCH * room, np.int32)
    hidden = np.empty(DIMENSIONS, np.float32)
    stack, scores = np.empty(2 * len(output) + 2, np.int64), np.empty(2 * len(output) + 2, np.float32)
    most = max(1, min(BATCH, len(cache) // 4, len(pool) // room))  # all of a batch has room in an empty cache
    keys, places = np.empty(BATCH, np.uint64), np.empty(BATCH, np.int64)
    edges = np.empty(64, np.int64)
    for d in range(len(valid)):
        labels[d], probabilities[d] = -1, np.float32(0)
        if not valid[d]:
            continue
        start, end = offsets[d], offsets[d + 1]
        if len(edges) < end - start + 2:
            edges = np.empty(roomy(end - start + 2), np.int64)
        n_edges = chunk_edges(data, start, end, spaces, edges)
        hidden[:] = 0
        n_rows, tokens, ended = 0, 0, False
        for first in range(0, n_edges, 2 * most):
            batch = min(most, (n_edges - first) // 2)
            if 2 * (used[0] + batch) >= len(cache) or used[1] + batch * room > len(pool):
                cache[:] = _ZERO
                used[:] = 0
            for t in range(np.uint64(batch)):
                at = np.uint64(first) + _TWO * t
                keys[t] = token_key(eights, edges[at], edges[at + _ONE])
            for t in range(batch):
                key, start, end = keys[t], edges[first + 2 * t], edges[first + 2 * t + 1]
                if key == end_key:
                    batch, ended = t, True
                    tokens += 1
                    break
                if end - start > LONG:
                    places[t] = -1
                    continue
                slot = key & mask
                while cache[slot, 0] != key and cache[slot, 0] != _ZERO:
                    slot = (slot + _ONE) & mask
                if cache[slot, 0] == _ZERO:
                    n = token_rows(
                        data, start, end, key, word_keys, word_ids, bucket_rows, shortest, longest, pool[used[1] :]
                    )
                    cache[slot, 0], cache[slot, 1] = key, used[1] << 16 | n
                    used[0] += 1
                    used[1] += n
                places[t] = np.int64(cache[slot, 1])
            m = 0
            for t in range(batch):
                if places[t] < 0:
                    start, end = edges[first + 2 * t], edges[first + 2 * t + 1]
                    if len(own) < 1 + longest * (end - start + 2):
                        own = np.empty(1 + longest * (end - start + 2), np.int32)
                    n = token_rows(
                        data, start, end, keys[t], word_keys, word_ids, bucket_rows, shortest, longest, own
                    )
                    add_rows(hidden, rows, some, m)
                    add_rows(hidden, rows, own, n)
                    n_rows += m + n
                    m = 0
                    continue
                at, n = np.uint64(places[t] >> 16), places[t] & 0xFFFF
                for j in range(COMMON):
                    some[m + j] = pool[at + np.uint64(j)]
                for j in range(COMMON, n):
                    some[m + j] = pool[at + np.uint64(j)]
                m += n
            add_rows(hidden, rows, some, m)
            n_rows += m
            tokens += batch
            if ended:
                break
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
