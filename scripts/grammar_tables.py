"""Writes compiler/recipec/grammar.tables.json: what the compiler reads of grammar.lark. `make grammar`.

Lark makes the automaton, strictly (a conflict or two terminals that match one text end it); states are numbered as
they are met from the start, so that the same grammar gives the same file.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from lark import Lark
from lark.parsers.lalr_analysis import Shift

FOLDER = Path(__file__).resolve().parents[1] / "compiler" / "recipec"
GRAMMAR, TABLES = FOLDER / "grammar.lark", FOLDER / "grammar.tables.json"
OPTIONS = {
    "parser": "lalr",
    "lexer": "contextual",
    "start": ["start", "value"],
    "keep_all_tokens": True,
    "maybe_placeholders": False,
    "strict": True,
}
KEYWORD = re.compile(r"([a-z_]+)\(\?!\[a-z0-9_\]\)")


def tables(grammar: str) -> str:
    """The tables of a grammar as JSON, a state a line."""
    lark = Lark(grammar, **OPTIONS)
    made = lark.parser.parser._parse_table
    number: dict[int, int] = {}
    waiting = [made.start_states[start] for start in OPTIONS["start"]]
    while waiting:
        state = waiting.pop(0)
        if state not in number:
            number[state] = len(number)
            waiting += [arg for _, (action, arg) in sorted(made.states[state].items()) if action is Shift]
    rules: dict[str, int] = {}
    states = []
    for state in number:
        row = {}
        for symbol, (action, arg) in sorted(made.states[state].items()):
            row[symbol] = number[arg] if action is Shift else -1 - rules.setdefault(_rule(arg), len(rules))
        states.append(json.dumps(row))
    order = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    patterns = {terminal.name: terminal.pattern.to_regexp() for terminal in order}
    keywords = {match[1]: name for name, pattern in patterns.items() if (match := KEYWORD.fullmatch(pattern))}
    special = {*keywords.values(), *lark.ignore_tokens, "_NL"}
    parts = {
        "starts": json.dumps({start: number[made.start_states[start]] for start in OPTIONS["start"]}),
        "ends": json.dumps({start: number[made.end_states[start]] for start in OPTIONS["start"]}),
        "newline": json.dumps(patterns["_NL"]),
        "skipped": json.dumps([patterns[name] for name in sorted(lark.ignore_tokens)]),
        "keywords": json.dumps(keywords),
        "terminals": _lines([json.dumps([n, p]) for n, p in patterns.items() if n not in special]),
        "rules": _lines(list(rules)),
        "states": _lines(states),
    }
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in parts.items()) + "\n}\n"


def _rule(rule: object) -> str:
    """Its name, how many symbols it takes, and which of them stand in it without a node of their own."""
    spread = [i for i, symbol in enumerate(rule.expansion) if not symbol.is_term and symbol.name.startswith("_")]
    return json.dumps([str(rule.origin.name), len(rule.expansion), spread])


def _lines(rows: list[str]) -> str:
    return "[\n" + ",\n".join(rows) + "\n]"


if __name__ == "__main__":
    TABLES.write_text(tables(GRAMMAR.read_text("utf-8")), "utf-8")
