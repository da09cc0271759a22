"""The kernel behind `statistics`: one walk over the UTF-8 bytes of each text, then its lines and words.

Everything is counted in integers; shares are divided by the caller. All compiled functions stand in this
one file because Numba's cache on disk notices a change only in the file of the function it is called for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import BULLET, CLOSER, LETTER, LOWER, MARK, SPACE, WIDE_MARK, WORD

# Columns of the result; those of the parameters follow in the order of the arguments.
(
    CHARACTERS, NEWLINES, WORDS, WORD_CHARACTERS, LETTER_WORDS, SENTENCES, LINES, BULLET_LINES,
    ELLIPSIS_LINES, PARAGRAPHS, DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, DUPLICATE_PARAGRAPHS,
    DUPLICATE_PARAGRAPH_CHARACTERS, FIXED,
) = range(15)  # fmt: skip

BASE = np.uint64(0x9E3779B97F4A7C15)  # of the polynomial hashes, modulo 2**64; any odd number would do
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_ZERO, _ONE, _TWO, _LOW = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(63)
KEY, STAMP, COUNT, FIRST = range(4)  # of a hash table's slots; a slot is in use if its stamp is the pass's
NEWLINE, DOT = 10, ord(".")
SPECIAL = SPACE | MARK | WIDE_MARK | CLOSER  # what changes the state of the walk within a word


@njit(cache=True, nogil=True)
def mix(x):
    """SplitMix64's finaliser (Steele et al. 2014): a bijection of uint64 whose every bit depends on all."""
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True)
def decode(data, i, end):
    """(code point, bytes) at i. A byte that begins no whole character counts as one, of no class."""
    b = np.int64(data[i])
    if b < 0x80:
        return b, 1
    if 0xC2 <= b < 0xE0 and i + 1 < end:
        return (b & 0x1F) << 6 | (np.int64(data[i + 1]) & 0x3F), 2
    if 0xE0 <= b < 0xF0 and i + 2 < end:
        return (b & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | (np.int64(data[i + 2]) & 0x3F), 3
    if 0xF0 <= b < 0xF5 and i + 3 < end:
        c = (b & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12 | (np.int64(data[i + 2]) & 0x3F) << 6
        c |= np.int64(data[i + 3]) & 0x3F
        return (c if c < 0x110000 else 0), 4
    return 0, 1


@njit(cache=True, nogil=True)
def hash_bytes(data, start, end):
    """Polynomial hash of bytes, mixed with their number."""
    h = np.uint64(end - start)
    for i in range(start, end):
        h = h * BASE + np.uint64(data[i])
    return mix(h)


@njit(cache=True, nogil=True)
def word_key(data, start, end, classes, lower, most):
    """Hash of a word in lower case without what is neither letter, digit nor mark at its ends.

    A word of nothing else is taken as it is. 0 if it has more than `most` characters.
    """
    h = key = _ZERO
    i, count = start, 0
    while i < end:
        c, n = decode(data, i, end)
        inside = classes[c] & WORD
        if inside or count:
            h = h * BASE + np.uint64(lower[c] + 1)
            count += 1
            if inside:
                if count > most:
                    return _ZERO
                key = h
        i += n
    if count == 0:
        i = start
        while i < end and count <= most:
            c, n = decode(data, i, end)
            key = key * BASE + np.uint64(lower[c] + 1)
            i += n
            count += 1
        if count > most:
            return _ZERO
    return mix(key) | _ONE


@njit(cache=True, nogil=True)
def walk(data, start, end, classes, keep_words, keep_lines, hash_lines, words, lines, row):
    """Counts of one text into `row`; its words and lines into the arrays given, if wanted.

    words: (prefix hash uint64, prefix characters, first byte, end byte), the prefixes one longer;
    lines: (first byte, end byte, characters, hash uint64, paragraph), trimmed, without empty ones.
    """
    prefix, prefix_characters, word_starts, word_ends = words
    line_starts, line_ends, line_characters, line_hashes, line_paragraphs = lines
    characters = newlines = n_words = word_characters = letter_words = sentences = 0
    n_lines = bullets = ellipses = paragraphs = 0
    in_word = has_letter = first_is_letter = sentence_open = sentence_pending = False
    blank_before = True
    word_start = length = mark = 0
    line_start = line_end = line_first = line_last = -1
    is_bullet = False
    h = _ZERO
    i = start
    while i <= end:
        if i == end:
            c, n = NEWLINE, 1  # the end of the text ends its last line
        else:
            c, n = decode(data, i, end)
        k = classes[c]
        if k & SPACE:
            if in_word:
                in_word = False
                if keep_words:
                    word_starts[n_words], word_ends[n_words] = word_start, i
                    prefix[n_words + 1] = prefix[n_words] * BASE + mix(h + np.uint64(length))
                    prefix_characters[n_words + 1] = prefix_characters[n_words] + length
                n_words += 1
                word_characters += length
                letter_words += has_letter
                line_end, line_last = i, characters
                if mark == 2:
                    sentences += 1
                    sentence_open = False
                sentence_pending = mark == 1
            if c == NEWLINE:
                newlines += i < end
                if line_start >= 0:
                    paragraphs += blank_before
                    blank_before = False
                    sentences += sentence_open
                    sentence_open = sentence_pending = False
                    bullets += is_bullet
                    if line_end - line_start >= 3:
                        x, y, z = data[line_end - 3], data[line_end - 2], data[line_end - 1]
                        ellipses += (x == DOT and y == DOT and z == DOT) or (
                            x == 0xE2 and y == 0x80 and z == 0xA6
                        )
                    if keep_lines:
                        line_starts[n_lines], line_ends[n_lines] = line_start, line_end
                        line_characters[n_lines] = line_last - line_first
                        if hash_lines:
                            line_hashes[n_lines] = hash_bytes(data, line_start, line_end)
                        line_paragraphs[n_lines] = paragraphs
                    n_lines += 1
                    line_start = -1
                elif i < end:
                    blank_before = True
        else:
            if not in_word:
                in_word = True
                word_start, length, mark, h = i, 0, 0, _ZERO
                has_letter = False
                first_is_letter = (k & LETTER) != 0
                if line_start < 0:
                    line_start, line_first = i, characters
                    is_bullet = (k & BULLET) != 0
                elif sentence_pending and not k & LOWER:
                    sentences += 1
                sentence_pending = False
                sentence_open = True
            if k & (MARK | WIDE_MARK):
                if k & WIDE_MARK:
                    mark = 2
                elif c == DOT and length == 1 and first_is_letter:
                    mark = 0  # an initial: "J."
                else:
                    mark = 1
            elif not k & CLOSER:
                sentences += mark == 2
                mark = 0
            seen = k
            h = h * BASE + np.uint64(c)
            length += 1
            before = length
            while i + n < end:  # the plain ASCII characters that follow, which most of a text is
                b = data[i + n]
                if b >= 0x80 or classes[b] & SPECIAL:
                    break
                seen |= classes[b]
                h = h * BASE + np.uint64(b)
                length += 1
                n += 1
            if length > before:
                characters += length - before
                sentences += mark == 2
                mark = 0
            has_letter |= (seen & LETTER) != 0
        characters += i < end
        i += n
    row[CHARACTERS], row[NEWLINES] = characters, newlines
    row[WORDS], row[WORD_CHARACTERS], row[LETTER_WORDS] = n_words, word_characters, letter_words
    row[SENTENCES], row[LINES], row[BULLET_LINES], row[ELLIPSIS_LINES] = sentences, n_lines, bullets, ellipses
    row[PARAGRAPHS] = paragraphs


@njit(cache=True, nogil=True)
def slot_of(key, table, stamp, mask):
    """Place of a key, or of the free slot where it belongs; slots of another stamp are free."""
    slot = key & mask
    while table[slot, STAMP] == stamp and table[slot, KEY] != key:
        slot = (slot + _ONE) & mask
    return slot


@njit(cache=True, nogil=True)
def repeated(hashes, sizes, n, table, stamp, mask):
    """(how many of n items occurred before, characters in those)."""
    count = covered = 0
    for i in range(n):
        slot = slot_of(hashes[i], table, stamp, mask)
        if table[slot, STAMP] == stamp:
            count += 1
            covered += sizes[i]
        else:
            table[slot, STAMP], table[slot, KEY] = stamp, hashes[i]
    return count, covered


@njit(cache=True, nogil=True)
def join_paragraphs(lines, n_lines):
    """Puts the hash and characters of each paragraph in the place of those of lines; how many there are.

    A paragraph's characters are those of its lines and one newline between two of them.
    """
    _, _, sizes, hashes, paragraphs = lines
    n = 0
    for j in range(n_lines):
        if j and paragraphs[j] == paragraphs[j - 1]:
            hashes[n - 1] = mix(hashes[n - 1] * BASE + hashes[j])
            sizes[n - 1] += sizes[j] + 1
        else:
            hashes[n], sizes[n] = hashes[j], sizes[j]
            n += 1
    return n


@njit(cache=True, nogil=True)
def top_ngram(words, n_words, n, power, table, stamp, mask):
    """(occurrences of the most frequent n-gram, the first such one in the text; characters they cover)."""
    prefix, prefix_characters, _, _ = words
    best, where = np.uint64(0), np.uint64(0)
    for i in range(n_words - n + 1):
        key = mix(prefix[i + n] - prefix[i] * power)
        slot = slot_of(key, table, stamp, mask)
        if table[slot, STAMP] != stamp:
            table[slot, STAMP], table[slot, KEY], table[slot, COUNT], table[slot, FIRST] = stamp, key, 1, i
        else:
            table[slot, COUNT] += _ONE
        count, first = table[slot, COUNT], table[slot, FIRST]
        if count > best or (count == best and first < where):
            best, where = count, first
    covered = prefix_characters[where + np.uint64(n)] - prefix_characters[where] + n - 1 if best else 0
    return np.int64(best), np.int64(best) * covered


@njit(cache=True, nogil=True)
def duplicate_ngrams(words, n_words, n, power, table, stamp, mask):
    """Characters of words in n-grams that occurred before; after such a one the walk goes on behind it."""
    prefix, prefix_characters, _, _ = words
    covered = i = 0
    while i <= n_words - n:
        key = mix(prefix[i + n] - prefix[i] * power)
        slot = slot_of(key, table, stamp, mask)
        if table[slot, STAMP] == stamp:
            covered += prefix_characters[i + n] - prefix_characters[i]
            i += n
        else:
            table[slot, STAMP], table[slot, KEY] = stamp, key
            i += 1
    return covered


@njit(cache=True, nogil=True)
def same(data, at, pattern, start, end):
    """Do the bytes at `at` equal those of the pattern? The caller knows that they are there."""
    j = start
    while j < end and data[at + j - start] == pattern[j]:
        j += 1
    return j == end


@njit(cache=True, nogil=True)
def count_symbols(data, start, end, symbols, ends, groups, firsts, row, column):
    """Occurrences of spellings that do not overlap, from left to right, summed by group."""
    free = np.zeros(len(ends), np.int64)
    for i in range(start, end):
        if firsts[data[i]]:
            begin = 0
            for p in range(len(ends)):
                size = ends[p] - begin
                if i >= free[p] and i + size <= end and same(data, i, symbols, begin, ends[p]):
                    row[column + groups[p]] += 1
                    free[p] = i + size
                begin = ends[p]


@njit(cache=True, nogil=True)
def ends_with_mark(data, start, end, marks, mark_ends, first, last):
    """Does the line end with one of the marks first … last?"""
    for m in range(first, last):
        begin = mark_ends[m - 1] if m else 0
        size = mark_ends[m] - begin
        if size <= end - start and same(data, end - size, marks, begin, mark_ends[m]):
            return True
    return False


@njit(cache=True, nogil=True)
def distinct_words(data, words, n_words, classes, lower, keys, most):
    """How many of the keys (distinct, sorted) occur among the words."""
    _, prefix_characters, starts, ends = words
    seen = np.zeros(len(keys), np.bool_)
    low_bits = _ZERO  # a set of the keys' last six bits: most words are out by it
    for key in keys:
        low_bits |= _ONE << (key & _LOW)
    found = 0
    for w in range(n_words):
        if prefix_characters[w + 1] - prefix_characters[w] > most:
            first, last = data[starts[w]], data[ends[w] - 1]
            if first < 0x80 and last < 0x80 and classes[first] & classes[last] & WORD:
                continue  # too long, and nothing to take off its ends
        key = word_key(data, starts[w], ends[w], classes, lower, most)
        if low_bits >> (key & _LOW) & _ONE:
            at = np.searchsorted(keys, key)
            if at < len(keys) and keys[at] == key and not seen[at]:
                seen[at] = True
                found += 1
                if found == len(keys):
                    break
    return found


@njit(cache=True, nogil=True)
def room_for(data, start, end):
    """(words, lines) a text may have at most: every white space begins with a byte of 0x20 or less, or
    with 0xC2 or 0xE1 to 0xE3."""
    words, lines = 1, 1
    for i in range(start, end):
        b = data[i]
        words += (b <= 32) | (b == 0xC2) | ((b >= 0xE1) & (b <= 0xE3))
        lines += b == NEWLINE
    return words, lines


@njit(cache=True, nogil=True)
def powers(ns):
    """BASE to the n, for each n."""
    result = np.ones(len(ns), np.uint64)
    for j in range(len(ns)):
        for _ in range(ns[j]):
            result[j] *= BASE
    return result


@njit(cache=True, nogil=True)
def new_table(items):
    """uint64[slots, 4]: a hash table of a power of two of slots, at most half of them in use."""
    slots = 64
    while slots < 2 * items:
        slots *= 2
    return np.zeros((slots, 4), np.uint64)


@njit(cache=True, nogil=True)
def new_words(room):
    """(prefix hash, prefix characters, first byte, end byte) of so many words."""
    prefix, prefix_characters = np.zeros(room + 1, np.uint64), np.zeros(room + 1, np.int64)
    return prefix, prefix_characters, np.zeros(room, np.int64), np.zeros(room, np.int64)


@njit(cache=True, nogil=True)
def new_lines(room):
    """(first byte, end byte, characters, hash, paragraph) of so many lines."""
    starts, ends, sizes = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    return starts, ends, sizes, np.zeros(room, np.uint64), np.zeros(room, np.int64)


@njit(cache=True, nogil=True)
def document_statistics(
    data, offsets, valid, classes, lower, duplicates, tops, dups, shorts, marks, mark_ends, mark_sets,
    symbols, symbol_ends, symbol_groups, n_groups, word_keys, word_sets, most, out,
):
    """Counts of each text into its row of `out`, int64[texts, FIXED + parameters].

    duplicates: count repeated lines and paragraphs; tops, dups: n of the n-grams, ascending; shorts:
    lengths of short lines; marks with mark_sets, and word_keys with word_sets: where each list ends;
    symbols: spellings with their groups. The columns follow FIXED in this order: tops, dups, shorts,
    mark sets, symbol groups, word sets. Rows that are not valid keep their zeros.
    """
    keep_words = len(tops) + len(dups) + len(word_sets) > 0
    keep_lines = duplicates or len(shorts) + len(mark_sets) > 0
    word_room = line_room = 64
    words, lines, table, stamp = new_words(word_room), new_lines(line_room), new_table(64), _ZERO
    top_powers, dup_powers = powers(tops), powers(dups)
    firsts = np.zeros(256, np.bool_)
    for p in range(len(symbol_ends)):
        firsts[symbols[symbol_ends[p - 1] if p else 0]] = True
    for d in range(len(valid)):
        if not valid[d]:
            continue
        start, end, row = offsets[d], offsets[d + 1], out[d]
        if keep_words or keep_lines:
            most_words, most_lines = room_for(data, start, end)
            if keep_words and most_words > word_room:
                word_room = 2 * most_words
                words = new_words(word_room)
            if keep_lines and most_lines > line_room:
                line_room = 2 * most_lines
                lines = new_lines(line_room)
        walk(data, start, end, classes, keep_words, keep_lines, duplicates, words, lines, row)
        n_words, n_lines = row[WORDS], row[LINES]
        items = max(n_words if len(tops) + len(dups) else 0, n_lines if duplicates else 0)
        if 2 * items > len(table):
            table, stamp = new_table(2 * items), _ZERO
        slots = 64
        while slots < 2 * items:
            slots *= 2
        mask = np.uint64(slots - 1)

        column = FIXED
        unique_from = n_words + 1  # no n-gram of so many words or more occurs twice
        for j in range(len(tops)):
            stamp += _ONE
            best, row[column + j] = top_ngram(words, n_words, tops[j], top_powers[j], table, stamp, mask)
            if best < 2:
                unique_from = min(unique_from, tops[j])
        column += len(tops)
        for j in range(len(dups)):
            if dups[j] < unique_from:
                stamp += _ONE
                covered = duplicate_ngrams(words, n_words, dups[j], dup_powers[j], table, stamp, mask)
                row[column + j] = covered
                if covered == 0:
                    unique_from = dups[j]
        column += len(dups)
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
            count_symbols(data, start, end, symbols, symbol_ends, symbol_groups, firsts, row, column)
        column += n_groups
        for j in range(len(word_sets)):
            keys = word_keys[word_sets[j - 1] if j else 0 : word_sets[j]]
            row[column + j] = distinct_words(data, words, n_words, classes, lower, keys, most)
        if duplicates:
            count, covered = repeated(lines[3], lines[2], n_lines, table, stamp + _ONE, mask)
            row[DUPLICATE_LINES], row[DUPLICATE_LINE_CHARACTERS] = count, covered
            n = join_paragraphs(lines, n_lines)
            count, covered = repeated(lines[3], lines[2], n, table, stamp + _TWO, mask)
            row[DUPLICATE_PARAGRAPHS], row[DUPLICATE_PARAGRAPH_CHARACTERS] = count, covered
            stamp += _TWO
