"""The registered domain of a URL (`news.example.co.uk` → `example.co.uk`) by the Public Suffix List.

The list is the snapshot that tldextract carries: no network, the same result on every machine with the
same tldextract. Only ICANN's part of it counts, so `someone.github.io` belongs to `github.io`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import pyarrow as pa

from recipe_udfs.buffers import Strings

_NO_HOST = re.compile(r"[\s\x00-\x2c/:-@\[\\\]^`{|}~\x7f-\x9f\ud800-\udfff]")
"""What stands in no registered domain: white space, control characters, ASCII marks but `-`, `.`, `_`."""


def registered_domain(url: str) -> str | None:
    """The registered domain in lower case; None where there is none (IP address, bare name, odd URL)."""
    _, slashes, rest = url.partition("//")
    authority = rest if slashes else url
    for mark in "/?#\\":
        authority = authority.partition(mark)[0]
    return _domain_of(authority)


def registered_domains(urls: Strings) -> pa.StringArray:
    """`registered_domain` of each row; null for null."""
    return pa.array(
        [None if url is None else registered_domain(url) for url in urls.to_pylist()], type=pa.string()
    )


@lru_cache(maxsize=1 << 16)
def _domain_of(authority: str) -> str | None:
    found = _suffixes()("//" + authority)
    domain = found.top_domain_under_public_suffix.lower()
    return None if not domain or _NO_HOST.search(domain) else domain


@cache
def _suffixes():
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
