"""Syntax trees and texts for property tests: every kind of item, statement and expression.

Trees are what the parser can make, not what means something. Their spans are empty.
"""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import strategies as st
from recipec import ast
from recipec.ast import Span

AT = Span("generated.recipe", 0, 0)
WORDS = ("edu", "web", "page_2", "crawl", "lang_score", "_x", "answer", "q", "tokens_of", "high", "keeper", "orange")


def ident() -> st.SearchStrategy[ast.Ident]:
    return st.builds(ast.Ident, st.sampled_from(WORDS), st.just(AT))


def name() -> st.SearchStrategy[ast.Name]:
    return st.builds(ast.Name, st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(tuple), st.just(AT))


def number() -> st.SearchStrategy[ast.Number]:
    value = st.one_of(
        st.integers(0, 10**12).map(Decimal), st.decimals(0, 1000, allow_nan=False, allow_infinity=False, places=3)
    )
    units = st.sampled_from((None, "%", "x", "tokens", "s", "MiB", "$"))
    return st.builds(ast.Number, value, units, st.just(""), st.just(AT))


def _joined(parts: list[str | ast.Name]) -> tuple[str | ast.Name, ...]:
    result: list[str | ast.Name] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return tuple(result)


def text(plain: bool = False) -> st.SearchStrategy[ast.Text]:
    characters = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
    awkward = st.sampled_from(("$", "${", '"', "\\", "\n", "\r\n", "#", "##", "  a\n b\n", "}", '"""', "// x"))
    part = st.one_of(characters, awkward)
    parts = st.lists(part if plain else st.one_of(part, name()), max_size=4).map(_joined)
    return st.builds(ast.Text, parts, st.booleans(), st.just(AT))


def _argument(value: st.SearchStrategy) -> st.SearchStrategy[ast.Argument]:
    return st.builds(ast.Argument, st.none() | ident(), value, st.just(AT))


