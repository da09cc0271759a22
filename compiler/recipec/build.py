"""Builds the syntax tree while the parser reads: one method for each rule of the grammar.

Children are the tokens and nodes of the rule in order, punctuation included, so that every node gets the span
from its first character to its last.
"""

from __future__ import annotations

import re
from decimal import Decimal

from recipec import ast
from recipec.ast import Span
from recipec.diagnostics import Diagnostic
from recipec.lalr import Token
from recipec.record import replace

MAX_DEPTH = 64
"""How deep brackets and operators may nest: far beyond what a person writes, far below Python's stack."""

MAX_DIGITS = 30
MAX_FOUND = 100
_SCALE = {"K": Decimal(10) ** 3, "M": Decimal(10) ** 6, "B": Decimal(10) ** 9, "T": Decimal(10) ** 12}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_PART = re.compile(r"\\\$|\\(u\{[0-9a-fA-F]{1,6}\}|.)|\$\{([^}\n]*)(\}?)", re.DOTALL)
_HOLE = re.compile(r"\\\$|\$\{([^}\n]*)(\}?)")
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*\Z")


class TooDeep(Exception):
    """An expression nests deeper than MAX_DEPTH."""

    def __init__(self, span: Span):
        super().__init__("nested too deep")
        self.span = span


class Builder:
    """One instance serves one parser; `begin` says which text is read next."""

    def __init__(self) -> None:
        self._file, self._base, self._text, self.found = "", 0, "", []

    def begin(self, file: str, base: int, text: str) -> None:
        """Read a piece of `text` that starts at offset `base`."""
        self._file, self._base, self._text, self.found = file, base, text, []

    # ---- helpers -------------------------------------------------------------------------------

    def _at(self, child: object) -> Span:
        if isinstance(child, Token):
            return Span(self._file, self._base + child.start, self._base + child.end)
        return child.span

    def _span(self, children: list) -> Span:
        """From the first to the last child, line ends left out."""
        solid = [one for one in children if not (isinstance(one, Token) and one.type in ("_NL", "DOC"))]
        return self._at(solid[0]).to(self._at(solid[-1]))

    def _ident(self, token: Token) -> ast.Ident:
        return ast.Ident(str(token), self._at(token))

    @staticmethod
    def _nodes(children: list, *types: type) -> list:
        return [one for one in children if not isinstance(one, Token) and (not types or isinstance(one, types))]

    @staticmethod
    def _tokens(children: list, kind: str) -> list[Token]:
        return [one for one in children if isinstance(one, Token) and one.type == kind]

    def _doc(self, children: list) -> str:
        return "\n".join(str(token)[2:].strip() for token in self._tokens(children, "DOC"))

    def _documented(self, children: list) -> tuple:
        """The nodes among children, each with the `##` lines above it."""
        docs: list[str] = []
        result = []
        for child in children:
            if isinstance(child, Token):
                if child.type == "DOC":
                    docs.append(str(child)[2:].strip())
            else:
                result.append(replace(child, doc="\n".join(docs)) if docs else child)
                docs = []
        return tuple(result)

    def _deep(self, span: Span, *children: object) -> int:
        height = 1 + max((getattr(child, "height", 0) for child in children), default=0)
        if height > MAX_DEPTH:
            raise TooDeep(span)
        return height

    # ---- whole pieces --------------------------------------------------------------------------

    def start(self, children: list):
        return self._documented(children)[0]

    def value(self, children: list):
        return self._nodes(children)[0]

    # ---- items ---------------------------------------------------------------------------------

    def header(self, children: list) -> ast.Header:
        return ast.Header(str(children[0]), self._ident(children[1]), "", self._span(children))

    def edition(self, children: list) -> ast.Edition:
        return ast.Edition(children[1], "", self._span(children))

    def use(self, children: list) -> ast.Use:
        string = self._tokens(children, "STRING")[0]
        names = self._tokens(children, "NAME")
        alias = self._ident(names[0]) if names else None
        plugin = bool(self._tokens(children, "PLUGIN"))
        return ast.Use(self._string([string]), plugin, alias, "", self._span(children))

    def param(self, children: list) -> ast.Param:
        names, nodes = self._tokens(children, "NAME"), self._nodes(children)
        return ast.Param(
            self._ident(names[0]), self._ident(names[1]), nodes[0] if nodes else None, "", self._span(children)
        )

    def tokenizer(self, children: list) -> ast.Tokenizer:
        return ast.Tokenizer(self._ident(children[1]), children[-1], "", self._span(children))

    def endpoint(self, children: list) -> ast.Endpoint:
        return ast.Endpoint(self._ident(children[1]), children[-1].lines, "", self._span(children))

    def prompt(self, children: list) -> ast.Prompt:
        return ast.Prompt(
            self._ident(children[1]), self._params(children), children[-1].lines, "", self._span(children)
        )

    def filter(self, children: list) -> ast.Filter:
        return ast.Filter(
            self._ident(children[1]), self._params(children), children[-1].lines, "", self._span(children)
        )

    def block(self, children: list) -> ast.Block:
        return ast.Block(self._ident(children[1]), self._params(children), children[-1].lines, "", self._span(children))

    def _params(self, children: list) -> tuple[ast.Parameter, ...]:
        return next((one.lines for one in self._nodes(children, _Lines) if one.kind == "params"), ())

    def table(self, children: list) -> ast.Table:
        by = next(one for one in self._nodes(children, _Lines) if one.kind == "names")
        entries = next((one.lines for one in self._nodes(children, _Lines) if one.kind == "entries"), ())
        call = next(iter(self._nodes(children, ast.Call)), None)
        return ast.Table(self._ident(children[1]), by.lines, call, entries, "", self._span(children))

    def source(self, children: list) -> ast.Source:
        call = self._nodes(children, ast.Call)[0]
        return ast.Source(self._ident(children[1]), call, self._settings(children), "", self._span(children))

    def _settings(self, children: list) -> tuple:
        return next((one.lines for one in self._nodes(children, _Lines) if one.kind == "settings"), ())

    def _body(self, children: list) -> tuple:
        return next((one.lines for one in self._nodes(children, _Lines) if one.kind == "body"), ())

    def derive(self, children: list) -> ast.Derive:
        relation = self._nodes(children, ast.Relation)[0]
        return ast.Derive(
            str(children[0]), self._ident(children[1]), relation, self._body(children), "", self._span(children)
        )

    def merge(self, children: list) -> ast.Merge:
        return ast.Merge(
            self._ident(children[1]),
            tuple(self._nodes(children, ast.Relation)),
            self._settings(children),
            "",
            self._span(children),
        )

    def rounds(self, children: list) -> ast.Rounds:
        return ast.Rounds(
            self._ident(children[1]),
            self._nodes(children, ast.Range)[0],
            self._body(children),
            "",
            self._span(children),
        )

    def mix(self, children: list) -> ast.Mix:
        size = next(iter(self._nodes(children, ast.Size)), None)
        return ast.Mix(self._ident(children[1]), size, self._body(children), "", self._span(children))

    def write(self, children: list) -> ast.Write:
        relation, call = children[1], self._nodes(children, ast.Call)[0]
        return ast.Write(relation, call, self._body(children), "", self._span(children))

    def compute(self, children: list) -> ast.Compute:
        return ast.Compute(self._body(children), "", self._span(children))

    # ---- blocks --------------------------------------------------------------------------------

    def settings(self, children: list) -> _Lines:
        return _Lines("settings", self._documented(children), self._span(children))

    def rules(self, children: list) -> _Lines:
        return _Lines("rules", tuple(self._nodes(children)), self._span(children))

    def rule(self, children: list) -> ast.Rule:
        expr = self._nodes(children)[0]
        return ast.Rule(expr, self._doc(children), expr.span)

    def body(self, children: list) -> _Lines:
        return _Lines("body", self._documented(children), self._span(children))

    def entries(self, children: list) -> _Lines:
        return _Lines("entries", tuple(self._nodes(children)), self._span(children))

    def entry(self, children: list) -> ast.Entry:
        *keys, value = self._nodes(children)
        plain = tuple(key for key in keys if not isinstance(key, _Lines))
        return ast.Entry(plain, value, self._doc(children), self._span(children))

    def otherwise(self, children: list) -> _Lines:
        return _Lines("otherwise", (), self._at(children[0]))

    # ---- statements ----------------------------------------------------------------------------

    def setting(self, children: list) -> ast.Setting:
        return ast.Setting(self._ident(children[0]), children[2], "", self._span(children))

    def splice(self, children: list) -> ast.Splice:
        return ast.Splice(children[1], "", self._span(children))

    def lang(self, children: list) -> ast.Lang:
        return ast.Lang(children[2], "", self._span(children))

    def clean(self, children: list) -> ast.Clean:
        return ast.Clean(children[1], "", self._span(children))

    def keep(self, children: list) -> ast.Keep:
        return ast.Keep(children[1], "", self._span(children))

    def dedup(self, children: list) -> ast.Dedup:
        against = next(iter(self._nodes(children, ast.Relation)), None)
        return ast.Dedup(children[1], against, "", self._span(children))

    def sample(self, children: list) -> ast.Sample:
        return ast.Sample(children[1], self._settings(children), "", self._span(children))

    def pair(self, children: list) -> ast.Pair:
        return ast.Pair(children[1], self._settings(children), "", self._span(children))

    def score(self, children: list) -> ast.Score:
        return ast.Score(self._ident(children[1]), children[3], "", self._span(children))

    def tier(self, children: list) -> ast.Tier:
        name = self._tokens(children, "NAME")[0]
        return ast.Tier(self._ident(name), tuple(self._nodes(children)), "", self._span(children))

    def tier_row(self, children: list) -> ast.TierRow:
        name = self._ident(self._tokens(children, "NAME")[0])
        compare = self._tokens(children, "CMP")
        op, bound = (str(compare[0]), self._nodes(children)[0]) if compare else (None, None)
        return ast.TierRow(name, op, bound, self._doc(children), self._span(children))

    def measure(self, children: list) -> ast.Measure:
        return ast.Measure(self._ident(children[1]), children[3], "", self._span(children))

    def expect(self, children: list) -> ast.Expect:
        return ast.Expect(children[1], "", self._span(children))

    def ask(self, children: list) -> ast.Ask:
        endpoint, *prompts = self._nodes(children, ast.Name, ast.Call)
        return ast.Ask(endpoint, tuple(prompts), self._settings(children), "", self._span(children))

    def verify(self, children: list) -> ast.Verify:
        return ast.Verify(children[1].lines, "", self._span(children))

    def on(self, children: list) -> ast.On:
        return ast.On(self._ident(children[1]), tuple(self._nodes(children)), "", self._span(children))

    def take(self, children: list) -> ast.Take:
        quantity = next((one for one in self._nodes(children, _Lines) if one.kind == "quantity"), None)
        word, value = quantity.lines if quantity else (None, None)
        return ast.Take(
            children[1],
            word,
            value,
            tuple(self._nodes(children, ast.Bound)),
            self._body(children),
            "",
            self._span(children),
        )

    def quantity(self, children: list) -> _Lines:
        return _Lines("quantity", (str(children[0]), children[1]), self._span(children))

    def bound(self, children: list) -> ast.Bound:
        return ast.Bound(str(children[0]), str(children[1]), children[2], self._span(children))

    def split(self, children: list) -> ast.Split:
        by = self._nodes(children, _Lines)[0]
        kind = "weight" if self._tokens(children, "WEIGHT") else "curve"
        return ast.Split(by.lines, kind, children[-1], "", self._span(children))

    def cap(self, children: list) -> ast.Cap:
        nodes = self._nodes(children)
        where = nodes[1] if len(nodes) > 1 else None
        return ast.Cap(self._ident(children[1]), str(children[2]), nodes[0], where, "", self._span(children))

    def exclude(self, children: list) -> ast.Exclude:
        return ast.Exclude(children[1], "", self._span(children))

    def phase(self, children: list) -> ast.Phase:
        size = next(iter(self._nodes(children, ast.Size)), None)
        return ast.Phase(self._ident(children[1]), size, self._body(children), "", self._span(children))

    def size(self, children: list) -> ast.Size:
        return ast.Size(bool(self._tokens(children, "AT")), children[-1], self._span(children))

    def stop(self, children: list) -> ast.Stop:
        return ast.Stop(children[2], "", self._span(children))

    # ---- names, relations, parameters ------------------------------------------------------------

    def names(self, children: list) -> _Lines:
        idents = tuple(self._ident(token) for token in self._tokens(children, "NAME"))
        return _Lines("names", idents, self._span(children))

    def ref(self, children: list) -> ast.Name:
        return ast.Name(tuple(str(token) for token in self._tokens(children, "NAME")), self._span(children))

    def relation(self, children: list) -> ast.Relation:
        names = self._nodes(children, _Lines)
        return ast.Relation(children[0], names[0].lines if names else (), self._span(children))

    def params(self, children: list) -> _Lines:
        return _Lines("params", tuple(self._nodes(children)), self._span(children))

    def parameter(self, children: list) -> ast.Parameter:
        nodes = self._nodes(children)
        return ast.Parameter(self._ident(children[0]), nodes[0] if nodes else None, self._span(children))

    # ---- values ----------------------------------------------------------------------------------

    def range(self, children: list) -> ast.Range:
        low, high = self._nodes(children)
        span = self._span(children)
        return ast.Range(low, high, span, self._deep(span, low, high))

    def or_expr(self, children: list) -> ast.Or:
        return self._chain(ast.Or, children)

    def and_expr(self, children: list) -> ast.And:
        return self._chain(ast.And, children)

    def _chain(self, kind: type, children: list):
        """`a and b and c` is one node of three, however long it gets."""
        operands = self._nodes(children)
        span = self._span(children)
        return kind(tuple(operands), span, self._deep(span, *operands))

    def not_expr(self, children: list) -> ast.Not:
        span = self._span(children)
        return ast.Not(children[1], span, self._deep(span, children[1]))

    def comparison(self, children: list) -> ast.Compare:
        left, op, right = children
        span = self._span(children)
        return ast.Compare(str(op), left, right, span, self._deep(span, left, right))

    def membership(self, children: list) -> ast.In:
        value, container = self._nodes(children)
        span = self._span(children)
        return ast.In(value, container, span, self._deep(span, value, container))

    def sum(self, children: list) -> ast.Arith:
        left, op, right = children
        span = self._span(children)
        return ast.Arith(str(op), left, right, span, self._deep(span, left, right))

    term = sum

    def negative(self, children: list) -> ast.Negative:
        span = self._span(children)
        return ast.Negative(children[1], span, self._deep(span, children[1]))

    def group(self, children: list):
        """Parentheses leave no node; the expression's span takes them in."""
        inner = self._nodes(children)[0]
        return replace(inner, span=self._span(children))

    def call(self, children: list) -> ast.Call:
        span = self._span(children)
        arguments = tuple(self._nodes(children, ast.Argument))
        return ast.Call(children[0], arguments, span, self._deep(span, *(one.value for one in arguments)))

    def arg(self, children: list) -> ast.Argument:
        name = self._ident(children[0]) if isinstance(children[0], Token) else None
        return ast.Argument(name, children[-1], self._span(children))

    def list(self, children: list) -> ast.List:
        span = self._span(children)
        items = tuple(self._nodes(children))
        return ast.List(items, span, self._deep(span, *items))

    def number(self, children: list) -> ast.Number:
        unit = str(children[1]) if len(children) > 1 else None
        return self._number(children[0], unit, self._span(children))

    def money(self, children: list) -> ast.Number:
        return self._number(children[1], "$", self._span(children))

    def _number(self, token: Token, unit: str | None, span: Span) -> ast.Number:
        digits = str(token).replace("_", "")
        scale = _SCALE.get(digits[-1], Decimal(1))
        digits = digits.rstrip("KMBT")
        if len(digits) > MAX_DIGITS:
            self.found.append(
                Diagnostic(
                    "E0105",
                    "this number has too many digits",
                    span,
                    f"{len(digits)} digits",
                    help=f"at most {MAX_DIGITS} are read",
                )
            )
            digits = "0"
        value = Decimal(digits) * scale
        return ast.Number(value, unit, self._text[span.start : span.end], span)

    def text(self, children: list) -> ast.Text:
        return self._string(children)

    def _string(self, children: list) -> ast.Text:
        token = children[0]
        span = self._at(token)
        if token.type == "TEXT":
            return ast.Text(tuple(self._lines_of(str(token)[3:-3], span.start + 3)), True, span)
        return ast.Text(tuple(_joined(self._parts(str(token)[1:-1], span.start + 1, _PART))), False, span)

    def _lines_of(self, raw: str, offset: int) -> list[str | ast.Name]:
        """A text of several lines: their common indentation goes, and the line breaks next to the quotes."""
        lines = raw.split("\n")
        body = [line.rstrip("\r") for line in lines]
        shown = [line for line in body[1:] if line.strip()]
        margin = min((len(line) - len(line.lstrip(" \t")) for line in shown), default=0)
        first, last = (1 if not body[0].strip() else 0), (len(body) - 1 if not body[-1].strip() else len(body))
        parts: list[str | ast.Name] = []
        at = offset
        for index, (line, whole) in enumerate(zip(body, lines, strict=True)):
            if first <= index < last:
                cut = 0 if index == 0 else min(margin, len(line) - len(line.lstrip(" \t")))
                parts.extend(self._parts(line[cut:], at + cut, _HOLE))
                if index < last - 1:
                    parts.append("\n")
            at += len(whole) + 1
        return _joined(parts)

    def _parts(self, raw: str, offset: int, pattern: re.Pattern) -> list[str | ast.Name]:
        """Plain pieces and `${name}`; escapes replaced where the pattern knows them."""
        parts: list[str | ast.Name] = []
        done = 0
        for match in pattern.finditer(raw):
            parts.append(raw[done : match.start()])
            done = match.end()
            span = Span(self._file, offset + match.start(), offset + match.end())
            if match[0] == "\\$":
                parts.append("$")
            elif match[0].startswith("${"):
                parts.append(self._hole(match[0], span))
            else:
                parts.append(self._escape(match[0], span))
        parts.append(raw[done:])
        return parts

    def _hole(self, written: str, span: Span) -> str | ast.Name:
        name = written[2:-1].strip()
        if written.endswith("}") and _NAME.match(name):
            return ast.Name(tuple(name.split(".")), span)
        self._wrong(
            Diagnostic(
                "E0106",
                "a name is wanted between `${` and `}`",
                span,
                help="`${name}` puts in a value; write `\\${` for the characters themselves",
            )
        )
        return written

    def _wrong(self, finding: Diagnostic) -> None:
        """Notes it, unless the item has a hundred already: whoever mends those sees the next."""
        if len(self.found) < MAX_FOUND:
            self.found.append(finding)

    def _escape(self, written: str, span: Span) -> str:
        if written[1:] in _ESCAPES:
            return _ESCAPES[written[1:]]
        if written.startswith("\\u{"):
            code = int(written[3:-1], 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and code:
                return chr(code)
        self._wrong(
            Diagnostic(
                "E0106",
                f"`{written[:12]}` is no escape",
                span,
                help='known are \\n \\t \\r \\" \\\\ \\$ and \\u{1F600}',
            )
        )
        return written


class _Lines:
    """The inside of a block or a list of names on its way into the node that holds it."""

    __slots__ = ("kind", "lines", "span")

    def __init__(self, kind: str, lines: tuple, span: Span):
        self.kind, self.lines, self.span = kind, lines, span


def _joined(parts: list[str | ast.Name]) -> list[str | ast.Name]:
    """Neighbouring plain pieces as one, empty ones gone."""
    result: list[str | ast.Name] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return result
