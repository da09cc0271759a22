"""URLs in lists: by the host and the domains above it, and by the words of the whole URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs.operator import Call, OperatorError
from recipe_udfs.urls import domains_of, url_lists, words_of

DOMAINS = "example.com\r\n\n Bad.Example.org \n10.0.0.1\nbücher.de"
WORDS = "casino\nXXX\n2f\ntwo words\n"


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lists")
    for name, text in (("domains", DOMAINS), ("words", WORDS), ("empty", "")):
        (folder / name).write_text(text, "utf-8")
    return {name: str(folder / name) for name in ("domains", "words", "empty")}


def found(urls: list[str | None], operator: str = "url_in", **args: str | None) -> list:
    ((column,),) = url_lists({"url": pa.array(urls, pa.string())}, [Call(operator, args)])
    assert column.type == (pa.bool_() if operator == "url_in" else pa.int64())
    return column.to_pylist()


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://example.com/", True),
        ("http://WWW.Example.COM:8080/a?b", True),
        ("example.com/path", True),
        ("https://user:pass@a.b.example.com.", True),
        ("https://anexample.com/", False),
        ("https://example.com.evil.net/", False),
        ("https://other.net/?u=https://example.com/", False),
        ("https://example.org/", False),
        ("https://x.bad.example.org#top", True),
        ("http://10.0.0.1/", True),
        ("http://[::1]:80/", False),
        ("https://bücher.de", True),
        ("https://", False),
        ("", False),
        (None, None),
    ],
)
def test_a_domain_lists_what_is_below_it(url, listed, lists):
    assert found([url], domains=lists["domains"], words=None) == [listed]


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("https://a.org/best-CASINO_xxx/casino", 2),
        ("https://casinos.org/", 0),
        ("https://a.org/%2F-x", 1),
        ("https://a.org/two words", 0),
        ("", 0),
        (None, None),
    ],
)
def test_words_of_a_url_are_letters_and_digits_between_other_characters(url, count, lists):
    assert found([url], "url_words_in", words=lists["words"]) == [count]
    assert found([url], domains=None, words=lists["words"]) == [None if count is None else count > 0]


def test_either_list_is_enough_and_an_empty_one_lists_nothing(lists):
    urls = ["https://example.com/", "https://a.org/casino", "https://a.org/"]
    assert found(urls, domains=lists["domains"], words=lists["words"]) == [True, True, False]
    assert found(urls, domains=lists["empty"], words=lists["empty"]) == [False] * 3
    assert found([], domains=lists["domains"], words=None) == []


hosts = st.lists(st.sampled_from(["a", "b", "com", "example", "x-y"]), min_size=1, max_size=5).map(".".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(hosts, max_size=4), st.lists(hosts, max_size=4))
def test_equals_the_rule(listed, visited):
    urls = [f"https://{host}/p" for host in visited]
    for url in urls:
        host = urlsplit(url).hostname
        rule = any(host == one or host.endswith(f".{one}") for one in listed)
        assert bool(domains_of(url) & set(listed)) == rule
        assert words_of(url) == {"https", "p", *host.replace("-", ".").split(".")}


def test_lists_that_cannot_be_used(tmp_path: Path):
    (tmp_path / "latin").write_bytes(b"caf\xe9.fr\n")
    with pytest.raises(OperatorError, match="latin is not UTF-8"):
        found(["https://a.org/"], domains=str(tmp_path / "latin"), words=None)
    with pytest.raises(ValueError, match="neither domains nor words"):
        found(["https://a.org/"], domains=None, words=None)
