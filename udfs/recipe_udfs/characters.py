"""What a character is: tables of classes, of kinds and of lower case over all Unicode code points.

From Python's own Unicode data, so a kernel and a plain-Python reference agree on every character. A
Python with newer data may class newly assigned characters otherwise.
"""

from __future__ import annotations

import string
import unicodedata
from functools import cache

import numpy as np

CODE_POINTS = 0x110000

SPACE = 1 << 0       # str.isspace(): White_Space and the separators U+001C to U+001F
LETTER = 1 << 1      # str.isalpha(): the categories L*
WORD = 1 << 2        # str.isalnum(), or a combining mark (categories M*)
LOWER = 1 << 3       # str.islower()
MARK = 1 << 4        # ends a sentence when white space follows
WIDE_MARK = 1 << 5   # ends a sentence whatever follows: marks of scripts without spaces
CLOSER = 1 << 6      # may stand between a sentence mark and the white space
BULLET = 1 << 7      # begins a list item
UNSPACED = 1 << 8    # a letter of a script written without spaces between words
JOINED = 1 << 9      # a combining mark: it belongs to the character before it

# What NeMo Curator's shares of characters count: another table, read only where they are asked for.
PLAIN = 1 << 0       # [A-Za-z0-9\n?!,.]
DIGIT = 1 << 1       # str.isdecimal(): the category Nd
BLANK = 1 << 2       # [\t\n\r\b ]
BRACKET = 1 << 3     # ()[]{}⟨⟩

SENTENCE_MARKS = ".?!…‽؟۔।॥։"
WIDE_SENTENCE_MARKS = "。！？｡"
CLOSERS = "\"'”’»›)]}」』】）"
BULLETS = "•‣◦▪●○■□▸►·*-"

UNSPACED_SCRIPTS = (
    (0x0E00, 0x0F00),                                        # Thai, Lao
    (0x1000, 0x10A0), (0xA9E0, 0xAA00), (0xAA60, 0xAA80),    # Myanmar
    (0x1780, 0x1800),                                        # Khmer
    (0x1950, 0x19E0), (0x1A20, 0x1AB0), (0xAA80, 0xAAE0),    # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    (0x2E80, 0x3130), (0x31A0, 0x3200), (0xFF66, 0xFFA0), (0x1AFF0, 0x1B170),  # kana, Bopomofo, what goes with them
    (0x3400, 0xA4D0), (0xF900, 0xFB00), (0x20000, 0x40000),  # ideographs, Yi
)  # fmt: skip
"""From … to, the end left out. Korean and Tibetan part words or syllables."""

_LAST_MARK = 0x20000  # combining marks stand below, but for the variation selectors
_LAST_LETTER = 0x20000  # of those that have a case: what follows are ideographs, tags and private use
_VARIATION_SELECTORS = range(0xE0100, 0xE01F0)


@cache
def classes() -> np.ndarray:
    """uint16[0x110000]: the classes of each code point, as a sum of the flags above."""
    characters = _all_characters()
    table = np.zeros(CODE_POINTS, np.uint16)
    letters = np.strings.isalpha(characters)
    table[np.strings.isspace(characters)] |= SPACE
    table[letters] |= LETTER
    table[np.strings.isalnum(characters)] |= WORD
    table[np.strings.islower(characters)] |= LOWER
    marks = [c for c in range(0x300, _LAST_MARK) if unicodedata.category(chr(c)).startswith("M")]
    table[[*marks, *_VARIATION_SELECTORS]] |= WORD | JOINED
    for start, end in UNSPACED_SCRIPTS:
        table[start:end][letters[start:end]] |= UNSPACED
    for characters_of, flag in (
        (SENTENCE_MARKS, MARK), (WIDE_SENTENCE_MARKS, WIDE_MARK), (CLOSERS, CLOSER), (BULLETS, BULLET),
    ):
        table[[ord(c) for c in characters_of]] |= flag
    return table


@cache
def kinds() -> np.ndarray:
    """uint8[0x110000]: the kinds of each code point, as a sum of the flags above."""
    table = np.zeros(CODE_POINTS, np.uint8)
    table[np.strings.isdecimal(_all_characters())] |= DIGIT
    for characters_of, flag in (
        (string.ascii_letters + string.digits + "\n?!,.", PLAIN), ("\t\n\r\b ", BLANK), ("()[]{}⟨⟩", BRACKET),
    ):
        table[[ord(c) for c in characters_of]] |= flag
    return table


@cache
def lower_case() -> np.ndarray:
    """int32[0x110000]: the lower case of each code point where it is one code point; `İ` becomes `i`."""
    lower = np.arange(CODE_POINTS, dtype=np.int32)
    lower[:_LAST_LETTER] = np.strings.lower(_all_characters()[:_LAST_LETTER]).view(np.uint32)
    lower[ord("İ")] = ord("i")
    return lower


def _all_characters() -> np.ndarray:
    """Every code point as a one-character string; NUL, an empty string to NumPy, is in no class anyway."""
    return np.arange(CODE_POINTS, dtype=np.uint32).view("U1")


def lower(text: str) -> str:
    """The text with every character in `lower_case`."""
    table = lower_case()
    return "".join(map(chr, table[[ord(c) for c in text]])) if text else ""
