"""Rewriting by extraction: sentences of the passage, picked, put into an order and a form. No word is made up but
for the frames of questions.

The last user message is an instruction, an empty line, and the passage. Of the instruction only demands on the form
are understood, wherever and however often they stand:

    a line that says only "X"                        the answer begins with the line X
    each line beginning with "X"                     a list, each item after X
    … beginning with "X" and "Y", up to N            pairs of a question after X and its answer after Y, N at most
    condense, summarise, shorten …                   less is kept

An answer is decided by the messages and by temperature, top_p and seed: at temperature 0 the weightiest sentences are
taken and the seed does nothing; the warmer, the more chance has a say. `max_tokens` and `stop` cut it afterwards.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

import orjson

Messages = Sequence[Mapping[str, str]]

_SPACES = re.compile(r"\s+")
_LEAD_IN = re.compile(r'line that says only "([^"]+)"', re.I)
_PAIRS = re.compile(r'beginning with "([^"]+)" and "([^"]+)"', re.I)
_BULLET = re.compile(r'each line beginning with "([^"]+)"', re.I)
_AT_MOST = re.compile(r"\bup to (\d+)", re.I)
_SHORTER = re.compile(r"\b(condens|summar|shorten|abridg)", re.I)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_ENDED = re.compile(r"[.!?…。！？:][\"'”’)\]]*$")
_CLAUSE_END = re.compile(r"(?<=[,;:，；])\s+|\s+[–—]\s+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NUMBER = re.compile(r"\d")

SHARES = {"plain": (0.65, 0.9), "short": (0.35, 0.55), "list": (0.4, 0.65), "pairs": (0.25, 0.5)}
"""Share of the passage's tokens that an answer of a form aims at: somewhere between, by the draw."""

WIDE = 50
"""Characters from which a line without an end is taken to go on in the next."""


def token_count(text: str) -> int:
    """Tokens by rule, for `max_tokens` and usage: 4/3 for each word between spaces, rounded up."""
    return math.ceil(len(text.split()) * 4 / 3)


def fingerprint(messages: Messages, params: Mapping[str, Any]) -> str:
    """Hash of what decides an answer before it is cut."""
    warm = params.get("temperature")
    chance = [warm, params.get("top_p"), params.get("seed")] if warm != 0 else [0]
    return sha256(orjson.dumps([[one["content"] for one in messages], chance])).hexdigest()


