"""`clean` for a model's answers: what a prompt asked for around the text is looked for and taken off.

Each function takes an answer and gives the text in it, or null where what it needs is not there or nothing
is left: an answer without its lead-in, a list without an item. A carriage return before a newline goes, and
white space around the result.

What a prompt asks for is found in spite of what models do to it: case does not matter, Markdown's emphasis
may stand around it, one quotation mark stands for another of its kind, one bullet for another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from recipe_udfs.buffers import Strings, large_string
from recipe_udfs.markdown import plain_text
from recipe_udfs.operator import Call

BULLETS = "-*+•‣–"
_BULLET = rf"(?:[{re.escape(BULLETS)}]|\d{{1,3}}[.)])"
_DOUBLE, _SINGLE = "[\"“”„‟]", "['‘’‚‛]"
_CLOSERS = {
    '"': '"', "“": "”", "„": "“”", "«": "»", "»": "«", "'": "'", "‘": "’", "‚": "‘’", "‹": "›", "「": "」", "『": "』",
}  # fmt: skip


def clean_answers(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`lead_in`, `enclosing_quotes`, `markdown`, `marker_lines`, `list_items`, `pairs` → text."""
    answers = large_string(inputs["text"]).to_pylist()
    results = []
    for call in calls:
        clean = CLEANERS[call.operator](**call.args)
        cleaned = [None if answer is None else _present(clean(answer.replace("\r\n", "\n"))) for answer in answers]
        results.append([pa.array(cleaned, pa.large_string())])
    return results


def _present(text: str | None) -> str | None:
    return (text or "").strip() or None


Cleaner = Callable[[str], str | None]


def lead_in(line: str) -> Cleaner:
    """The answer begins with the line, which goes; what follows it on the same line stays.

    Emphasis, a heading's marks and quotation marks may stand around the line.
    """
    words, colon = _stem(line)
    found = re.compile(
        rf"(?:>\s*)?(?:#{{1,6}}\s+)?(?P<m>[*_]{{0,3}})(?P<q>{_DOUBLE})?{words}"
        rf"(?:(?P=m){colon}(?(q){_DOUBLE})|{colon}(?(q){_DOUBLE})(?P=m))(?=\s|$)",
        re.IGNORECASE,
    )

    def clean(answer: str) -> str | None:
        for text in (answer.strip(), unquoted(answer)):
            if match := found.match(text):
                return text[match.end() :]
        return None

    return clean


def enclosing_quotes() -> Cleaner:
    """Quotation marks around the whole answer go; without them it stays as it is."""
    return unquoted


def unquoted(text: str) -> str:
    """The text without white space around it and without the quotation marks that enclose all of it.

    `"A" and "B"` is not enclosed: its first mark is closed before the end. A mark behind a letter closes;
    within a word it is an apostrophe.
    """
    text = text.strip()
    for _ in range(2):  # marks of one kind may stand within those of another; no more, or the time is quadratic
        if len(text) > 1 and text[-1] in _CLOSERS.get(text[0], "") and _open_to_the_end(text):
            text = text[1:-1].strip()
    return text


def _open_to_the_end(text: str) -> bool:
    opener, closers = text[0], _CLOSERS[text[0]]
    depth = 1
    for mark in re.finditer(f"[{re.escape(opener + closers)}]", text[1:-1]):
        at = mark.start() + 1
        before, after = text[at - 1], text[at + 1]
        if mark.group() in "'‘’‚" and before.isalnum() and after.isalnum():
            continue  # an apostrophe
        opens = mark.group() == opener and not (before.isalnum() or before in ".,;:!?…)]}")
        depth += 1 if opens else -1
        if depth == 0:
            return False
    return True


def markdown() -> Cleaner:
    """Markdown's marks go, the words stay (`recipe_udfs.markdown`)."""
    return plain_text


