"""The one layout of a recipe: lines of at most 120 columns, two more of indentation for each level.

What belongs together in neighbouring lines is aligned: the `=` of settings, the verbs of a body, the columns of
`take` and of tiers, comments behind the lines. A list in brackets stands on one line where it fits and on one
line for each part where it does not; a comma that the author left before the closing bracket keeps it so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recipec import ast
from recipec.fmt_marks import Marks
from recipec.fmt_tokens import Block, Bracket, Entry, Node, Part, Token, reindented

WIDTH = 120
COMMENT_COLUMN = 40
LONG_NAME = 20
"""A longer name of a setting stands as it is: it would push the `=` of all the others away."""
_VERBS = (ast.Lang, ast.Clean, ast.Keep, ast.Dedup, ast.Score, ast.Measure, ast.Expect)
_NAMED = (ast.Setting, ast.Source, ast.Tokenizer, ast.TierRow, ast.Entry)


@dataclass(slots=True)
class _Row:
    """One laid-out entry; `cells` where it takes one line and may be aligned with its neighbours."""

    lines: list[str]
    trailing: str = ""
    cells: list[str] | None = None
    kind: str = ""
    blank_above: bool = False


class Layout:
    """Lays out the entries of one text."""

    def __init__(self, marks: Marks):
        self._marks = marks

    def text(self, entries: list[Entry]) -> str:
        """The whole file; ends with a line end unless it is empty."""
        return "".join(f"{line}\n" for line in self._rows([self._entry(one, 0) for one in entries], 0))

    # ---- rows: alignment and comments ------------------------------------------------------------

    def _rows(self, rows: list[_Row], indent: int) -> list[str]:
        _align(rows)
        for row in rows:
            if row.cells is not None:
                row.lines = [" " * indent + " ".join(row.cells).rstrip()]
        lines: list[str] = []
        for run in _runs(rows, lambda row: "comment" if row.trailing and len(row.lines) == 1 else ""):
            commented = run[0].trailing != "" and len(run[0].lines) == 1
            column = max([COMMENT_COLUMN, *(len(row.lines[-1]) + 2 for row in run)]) if commented else 0
            for row in run:
                if row.blank_above:
                    lines.append("")
                if row.trailing:
                    last = row.lines[-1]
                    row.lines[-1] = f"{last.ljust(column)}{row.trailing}" if column else f"{last}  {row.trailing}"
                lines += row.lines
        return lines

    def _entry(self, entry: Entry, indent: int) -> _Row:
        if entry.kind == "comment":
            return _Row([" " * indent + entry.text], blank_above=entry.blank_above)
        node = self._marks.nodes.get(entry.start)
        trailing = entry.parts[-1].trailing
        whole = self._flat_parts(entry.parts)
        if whole is not None and indent + len(whole) <= WIDTH:
            cells = self._cells(entry, node)
            return _Row([], trailing, cells, _kind(node), entry.blank_above)
        writer = _Writer(indent)
        self._statement(writer, entry.parts, indent, together=isinstance(node, ast.Entry))
        return _Row(writer.lines, trailing, blank_above=entry.blank_above)

    def _cells(self, entry: Entry, node: object) -> list[str]:
        """The statement in the pieces that are aligned."""
        cuts: list[int] = []
        if isinstance(node, (*_VERBS, ast.Take)):
            cuts.append(entry.parts[0].tokens[1].start)
        if isinstance(node, ast.Take):
            cuts += [node.relation.span.end, *(one.span.start for one in node.bounds[:1])]
        elif isinstance(node, ast.Param):
            cuts += [node.type.span.start, node.type.span.end]
        elif isinstance(node, ast.Entry):
            cuts.append(node.keys[-1].span.end if node.keys else node.span.start + len("otherwise"))
        elif isinstance(node, (*_NAMED, ast.Score, ast.Measure)):
            cuts.append(node.name.span.end)
        cells: list[list[Node]] = [[]]
        for index, part in enumerate(entry.parts):
            if index:
                cells[-1].append(Token("SIGN", ",", -1))
            for token in part.tokens:
                if cuts and token.start >= cuts[0]:
                    cuts.pop(0)
                    cells.append([])
                cells[-1].append(token)
        return [self._flat(one) or "" for one in cells]

    # ---- one line --------------------------------------------------------------------------------

    def _flat_parts(self, parts: list[Part]) -> str | None:
        """On one line, or None where a comment, a text of several lines or the author forbids it."""
        shown = []
        for part in parts:
            if part.above or (part.trailing and part is not parts[-1]):
                return None
            flat = self._flat(part.tokens)
            if flat is None:
                return None
            shown.append(flat)
        return ", ".join(shown)

    def _flat(self, tokens: list[Node]) -> str | None:
        text = ""
        previous: Node | None = None
        for token in tokens:
            shown = self._flat_node(token)
            if shown is None:
                return None
            text += (" " if self._space(previous, token) else "") + shown
            previous = token
        return text

    def _flat_node(self, node: Node) -> str | None:
        if isinstance(node, Token):
            return None if "\n" in node.text else node.text
        if isinstance(node, Bracket):
            if node.head or node.foot or node.kept_open or any(part.trailing for part in node.parts):
                return None
            inner = self._flat_parts(node.parts)
            return None if inner is None else f"{node.open.text}{inner}{node.close}"
        if not node.entries and not node.head:
            return "{}"
        if node.head or not node.one_line or len(node.entries) != 1:
            return None
        only = node.entries[0]
        if only.kind != "line" or only.parts[-1].trailing:
            return None
        inner = self._flat_parts(only.parts)
        return None if inner is None else f"{{ {inner} }}"

    def _space(self, previous: Node | None, node: Node) -> bool:
        """Does a space stand between the two?"""
        if previous is None:
            return False
        if isinstance(previous, Token):
            if previous.text in (".", "$") or (previous.text == "-" and previous.start not in self._marks.between):
                return False
            if previous.kind == "NUMBER" and isinstance(node, Token) and node.text == "x":
                return False
        if isinstance(node, Bracket):
            return node.start not in self._marks.tight
        return not (isinstance(node, Token) and node.kind == "SIGN" and node.text in (".", ",", ":", "%"))

    # ---- several lines -----------------------------------------------------------------------------

    def _statement(self, writer: _Writer, parts: list[Part], indent: int, together: bool) -> None:
        """`together`: the grammar lets no line end stand behind its commas, as between the keys of a table."""
        column = 0
        whole = all(not part.above and (part is parts[-1] or not part.trailing) for part in parts)
        head = parts[:-1] + [Part([one for one in parts[-1].tokens if not isinstance(one, Block)])]
        flat = self._flat_parts(head) if whole else None
        on_one_line = together or (flat is not None and indent + len(flat) + 2 <= WIDTH)
        for index, part in enumerate(parts):
            if index and not on_one_line:
                writer.newline(column)
            elif index:
                writer.add(" ")
            for comment in part.above:
                writer.add(comment)
                writer.newline(column)
            if index == 0 and len(parts) > 1:
                cut = _list_start(part.tokens)
                before = self._flat(part.tokens[:cut])
                column = indent + (len(before) + 1 if before else 0)
            self._tokens(writer, part.tokens, column if index else indent, indent)
            if part is not parts[-1]:
                writer.add(",")
                if part.trailing:
                    writer.add(f"  {part.trailing}")

    def _tokens(self, writer: _Writer, tokens: list[Node], indent: int, block_indent: int) -> None:
        previous: Node | None = None
        for index, token in enumerate(tokens):
            if self._space(previous, token):
                writer.add(" ")
            previous = token
            if isinstance(token, Token):
                writer.add_text(token.text, indent + 2)
                continue
            flat = self._flat_node(token)
            if flat is not None and writer.column + len(flat) + self._rest(tokens[index:]) <= WIDTH:
                writer.add(flat)
            elif isinstance(token, Block):
                self._block(writer, token, block_indent)
            elif token.parts and not self._is_relation(tokens, index):
                self._bracket(writer, token, indent)
            else:
                self._unbroken(writer, token, indent)

    def _rest(self, tokens: list[Node]) -> int:
        """Columns from behind the first of these to where the line can next be broken."""
        length = 0
        for previous, token in zip(tokens, tokens[1:], strict=False):
            length += self._space(previous, token)
            flat = self._flat_node(token)
            if not isinstance(token, Token) or flat is None:
                return length + 1
            length += len(flat)
        return length

    def _is_relation(self, tokens: list[Node], index: int) -> bool:
        """`web[high, low]`: the grammar lets no line end stand behind its `[`."""
        return tokens[index].open.text == "[" and tokens[index].start in self._marks.tight

    def _unbroken(self, writer: _Writer, bracket: Bracket, indent: int) -> None:
        """A bracket that stays where it is, with a line end only behind the commas that a comment follows."""
        writer.add(bracket.open.text)
        for index, part in enumerate(bracket.parts):
            if index:
                writer.add(" " if writer.column > indent + 2 else "")
            for comment in part.above:
                writer.add(comment)
                writer.newline(indent + 2)
            self._tokens(writer, part.tokens, indent, indent)
            if part is not bracket.parts[-1]:
                writer.add(",")
                if part.trailing or bracket.parts[index + 1].above:
                    writer.add(f"  {part.trailing}" if part.trailing else "")
                    writer.newline(indent + 2)
        writer.add(bracket.close)

    def _bracket(self, writer: _Writer, bracket: Bracket, indent: int) -> None:
        """One part a line, `=` aligned, a comma behind each, the last included where it may have one."""
        comma = "," if bracket.open.text == "[" or bracket.start in self._marks.tight else ""
        writer.add(bracket.open.text + (f"  {bracket.head}" if bracket.head else ""))
        rows: list[_Row] = []
        for part in bracket.parts:
            rows += [_Row([" " * (indent + 2) + comment]) for comment in part.above]
            flat = self._flat(part.tokens)
            if flat is not None and indent + 2 + len(flat) + 1 <= WIDTH:
                named = [self._flat(part.tokens[:1]) or "", self._flat(part.tokens[1:]) or ""]
                cells = named if _is_named(part.tokens) else [flat]
                cells[-1] += comma
                rows.append(_Row([], part.trailing, cells, "named" if len(cells) > 1 else ""))
                continue
            inner = _Writer(indent + 2)
            self._tokens(inner, part.tokens, indent + 2, indent + 2)
            inner.add(comma)
            rows.append(_Row(inner.lines, part.trailing))
        rows += [_Row([" " * (indent + 2) + comment]) for comment in bracket.foot]
        writer.extend(self._rows(rows, indent + 2))
        writer.newline(indent)
        writer.add(bracket.close)

    def _block(self, writer: _Writer, block: Block, indent: int) -> None:
        writer.add("{" + (f"  {block.head}" if block.head else ""))
        rows = [self._entry(one, indent + 2) for one in block.entries]
        writer.extend(self._rows(rows, indent + 2))
        writer.newline(indent)
        writer.add("}")


class _Writer:
    """Lines of one statement as they grow."""

    def __init__(self, indent: int):
        self.lines = [" " * indent]

    @property
    def column(self) -> int:
        return len(self.lines[-1])

    def add(self, text: str) -> None:
        self.lines[-1] += text

    def newline(self, indent: int) -> None:
        self.lines[-1] = self.lines[-1].rstrip()
        self.lines.append(" " * indent)

    def extend(self, lines: list[str]) -> None:
        self.lines[-1] = self.lines[-1].rstrip()
        self.lines += lines

    def add_text(self, text: str, indent: int) -> None:
        """A token; of a text of several lines the indentation follows that of the statement."""
        first, *rest = reindented(text, indent).split("\n")
        self.lines[-1] += first
        self.lines += rest


def _is_named(tokens: list[Node]) -> bool:
    return len(tokens) > 2 and isinstance(tokens[1], Token) and tokens[1].text == "="


def _list_start(tokens: list[Node]) -> int:
    """Where, among the tokens before the first comma, the list begins that the comma goes on with."""
    words = [one.text if isinstance(one, Token) else "" for one in tokens]
    if words[0] == "on":
        return 2
    return max((index + 1 for index, word in enumerate(words) if word in ("using", "from", "by")), default=0)


def _kind(node: object) -> str:
    if isinstance(node, _VERBS):
        return "verb"
    return type(node).__name__ if isinstance(node, (*_NAMED, ast.Param, ast.Take)) else ""


def _runs(rows: list[_Row], kind: Callable[[_Row], str]) -> Iterator[list[_Row]]:
    """Neighbours of one kind, without an empty line between them; a row without a kind stands alone."""
    run: list[_Row] = []
    for row in rows:
        if run and (row.blank_above or not kind(row) or kind(row) != kind(run[-1])):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _align(rows: list[_Row]) -> None:
    for run in _runs(rows, lambda row: row.kind if row.cells is not None else ""):
        if run[0].kind == "verb":
            _pad(run, 0)
            for named in _runs(run, lambda row: "named" if len(row.cells) > 2 else ""):
                _pad(named, 1)
        elif run[0].kind == "Take":
            _pad(run, 1)
            for row in run:
                if len(row.cells) > 3:
                    row.cells[2] += " "
            _pad(run, 2)
        elif run[0].kind in ("Setting", "named"):
            _pad([row for row in run if len(row.cells[0]) <= LONG_NAME], 0)
        elif run[0].cells is not None:
            for index in range(max(len(row.cells) for row in run) - 1):
                _pad(run, index)


def _pad(run: list[_Row], index: int) -> None:
    """Every cell of a column that another cell follows as wide as the widest of them."""
    wide = [row for row in run if row.cells is not None and len(row.cells) > index + 1]
    width = max((len(row.cells[index]) for row in wide), default=0)
    for row in wide:
        row.cells[index] = row.cells[index].ljust(width)
