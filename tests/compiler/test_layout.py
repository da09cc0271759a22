"""Python source from values: a literal means exactly its value, whatever the value holds."""

from __future__ import annotations

import ast
import builtins
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipec.layout import WIDTH, Call, Code, Method, comment, flat, identifier, text_literal, wrapped

HOSTILE = ['"""', "'''", "\\", '\\"', "a\nb", "\r\n", "{}", "../x", "\x00", "\u202e", "\u2028", "😀", "\ud800", "%s"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_its_own_literal(text):
    literal = text_literal(text)
    assert ast.literal_eval(literal) == text
    assert "\n" not in literal and literal.isprintable()


@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_is_its_own_literal(text):
    assert ast.literal_eval(text_literal(text)) == text


@given(st.text(max_size=200))
def test_a_comment_is_one_line_that_does_nothing(text):
    line = comment(text)
    assert len(line.splitlines()) == 1
    assert ast.parse(line).body == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)


@given(values)
def test_a_wrapped_value_is_the_value(value):
    assert ast.literal_eval(wrapped(value)) == value == ast.literal_eval(flat(value))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,12}", fullmatch=True), values, max_size=6))
def test_a_wrapped_call_has_its_arguments(kwargs):
    kwargs = {k: v for k, v in kwargs.items() if not keyword.iskeyword(k)}
    call = ast.parse(wrapped(Call("f", [Code("x")], kwargs)), mode="eval").body
    assert {k.arg: ast.literal_eval(k.value) for k in call.keywords} == kwargs


def test_a_long_call_has_one_argument_a_line():
    text = wrapped(Method(Code("frame"), "join", ["a" * 60, "b" * 60]))
    assert text == f'frame.join(\n    "{"a" * 60}",\n    "{"b" * 60}",\n)'
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("name", ["import", "print", "match", "job", "class", "none", "str"])
def test_a_name_of_python_gets_an_underscore(name):
    made = identifier(name, {"job"})
    assert made.isidentifier() and not keyword.iskeyword(made) and not hasattr(builtins, made) and made != "job"


def test_a_text_that_is_no_name_never_becomes_one():
    with pytest.raises(ValueError, match="not a name"):
        identifier("x = 1; import os", set())
