"""Makes a small crawl, once: WARC files of HTML pages around the prose that every Python carries.

    python examples/make_pages.py OUT_DIR [--json]

The prose is real: the language reference (`pydoc_data.topics`), the docstrings of a fixed list of
standard-library modules, and the long descriptions of the installed distributions. Around it stands
what stands around text on the web: navigation, a sidebar of links, a cookie line, a footer, a licence
link, now and then an opt-out. A last file holds what a crawl also has and a recipe must find: copies,
near copies, stubs, repetition, other languages, an error page, an image.

The same machine gives the same bytes: dates are fixed, record ids are hashes, members carry no time.
"""

import argparse
import ast
import base64
import gzip
import hashlib
import html
import importlib.metadata
import inspect
import json
import re
import sysconfig
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics

# Modules with long docstrings, present from Python 3.11 on wherever the standard library is whole.
MODULES = """
    argparse ast asyncio.base_events asyncio.events asyncio.locks asyncio.protocols asyncio.streams
    asyncio.tasks asyncio.transports base64 bdb bz2 calendar cmd code collections concurrent.futures._base
    concurrent.futures.process configparser contextlib dataclasses datetime difflib dis doctest
    email.charset email.generator email.header email.headerregistry email.message email._policybase
    email.policy email.utils enum fileinput fractions ftplib functools graphlib gzip http.client
    http.cookiejar http.cookies http.server imaplib importlib.abc importlib.metadata inspect ipaddress
    json json.decoder json.encoder locale logging logging.config logging.handlers lzma mailbox mimetypes
    multiprocessing.managers numbers optparse pathlib pdb pickle pickletools pkgutil platform poplib pydoc
    queue random re selectors shelve shutil smtplib socket socketserver ssl statistics subprocess tarfile
    tempfile textwrap threading timeit tokenize traceback typing unittest.case unittest.mock urllib.parse
    urllib.request uuid venv wave wsgiref.handlers wsgiref.validate xml.etree.ElementTree xml.sax.handler
    xml.sax.xmlreader xmlrpc.client xmlrpc.server zipfile
"""

HANDBOOK, LIBRARY, PACKAGES = "handbook.example.org", "library.example.com", "packages.example.net"
MIRROR, ODDITIES = "mirror.example.net", "oddities.example.com"
PYTHON_LICENSE = "https://spdx.org/licenses/PSF-2.0.html"
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
CRAWLED = "2026-01-05T08:00:00Z"

PAGE_WORDS = (200, 600)   # a page ends at the first heading past the one, or before it passes the other
STUB_WORDS = 80           # a shorter rest joins the page before it

Block = tuple[str, str]   # HTML tag (h2, p, li or pre) and plain text


@dataclass(frozen=True)
class Page:
    """One record to be: its address, what it says, and what the server says about it."""

    kind: str
    site: str
    path: str
    title: str
    blocks: tuple[Block, ...] = ()
    license: str | None = None
    lang: str = "en"
    charset: str = "utf-8"
    status: str = "200 OK"
    content_type: str = "text/html"
    body: bytes | None = None   # served as it is, in place of a rendered page

    @property
    def url(self) -> str:
        return f"https://{self.site}/{self.path}"

    @property
    def prose_words(self) -> int:
        return sum(len(text.split()) for tag, text in self.blocks if tag == "p")


# ---- from documentation to blocks ------------------------------------------------------------------

ADDRESS = re.compile(r"(?: at)? ?\b0x[0-9a-fA-F]{7,}\b")
UNDERLINE = re.compile(r"([=\-~*^#\"'`+.])\1{2,}$")
HEADING = re.compile(r"#{1,5} +(.+?) *#*$")
BULLET = re.compile(r"(?:[*\-+•]|\d{1,2}[.)]) +")
NOISE = ("[![", "![", "<", ".. ", "|", ":target:", ":alt:")   # badges, raw HTML, directives, tables


