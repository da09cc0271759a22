"""How much of the prompts a server's prefix cache had: four formats of one long document, side by side or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stub import Entry, StubProcess, read

from bench.calls.pages import write_pages
from bench.calls.sides import Request, Side, ask

PAGES, WORDS, WINDOW, FORMATS = 400, 1_200, 32, 4
BLOCKS = 2 * WINDOW * WORDS // 16
"""Of the cache: twice what the prompts in flight take."""
LEAST = 0.70
"""Of the most that can be shared, ours: at least."""


def shares(sides: list[Side], work: Path) -> Iterator[dict[str, Any]]:
    """For each side the share of prompt bytes that the server's cache had; beside it what the same requests would
    have had in the order of formats, and by chance."""
    pages = write_pages(work / "long-pages", PAGES, WORDS)
    for side in sides:
        record = work / f"prefix-{side.name}.jsonl"
        record.unlink(missing_ok=True)
        with StubProcess(record, "--answer", "words:20", "--latency", "0.05", "--prefix-blocks", str(BLOCKS)) as stub:
            failed = ask(side, Request(pages, stub.url, WINDOW, work / "prefix"))
        entries = read(record)
        yield {"part": "prefix", "side": side.name, "failed": failed, "share": share(entries), **others(entries)}


def share(entries: list[Entry]) -> float:
    """Bytes that the cache had, of all."""
    return sum(entry.prefix[0] for entry in entries) / sum(entry.prefix[1] for entry in entries)


def others(entries: list[Entry]) -> dict[str, float]:
    """The same requests in other orders."""
    from stub import Prefixes
    from stub.replies import prompt_text

    texts = sorted(prompt_text(entry.body) for entry in entries)
    formats = sorted(texts, key=lambda text: text.rpartition("\n\n")[2])
    shuffled = random.Random(1).sample(texts, len(texts))
    found = {"most": Prefixes(None), "by_format": Prefixes(BLOCKS), "by_chance": Prefixes(BLOCKS)}
    for name, order in (("most", texts), ("by_format", formats), ("by_chance", shuffled)):
        for text in order:
            found[name].take(text)
    return {name: counter.share for name, counter in found.items()}
