"""The parsing machine: an LALR(1) automaton whose lexer knows what may come next, run from tables made beforehand.

`grammar.lark` says what the language is; `scripts/grammar_tables.py` lets lark make `grammar.tables.json` of it, and
a test holds the two together. Lark itself is not needed here: importing it, and compiling one expression for each
set of terminals, took longer than reading a recipe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

END, NEWLINE, NAME = "$END", "_NL", "NAME"


class Token:
    """A piece of the text with the terminal it is; `start` and `end` are offsets in what `read` was given."""

    __slots__ = ("end", "start", "text", "type")

    def __init__(self, type_: str, text: str, start: int, end: int):
        self.type, self.text, self.start, self.end = type_, text, start, end

    def __str__(self) -> str:
        return self.text


class Unexpected(Exception):
    """`token` cannot stand where it is; it is None where no terminal begins at `at`. `accepts` are those that can."""

    def __init__(self, at: int, token: Token | None, accepts: set[str]):
        super().__init__(at)
        self.at, self.token, self.accepts = at, token, accepts


class TooLong(Exception):
    """The text has more tokens than are read; `at` is where the first too many begins."""

    def __init__(self, at: int):
        super().__init__(at)
        self.at = at


class Machine:
    """Reads text by tables; each rule calls the method of its name on `builder` with its children, tokens included.
    A rule whose name begins with `_` has no method: its children stand in the rule it is part of."""

    def __init__(self, tables: Path, builder: object):
        made = json.loads(tables.read_text("utf-8"))
        self._starts: dict[str, int] = made["starts"]
        self._ends: dict[str, int] = made["ends"]
        self._states: list[dict[str, int]] = made["states"]
        """For each state: by terminal the state to shift to, or −1 − the rule to reduce by; by rule the state then."""
        self._rules: list[tuple[str, int, list[int], Callable[[list], Any] | None]] = [
            (origin, size, spread, None if origin.startswith("_") else getattr(builder, origin))
            for origin, size, spread in made["rules"]
        ]
        self._keywords: dict[str, str] = made["keywords"]
        self._terminals: list[tuple[str, str]] = made["terminals"]
        self._newline = re.compile(made["newline"])
        self._skipped = re.compile(f"(?:{'|'.join(made['skipped'])})*+")
        self._any = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in self._terminals))

    def read(self, source: str, start: str, most: int) -> Any:
        """What the builder makes of the whole text, of at most so many tokens; raises Unexpected and TooLong."""
        states, rules, end_state = self._states, self._rules, self._ends[start]
        stack, values = [self._starts[start]], []
        at = 0
        for _ in range(most):
            row = states[stack[-1]]
            token = self._next(source, at, row, stack, end_state)
            kind, at = token.type, token.end
            while True:
                action = row.get(kind)
                if action is None:
                    raise Unexpected(token.start, token, self._accepts(stack, end_state))
                if action >= 0:
                    break
                origin, size, spread, method = rules[-1 - action]
                children = values[len(values) - size :]
                if size:
                    del stack[-size:]
                    del values[-size:]
                if spread:
                    children = _spread(children, spread)
                values.append(children if method is None else method(children))
                row = states[stack[-1]]
                stack.append(row[origin])
                row = states[stack[-1]]
                if kind == END and stack[-1] == end_state:
                    return values[-1]
            stack.append(action)
            values.append(token)
        raise TooLong(at)

    def _next(self, source: str, at: int, row: dict[str, int], stack: list[int], end_state: int) -> Token:
        """The next token, read as what may stand here where a text can be read in more than one way."""
        if NEWLINE in row:
            match = self._newline.match(source, at)
            if match:
                return Token(NEWLINE, match[0], at, match.end())
        at = self._skipped.match(source, at).end()
        if at == len(source):
            return Token(END, "", at, at)
        match = self._any.match(source, at)
        if match is None:
            match = self._newline.match(source, at)
            token = Token(NEWLINE, match[0], at, match.end()) if match else None
            raise Unexpected(at, token, self._accepts(stack, end_state))
        kind, text = match.lastgroup, match[0]
        if kind == NAME:
            word = self._keywords.get(text)
            # A table names what can stand behind this in any place of the grammar: `lang` after a comment, say, which
            # is a statement in a body and a column among rules.
            if word is not None and (NAME not in row or (word in row and self._leads_on(stack, word, end_state))):
                kind = word
        if kind in row:
            return Token(kind, text, at, match.end())
        for name, pattern in self._terminals:
            shorter = re.compile(pattern).match(source, at) if name in row and name != NAME else None
            if shorter:
                return Token(name, shorter[0], at, shorter.end())
        raise Unexpected(at, Token(kind, text, at, match.end()), self._accepts(stack, end_state))

    def _accepts(self, stack: list[int], end_state: int) -> set[str]:
        """The terminals that can stand next: not all that a state names, some lead nowhere."""
        return {kind for kind in self._states[stack[-1]] if kind.isupper() and self._leads_on(stack, kind, end_state)}

    def _leads_on(self, stack: list[int], kind: str, end_state: int) -> bool:
        stack = list(stack)
        while True:
            action = self._states[stack[-1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            origin, size, _, _ = self._rules[-1 - action]
            del stack[len(stack) - size :]
            stack.append(self._states[stack[-1]][origin])
            if kind == END and stack[-1] == end_state:
                return True


def _spread(children: list, places: list[int]) -> list:
    """The children with those at `places`, lists themselves, taken apart. The first is added to where it is the
    first child: a list that grows by one element at a time is not copied each time."""
    if places[0] == 0:
        result, done = children[0], 1
        places = places[1:]
    else:
        result, done = [], 0
    for place in places:
        result += children[done:place]
        result += children[place]
        done = place + 1
    result += children[done:]
    return result