def is_code(lines: list[str]) -> bool:
    """Whether a paragraph is a listing: a prompt in front, or indented and thick with code's punctuation."""
    if lines[0].lstrip().startswith((">>> ", "$ ", "% ")):
        return True
    text = "".join(lines)
    marks = sum(text.count(mark) for mark in "=()[]{}<>_;|`")
    return all(line.startswith("  ") for line in lines) and marks > 0.04 * len(text)


def paragraph(lines: list[str]) -> Iterator[Block]:
    """The blocks of one run of lines without an empty one between them."""
    if not lines or lines[0].lstrip().startswith(NOISE):
        return
    if is_code(lines):
        yield "pre", "\n".join(lines)
        return
    items: list[list[str]] = []
    for line in (line.strip() for line in lines):
        bullet = BULLET.match(line)
        if bullet:
            items.append(["li", line[bullet.end():]])
        elif items:
            items[-1][1] += " " + line
        else:
            items.append(["p", line])
    yield from ((tag, text) for tag, text in items)


def to_blocks(text: str) -> list[Block]:
    """Plain text, Markdown or reStructuredText as blocks; inline markup stays as it is written."""
    blocks: list[Block] = []
    lines: list[str] = []
    fenced = False

    def flush() -> None:
        blocks.extend([("pre", "\n".join(lines))] if fenced and lines else paragraph(lines))
        lines.clear()

    for line in ADDRESS.sub("", text).expandtabs().splitlines():
        line = line.rstrip()
        heading = None if fenced else HEADING.match(line)
        if line.lstrip().startswith("```"):
            flush()
            fenced = not fenced
        elif fenced:
            lines.append(line)
        elif not line:
            flush()
        elif heading:
            flush()
            blocks.append(("h2", heading[1]))
        elif UNDERLINE.match(line):
            title = lines.pop().strip() if lines else ""
            flush()
            if title:
                blocks.append(("h2", title))
        else:
            lines.append(line)
    flush()
    return blocks


def paginate(blocks: Iterable[Block]) -> list[tuple[Block, ...]]:
    """Blocks cut into pages, at a heading where one stands in reach."""
    low, high = PAGE_WORDS
    pages: list[list[Block]] = [[]]
    words = 0
    for tag, text in blocks:
        count = len(text.split())
        if pages[-1] and (words + count > high or (tag == "h2" and words >= low)):
            carried: list[Block] = []
            while len(pages[-1]) > 1 and pages[-1][-1][0] == "h2":
                carried.insert(0, pages[-1].pop())
            pages.append(carried)
            words = sum(len(text.split()) for _, text in carried)
        pages[-1].append((tag, text))
        words += count
    if words < STUB_WORDS and len(pages) > 1:
        rest = pages.pop()
        pages[-1] += rest
    return [tuple(page) for page in pages if page]


def pages_of(kind: str, site: str, name: str, blocks: Iterable[Block], license: str | None) -> list[Page]:
    return [
        Page(kind, site, f"{name}/{number}" if number > 1 else name,
             f"{name}, part {number}" if number > 1 else name, page, license)
        for number, page in enumerate(paginate(blocks), 1)
    ]


# ---- three bodies of prose -------------------------------------------------------------------------

def topic_pages() -> Iterator[Page]:
    for name in sorted(topics):
        yield from pages_of("topics", HANDBOOK, name, to_blocks(topics[name]), PYTHON_LICENSE)