def reply(messages: Messages, params: Mapping[str, Any], max_tokens: int | None) -> tuple[str, str]:
    """(answer, finish reason): `stop`, or `length` where it was cut at `max_tokens`.

    `params`: temperature (1 where it is None, as with other servers), top_p, seed, stop."""
    asked = [one["content"] for one in messages if one["role"] == "user"] or [messages[-1]["content"]]
    instruction, gap, passage = asked[-1].partition("\n\n")
    if not gap:
        instruction, passage = "", instruction
    warm = params.get("temperature")
    form = _form(_SPACES.sub(" ", instruction))
    chance = Random(int(fingerprint(messages, params)[:16], 16))
    text = _cut_at(_written(passage, form, chance, 1.0 if warm is None else float(warm)), params.get("stop"))
    if max_tokens is None or token_count(text) <= max_tokens:
        return text, "stop"
    return _first_words(text, max_tokens * 3 // 4), "length"


# ---- the form asked for -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    kind: str  # a key of SHARES
    lead_in: str = ""
    marks: tuple[str, str] = ("", "")  # of question and answer; the first also of a list's items
    at_most: int = 8


def _form(instruction: str) -> Form:
    lead = _LEAD_IN.search(instruction)
    lead_in = lead[1] if lead else ""
    if pairs := _PAIRS.search(instruction):
        most = _AT_MOST.search(instruction)
        return Form("pairs", lead_in, (pairs[1], pairs[2]), int(most[1]) if most else 8)
    if bullet := _BULLET.search(instruction):
        return Form("list", lead_in, (bullet[1], ""))
    return Form("short" if _SHORTER.search(instruction) else "plain", lead_in)


def _written(passage: str, form: Form, chance: Random, warm: float) -> str:
    units = _units(passage)
    low, high = SHARES[form.kind]
    share = low + (high - low) * (chance.random() if warm else 0.5)
    picked = _picked(units, share, max(1, form.at_most) if form.kind == "pairs" else len(units), chance, warm)
    if form.kind == "list":
        mark = form.marks[0] if form.marks[0].endswith(" ") else form.marks[0] + " "
        text = "\n".join(mark + unit.text for unit in picked)
    elif form.kind == "pairs":
        text = _pairs(picked, units, form.marks, chance)
    else:
        text = _paragraphs(_turned(picked, chance, warm))
    return "\n".join(filter(None, [form.lead_in, text]))


# ---- sentences of a passage -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a clause of one: its place in the passage, its line, its words in lower case, its tokens."""

    at: int
    line: int
    text: str
    words: tuple[str, ...]
    tokens: int


def _units(passage: str) -> list[Unit]:
    """The sentences of a passage, each once; clauses, where there are fewer than three sentences."""
    pieces = [(n, piece) for n, line in enumerate(_lines(passage)) for piece in _SENTENCE_END.split(line)]
    if sum(bool(_WORD.search(piece)) for _, piece in pieces) < 3:
        pieces = [(n, clause) for n, piece in pieces for clause in _clauses(piece)]
    units: dict[tuple[str, ...], Unit] = {}
    for n, piece in pieces:
        text = piece.strip()
        words = tuple(_WORD.findall(text.lower()))
        if words and words not in units:
            units[words] = Unit(len(units), n, text, words, token_count(text))
    return list(units.values())


def _lines(passage: str) -> list[str]:
    """Lines with single spaces; one that was broken for its width is whole again: it goes on in lower case, or is
    long and has no end."""
    lines: list[str] = []
    open_line = False
    for line in passage.splitlines():
        text = _SPACES.sub(" ", line).strip()
        if open_line and text and (text[0].islower() or len(lines[-1]) >= WIDE):
            lines[-1] += " " + text
        else:
            lines.append(text)
        open_line = bool(text) and not _ENDED.search(text)
    return lines


def _clauses(sentence: str) -> list[str]:
    """Clauses of at least four words, each ended as a sentence is."""
    clauses: list[str] = []
    for piece in _CLAUSE_END.split(sentence):
        if clauses and (len(piece.split()) < 4 or len(clauses[-1].split()) < 4):
            clauses[-1] += ", " + piece if clauses[-1][-1:].isalnum() else " " + piece
        else:
            clauses.append(piece)
    return [clause.rstrip(",;:，； ") + ("." if clause[-1:] in ",;:，；" else "") for clause in clauses if clause]


def _picked(units: list[Unit], share: float, most: int, chance: Random, warm: float) -> list[Unit]:
    """Units of about `share` of all tokens, at least one and at most `most`, in the passage's order: the weightiest,
    up to chance. What is no sentence weighs less."""
    counts = Counter(word for unit in units for word in unit.words if len(word) > 3)
    scored = []
    for unit in units:
        weight = sum(math.log1p(counts[word]) for word in set(unit.words)) / (4 + len(unit.words))
        weight += 0.2 * bool(_NUMBER.search(unit.text)) - 0.3 * unit.text.endswith("?")
        weight -= 0.6 * (len(unit.words) < 4) + 0.6 * (not _ENDED.search(unit.text))
        scored.append((weight + warm * chance.random(), -unit.at, unit))
    wanted = share * sum(unit.tokens for unit in units)
    picked: list[Unit] = []
    taken = 0
    for _, _, unit in sorted(scored, reverse=True):
        # The one that passes the mark is taken where that comes closer to it than leaving it.
        if not picked or (taken + unit.tokens / 2 <= wanted and len(picked) < most):
            picked.append(unit)
            taken += unit.tokens
    return sorted(picked, key=lambda unit: unit.at)


def _turned(units: list[Unit], chance: Random, warm: float) -> list[Unit]:
    """Neighbours change places, so that no long run of the passage stands as it stood."""
    turned = list(units)
    for i in range(chance.randrange(2) if warm else 0, len(turned) - 1, 2):
        turned[i], turned[i + 1] = turned[i + 1], turned[i]
    return turned


def _paragraphs(units: list[Unit]) -> str:
    """A new line where a unit is of a later line than all before it, as far as lines hold prose."""
    text, furthest = "", -1
    for unit in units:
        text += ("\n" if unit.line > furthest or not _ENDED.search(text) else " ") if text else ""
        text += unit.text
        furthest = max(furthest, unit.line)
    return text


# ---- questions --------------------------------------------------------------------------------------


def _pairs(picked: list[Unit], units: list[Unit], marks: tuple[str, str], chance: Random) -> str:
    seen = Counter(word for unit in units for word in set(unit.words))
    written = []
    for unit in picked:
        question, answer = _pair(unit, seen, chance.randrange(3))
        written.append(f"{marks[0]} {question}\n{marks[1]} {answer}")
    return "\n\n".join(written)


def _pair(unit: Unit, seen: Counter[str], kind: int) -> tuple[str, str]:
    """A question and its answer out of one sentence: what is said of a word, which word is missing, is it so."""
    found = [word for word in _WORD.findall(unit.text) if len(word) > 3] or _WORD.findall(unit.text)
    word = min(found, key=lambda one: (seen[one.lower()], -len(one), one))
    if kind == 0:
        return f'What does the passage say about "{word}"?', unit.text
    if kind == 1:
        gap = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "____", unit.text)
        return f"Which word is missing? {gap}", f"{word}. {unit.text}"
    return f"Is it so? {unit.text}", f"Yes. {unit.text}"


# ---- cuts -------------------------------------------------------------------------------------------


def _cut_at(text: str, stop: Any) -> str:
    marks = [stop] if isinstance(stop, str) else [one for one in stop or () if isinstance(one, str)]
    return text[: min((at for mark in marks if mark and (at := text.find(mark)) >= 0), default=len(text))]


def _first_words(text: str, words: int) -> str:
    end = 0
    for n, match in enumerate(re.finditer(r"\S+", text)):
        if n >= words:
            break
        end = match.end()
    return text[:end]
