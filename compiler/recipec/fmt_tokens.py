"""A recipe's text as the formatter sees it: tokens in brackets and blocks, every comment at its place.

Nothing is dropped but white space, so a layout of this tree can be checked against the text it came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'(?P<TEXT>"""[\s\S]*?""")'
    r'|(?P<STRING>"(?!"")(?:\\.|[^"\\\n])*")'
    r"|(?P<DOC>##(?!#)[^\n]*)"
    r"|(?P<COMMENT>#[^\n]*)"
    r"|(?P<NL>\r?\n)"
    r"|(?P<NUMBER>\d[\d_]*(?:\.\d+)?(?:[KMBT](?![A-Za-z]))?)"
    r"|(?P<BYTES>[KMGT]i?B)"
    r"|(?P<NAME>[a-z_][a-z0-9_]*)"
    r"|(?P<SIGN>\.\.|<=|>=|==|!=|[^\s])"
    r"|(?P<SPACE>[ \t]+)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, text or sign as written."""

    kind: str
    text: str
    start: int


@dataclass(slots=True)
class Part:
    """What stands between two commas, the comments on lines above it, and the one behind it."""

    tokens: list[Node] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    trailing: str = ""


@dataclass(slots=True)
class Bracket:
    """`( … )` or `[ … ]`. `kept_open`: the author put a comma and a line break before the closing bracket."""

    open: Token
    close: str = ""
    parts: list[Part] = field(default_factory=list)
    head: str = ""
    foot: list[str] = field(default_factory=list)
    kept_open: bool = False

    @property
    def start(self) -> int:
        return self.open.start


@dataclass(slots=True)
class Entry:
    """A comment line, a `##` line, or a statement: its parts, separated by commas outside of brackets."""

    kind: str
    parts: list[Part] = field(default_factory=list)
    text: str = ""
    blank_above: bool = False

    @property
    def start(self) -> int:
        return self.parts[0].tokens[0].start


@dataclass(slots=True)
class Block:
    """`{ … }`. `head` is the comment behind `{`; `one_line`: the author wrote it so."""

    open: Token
    entries: list[Entry] = field(default_factory=list)
    head: str = ""
    one_line: bool = True

    @property
    def start(self) -> int:
        return self.open.start


Node = Token | Bracket | Block


class _Reader:
    def __init__(self, text: str):
        self.tokens = [
            Token(match.lastgroup or "", match[0], match.start())
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "SPACE"
        ]
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def entries(self, block: Block | None = None) -> list[Entry]:
        """The lines of a block, or of the whole file."""
        result: list[Entry] = []
        breaks = 0  # line ends since the last thing
        first = True
        while (token := self.peek()) is not None:
            if token.text == "}" and token.kind == "SIGN":
                break
            if token.kind == "NL":
                breaks += 1
                self.at += 1
                continue
            blank = bool(result) and breaks > 1
            if token.kind in ("COMMENT", "DOC"):
                self.at += 1
                text = token.text.rstrip()
                if token.kind == "COMMENT" and breaks == 0 and not first and result[-1].kind == "line":
                    result[-1].parts[-1].trailing = text
                elif token.kind == "COMMENT" and breaks == 0 and first and block is not None:
                    block.head = text
                else:
                    result.append(Entry("comment", text=text, blank_above=blank))
            else:
                result.append(Entry("line", self.statement(), blank_above=blank))
            first = False
            breaks = 0
        return result

    def statement(self) -> list[Part]:
        """One statement: a line end behind a comma, or inside brackets, does not end it."""
        parts = [Part()]
        while (token := self.peek()) is not None:
            part = parts[-1]
            if token.kind == "SIGN" and token.text == "}":
                break
            if token.kind in ("NL", "COMMENT"):
                if part.tokens:
                    break  # the comment behind a statement is taken by `entries`
                self.at += 1
                if token.kind == "COMMENT":
                    self.place(token, parts, part)
                continue
            self.at += 1
            if token.kind == "SIGN" and token.text == ",":
                parts.append(Part())
            else:
                part.tokens.append(self.node(token))
        return parts

    def place(self, comment: Token, parts: list[Part], part: Part) -> None:
        """A comment behind a comma belongs to the part before it, one on its own line to the part after."""
        before = self.tokens[self.at - 2]
        if before.kind != "NL" and len(parts) > 1:
            parts[-2].trailing = comment.text.rstrip()
        else:
            part.above.append(comment.text.rstrip())

    def node(self, token: Token) -> Node:
        if token.kind != "SIGN":
            return token
        if token.text in "([":
            return self.bracket(token)
        if token.text == "{":
            block = Block(token)
            begin = self.at
            block.entries = self.entries(block)
            block.one_line = not any(one.kind == "NL" for one in self.tokens[begin : self.at])
            self.at += 1
            return block
        return token

    def bracket(self, opened: Token) -> Bracket:
        """Everything up to the closing bracket; line ends mean nothing here."""
        bracket = Bracket(opened)
        part = Part()
        line_ended = comma = False
        while (token := self.peek()) is not None:
            self.at += 1
            if token.kind == "NL":
                line_ended = True
            elif token.kind == "COMMENT":
                text = token.text.rstrip()
                if line_ended:
                    (bracket.foot if part.tokens else part.above).append(text)
                elif part.tokens:
                    part.trailing = text
                elif bracket.parts:
                    bracket.parts[-1].trailing = text
                else:
                    bracket.head = text
            elif token.kind == "SIGN" and token.text in ")]":
                bracket.close = token.text
                bracket.kept_open = comma and line_ended
                break
            elif token.kind == "SIGN" and token.text == ",":
                bracket.parts.append(part)
                part, comma, line_ended = Part(), True, False
            else:
                part.tokens.append(self.node(token))
                comma, line_ended = False, False
        if part.tokens:
            bracket.parts.append(part)
        else:
            bracket.foot += part.above
        return bracket


def read(text: str) -> list[Entry]:
    """The lines of a text that parses."""
    return _Reader(text).entries()


def reindented(text: str, indent: int) -> str:
    """A text of several lines with its common indentation exchanged; what it says stays the same."""
    if not text.startswith('"""') or "\n" not in text:
        return text
    lines = [line.rstrip("\r") for line in text[3:-3].split("\n")]
    body = [line for line in lines[1:] if line.strip()]
    last = not lines[-1].strip()
    pad = " " * indent
    if not body:
        return "\n".join(['"""' + (lines[0] if lines[0].strip() else ""), *lines[1:-1], f'{pad}"""'])
    margin = min(len(line) - len(line.lstrip(" \t")) for line in body)
    shown = ['"""' + (lines[0] if lines[0].strip() else "")]
    for line in lines[1 : -1 if last else None]:
        left = line[min(margin, len(line) - len(line.lstrip(" \t"))) :]
        shown.append(pad + left if left else "")
    if last:
        shown.append(pad)
    return "\n".join(shown) + '"""'