def _many(strategy: st.SearchStrategy, least: int = 0, most: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def _ranges(value: st.SearchStrategy) -> st.SearchStrategy[ast.Range]:
    return st.builds(ast.Range, value, value, st.just(AT))


def _grown(inner: st.SearchStrategy) -> st.SearchStrategy:
    value = inner | _ranges(inner)
    here = st.just(AT)
    return st.one_of(
        st.builds(ast.Call, name(), _many(_argument(value)), here),
        st.builds(ast.List, _many(value), here),
        st.builds(ast.Negative, inner, here),
        st.builds(ast.Arith, st.sampled_from("+-*/"), inner, inner, here),
        st.builds(ast.Compare, st.sampled_from(("<=", ">=", "==", "!=", "<", ">")), inner, inner, here),
        st.builds(ast.In, inner, value, here),
        st.builds(ast.Not, inner, here),
        st.builds(ast.And, _many(inner, 2), here),
        st.builds(ast.Or, _many(inner, 2), here),
    )


EXPR = st.recursive(st.one_of(number(), name(), text()), _grown, max_leaves=8)
VALUE = EXPR | _ranges(EXPR)
CALL = st.builds(ast.Call, name(), _many(_argument(VALUE)), st.just(AT))
OPERATOR = name() | CALL
RELATION = st.builds(ast.Relation, name(), _many(ident()), st.just(AT))
DOC = st.sampled_from(("", "", "", "What it is.", "One line\n\n# and another"))
_AT = st.just(AT)


def _built(kind: type, *parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(kind, *parts, DOC, _AT)


SETTING = _built(ast.Setting, ident(), VALUE)
SETTINGS = _many(SETTING | _built(ast.Splice, OPERATOR))
RULES = _many(_built(ast.Rule, EXPR))
TIER_ROW = st.one_of(
    _built(ast.TierRow, ident(), st.sampled_from((">=", "<")), EXPR), _built(ast.TierRow, ident(), st.none(), st.none())
)
SIZE = st.none() | st.builds(ast.Size, st.booleans(), EXPR, _AT)
BOUND = st.builds(ast.Bound, st.sampled_from(("epochs", "share")), st.sampled_from(("<=", ">=")), EXPR, _AT)
QUANTITY = st.none() | st.tuples(st.sampled_from(("weight", "rate", "amount")), EXPR)
PARAMETERS = _many(st.builds(ast.Parameter, ident(), st.none() | VALUE, _AT))


def _statements(inner: st.SearchStrategy) -> st.SearchStrategy:
    take = st.builds(
        lambda relation, quantity, bounds, body, doc: ast.Take(
            relation, *(quantity or (None, None)), bounds, body, doc, AT
        ),
        RELATION,
        QUANTITY,
        _many(BOUND, most=2),
        _many(inner, most=2),
        DOC,
    )
    return st.one_of(take, _built(ast.Phase, ident(), SIZE, _many(inner)))


PLAIN_STATEMENT = st.one_of(
    SETTING,
    *(_built(kind, OPERATOR) for kind in (ast.Splice, ast.Lang, ast.Clean)),
    *(_built(kind, EXPR) for kind in (ast.Keep, ast.Expect, ast.Stop)),
    *(_built(kind, ident(), EXPR) for kind in (ast.Score, ast.Measure)),
    _built(ast.Dedup, OPERATOR, st.none() | RELATION),
    _built(ast.Sample, number(), SETTINGS),
    _built(ast.Pair, RELATION, SETTINGS),
    _built(ast.Tier, ident(), _many(TIER_ROW)),
    _built(ast.Ask, name(), _many(OPERATOR, 1), SETTINGS),
    _built(ast.Verify, RULES),
    _built(ast.On, ident(), _many(OPERATOR, 1)),
    _built(ast.Split, _many(ident(), 1), st.sampled_from(("weight", "curve")), name()),
    _built(ast.Cap, ident(), st.just("<="), EXPR, st.none() | EXPR),
    _built(ast.Exclude, RELATION),
)
STATEMENT = st.recursive(PLAIN_STATEMENT, _statements, max_leaves=3)
BODY = _many(STATEMENT)
KEY = st.one_of(name(), text(), number().filter(lambda one: one.unit != "$"), _ranges(number()))
ENTRY = _built(ast.Entry, _many(KEY, most=1), VALUE)  # between several keys no line may end

ITEM = st.one_of(
    _built(ast.Header, st.sampled_from(("recipe", "library")), ident()),
    _built(ast.Edition, number().filter(lambda one: one.unit != "$")),
    _built(ast.Use, text(plain=True), st.booleans(), st.none() | ident()),
    _built(ast.Param, ident(), ident(), st.none() | VALUE),
    _built(ast.Tokenizer, ident(), CALL),
    _built(ast.Endpoint, ident(), SETTINGS),
    *(_built(kind, ident(), PARAMETERS, BODY) for kind in (ast.Prompt, ast.Block)),
    _built(ast.Filter, ident(), PARAMETERS, RULES),
    st.one_of(
        _built(ast.Table, ident(), _many(ident(), 1), CALL, st.just(())),
        _built(ast.Table, ident(), _many(ident(), 1), st.none(), _many(ENTRY)),
    ),
    _built(ast.Source, ident(), CALL, SETTINGS),
    _built(ast.Derive, st.sampled_from(("select", "transform", "generate", "train")), ident(), RELATION, BODY),
    _built(ast.Merge, ident(), _many(RELATION, 1), SETTINGS),
    _built(ast.Rounds, ident(), _ranges(EXPR), BODY),
    _built(ast.Mix, ident(), SIZE, BODY),
    _built(ast.Write, RELATION, CALL, BODY),
    _built(ast.Compute, BODY),
)  # fmt: skip
FILE = st.builds(ast.File, st.just("generated.recipe"), _many(ITEM, 1, 4), st.just(()))

_OPAQUE = re.compile(r'("(?:\\.|[^"\\\n])*"|##[^\n]*\n)')
_LOOSE = re.compile(r"\n|, |\((?!\))|(?<!\()\)| = | \.\. | ")


@st.composite
def disordered(draw: st.DrawFn, text: str) -> str:
    """The text with other white space, and comments wherever a line may end; it says the same."""
    choices = {
        "\n": ("\n", "\n", "\n\n\n", "  # so\n", "\n# above\n", " \r\n"),
        ", ": (",", ", ", ",\n", ",  # behind\n", ",\n# between\n"),
        "(": ("(", "( ", "(\n", "( # opened\n\n", "(\n  # first\n"),
        ")": (")", " )", "\n)", " # last\n)", "\n\n# end\n )"),
        " = ": ("=", "   = "),
        " .. ": ("..", " ..  "),
        " ": (" ", "  ", "\t"),
    }
    pieces = _OPAQUE.split(text)
    seed = draw(st.randoms(use_true_random=False))
    for index in range(0, len(pieces), 2):
        pieces[index] = _LOOSE.sub(lambda match: seed.choice(choices[match[0]]), pieces[index])
    return "".join(pieces)
