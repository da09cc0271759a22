"""The input: JSONL of any size, made from the passages of books.jsonl.zst.

Copy 0 is the passages as they are. Every further copy keeps each passage's lines and where its sentences end, and puts
in other sentences: within a copy, sentences change places with others of about their length, so that lines, words and
end marks stay what the rules of Gopher, C4 and FineWeb saw, and no two copies have more than sentences in common.
A planted near copy is made anew of its original's new text, with the same share of words replaced, and stands beside
it, so that a part of the files holds both. Junk, which is hardly made of sentences, is repeated as it is; it is one
document in twenty.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import zstandard

FILE_BYTES = 16_000_000
"""Length of a file; less where the input would be fewer than FILES files."""
FILES = 4
LENGTH_CLASS = 8
"""Characters by which sentences that change places may differ in length."""
_SENTENCE_END = re.compile(r"""(\n+| (?:(?<=[.!?…] )|(?<=[.!?…]["”’'] )) *)""")


@dataclass(frozen=True)
class Passage:
    """Its sentences have the numbers `first` to `last` of all; junk has none. `near` are planted copies of it:
    (id, share of words replaced, text)."""

    id: str
    text: str
    first: int
    last: int
    near: list[tuple[str, float, str]]


@dataclass(frozen=True)
class Books:
    """Passages; the sentences of all; what stands behind each sentence; the class within which it changes places."""

    passages: list[Passage]
    sentences: np.ndarray
    separators: list[str]
    kinds: np.ndarray


def read_books(folder: Path) -> Books:
    """The passages of `books.jsonl.zst` in the folder."""
    path = folder / "books.jsonl.zst"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: --data is the folder that holds books.jsonl.zst")
    with path.open("rb") as file:
        rows = [orjson.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(file).readall().splitlines()]
    near: dict[str, list[tuple[str, float, str]]] = {}
    for row in rows:
        if row["planted_of"]:
            near.setdefault(row["planted_of"], []).append((row["id"], row["edit_rate"], row["text"]))
    passages, sentences, separators = [], [], []
    for row in rows:
        if not row["planted_of"]:
            first = len(sentences)
            if row["source"] != "junk":
                pieces = _SENTENCE_END.split(row["text"])
                sentences += pieces[::2]
                separators += [*pieces[1::2], ""]
            passages.append(Passage(row["id"], row["text"], first, len(sentences), near.get(row["id"], [])))
    kinds = np.array([len(sentence) // LENGTH_CLASS for sentence in sentences])
    return Books(passages, np.array(sentences, object), separators, kinds)


def documents(books: Books, seed: int) -> Iterator[tuple[str, str]]:
    """(id, text) without end, copy after copy; the same for the same seed."""
    slots = np.argsort(books.kinds, kind="stable")
    placed = np.empty(len(slots), object)
    parts = [part for separator in books.separators for part in ("", separator)]
    copy = 0
    while True:
        random = np.random.default_rng((seed, copy))
        placed[slots] = books.sentences[np.lexsort((random.random(len(slots)), books.kinds))]
        parts[::2] = placed.tolist()
        words = " ".join(placed[:2_000]).split()
        for i in random.permutation(len(books.passages)).tolist():
            passage = books.passages[i]
            rebuilt = copy > 0 and passage.last > passage.first
            text = "".join(parts[2 * passage.first : 2 * passage.last]) if rebuilt else passage.text
            yield f"{passage.id}/{copy}", text
            for name, rate, near in passage.near:
                yield f"{name}/{copy}", _edited(text, rate, words, random) if rebuilt else near
        copy += 1


def _edited(text: str, rate: float, words: list[str], random: np.random.Generator) -> str:
    """The text with a share of its words replaced; a line end within a word goes with it."""
    parts = text.split(" ")
    at = np.flatnonzero(random.random(len(parts)) < rate)
    for place, word in zip(at.tolist(), random.integers(len(words), size=len(at)).tolist(), strict=True):
        parts[place] = words[word]
    return " ".join(parts)


def make_input(data: Path, work: Path, size: int, seed: int) -> list[Path]:
    """Files of about `size` bytes together under `work`; those made before are taken as they are.

    A larger input of whole files begins with the files of the smaller.
    """
    length = min(FILE_BYTES, size // FILES)
    count = -(-size // length)
    folder = work / "input" / f"seed{seed}_{length}"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"part-{i:05}.jsonl" for i in range(count)]
    if not all(file.exists() for file in files):
        _write(files, length, documents(read_books(data), seed))
    return files


def _write(files: list[Path], length: int, rows: Iterator[tuple[str, str]]) -> None:
    start, written = time.monotonic(), 0
    for file in files:
        lines, size = [], 0
        while size < length:
            name, text = next(rows)
            line = orjson.dumps({"id": name, "text": text}, option=orjson.OPT_APPEND_NEWLINE)
            size += len(line)
            lines.append(line)
        if not file.exists():
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(b"".join(lines))
            os.replace(unfinished, file)
        written += size
        rate = written / 1e6 / (time.monotonic() - start)
        print(f"\rinput: {written / 1e6:,.0f} MB, {rate:.0f} MB/s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def linked(files: list[Path], folder: Path) -> Path:
    """A folder that holds these files and no others, as hard links."""
    folder.mkdir(parents=True)
    for file in files:
        os.link(file, folder / file.name)
    return folder
