"""What job tests share: a small crawl as WARC files, and recipes compiled to be run in this process."""

from __future__ import annotations

import gzip
import pydoc_data.topics
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from recipe_runtime import tables
from recipe_runtime.lake import Lake
from recipec.backend import Backend
from recipec.driver import Compilation

# ---- a crawl ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A page as a crawler stored it."""

    url: str
    paragraphs: tuple[str, ...]
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    license: str | None = None

    def html(self) -> bytes:
        """The page around its paragraphs: a head, navigation, a footer."""
        link = f'<a rel="license" href="{self.license}">licence</a>' if self.license else ""
        body = "".join(f"<p>{escape(p)}</p>" for p in self.paragraphs)
        return (
            f"<html><head><title>{escape(self.url)}</title></head><body><nav><a href='/'>Home</a></nav>"
            f"<article>{body}</article><footer>{link}</footer></body></html>"
        ).encode()


def record(page: Page) -> bytes:
    """A WARC response record, its id made from the URL."""
    body = page.html()
    headers = f"Content-Type: {page.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    http = f"HTTP/1.1 {page.status} X\r\n{headers}".encode() + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, page.url)}>\r\n"
        f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: {page.url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def write_warc(path: Path, pages: Iterable[Page]) -> Path:
    """One gzip member a record."""
    path.write_bytes(b"".join(gzip.compress(record(page), mtime=0) for page in pages))
    return path


def prose(count: int) -> list[tuple[str, tuple[str, ...]]]:
    """(name, paragraphs) of texts that every Python carries and Gopher's rules accept."""
    found = []
    for name, text in sorted(pydoc_data.topics.topics.items()):
        blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text)]
        kept = tuple(b for b in blocks if len(b.split()) >= 12 and b[-1] in ".:" and b.count("*") < 8)[:12]
        if sum(len(b.split()) for b in kept) >= 120:
            found.append((name, kept))
    return found[:count]


CC_BY, CC0 = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/"


def crawl(folder: Path) -> list[Path]:
    """Three files: good pages, planted duplicates, and pages that fall out for known reasons."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = prose(36)
    good = [Page(f"http://docs.example.org/{name}", text, license=CC_BY) for name, text in texts]
    first, second = texts[0], texts[1]
    near = (*second[1][:-1], second[1][-1].replace(" the ", " this ", 1))
    german = "Der schnelle braune Fuchs springt über den faulen Hund, und alle sehen ihm dabei zu. "
    odd = [
        Page("http://mirror.example.net/same", first[1], license=CC0),
        Page("http://mirror.example.net/near", near),
        Page("http://short.example.com/", ("Nothing much is here but this one line of text.",)),
        Page("http://gone.example.com/", ("Not found.",), status=404),
        Page("http://image.example.com/x.gif", ("GIF",), content_type="image/gif"),
        Page("http://deutsch.example.de/", (german * 8,)),
    ]
    half = len(good) // 2
    return [
        write_warc(folder / "a.warc.gz", good[:half]),
        write_warc(folder / "b.warc.gz", good[half:]),
        write_warc(folder / "c.warc.gz", odd),
    ]


QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.recipe"


# ---- running ------------------------------------------------------------------------------------


# A test's query runs once, over a few rows: compiling it, and planning it again by what its stages saw, costs
# more than it saves.
QUICK = {
    # Two cores, and a task that fails is tried again, as on a cluster.
    "spark.master": "local[2,4]",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Nothing runs long enough for the second compiler to pay for itself. Without it the code cache is 48 MB, which a
    # worker's session fills: then compiled code is thrown away and compiled again. One collector thread is enough.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
}


def quick_conf(folder: Path) -> str:
    """A folder for SPARK_CONF_DIR with these defaults."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in QUICK.items()))
    return str(folder)


@dataclass
class Ran:
    """A recipe that was run here: its lake, its script, and the script's variables."""

    lake: Path
    script: str
    variables: dict[str, Any] = field(default_factory=dict)

    def output(self, spark: Any, name: str = "clean") -> Any:
        """The newest version of an output."""
        return spark.read.format("delta").load(str(self.lake / name))

    def ledger(self, table: str) -> list[dict[str, Any]]:
        """All rows of one of the lake's tables."""
        return tables.read(Lake(str(self.lake)), getattr(tables, table.upper()))


def versions(lake: Path) -> dict[str, int]:
    """Newest version of every Delta table of a lake, but for `runs`."""
    folders = [log.parent for log in lake.rglob("_delta_log")]
    found = {str(folder.relative_to(lake)): DeltaTable(str(folder)).version() for folder in folders}
    return {name: version for name, version in found.items() if name != "_recipec/runs"}


def compile_recipe(text: str, params: Mapping[str, str], name: str = "x.recipe") -> str:
    """The script of a recipe that must be right."""
    backend = Backend(Compilation(params=params, text=text, name=name))
    assert not [d for d in backend.diagnostics if d.severity == "error"], backend.diagnostics
    return backend.script


def run_here(text: str, lake: Path, name: str = "x.recipe", **params: str) -> Ran:
    """Compiles a recipe and runs its script in this process."""
    script = compile_recipe(text, {"lake": str(lake), **params}, name)
    variables: dict[str, Any] = {}
    exec(compile(script, "script.py", "exec"), variables)
    return Ran(lake, script, variables)
