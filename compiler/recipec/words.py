"""The words of the language, and how a token or character is called in a message."""

from __future__ import annotations

from collections.abc import Iterable

ITEM_WORDS = (
    "recipe",
    "library",
    "edition",
    "use",
    "param",
    "tokenizer",
    "endpoint",
    "prompt",
    "filter",
    "block",
    "table",
    "source",
    "select",
    "transform",
    "generate",
    "train",
    "merge",
    "rounds",
    "mix",
    "write",
    "compute",
)
STATEMENT_WORDS = (
    "use",
    "lang",
    "clean",
    "keep",
    "dedup",
    "sample",
    "pair",
    "score",
    "tier",
    "measure",
    "expect",
    "ask",
    "verify",
    "on",
    "take",
    "split",
    "cap",
    "exclude",
    "phase",
    "stop",
)

_CALLED = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a text",
    "TEXT": "",
    "_NL": "the end of the line",
    "DOC": "",
    "$END": "",
    "CMP": "a comparison (`>=`, `==` …)",
    "PERCENT": "`%`",
    "BYTES": "",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "TIMES": "`*`",
    "OVER": "`/`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "DOT": "`.`",
    "COLON": "`:`",
    "DOLLAR": "`$`",
    "__ANON_0": "`..`",
}
_OPERATORS = {"PLUS", "MINUS", "TIMES", "OVER", "CMP", "AND", "OR", "IN", "DOT", "__ANON_0"}


def expected_phrase(terminals: Iterable[str]) -> str:
    """`a name`, `{` or the end of the line: what could stand somewhere, operators left out where more matters."""
    terminals = list(terminals)
    statements = {word.upper() for word in STATEMENT_WORDS}
    phrases: list[str] = []
    if statements <= set(terminals):
        phrases.append("a statement (`keep`, `score`, `dedup` …)")
        terminals = [one for one in terminals if one not in statements]
    if _OPERATORS & set(terminals) and len(set(terminals) - _OPERATORS) > 1:
        terminals = [one for one in terminals if one not in _OPERATORS]
    for terminal in terminals:
        called = _CALLED.get(terminal, f"`{terminal.lower()}`")
        if called and called not in phrases:
            phrases.append(called)
    if len(phrases) > 8:
        phrases = [*phrases[:8], "…"]
    return " or ".join([", ".join(phrases[:-1]), phrases[-1]]) if len(phrases) > 1 else "".join(phrases)


def describe(value: str) -> str:
    """A piece of the text, short and printable, as it is named in a message."""
    if len(value) == 1 and not value.isprintable():
        import unicodedata  # a table of all names, for a message that few see

        other = "half of a surrogate pair" if 0xD800 <= ord(value) <= 0xDFFF else "a control character"
        return f"the character U+{ord(value):04X} ({unicodedata.name(value, other)})"
    first, _, rest = value.partition("\n")
    shown = first if len(first) <= 40 else first[:39] + "…"
    return f"`{shown}{'…' if rest and not shown.endswith('…') else ''}`"
