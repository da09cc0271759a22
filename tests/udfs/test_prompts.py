"""A prompt is its parts joined; what a variable holds is passed on as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_udfs.prompts import lead, names, render

TEMPLATE = {"system": ["Answer in ", {"var": "language"}, "."], "user": ["Say:\n\n", {"var": "text"}]}
signs = st.lists(st.sampled_from(["${text}", "${x}", "{", "}}", '"', "\\", "%s", "$"])).map("".join)
values = st.one_of(st.text(), signs)
parts = st.lists(st.one_of(st.text(), st.sampled_from(["a", "b", "text"]).map(lambda name: {"var": name})))


def test_messages():
    assert render(TEMPLATE, {"language": "English", "text": "x", "unused": "y"}) == [
        {"role": "system", "content": "Answer in English."},
        {"role": "user", "content": "Say:\n\nx"},
    ]
    assert render({"system": None, "user": ["a", "b"]}, {}) == [{"role": "user", "content": "ab"}]


@given(values, values)
def test_a_value_is_passed_verbatim(text, language):
    system, user = render(TEMPLATE, {"language": language, "text": text})
    assert user["content"] == "Say:\n\n" + text
    assert system["content"] == "Answer in " + language + "."


@given(parts, parts, st.fixed_dictionaries({"a": values, "b": values, "text": values}))
def test_equals_the_reference(system, user, variables):
    def plain(of):
        return "".join(part if isinstance(part, str) else variables[part["var"]] for part in of)

    template = {"system": system, "user": user}
    assert [message["content"] for message in render(template, variables)] == [plain(system), plain(user)]
    assert set(names(template)) == {part["var"] for part in system + user if not isinstance(part, str)}


def test_a_missing_variable_is_named():
    with pytest.raises(ValueError, match="needs the variable `language`, which has no value; given: text"):
        render(TEMPLATE, {"text": "x"})
    assert names(TEMPLATE) == ["language", "text"]


def test_a_completion_is_asked_for_with_one_text():
    values = {"language": "English", "text": "x"}
    (message,) = render({**TEMPLATE, "api": "completions"}, values)
    assert message == {"role": "prompt", "content": "Answer in English.\n\nSay:\n\nx"}
    assert render({"system": None, "user": ["a"], "api": "completions"}, {}) == [{"role": "prompt", "content": "a"}]


def test_the_lead_of_a_prompt_is_what_stands_before_the_document():
    def lead_of(system, *user, **values):
        return lead({"system": system, "user": list(user)}, values)

    text = {"var": "text"}
    first = lead_of(["Be brief."], text, "Sum it up.")
    assert first == lead_of(["Be ", {"var": "how"}, "."], text, "List it.", how="brief")
    others = [
        lead_of(None, text), lead_of(["Be long."], text), lead_of(["Be brief."], "Read: ", text),
        lead_of(None, "Be brief.", text), lead_of([text, "Be brief."], text),
    ]  # fmt: skip
    assert len({first, *others}) == 6