def docstrings(body: list[ast.stmt], within: str = "") -> Iterator[Block]:
    """A heading and the docstring of every class and function, in the order of the source."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name = f"{within}{node.name}"
        text = ast.get_docstring(node) or ""
        if len(text.split()) >= 8:     # "Return self." is no prose
            yield "h2", name if isinstance(node, ast.ClassDef) else f"{name}({ast.unparse(node.args)})"
            yield from to_blocks(text)
        if isinstance(node, ast.ClassDef):
            yield from docstrings(node.body, f"{name}.")


def library_pages(missing: list[str]) -> Iterator[Page]:
    """Docstrings read from the source, since importing a module runs it. Appends to `missing`."""
    root = Path(sysconfig.get_path("stdlib"))
    for module in MODULES.split():
        stem = root.joinpath(*module.split("."))
        candidates = stem.with_suffix(".py"), stem / "__init__.py"
        source = next((path for path in candidates if path.exists()), None)
        if source is None:
            missing.append(module)
            continue
        tree = ast.parse(source.read_text(encoding="utf-8"))
        blocks = [*to_blocks(ast.get_docstring(tree) or ""), *docstrings(tree.body)]
        yield from pages_of("library", LIBRARY, module, blocks, None)


def package_pages() -> Iterator[Page]:
    """The long description of each installed distribution, under the licence it declares."""
    described = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if name != "recipec":          # its own would change with every edit of the README
            described.setdefault(name, distribution.metadata)
    for name, metadata in sorted(described.items()):
        text = metadata.get("Description") or metadata.get_payload()
        declared = metadata.get("License-Expression") or ""
        single = re.fullmatch(r"[\w.+-]+", declared)
        license = f"https://spdx.org/licenses/{declared}.html" if single else None
        yield from pages_of("packages", PACKAGES, name, to_blocks(inspect.cleandoc(text)), license)


# ---- what else a crawl holds -----------------------------------------------------------------------

FOREIGN = {
    "de": (
        "Der Fluss war in jenem Frühjahr weit über die Ufer getreten, und die Bauern sahen von ihren Höfen "
        "auf eine graue Fläche hinaus, wo sonst die Wiesen lagen. Niemand erinnerte sich, das Wasser je so "
        "hoch gesehen zu haben. Man trug die Vorräte auf den Dachboden, band das Vieh an die höchste "
        "Stelle des Dorfes und wartete. Erst am vierten Tag hörte der Regen auf, und langsam kamen die "
        "Zäune, die Wege und zuletzt die alte Brücke wieder zum Vorschein.",
        "Wer ein gutes Brot backen will, braucht vor allem Geduld. Der Teig muss ruhen, bis er sich "
        "verdoppelt hat, und der Ofen soll heiß sein, bevor man den Laib hineinschiebt. Nach einer "
        "Viertelstunde nimmt man die Hitze zurück, damit die Kruste nicht verbrennt, ehe die Krume gar "
        "ist. Klopft man auf den Boden und klingt es hohl, so ist das Brot fertig; anschneiden sollte man "
        "es aber erst, wenn es kalt ist.",
    ),
    "fr": (
        "Le marché s'installait avant l'aube sur la grande place, et l'on entendait de loin le bruit des "
        "charrettes sur les pavés. Les femmes venaient les premières, avec leurs paniers vides, pour "
        "choisir les légumes encore humides de rosée. Vers midi, quand le soleil tombait droit sur les "
        "étals, il ne restait que quelques pommes et des fleurs fanées. Les enfants couraient entre les "
        "caisses, et le vieux marchand de livres s'endormait sur sa chaise, un chapeau posé sur le visage.",
        "Pour observer les étoiles, il faut s'éloigner des lumières de la ville et laisser à ses yeux le "
        "temps de s'habituer à l'obscurité. Au bout d'une demi-heure, on distingue des milliers de points "
        "que l'on ne soupçonnait pas. Une simple paire de jumelles suffit ensuite pour voir les cratères "
        "de la lune et les quatre plus grands satellites de Jupiter, que l'on peut suivre d'une nuit à "
        "l'autre.",
    ),
    "es": (
        "La casa estaba al final del camino, rodeada de olivos que nadie había podado en muchos años. "
        "Cuando llegamos, las ventanas seguían abiertas y el viento movía despacio las cortinas. En la "
        "cocina encontramos una mesa larga, cuatro sillas y una carta sin firmar. Mi abuela la leyó en "
        "silencio, la dobló con cuidado y la guardó en el bolsillo. Nunca nos dijo lo que estaba escrito "
        "en ella, pero desde aquel día volvió cada verano a cuidar el jardín.",
        "El agua de la montaña baja por canales que los antiguos trazaron sin más instrumentos que una "
        "cuerda y un nivel. Cada familia tiene su turno, y un hombre elegido por todos abre y cierra las "
        "compuertas. Cuando el año es seco, los turnos se acortan y se riega de noche, para que el sol no "
        "se lleve la mitad. Así se ha hecho desde hace siglos, y pocas veces ha sido necesario llamar a un "
        "juez.",
    ),
}

JUNK = {
    "soon": ["This page is under construction. Please come back soon."],
    "login": ["You must be signed in to see this page."],
    "empty-search": ["No results were found for your search. Try other words, or go back to the front page."],
    "repeated": ["The best offers of the week are here and they will not wait for you."] * 40,
    "figures": ["of the 2019 2020 2021 2022 2023 that 14.2 15.8 17.1 18.9 20.4 " + "31 28 31 30 " * 30],
    "tags": ["# " + " # ".join(f"holiday{n} and the summer{n}" for n in range(60))],
    "teasers": [f"Story {n} of the day that you have to read: what happened next is a surprise..."
                for n in range(30)],
}

SCRIPT_ONLY = b'<!DOCTYPE html>\n<body><div id="app"></div><script src="/app.js"></script></body>\n'
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")


def reworded(page: Page) -> Page:
    """The page with the middle word of its two longest paragraphs changed."""
    longest = sorted((text for tag, text in page.blocks if tag == "p"), key=len)[-2:]
    blocks = []
    for tag, text in page.blocks:
        if text in longest:
            words = text.split()
            words[len(words) // 2] = "notably"
            text = " ".join(words)
        blocks.append((tag, text))
    path = f"revised/{page.path}"
    return replace(page, kind="near_duplicates", site=MIRROR, path=path, blocks=tuple(blocks))


def odd_pages(real: list[Page]) -> Iterator[Page]:
    """Copies, near copies, stubs, repetition, other languages, an empty page, an error, an image."""
    prose = [page for page in real if page.prose_words >= 250]
    for page in prose[::len(prose) // 8]:
        yield replace(page, kind="exact_duplicates", site=MIRROR, path=f"copy/{page.path}")
    for page in prose[3::len(prose) // 12]:
        yield reworded(page)
    for name, lines in JUNK.items():
        yield Page("junk", ODDITIES, name, name.title(), tuple(("p", line) for line in lines))
    for lang, texts in FOREIGN.items():
        for number, text in enumerate(texts, 1):
            yield Page("foreign", ODDITIES, f"{lang}/{number}", lang.upper(), (("p", text),), CC0, lang,
                       charset="iso-8859-1" if number == 2 else "utf-8")
    yield Page("empty", ODDITIES, "app", "App", body=SCRIPT_ONLY)
    yield Page("http_error", ODDITIES, "gone", "Not found", (("p", "There is nothing at this address."),),
               status="404 Not Found")
    yield Page("image", ODDITIES, "pixel.gif", "Pixel", content_type="image/gif", body=PIXEL)


# ---- HTML and WARC ---------------------------------------------------------------------------------

def marked(page: Page, share: int, of: str) -> bool:
    """Whether this page is one of the `share` in a hundred that carry `of`: by hash, so always the same."""
    return int.from_bytes(hashlib.sha256(f"{of} {page.url}".encode()).digest()[:4], "big") % 100 < share


def article(page: Page) -> Iterator[str]:
    yield f"<article>\n<h1>{html.escape(page.title)}</h1>"
    tags = ["", *(tag for tag, _ in page.blocks), ""]
    for (tag, text), before, after in zip(page.blocks, tags, tags[2:], strict=False):
        opening = "<ul>\n" if tag == "li" and before != "li" else ""
        closing = "\n</ul>" if tag == "li" and after != "li" else ""
        yield f"{opening}<{tag}>{html.escape(text, quote=False)}</{tag}>{closing}"
    yield "</article>"


def render(page: Page, neighbours: list[Page]) -> str:
    """The page as a site serves it; `neighbours` fill its sidebar."""
    metas = [f'<meta charset="{page.charset}">', '<meta name="viewport" content="width=device-width">']
    if marked(page, 5, "noai"):
        metas.append('<meta name="robots" content="noai, noimageai">')
    if marked(page, 5, "tdm"):
        metas.append('<meta name="tdm-reservation" content="1">')
    links = "\n".join(f'<li><a href="/{html.escape(near.path)}">{html.escape(near.title)}</a></li>'
                      for near in neighbours)
    license = f'<a rel="license" href="{page.license}">Licence of this page</a>' if page.license else ""
    site = page.site.split(".")[0].title()
    return f"""<!DOCTYPE html>