def marker_lines(marker: str) -> Cleaner:
    """Lines that consist of the marker, with a number or word and a title behind it or not, go.

    For `Passage`: `Passage`, `Passage B`, `**Passage 2**`, `### Passage 2: The cape`, `Passage - the cape`; but not
    `Passage of ships was slow.`
    """
    found = re.compile(
        rf"\W*?{_loose(marker)}(?!\w)[*_]*(?:\s+(?:#?\d+[.)]?|[ivxlc]+|[a-z]|[^\W_]+(?=[*_]*:)))?[*_]*"
        r"\s*(?::.*|\s[–—-]+\s.*)?[*_)\]\s]*",
        re.IGNORECASE,
    )
    return lambda answer: "\n".join(line for line in answer.split("\n") if not found.fullmatch(line.rstrip()[:1000]))


def list_items(bullet: str) -> Cleaner:
    """The items of a list, a line each, without their bullets; what stands around the list goes.

    A line that follows an item directly belongs to it. At least one item must be there.
    """
    one_of = f"[{re.escape(BULLETS)}]" if bullet in tuple(BULLETS) else _loose(bullet)
    found = re.compile(rf"\s*{one_of}\s+(?=\S)")

    def clean(answer: str) -> str:
        items: list[list[str]] = []
        inside = False
        for line in answer.split("\n"):
            if match := found.match(line):
                items.append([line[match.end() :].strip()])
                inside = True
            elif not line.strip():
                inside = False
            elif inside:
                items[-1].append(line.strip())
        return "\n".join(" ".join(item) for item in items)

    return clean


def pairs(question: str, answer: str, at_least: int = 1) -> Cleaner:
    """Question and answer pairs without their marks: question, newline, answer; a blank line between pairs.

    A mark counts without its bullet too, with another bullet or number, in bold, and with a number of its
    own (`Question 2:`). Lines behind a question belong to it up to its answer; lines behind an answer up to
    a blank one. What stands around pairs goes, a question without an answer too. Null for fewer pairs than
    `at_least`.
    """
    asked, replied = _mark(question), _mark(answer)

    def clean(text: str) -> str | None:
        found: list[tuple[list[str], list[str]]] = []
        part: list[str] | None = None
        for line in text.split("\n"):
            if match := asked.match(line):
                found.append(([], []))
                part = found[-1][0]
            elif match := replied.match(line):
                part = found[-1][1] if found and not found[-1][1] else None
            rest = (line[match.end() :] if match else line).strip()
            if part is not None and rest:
                part.append(rest)
            elif part and not match and part is found[-1][1]:
                part = None  # a blank line ends an answer
        whole = ["\n".join((*q, *a)) for q, a in found if q and a]
        return "\n\n".join(whole) if len(whole) >= at_least else None

    return clean


def _mark(mark: str) -> re.Pattern[str]:
    """A mark at the beginning of a line, whatever stands before its words."""
    words, colon = _stem(re.sub(rf"^\s*{_BULLET}\s+", "", mark))
    end = rf"(?:(?P=m)\s*{colon}|{colon}(?P=m))" if colon else r"(?P=m)(?!\w)"
    return re.compile(rf"\s*(?:{_BULLET}\s+)?(?P<m>[*_]{{0,3}}){words}(?:\s*#?\d+)?{end}", re.IGNORECASE)


def _stem(words: str) -> tuple[str, str]:
    """A pattern for the words, and the colon that they end in or nothing."""
    words = words.strip()
    return (_loose(words[:-1]), ":") if words.endswith(":") else (_loose(words), "")


def _loose(words: str) -> str:
    """A pattern for the words with any white space between them and any quotation marks in them."""
    if not words.strip():
        raise ValueError(f"{words!r} names nothing that could stand in an answer")
    kinds = {**dict.fromkeys("\"“”„‟", _DOUBLE), **dict.fromkeys("'‘’‚‛", _SINGLE)}
    return r"\s+".join("".join(kinds.get(c, re.escape(c)) for c in word) for word in words.split())


CLEANERS: Mapping[str, Callable[..., Cleaner]] = {
    one.__name__: one for one in (lead_in, enclosing_quotes, markdown, marker_lines, list_items, pairs)
}
