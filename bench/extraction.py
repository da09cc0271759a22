"""How well and how fast pages are read: phrases found and boilerplate avoided, by extractor.

    python bench/extraction.py --data DIR

DIR holds `web.warc.gz` (pages) and `web_snippets.json` (for each URL, phrases a good extraction contains,
`with`, and does not contain, `without`). Over all pages together:
recall = wanted found ÷ wanted, precision = wanted found ÷ (wanted found + unwanted found), F their
harmonic mean; avoided = unwanted phrases not found ÷ unwanted phrases. Speed is HTML in MB a second on
one core, from UTF-8 on; `÷ library` is the time over that of the library's own function called in a loop, the median of
RUNS each in turn. Ends with 1 where that is over LIMIT.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.html import decode
from recipe_udfs.operator import Call

TRAFILATURA = {"favour": None, "comments": True, "timeout": 60}
EXTRACTORS = {
    "resiliparse": ("resiliparse", {"main_content": True, "alt_texts": True}),
    "trafilatura fast": ("trafilatura", {"mode": "fast", **TRAFILATURA}),
    "trafilatura precise": ("trafilatura", {"mode": "precise", **TRAFILATURA}),
    "justext": ("justext", {"timeout": 60}),
}
RUNS = 3
LIMIT = 1.1
"""`÷ library` of one that is called as it stands; the check for hostile pages, errors and Arrow are in it."""


def library(title: str) -> Callable[[str], object] | None:
    """The library's own function; None where ours is more than that: jusText's needs a language."""
    from resiliparse.extract.html2text import extract_plain_text
    from trafilatura import extract

    return {
        "resiliparse": partial(extract_plain_text, main_content=True, alt_texts=True),
        "trafilatura fast": partial(extract, fast=True, include_comments=True),
        "trafilatura precise": partial(extract, fast=False, include_comments=True),
    }.get(title)


def read_pages(path: Path) -> dict[str, str]:
    """URL → decoded HTML of the response records."""
    pages = {}
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            content_type = record.http_headers.get("Content-Type") if record.http_headers else None
            html = decode(record.reader.read(), content_type)
            if html is not None:
                pages[record.headers["WARC-Target-URI"]] = html
    return pages


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(title: str, pages: dict[str, str], snippets: dict[str, dict]) -> dict[str, float]:
    name, args = EXTRACTORS[title]
    run = next(op for op in OPERATORS if (op.kind, op.name) == ("extract", name)).load()
    html = pa.array(list(pages.values()), pa.large_string())
    run({"html": html.slice(0, 3)}, [Call(name, args)])  # loads lists and models
    alone, ours, theirs = library(title), [], []
    encoded = [page.encode() for page in pages.values()]
    for _ in range(RUNS):
        ours.append(seconds_of(lambda: run({"html": html}, [Call(name, args)])))
        if alone:
            theirs.append(seconds_of(lambda: [alone(page.decode()) for page in encoded]))
    seconds = statistics.median(ours)
    texts, errors = run({"html": html}, [Call(name, args)])[0]
    wanted = found = unwanted = kept = 0
    for url, text in zip(pages, texts.to_pylist(), strict=True):
        if url in snippets:
            wanted += len(snippets[url]["with"])
            unwanted += len(snippets[url]["without"])
            found += sum(phrase in (text or "") for phrase in snippets[url]["with"])
            kept += sum(phrase in (text or "") for phrase in snippets[url]["without"])
    recall, precision = found / wanted, found / (found + kept)
    return {
        "recall": recall,
        "precision": precision,
        "F": 2 * recall * precision / (recall + precision),
        "avoided": 1 - kept / unwanted,
        "MB/s": html.nbytes / 1e6 / seconds,
        "÷ library": seconds / statistics.median(theirs) if theirs else None,
        "no text": texts.null_count,
        "errors": len(errors) - errors.null_count,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    pages = read_pages(data / "web.warc.gz")
    snippets = json.loads((data / "web_snippets.json").read_text())
    print(f"{len(pages)} pages, {sum(url in snippets for url in pages)} with phrases")
    print(f"{'extractor':20} recall precision     F avoided   MB/s ÷ library no text errors")
    over = False
    for title in EXTRACTORS:
        m = measure(title, pages, snippets)
        ratio = m["÷ library"]
        over |= ratio is not None and ratio > LIMIT
        print(
            f"{title:20} {m['recall']:6.3f} {m['precision']:9.3f} {m['F']:5.3f} {m['avoided']:7.3f} "
            f"{m['MB/s']:6.1f} {'' if ratio is None else f'{ratio:.2f}':>9} {m['no text']:7} {m['errors']:6}",
            flush=True,
        )
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
