"""The walk over the UTF-8 bytes of one text: characters, words, sentences, lines and paragraphs, counted in integers.

Two passes. The first finds the chunks between ASCII white space without a branch; the second goes from chunk to
chunk. A chunk of ASCII, which most of a text is, is a word and is taken eight bytes at a time; any other is read
character by character and may be several.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recipe_udfs.characters import BULLET, CLOSER, JOINED, LETTER, LOWER, MARK, SPACE, UNSPACED, WIDE_MARK, WORD

# Columns of the result; those of the parameters follow in the order of the arguments.
(
    CHARACTERS, NEWLINES, WORDS, WORD_CHARACTERS, LETTER_WORDS, SENTENCES, LINES, BULLET_LINES,
    ELLIPSIS_LINES, PARAGRAPHS, DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, DUPLICATE_PARAGRAPHS,
    DUPLICATE_PARAGRAPH_CHARACTERS, LONGEST_WORD, FIXED,
) = range(16)  # fmt: skip

BASE = np.uint64(0x9E3779B97F4A7C15)  # of the polynomial hashes, modulo 2**64; any odd number would do
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_ZERO, _EIGHT, _BITS = np.uint64(0), np.uint64(8), np.uint64(64)
NEWLINE, DOT = 10, ord(".")

# Eight bytes at once: a number with the same byte in all eight.
_BYTES = np.uint64(0x0101010101010101)
_TOP, _CASE, _FULL = np.uint64(0x80) * _BYTES, np.uint64(0x20) * _BYTES, np.uint64(0xFF) * _BYTES
_FROM_A, _PAST_Z = np.uint64(0x80 - ord("a")) * _BYTES, np.uint64(0x80 - ord("z") - 1) * _BYTES


@njit(cache=True, nogil=True, inline="always")
def mix(x):
    """SplitMix64's finaliser (Steele et al. 2014): a bijection of uint64 whose every bit depends on all."""
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True, inline="always")
def decode(data, i, end):
    """(code point, bytes) at i. A byte that begins no whole character counts as one: U+0000, of no class.

    Surrogates are taken for characters. What is longer than it need be (an overlong form) is none.
    """
    b = np.int64(data[i])
    if b < 0x80:
        return b, 1
    if 0xC2 <= b < 0xE0:
        if i + 1 < end and data[i + 1] & 0xC0 == 0x80:
            return (b & 0x1F) << 6 | np.int64(data[i + 1] & 0x3F), 2
    elif 0xE0 <= b < 0xF0:
        if i + 2 < end and data[i + 1] & 0xC0 == 0x80 and data[i + 2] & 0xC0 == 0x80:
            c = (b & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | np.int64(data[i + 2] & 0x3F)
            if c >= 0x800:
                return c, 3
    elif 0xF0 <= b < 0xF5 and i + 3 < end:
        x, y, z = data[i + 1], data[i + 2], data[i + 3]
        if x & 0xC0 == 0x80 and y & 0xC0 == 0x80 and z & 0xC0 == 0x80:
            c = (b & 0x07) << 18 | np.int64(x & 0x3F) << 12 | np.int64(y & 0x3F) << 6 | np.int64(z & 0x3F)
            if 0x10000 <= c < 0x110000:
                return c, 4
    return 0, 1


@njit(cache=True, nogil=True)
def chunk_edges(data, start, end, spaces, edges):
    """Writes where runs without ASCII white space begin and end, in turn, and twice the end of the text; how many.

    Without a branch, because where words end cannot be foretold; `edges` has room for two more than there are bytes.
    """
    n, before = 0, np.uint8(1)
    for i in range(np.uint64(start), np.uint64(end)):  # unsigned: never counted from behind, which would be asked
        now = spaces[data[i]]
        edges[n] = i
        n += now != before
        before = now
    edges[n] = end
    n += n & 1
    edges[n] = edges[n + 1] = end
    return n


@njit(cache=True, nogil=True, inline="always")
def ascii_hash(eights, start, end):
    """(is it ASCII?, hash, has it a letter?) of the bytes start … end, at least one; the last two if it is ASCII."""
    h = letters = seen = _ZERO
    i, end = np.uint64(start), np.uint64(end)  # unsigned: never counted from behind, which would be asked
    size = end - i
    while True:
        x = eights[i] & (_FULL >> (_BITS - _EIGHT * min(end - i, _EIGHT)))
        folded = x | _CASE
        letters |= (folded + _FROM_A) & ~(folded + _PAST_Z)
        seen |= x
        h = (h ^ x) * BASE
        i += _EIGHT
        if i >= end or seen & _TOP:
            return seen & _TOP == _ZERO, mix(h + size), letters & _TOP != _ZERO


@njit(cache=True, nogil=True)
def wide_hash(eights, start, end):
    """The hash of any word, as `ascii_hash` computes it."""
    h = _ZERO
    for i in range(start, end, 8):
        x = eights[i]
        if end - i < 8:
            x &= _FULL >> np.uint64(64 - 8 * (end - i))
        h = (h ^ x) * BASE
    return mix(h + np.uint64(end - start))


@njit(cache=True, nogil=True, inline="always")
def ascii_mark(data, start, end, classes):
    """1 if a word of ASCII ends in a sentence mark, closers behind it aside, and is no initial; else 0."""
    i = end - 1
    while i >= start and classes[data[i]] & CLOSER:
        i -= 1
    if i < start or not classes[data[i]] & MARK:
        return 0
    return 0 if data[i] == DOT and i == start + 1 and classes[data[start]] & LETTER else 1


@njit(cache=True, nogil=True, inline="always")
def base_of(k, before):
    """The class of the last letter or digit up to a character of class k, `before` that of the last before it; a
    combining mark that has none before it stands for one."""
    return k if k & WORD and not (before and k & JOINED) else before


@njit(cache=True, nogil=True, inline="always")
def parts(k, before):
    """Does a word begin at a character of class k, where the last letter or digit of the word so far (0: none) is of
    class `before`? Between two letters or digits, if one is a letter of a script without spaces."""
    return before != 0 and (before | k) & UNSPACED != 0 and k & WORD != 0 and k & JOINED == 0


@njit(cache=True, nogil=True)
def wide_word(data, start, end, classes):
    """(end byte, characters, has it a letter?, mark, sentences) of the word at start, of any characters.

    mark: 1 as `ascii_mark`, 2 if it ends in a mark of a script without spaces; sentences end at such marks within.
    """
    length = sentences = mark = 0
    seen = first = base = np.uint16(0)
    i = start
    while i < end:
        c, n = decode(data, i, end)
        k = classes[c]
        if k & SPACE or parts(k, base):
            break
        base = base_of(k, base)
        if k & (MARK | WIDE_MARK):
            if k & WIDE_MARK:
                mark = 2
            elif c == DOT and length == 1 and first & LETTER and not first & UNSPACED:
                mark = 0  # an initial: "J."
            else:
                mark = 1
        elif not k & CLOSER:
            sentences += mark == 2
            mark = 0
        if length == 0:
            first = k
        seen |= k
        length += 1
        i += n
    return i, length, (seen & LETTER) != 0, mark, sentences


@njit(cache=True, nogil=True)
def walk(data, eights, start, end, edges, n_edges, classes, keep_words, keep_lines, words, lines, row):
    """Counts of one text into `row`; its words and lines into the arrays given, if wanted. Was there room for them?

    There must be for a word a chunk, which is what ASCII has. edges: those of the chunks; words: (prefix hash uint64,
    prefix characters, first byte, end byte), the prefixes one longer; lines: (first byte, end byte, characters, hash
    uint64, paragraph), trimmed, without empty ones.
    """
    prefix, prefix_characters, word_starts, word_ends = words
    line_starts, line_ends, line_characters, line_hashes, line_paragraphs = lines
    characters = newlines = n_words = word_characters = longest_word = letter_words = sentences = 0
    n_lines = bullets = ellipses = paragraphs = 0
    sentence_open = sentence_pending = is_bullet = False
    blank_before = True
    line_start = line_end = line_first = line_last = -1
    running = line_hash = _ZERO
    at = start
    for j in range(0, n_edges + 2, 2):
        chunk_start, chunk_end = edges[j], edges[j + 1]
        for i in range(at, chunk_start + (j == n_edges)):  # the end of the text ends its last line
            c = NEWLINE if i == end else data[i]
            if c != NEWLINE:
                running = running * BASE + np.uint64(c)
                continue
            newlines += i < end
            if line_start >= 0:
                paragraphs += blank_before
                blank_before = False
                sentences += sentence_open
                sentence_open = sentence_pending = False
                bullets += is_bullet
                if line_end - line_start >= 3:
                    x, y, z = data[line_end - 3], data[line_end - 2], data[line_end - 1]
                    ellipses += (x == DOT and y == DOT and z == DOT) or (x == 0xE2 and y == 0x80 and z == 0xA6)
                if keep_lines:
                    line_starts[n_lines], line_ends[n_lines] = line_start, line_end
                    line_characters[n_lines] = line_last - line_first
                    line_hashes[n_lines] = line_hash
                    line_paragraphs[n_lines] = paragraphs
                n_lines += 1
                line_start = -1
            elif i < end:
                blank_before = True
        characters += chunk_start - at
        at = chunk_end
        if j == n_edges:
            break
        ascii, h, has_letter = ascii_hash(eights, chunk_start, chunk_end)
        i = chunk_start
        while i < chunk_end:
            if ascii:
                word_end, length, k = chunk_end, chunk_end - i, classes[data[i]]
                last = classes[data[word_end - 1]]
                mark = ascii_mark(data, i, word_end, classes) if last & (MARK | CLOSER) else 0
            else:
                c, n = decode(data, i, chunk_end)
                k = classes[c]
                if k & SPACE:
                    running = running * BASE + np.uint64(c)
                    characters += 1
                    i += n
                    continue
                word_end, length, has_letter, mark, within = wide_word(data, i, chunk_end, classes)
                h = wide_hash(eights, i, word_end)
                sentences += within
            if line_start < 0:
                line_start, line_first, running = i, characters, _ZERO
                is_bullet = (k & BULLET) != 0
            elif sentence_pending and not k & LOWER:
                sentences += 1
            running = running * BASE + h
            if keep_words:
                if not ascii and n_words + (n_edges - j) // 2 >= len(word_starts):
                    return False
                word_starts[n_words], word_ends[n_words] = i, word_end
                prefix[n_words + 1] = prefix[n_words] * BASE + h
                prefix_characters[n_words + 1] = prefix_characters[n_words] + length
            n_words += 1
            word_characters += length
            longest_word = max(longest_word, length)
            letter_words += has_letter
            characters += length
            line_end, line_last, line_hash = word_end, characters, running
            sentences += mark == 2
            sentence_open, sentence_pending = mark != 2, mark == 1
            i = word_end
    row[CHARACTERS], row[NEWLINES] = characters, newlines
    row[WORDS], row[WORD_CHARACTERS], row[LETTER_WORDS] = n_words, word_characters, letter_words
    row[SENTENCES], row[LINES], row[BULLET_LINES], row[ELLIPSIS_LINES] = sentences, n_lines, bullets, ellipses
    row[PARAGRAPHS], row[LONGEST_WORD] = paragraphs, longest_word
    return True
