"""The demo's pages: the same bytes every time, real prose, and one of everything that a crawl holds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

SCRIPT = Path(__file__).parents[2] / "examples" / "make_pages.py"

# What every machine has, and so the least that any run makes; packages depend on the environment.
AT_LEAST = {
    "topics": 150, "library": 400, "packages": 20, "exact_duplicates": 8, "near_duplicates": 12,
    "junk": 7, "foreign": 6, "empty": 1, "http_error": 1, "image": 1,
}


def make(out: Path, *options: str) -> str:
    done = subprocess.run([sys.executable, SCRIPT, out, *options], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("crawl")
    return out, json.loads(make(out, "--json"))


@pytest.fixture(scope="module")
def responses(crawl) -> list[dict]:
    """Every response record, read by fastwarc."""
    found = []
    for path in sorted(crawl[0].iterdir()):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                found.append({
                    "file": path.name,
                    "id": record.record_id,
                    "url": record.headers["WARC-Target-URI"],
                    "status": record.http_headers.status_code,
                    "type": record.http_content_type,
                    "headers": record.http_headers.asdict(),
                    "html": record.reader.read().decode(record.http_charset or "latin-1"),
                })
    return found


def article(page: dict) -> str:
    return page["html"].partition("<article>")[2].partition("</article>")[0]


def test_two_runs_write_the_same_bytes(crawl, tmp_path):
    out, _ = crawl
    make(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in out.iterdir()
    }


def test_each_kind_is_there(crawl):
    _, made = crawl
    assert made["kinds"].keys() == AT_LEAST.keys()
    assert {kind: count for kind, count in made["kinds"].items() if count < AT_LEAST[kind]} == {}
    assert made["missing_modules"] == []


def test_what_it_says_it_made_is_what_lies_there(crawl, responses):
    out, made = crawl
    assert {entry["file"]: entry["bytes"] for entry in made["files"]} == {
        path.name: path.stat().st_size for path in out.iterdir()
    }
    for entry in made["files"]:
        assert entry["pages"] == sum(page["file"] == entry["file"] for page in responses)
    assert sum(made["kinds"].values()) == len(responses)


def test_for_a_person_it_says_the_same(crawl, tmp_path):
    _, made = crawl
    said = make(tmp_path)
    assert f"topics.warc.gz: {made['kinds']['topics']} pages" in said
    assert f"{made['kinds']['foreign']} foreign" in said


def test_records_are_members_of_their_own(crawl):
    """Reading may begin at any record: at each gzip header stands a whole WARC record."""
    for path in crawl[0].iterdir():
        with path.open("rb") as stream:
            offsets = [record.stream_pos for record in ArchiveIterator(stream, parse_http=False)]
        content = path.read_bytes()
        assert all(content[offset:offset + 2] == b"\x1f\x8b" for offset in offsets)
        assert len(set(offsets)) == len(offsets) > 1


def test_ids_and_urls_are_unique(responses):
    assert len({page["id"] for page in responses}) == len(responses)
    assert len({page["url"] for page in responses}) == len(responses)


def test_no_memory_address_is_left(responses):
    """An address would differ from run to run and from machine to machine."""
    assert [page["url"] for page in responses if re.search(r"0x[0-9a-fA-F]{7,}", page["html"])] == []


def test_boilerplate_stands_around_the_prose_and_extraction_removes_it(responses):
    page = next(page for page in responses if page["url"] == "https://handbook.example.org/assert")
    for furniture in ("<nav>", "cookie-banner", 'class="sidebar"', "<footer>", 'rel="license"'):
        assert furniture in page["html"]
    text = extract_plain_text(HTMLTree.parse(page["html"]), main_content=True)
    assert "convenient way to insert debugging assertions into a program" in text
    assert "cookies" not in text
    assert "<pre>   assert_stmt" in page["html"]


def test_pages_are_cut_to_a_size_that_quality_rules_accept(responses):
    words = sorted(len(re.sub("<[^>]+>", " ", article(page)).split()) for page in responses if article(page))
    assert 200 <= words[len(words) // 2] <= 600
    assert sum(150 <= count <= 700 for count in words) > 0.7 * len(words)


def test_copies_are_exact_under_another_address(responses):
    copies = [page for page in responses if "/copy/" in page["url"]]
    originals = {article(page) for page in responses if "mirror." not in page["url"]}
    assert len(copies) >= AT_LEAST["exact_duplicates"]
    assert all(article(page) in originals for page in copies)


def test_near_copies_keep_most_of_their_shingles(responses):
    """At least 80% of the 5-word shingles in common, and not all: what `verify = 80%` is to find."""
    def shingles(page: dict) -> set[tuple[str, ...]]:
        words = re.sub("<[^>]+>", " ", article(page)).split()
        return {tuple(words[at:at + 5]) for at in range(len(words) - 4)}

    originals = {page["url"].split("/", 3)[3]: page for page in responses if "mirror." not in page["url"]}
    near = [page for page in responses if "/revised/" in page["url"]]
    assert len(near) >= AT_LEAST["near_duplicates"]
    for page in near:
        ours, theirs = shingles(page), shingles(originals[page["url"].split("/revised/")[1]])
        assert 0.8 <= len(ours & theirs) / len(ours | theirs) < 1


def test_errors_images_and_other_languages(responses):
    pages = {page["url"].removeprefix("https://oddities.example.com/"): page for page in responses}
    assert pages["gone"]["status"] == 404
    assert pages["pixel.gif"]["type"] == "image/gif"
    assert "<p>" not in pages["app"]["html"]
    assert "Frühjahr" in pages["de/1"]["html"]
    assert "observer les étoiles" in pages["fr/2"]["html"]          # served as ISO-8859-1
    assert "charset=iso-8859-1" in pages["fr/2"]["headers"]["Content-Type"]


def test_licences_and_opt_outs_stand_on_a_part_of_the_pages(responses):
    pages = [page for page in responses if page["type"] == "text/html"]
    for evidence in ('rel="license"', "noai", 'name="tdm-reservation"'):
        assert 0 < sum(evidence in page["html"] for page in pages) < len(pages)
    assert 0 < sum("tdm-reservation" in page["headers"] for page in pages) < len(pages)
