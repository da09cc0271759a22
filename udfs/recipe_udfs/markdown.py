"""Markdown to plain text: the marks go, the words stay, in their order.

Headings, emphasis, strike-through, bullets, quotation bars, code marks and fences, rules between sections
and backslashes before marks go; of a link or picture the text stays, and a table keeps ` | ` between cells.
Numbers of numbered lists are words and stay. Inside code nothing is a mark. As CommonMark 0.31 has it, but:
a mark within a word stays (`2*3*4`, `a**b**c`) unless the script has no spaces between words; HTML stays
except `<br>`; reference links stay; two or more empty lines become one. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`]*)$")
_RULE = re.compile(r"\s*(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,}|={3,}\s*)$")
_HEADING = re.compile(r"\s{0,3}#{1,6}(?:\s+|$)")
_CLOSING = re.compile(r"(?:^|\s)#+$")
_QUOTED = re.compile(r"\s{0,3}(?:>\s?)+")
_BULLET = re.compile(r"\s*[-*+•‣◦](?:\s+|$)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff"
_WORDISH = re.compile(rf"[^\W{_UNSPACED}]")

_TAIL = r"\]\((?:<[^<>`]*>|[^()\s`]*(?:\([^()\s`]*\)[^()\s`]*)*)(?:\s+(?:\"[^\"`]*\"|'[^'`]*'))?\s?\)"
_TOKEN = re.compile(
    r"(?P<escape>\\[*_#`~])|(?P<ticks>`+)|(?P<run>\*+|_+|~~)|(?P<auto><https?://[^<>\s]*>)"
    rf"|(?P<link>(?<![^\W{_UNSPACED}])!?\[(?=[^\[\]]*{_TAIL}))|(?P<tail>{_TAIL})"
)


def plain_text(text: str) -> str:
    """The text without Markdown's marks."""
    lines: list[str] = []
    for line in _lines(text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def _lines(source: list[str]) -> Iterator[str]:
    fence, wrapped = "", False
    for line in source:
        mark = _FENCE.match(line)
        info = mark[2].strip().lower() if mark else ""
        if fence:
            if mark and mark[1].startswith(fence) and not info:
                fence = ""
            else:
                yield line.rstrip()
        elif mark and (info in ("markdown", "md") or (wrapped and not info)):
            wrapped = bool(info)  # what it holds is Markdown
        elif mark:
            fence = mark[1]
        elif _RULE.match(line):
            yield ""
        else:
            yield from _block(line)


def _block(line: str) -> Iterator[str]:
    """A line outside code: what it is, then what stands in it."""
    if quoted := _QUOTED.match(line):
        line = line[quoted.end() :]
    if bullet := _BULLET.match(line):
        line = line[bullet.end() :]
    if heading := _HEADING.match(line):
        line = _CLOSING.sub("", line[heading.end() :].rstrip())
    trimmed = line.strip()
    if len(trimmed) > 1 and trimmed[0] == trimmed[-1] == "|":
        line = " | ".join(cell.strip() for cell in trimmed[1:-1].split("|"))
    if "|" in trimmed and "-" in trimmed and not trimmed.strip("|-: \t"):
        return  # the line between a table's head and its rows
    yield inline(_BREAK.sub(" ", line)).rstrip()


def inline(line: str) -> str:
    """A line without the marks inside it: code, links, emphasis, escapes."""
    tokens = list(_TOKEN.finditer(line))
    if not tokens:
        return line
    closing = _closing_ticks(tokens)
    gone: list[tuple[int, int]] = []
    open_: dict[str, list[list[int]]] = {"*": [], "_": [], "~": []}
    until = 0  # the end of the code that the walk is in
    linked = False
    for i, token in enumerate(tokens):
        start, end = token.span()
        if start < until:
            continue
        if token["ticks"]:
            if i in closing:
                last = tokens[closing[i]]
                gone += [(start, end), last.span()]
                until = last.end()
        elif token["escape"]:
            gone.append((start, start + 1))
        elif token["link"]:
            gone.append((start, end))
            linked = True
        elif token["tail"]:
            gone += [(start, end)] * linked
            linked = False
        elif token["auto"]:
            gone += [(start, start + 1), (end - 1, end)]
        else:
            gone += _emphasis(line, start, end, open_[line[start]])
    gone.sort()
    kept, at = [], 0
    for start, end in gone:
        kept.append(line[at:start])
        at = end
    return "".join([*kept, line[at:]])


def _emphasis(line: str, start: int, end: int, opened: list[list[int]]) -> list[tuple[int, int]]:
    """What goes with this run of marks: it closes the runs before it as far as it can, and else is open.

    `opened`: the open runs of this character as [first, end], the nearest last; both ends wear off.
    """
    before, after = line[start - 1 : start], line[end : end + 1]
    gone = []
    if before and not before.isspace() and not _WORDISH.match(after):
        while start < end and opened:
            first, last = opened[-1]
            width = min(last - first, end - start, 2)
            gone += [(last - width, last), (start, start + width)]
            opened[-1][1] -= width
            start += width
            if opened[-1][1] == first:
                opened.pop()
    if start < end and after and not after.isspace() and not _WORDISH.match(before):
        opened.append([start, end])
    return gone


def _closing_ticks(tokens: list[re.Match[str]]) -> dict[int, int]:
    """For each run of backticks that begins code, the run of the same length that ends it."""
    closing, later = {}, {}
    for i in range(len(tokens) - 1, -1, -1):
        if tokens[i]["ticks"]:
            width = len(tokens[i]["ticks"])
            if width in later:
                closing[i] = later[width]
            later[width] = i
    return closing