<html lang="{page.lang}">
<head>
{chr(10).join(metas)}
<title>{html.escape(page.title)} | {site}</title>
</head>
<body>
<div class="cookie-banner">We use cookies to make this site work.
<button>Accept</button> <button>Decline</button></div>
<header><a href="/">{site}</a>
<nav><ul><li><a href="/">Home</a></li><li><a href="/all">All pages</a></li>
<li><a href="/search">Search</a></li><li><a href="/about">About</a></li></ul></nav></header>
<main>
{chr(10).join(article(page))}
</main>
<aside class="sidebar"><h3>See also</h3>
<ul>
{links}
</ul></aside>
<footer><p>© 2026 {site}. <a href="/privacy">Privacy</a> <a href="/terms">Terms</a> {license}</p></footer>
</body>
</html>
"""


def member(kind: str, key: str, content_type: str, content: bytes, **fields: str) -> bytes:
    """One WARC record as one gzip member. `key` makes its id."""
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, key)}>",
        "WARC-Date": CRAWLED,
        **{name.replace("_", "-"): value for name, value in fields.items()},
        "Content-Type": content_type,
        "Content-Length": str(len(content)),
    }
    head = "WARC/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return gzip.compress(head.encode() + content + b"\r\n\r\n", mtime=0)


def response(page: Page, neighbours: list[Page]) -> bytes:
    body = page.body or render(page, neighbours).encode(page.charset)
    head = [f"HTTP/1.1 {page.status}", f"Content-Type: {page.content_type}", f"Content-Length: {len(body)}"]
    if not page.body:
        head[1] += f"; charset={page.charset}"
    if marked(page, 3, "header"):
        head.append("tdm-reservation: 1")
    http = "\r\n".join([*head, "", ""]).encode() + body
    return member("response", page.url, "application/http; msgtype=response", http, WARC_Target_URI=page.url)


def write_warc(path: Path, pages: list[Page]) -> int:
    """Writes the pages; returns the file's size in bytes."""
    about = b"software: recipec examples/make_pages.py\r\nformat: WARC File Format 1.1\r\n"
    records = [member("warcinfo", path.name, "application/warc-fields", about, WARC_Filename=path.name)]
    for number, page in enumerate(pages):
        nearby = pages[max(0, number - 4):number] + pages[number + 1:number + 5]
        records.append(response(page, [other for other in nearby if other.site == page.site]))
    return path.write_bytes(b"".join(records))


