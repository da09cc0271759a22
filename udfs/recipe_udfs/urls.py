"""Lists of domains and words that URLs are looked up in (RefinedWeb, Penedo et al. 2023, appendix G.1; FineWeb).

A list is a UTF-8 file with an entry a line; case, white space around an entry and empty lines do not matter.

**Domains.** A URL is listed if its host, or a domain above it, is: `example.com` lists `www.example.com` and not
`anexample.com`. The host is what stands between `//`, or the start where there is none, and the next `/ ? # \\ :`,
without user and password, an address in brackets with them. International names count as they are written.

**Words.** The words of a URL are the runs of ASCII letters and digits of the whole of it, as datatrove's `URLFilter`
takes them: `https://my-site.org/a_b%20c` has `https my site org a b 20c`. An entry of anything else is never found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from recipe_udfs.buffers import Strings
from recipe_udfs.operator import Call, OperatorError

_HOST = re.compile(r"(?:[^/?#\\]*?//)?(?:[^/?#\\]*@)?(\[[^\]/?#\\]*\]|[^/?#\\:]*)")
_WORD = re.compile(r"[a-z0-9]+")


def url_lists(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`url_in(domains, words)` → boolean, `url_words_in(words)` → bigint, each null for a null URL.

    Raises ValueError for `url_in` without a list, and OperatorError for a list that is not UTF-8.
    """
    urls = [None if url is None else url.lower() for url in inputs["url"].to_pylist()]
    results = []
    for call in calls:
        domains, words = call.args.get("domains"), call.args.get("words")
        if domains is None and words is None:
            raise ValueError("url_in has neither domains nor words; it needs one of the two lists")
        found = [_listed(urls, *one) for one in ((domains, domains_of), (words, words_of)) if one[0] is not None]
        if call.operator == "url_words_in":
            results.append([pa.array([None if one is None else len(one) for one in found[0]], pa.int64())])
        else:
            rows = [None if one[0] is None else any(one) for one in zip(*found, strict=True)]
            results.append([pa.array(rows, pa.bool_())])
    return results


def domains_of(url: str) -> set[str]:
    """The host of a URL in lower case and every domain above it; none where there is no host."""
    labels = _HOST.match(url)[1].rstrip(".").split(".")
    return {".".join(labels[i:]) for i in range(len(labels))} - {""}


def words_of(url: str) -> set[str]:
    """The different words of a URL in lower case."""
    return set(_WORD.findall(url))


def _listed(urls: Sequence[str | None], path: str, of: Callable[[str], set[str]]) -> list[set[str] | None]:
    """Which of the entries that each URL brings stand in the file. The file may be much longer than the batch, so
    it is what is looked through."""
    brought = [None if url is None else of(url) for url in urls]
    wanted = pa.array(sorted(set().union(*filter(None, brought))), pa.large_string())
    entries = _entries(path)
    known = set(entries.filter(pc.is_in(entries, value_set=wanted)).to_pylist())
    return [None if one is None else one & known for one in brought]


@cache
def _entries(path: str) -> pa.LargeStringArray:
    """The entries of a list in lower case."""
    try:
        text = pa.array([Path(path).read_bytes()], pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid as error:
        raise OperatorError(f"{path} is not UTF-8", remedy="Write the list as UTF-8, an entry a line.") from error
    lines = pc.utf8_trim_whitespace(pc.utf8_lower(pc.split_pattern(text, "\n").flatten()))
    return lines.filter(pc.greater(pc.binary_length(lines), 0))
