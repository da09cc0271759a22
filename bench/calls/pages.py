"""Documents to ask about: words of Python's own manual in an order of their own, the same ones every time."""

from __future__ import annotations

import json
import pydoc_data.topics
import random
from pathlib import Path

FILES = 8


def write_pages(folder: Path, count: int, words: int, first: int = 0) -> Path:
    """The documents `first`, … of so many words each, as JSONL in a few files; the folder."""
    known = sorted({word for text in pydoc_data.topics.topics.values() for word in text.split() if word.isalpha()})
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(FILES):
        with (folder / f"{part}.jsonl").open("w") as out:
            for number in range(first + part, first + count, FILES):
                text = " ".join(random.Random(number).choices(known, k=words))
                out.write(json.dumps({"id": str(number), "text": f"Page {number}. {text}"}) + "\n")
    return folder
