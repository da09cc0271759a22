"""The statistics in plain Python, word for word as `recipe_udfs.statistics` defines them: slow and obvious."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import groupby

MARKS, WIDE = ".?!…‽؟۔।॥։", "。！？｡"
CLOSERS, BULLETS = "\"'”’»›)]}」』】）", "•‣◦▪●○■□▸►·*-"

ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9$\-_@.&+/:=?#~]|[!*\(\),]|(?:%[0-9A-Fa-f]{2}))+")  # NeMo Curator 1.4


@lru_cache(8)
def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


@lru_cache(8)
def paragraphs_of(text: str) -> list[list[str]]:
    paragraphs, inside = [], False
    for line in text.split("\n"):
        if line.strip():
            if not inside:
                paragraphs.append([])
            paragraphs[-1].append(line.strip())
        inside = bool(line.strip())
    return paragraphs


@lru_cache(8)
def raw_paragraphs(text: str) -> list[str]:
    """Paragraphs as they stand, from the first character that is no white space to the end of the last line."""
    runs = groupby(text.split("\n"), key=lambda line: bool(line.strip()))
    return ["\n".join(lines).lstrip() for some, lines in runs if some]


def characters_of_paragraph(lines: list[str]) -> int:
    return sum(map(len, lines)) + len(lines) - 1


def repeats(items: list) -> list:
    seen, again = set(), []
    for item in items:
        again.extend([item] if item in seen else [])
        seen.add(item)
    return again


def share(above: float, below: int, some: int = 1) -> float | None:
    return min(above / below, 1.0) if below and some else None


def sentences(text: str) -> int:
    total = 0
    for line in lines_of(text):
        words = words_of(line)
        for i, word in enumerate(words):
            for j in range(1, len(word)):  # a wide mark, closers perhaps, and then something else
                if word[j] in MARKS + WIDE + CLOSERS or word[j - 1] not in WIDE + CLOSERS:
                    continue
                before = word[:j].rstrip(CLOSERS)
                if before and before[-1] in WIDE:
                    total += 1
            core = word.rstrip(CLOSERS)
            initial = len(core) == 2 and core[0].isalpha() and not unspaced(core[0]) and core[1] == "."
            ends = bool(core) and core[-1] in MARKS + WIDE and not initial
            if i + 1 == len(words) or ends and (core[-1] in WIDE or not words[i + 1][0].islower()):
                total += 1
    return total


def top_ngram_characters(words: list[str], n: int) -> int:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, count = grams.most_common(1)[0]  # the first of equals
    return count * len(" ".join(gram))


def duplicate_ngram_characters(words: list[str], n: int) -> int:
    seen, covered, i = set(), 0, 0
    while i <= len(words) - n:
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered += len("".join(gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return covered


def lower_simple(text: str) -> str:
    return "".join("i" if c == "İ" else c.lower() for c in text)


def bare(word: str) -> str:
    kept = [i for i, c in enumerate(word) if is_word_character(c)]
    return lower_simple(word[kept[0] : kept[-1] + 1] if kept else word)


def is_word_character(c: str) -> bool:
    return c.isalnum() or is_mark(c)


def is_mark(c: str) -> bool:
    return unicodedata.category(c).startswith("M")


UNSPACED = (
    "CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "HENTAIGANA ", "VERTICAL ", "MASU MARK", "BOPOMOFO ", "YI ",
    "THAI ", "LAO ", "MYANMAR ", "KHMER ", "TAI ", "NEW TAI ", "HALFWIDTH KATAKANA",
)  # fmt: skip


@lru_cache(None)
def unspaced(c: str) -> bool:
    """A letter of a script that is written without spaces between words?"""
    return c.isalpha() and unicodedata.name(c, "").startswith(UNSPACED)


def words_of(text: str) -> list[str]:
    """What stands between white space, parted between two letters or digits if one is of a script without spaces."""
    words = []
    for run in text.split():
        start, base = 0, ""
        for i, c in enumerate(run):
            if is_word_character(c) and not (base and is_mark(c)):
                if base and (unspaced(base) or unspaced(c)):
                    words.append(run[start:i])
                    start = i
                base = c
        words.append(run[start:])
    return words


def symbol_count(text: str, symbols: list[str]) -> int:
    dots = {s for s in symbols if set(s) <= set(".…")}
    groups = [dots] * bool(dots) + [{s} for s in symbols if s not in dots]
    return max(sum(text.count(s) for s in group) for group in groups)


def statistic(name: str, text: str, **args):
    """The value of one statistic of one text."""
    words, lines, paragraphs = words_of(text), lines_of(text), paragraphs_of(text)
    paragraph_keys = [tuple(paragraph) for paragraph in paragraphs]
    w, n_lines = len(words), len(lines)
    match name:
        case "characters":
            return len(text)
        case "bytes":
            return len(text.encode())
        case "lines":
            return n_lines
        case "paragraphs":
            return len(paragraphs)
        case "words":
            return w
        case "sentences":
            return sentences(text)
        case "mean_word_length":
            return sum(map(len, words)) / w if w else None
        case "symbol_word_ratio":
            return symbol_count(text, args["symbols"]) / w if w else None
        case "bullet_line_share":
            return share(sum(line[0] in BULLETS for line in lines), n_lines)
        case "ellipsis_line_share":
            return share(sum(line.endswith(("...", "…")) for line in lines), n_lines)
        case "alphabetic_word_share":
            return share(sum(any(c.isalpha() for c in word) for word in words), w)
        case "distinct_words_of":
            return len({bare(word) for word in args["words"]} & {bare(word) for word in words})
        case "duplicate_line_share":
            return share(len(repeats(lines)), n_lines)
        case "duplicate_paragraph_share":
            return share(len(repeats(paragraph_keys)), len(paragraphs))
        case "duplicate_line_character_share":
            return share(sum(map(len, repeats(lines))), len(text) - text.count("\n"), n_lines)
        case "duplicate_paragraph_character_share":
            return share(sum(map(characters_of_paragraph, repeats(paragraph_keys))), len(text), n_lines)
        case "top_ngram_character_share":
            return share(top_ngram_characters(words, args["n"]), len(text), w)
        case "duplicate_ngram_character_share":
            return share(duplicate_ngram_characters(words, args["n"]), len(text), w)
        case "line_end_share":
            return share(sum(line.endswith(tuple(args["marks"])) for line in lines), n_lines)
        case "short_line_share":
            return share(sum(len(line) <= args["max"] for line in lines), n_lines)
        case "newline_word_ratio":
            return text.count("\n") / w if w else None
        case "max_word_length":
            return max(map(len, words)) if words else None
        case "non_alphanumeric_character_share":
            return share(len(text) - len(re.findall("[a-zA-Z0-9\n?!,.]", text)), len(text))
        case "digit_character_share":
            return share(sum(unicodedata.category(c) == "Nd" for c in text), len(text))
        case "url_character_share":
            return share(sum(map(len, ADDRESS.findall(text))), len(text))
        case "white_space_character_share":
            return share(sum(c in "\t\n\r\b " for c in text), len(text))
        case "parenthesis_character_share":
            return share(len(re.findall(r"{|}|⟨|⟩|\[|\]|\(|\)", text)), len(text))
        case "boilerplate_paragraph_share":
            phrases = [lower_simple(phrase) for phrase in args["phrases"]]
            held = [any(one in lower_simple(paragraph) for one in phrases) for paragraph in raw_paragraphs(text)]
            return share(sum(held), len(held))
    raise KeyError(name)
