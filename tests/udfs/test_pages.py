"""Reading pages: encodings, registered domains, licences, and extraction of good and hostile HTML."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs import extraction
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.domain import registered_domain, registered_domains
from recipe_udfs.html import decode
from recipe_udfs.license import declared, page_license
from recipe_udfs.operator import Call
from recipe_udfs.page_limits import MAX_ATTRIBUTES, MAX_DEPTH, too_complex

TRAFILATURA = {"favour": None, "comments": True, "timeout": 60}
EXTRACTORS = {
    "precise": ("trafilatura", {"mode": "precise", **TRAFILATURA}),
    "fast": ("trafilatura", {"mode": "fast", **TRAFILATURA}),
    "precision": ("trafilatura", {"mode": "fast", **TRAFILATURA, "favour": "precision"}),
    "resiliparse": ("resiliparse", {"main_content": True, "alt_texts": True}),
    "justext": ("justext", {"timeout": 60}),
}
PROSE = (
    "The lighthouse on the northern cape was built in the year of the great storm, and it has been kept by "
    "the same family ever since. Every evening one of them climbs the stairs to see that the lamp is lit. "
)
PAGE = (
    "<html><head><title>Cape</title></head><body><nav><a href=/>Home</a> <a href=/x>Shop</a></nav><article><h1>The "
    f"cape</h1><p>{PROSE}</p><p>{PROSE.replace('storm', 'flood')}</p></article><footer>Imprint</footer></body></html>"
)


def extract(html: list[str | None], name: str) -> list[tuple[str | None, str | None]]:
    operator, args = EXTRACTORS[name]
    run = next(op for op in OPERATORS if (op.kind, op.name) == ("extract", operator)).load()
    text, error = run({"html": pa.array(html, pa.large_string())}, [Call(operator, args)])[0]
    return list(zip(text.to_pylist(), error.to_pylist(), strict=True))


# ---- encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "content_type", "text"),
    [
        (b"\xef\xbb\xbfh\xc3\xa9", "text/html; charset=iso-8859-1", "hé"),
        ("\ufeffhé".encode("utf-16-le"), None, "hé"),
        (b"h\xe9", "text/html; charset=ISO-8859-1", "hé"),
        (b"\x93h\x94", "text/html; charset=iso-8859-1", "“h”"),
        (b"<meta charset=windows-1251>\xcf", None, "<meta charset=windows-1251>П"),
        (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é"),
        ("é".encode(), "text/html; charset=nonsense", "é"),
        ("é".encode(), 'text/html; charset="utf-8"', "é"),
        ("Ein schöner Gruß aus Köln".encode("latin-1"), "text/html; charset=utf-8", "Ein schöner Gruß aus Köln"),
        (b"", None, ""),
        (b"a" * 5_000 + b"\0", None, "a" * 5_000 + "\ufffd"),
        (b"\x7fELF\0\0\0\0\0\0\1\0", "text/html", None),
    ],
    ids=[
        "a mark before the header", "UTF-16 mark", "header", "header as WHATWG means it", "meta",
        "meta cannot be UTF-16", "unknown label", "quoted label", "wrong header", "nothing", "one NUL", "binary",
    ],
)  # fmt: skip
def test_decode(payload, content_type, text):
    assert decode(payload, content_type) == text


@given(st.binary(max_size=300), st.none() | st.sampled_from(["utf-8", "utf-16", "x-user-defined", "utf-7", "rot13"]))
@settings(deadline=None)
def test_any_bytes_give_text_without_nul_or_nothing(payload, label):
    text = decode(payload, label and f"text/html; charset={label}")
    assert text is None or "\0" not in text
    if text is not None:
        text.encode()


# ---- domains ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://news.example.co.uk/a?b#c", "example.co.uk"),
        ("HTTP://WWW.Example.COM:8080", "example.com"),
        ("http://user:secret@sub.example.de/", "example.de"),
        ("http://someone.github.io/", "github.io"),
        ("http://münchen.de/", "münchen.de"),
        ("http://192.168.0.1/", None),
        ("http://[::1]/", None),
        ("http://localhost/", None),
        ("hard::x.com-y.html", None),
        ("http://[bad", None),
        ("http://a\0b.com/", None),
        ("http://a..com/", None),
        ("", None),
    ],
)
def test_registered_domain(url, domain):
    assert registered_domain(url) == domain
    assert registered_domains(pa.array([url, None])).to_pylist() == [domain, None]


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(max_size=40).map("http://".__add__))
def test_any_text_has_a_domain_or_none(url):
    domain = registered_domain(url)
    assert domain is None or (domain == domain.lower() and "." in domain)


# ---- licences --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "ids", "kinds"),
    [
        ('<a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/deed.de">x</a>',
         ["cc-by-sa-4.0"], ["license_creative_commons", "license_link"]),
        ('<link rel="LICENSE" href="//creativecommons.org/publicdomain/zero/1.0/">', ["cc0-1.0"], ["license_link"]),
        ('<a href="http://creativecommons.org/publicdomain/mark/1.0/">x</a>',
         ["pdm-1.0"], ["license_creative_commons"]),
        ('<meta name="dcterms.license" content="https://www.gnu.org/licenses/fdl-1.3.html">',
         ["gfdl"], ["license_meta"]),
        ('<script type="application/ld+json">{"@graph": [{"license": {"@id": '
         '"https://creativecommons.org/licenses/by-nc/3.0/"}}, {"x": {"license": ["MIT"]}}]}</script>',
         ["cc-by-nc-3.0"], ["license_schema_org"]),
        ('<script type="application/ld+json">{"license": </script>', [], []),
        ('<meta name="robots" content="noai, noimageai"><meta name="tdm-reservation" content="1">',
         [], ["meta_robots", "tdm_reservation"]),
        ('<a rel="license" href="/terms">x</a>', [], ["license_link"]),
        ("<p>All rights reserved</p>", [], []),
        ("", [], []),
    ],
)  # fmt: skip
def test_page_license(html, ids, kinds):
    found, evidence = declared(html)
    assert (found, sorted(evidence)) == (ids, kinds)


def test_page_license_columns():
    html = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">x</a>' * 50
    ids, evidence = page_license({"html": pa.array([html, None, ""], pa.large_string())}, [Call("page_license")])[0]
    assert ids.to_pylist() == [["cc-by-4.0"], None, []]
    url = "https://creativecommons.org/licenses/by/4.0/"
    assert evidence.to_pylist() == [[("license_creative_commons", url), ("license_link", url)], None, []]


def test_evidence_is_bounded():
    html = "".join(f'<a rel="license" href="{i}{"x" * 10_000}">x</a>' for i in range(1_000))
    _, evidence = declared(html)
    assert len(evidence["license_link"]) < 6_000


# ---- extraction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_article_is_found_and_the_navigation_is_not(name):
    ((text, error),) = extract([PAGE], name)
    assert error is None
    assert "The lighthouse on the northern cape was built" in text
    assert "Shop" not in text


@pytest.mark.parametrize("name", EXTRACTORS)
def test_null_and_empty_pages(name):
    assert extract([None, "", "   ", "<html></html>"], name)[0] == (None, None)
    assert [text for text, _ in extract([None, "", "   ", "<html></html>"], name)] == [None] * 4


HOSTILE = {
    "deep nesting": "<div>" * 2_000 + PROSE,
    "deep lists": "<ul><li>" * 2_000 + PROSE,
    "unclosed everything": "<b><i><p><table><tr><td>" * 300 + PROSE,
    "declared XML": '<?xml version="1.0" encoding="utf-16"?><html><body><p>' + PROSE + "</p></body></html>",
    "control characters": "<p>" + PROSE + "\x01\x02\ufffe\uffff</p>",
    "NUL": "<p>" + PROSE + "\0</p>",
    "only a comment": "<!-- " + PROSE,
    "attributes": "<p " + " ".join(f'a{i}="x"' for i in range(8_000)) + ">" + PROSE,
    "entities": "<p>" + "&amp;" * 50_000 + "&#0;&#xD800;&#x110000;&bogus;</p>",
    "not HTML": "%PDF-1.4 " + "\x7f" * 500,
    "one huge text": "<p>" + PROSE * 5_000 + "</p>",
}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_hostile_pages_give_a_text_or_an_error_and_spare_their_neighbours(name):
    pages = [PAGE, *HOSTILE.values(), PAGE]
    results = extract(pages, name)
    assert results[0] == results[-1]
    assert results[0][0] is not None
    for (text, error), kind in zip(results[1:-1], HOSTILE, strict=True):
        assert error is None or error.startswith("extraction_"), kind
        assert text is None or (error is None and "\0" not in text and text.strip()), kind


@pytest.mark.parametrize("name", EXTRACTORS)
@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * 200_000 + PROSE + "</div>" * 200_000, "nested_too_deep"),
        ("<x-y>" * 10_000, "nested_too_deep"),
        ("<p " + " ".join(f"a{i}" for i in range(100_000)) + ">", "too_many_attributes"),
    ],
)
def test_pages_that_no_parser_finishes_are_refused_at_once(name, html, reason):
    start = time.monotonic()
    assert extract([html], name) == [(None, f"extraction_failed: {reason}")]
    assert declared(html + "<a rel=license>")[1] == {"not_read": reason}
    assert time.monotonic() - start < 60  # a parser takes minutes


@pytest.mark.parametrize(
    "html",
    [
        "<div></div>" * 20_000,
        "<p>" * 20_000 + "<br>" * 20_000,
        "<script>" + "a<b;" * 20_000 + "</script>",
        "<!--" + "<div>" * 20_000 + "-->",
        "<p title='" + "word " * 4_000 + "'>",
        "<div>" * MAX_DEPTH + "<td >" * 10_000 + "<",
        "<p" + "\u3000é" * (MAX_ATTRIBUTES - 1) + ">",
        "é " * 20_000 + "é",
    ],
)
def test_long_pages_are_not_taken_for_deep_ones(html):
    assert too_complex(html.encode()) is None


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * (MAX_DEPTH + 1), "nested_too_deep"),
        ("</p>" * 10_000 + "<DIV\n>" * (MAX_DEPTH + 1) + "<br>" * 10_000, "nested_too_deep"),
        ("<tdx>" * (MAX_DEPTH + 1), "nested_too_deep"),
        ("<p" + "\u3000é" * MAX_ATTRIBUTES + ">", "too_many_attributes"),
        ("é" * 30_000 + "<p" + " é" * MAX_ATTRIBUTES, "too_many_attributes"),
    ],
)
def test_one_more_than_the_limits_is_refused(html, reason):
    assert too_complex(html.encode()) == reason


def test_a_slow_page_is_given_up():
    def endless(html):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001 - as the libraries do; the timeout must pass through it
                continue

    start = time.monotonic()
    assert extraction._extract_one(b"<p>", endless, 0.2) == (None, "extraction_timeout")
    assert time.monotonic() - start < 60
    assert extraction._extract_one(b"<p>", lambda html: "text", 0.2) == ("text", None)


def test_outside_the_main_thread_pages_are_read_without_a_limit():
    found = []
    thread = threading.Thread(target=lambda: found.extend(extract([PAGE], "fast")))
    thread.start()
    thread.join()
    assert found == extract([PAGE], "fast")


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), AssertionError()])
def test_what_a_parser_raises_is_the_error_of_the_row(error):
    def broken(html):
        raise error

    assert extraction._extract_one(b"<p>", broken, None) == (None, f"extraction_failed: {type(error).__name__}")


def test_a_defect_of_ours_is_not_hidden():
    def broken(html):
        raise NameError("ours")

    with pytest.raises(NameError):
        extraction._extract_one(b"<p>", broken, None)


def test_justext_takes_the_stop_list_of_the_page():
    german = (
        "Der Leuchtturm auf dem nördlichen Kap wurde im Jahr der großen Flut gebaut, und er wird seither von "
        "derselben Familie gehütet, die jeden Abend nachsieht, ob die Lampe auch wirklich brennt. "
    )
    ((text, _),) = extract([f"<html><body><p>{german * 3}</p></body></html>"], "justext")
    assert "Leuchtturm" in text
    assert extraction._justext_options(f"<p>{german}</p>")["stoplist"] >= {"und", "der"}


def test_every_stop_list_exists():
    from justext import get_stoplists

    assert set(extraction.STOP_LISTS.values()) <= set(get_stoplists())
