"""The kernel behind `statistics`: one walk over each text, then its lines, words and n-grams.

Everything is counted in integers; shares are divided by the caller. What parts words is told by the walk. Numba's
cache on disk notices a change only in the file of the function it is called for: whoever changes a function called
here changes this file too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs import statistics_kernels as k
from recipe_udfs import statistics_ngrams as g
from recipe_udfs.characters import SPACE
from recipe_udfs.statistics_words import count_symbols, distinct_words, ends_with_mark, first_bytes

_ZERO = np.uint64(0)


@njit(cache=True, nogil=True)
def join_paragraphs(lines, n_lines):
    """Puts the hash and characters of each paragraph in the place of those of lines; how many there are.

    A paragraph's characters are those of its lines and one newline between two of them.
    """
    _, _, sizes, hashes, paragraphs = lines
    n = 0
    for j in range(n_lines):
        if j and paragraphs[j] == paragraphs[j - 1]:
            hashes[n - 1] = k.mix(hashes[n - 1] * k.BASE + hashes[j])
            sizes[n - 1] += sizes[j] + 1
        else:
            hashes[n], sizes[n] = hashes[j], sizes[j]
            n += 1
    return n


@njit(cache=True, nogil=True)
def new_words(room):
    """(prefix hash, prefix characters, first byte, end byte) of so many words."""
    prefix, prefix_characters = np.empty(room + 1, np.uint64), np.empty(room + 1, np.int64)
    prefix[0], prefix_characters[0] = _ZERO, 0
    return prefix, prefix_characters, np.empty(room, np.int64), np.empty(room, np.int64)


@njit(cache=True, nogil=True)
def new_lines(room):
    """(first byte, end byte, characters, hash, paragraph) of so many lines."""
    starts, ends, sizes = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    return starts, ends, sizes, np.empty(room, np.uint64), np.empty(room, np.int64)


@njit(cache=True, nogil=True)
def roomy(items):
    """Room for so many items and, that it be asked for seldom, some more."""
    return items + min(items, 1 << 20)


@njit(cache=True, nogil=True)
def document_statistics(
    data, eights, offsets, valid, classes, lower, duplicates, ns, top_columns, duplicate_columns, shorts, marks,
    mark_ends, mark_sets, symbols, symbol_ends, symbol_groups, n_groups, word_keys, word_firsts,
    word_lengths, word_sets, most, out,
):
    """Counts of each text into its row of `out`, int64[texts, k.FIXED + parameters].

    eights: the eight bytes from each place of the data on, as a number; duplicates: count repeated lines and
    paragraphs; ns: words of the n-grams, ascending, with the columns of their two figures, -1 for none; shorts:
    lengths of short lines; marks with mark_sets, and word_keys (see `distinct_words`) with word_sets: where each list
    ends; symbols: spellings with their groups. The columns of n-grams follow FIXED, then those of shorts, mark sets,
    symbol groups, word sets. Rows that are not valid keep their zeros. No text has 2**31 words.
    """
    keep_words = len(ns) + len(word_sets) > 0
    keep_lines = duplicates or len(shorts) + len(mark_sets) > 0
    words, lines, edges = new_words(64), new_lines(64), np.empty(64, np.int64)
    spaces = np.zeros(256, np.uint8)
    for b in range(0x80):
        spaces[b] = classes[b] & SPACE
    keys, firsts, counts = np.empty(64, np.uint64), np.empty(64, np.int32), np.empty(64, np.int32)
    places = np.empty(64, np.int32)
    table, base = np.zeros(64, np.uint64), 0
    places_of, inside = first_bytes(classes, lower)
    symbol_firsts = np.zeros(256, np.bool_)
    for p in range(len(symbol_ends)):
        symbol_firsts[symbols[symbol_ends[p - 1] if p else 0]] = True
    for d in range(len(valid)):
        if not valid[d]:
            continue
        start, end, row = offsets[d], offsets[d + 1], out[d]
        if len(edges) < end - start + 2:
            edges = np.empty(roomy(end - start + 2), np.int64)
        n_edges = k.chunk_edges(data, start, end, spaces, edges)
        if keep_words and n_edges // 2 > len(words[2]):
            words = new_words(roomy(n_edges // 2))
        if keep_lines and n_edges // 2 > len(lines[0]):
            lines = new_lines(roomy(n_edges // 2))
        if not k.walk(data, eights, start, end, edges, n_edges, classes, keep_words, keep_lines, words, lines, row):
            words = new_words(end - start)
            k.walk(data, eights, start, end, edges, n_edges, classes, keep_words, keep_lines, words, lines, row)
        prefix, prefix_characters, _, _ = words
        n_words, n_lines = row[k.WORDS], row[k.LINES]
        items = max(n_words if len(ns) else 0, n_lines if duplicates else 0)
        if items > len(keys):
            keys, places = np.empty(roomy(items), np.uint64), np.empty(roomy(items), np.int32)
            firsts, counts = np.empty(roomy(items), np.int32), np.empty(roomy(items), np.int32)
        if g.slots_for(items) > len(table):
            table, base = np.zeros(g.slots_for(items), np.uint64), 0

        m = 0
        for s in range(len(ns)):
            n = ns[s]
            if s == 0:
                m = max(n_words - n + 1, 0)
                for i in range(m):
                    places[i] = i
            else:
                m = g.candidates(places, m, n - ns[s - 1])
            g.ngram_keys(prefix, n, places, m, keys)
            base = base if base + m < g.ALL_PLACES else g.emptied(table)
            g.group(keys, m, base, table, firsts, counts)
            base += m
            if top_columns[s] >= 0:
                row[top_columns[s]] = g.top_ngram(prefix_characters, n_words, n, places, m, firsts, counts)
            if duplicate_columns[s] >= 0:
                row[duplicate_columns[s]] = g.duplicate_ngrams(prefix_characters, n, places, m, firsts, counts)
            m = g.still_repeated(places, m, firsts, counts)
        column = k.FIXED + np.sum(top_columns >= 0) + np.sum(duplicate_columns >= 0)
        for j in range(len(shorts)):
            for line in range(n_lines):
                row[column + j] += lines[2][line] <= shorts[j]
        column += len(shorts)
        for j in range(len(mark_sets)):
            first = mark_sets[j - 1] if j else 0
            for line in range(n_lines):
                row[column + j] += ends_with_mark(
                    data, lines[0][line], lines[1][line], marks, mark_ends, first, mark_sets[j]
                )
        column += len(mark_sets)
        if n_groups:
            count_symbols(data, start, end, symbols, symbol_ends, symbol_groups, symbol_firsts, row, column)
        column += n_groups
        for j in range(len(word_sets)):
            a, b = word_sets[j - 1] if j else 0, word_sets[j]
            row[column + j] = distinct_words(
                data, words, n_words, classes, lower, places_of, inside, word_keys[a:b], word_firsts[a:b],
                word_lengths[a:b], most,
            )
        if duplicates:
            base = base if base + 2 * n_lines < g.ALL_PLACES else g.emptied(table)
            g.group(lines[3], n_lines, base, table, firsts, counts)
            row[k.DUPLICATE_LINES], row[k.DUPLICATE_LINE_CHARACTERS] = g.repeated(firsts, lines[2], n_lines)
            base += n_lines
            n = join_paragraphs(lines, n_lines)
            g.group(lines[3], n, base, table, firsts, counts)
            row[k.DUPLICATE_PARAGRAPHS], row[k.DUPLICATE_PARAGRAPH_CHARACTERS] = g.repeated(firsts, lines[2], n)
            base += n