def make(out: Path) -> dict:
    """Writes the files into `out`; returns what they hold: per file its pages and bytes, pages by kind."""
    missing: list[str] = []
    parts = {"topics": [*topic_pages()], "library": [*library_pages(missing)], "packages": [*package_pages()]}
    parts["oddities"] = [*odd_pages([page for pages in parts.values() for page in pages])]
    out.mkdir(parents=True, exist_ok=True)
    sizes = {name: write_warc(out / f"{name}.warc.gz", pages) for name, pages in parts.items()}
    return {
        "files": [
            {"file": f"{name}.warc.gz", "pages": len(pages), "bytes": sizes[name]}
            for name, pages in parts.items()
        ],
        "kinds": dict(Counter(page.kind for pages in parts.values() for page in pages)),
        "missing_modules": missing,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for the WARC files")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    arguments = parser.parse_args()
    made = make(arguments.out)
    if arguments.json:
        print(json.dumps(made, indent=2))
        return
    for entry in made["files"]:
        print(f"{arguments.out / entry['file']}: {entry['pages']} pages, {entry['bytes'] / 1e6:.2f} MB")
    print(", ".join(f"{count} {kind}" for kind, count in made["kinds"].items()))
    if made["missing_modules"]:
        print("not in this Python, left out:", ", ".join(made["missing_modules"]))


if __name__ == "__main__":
    main()
