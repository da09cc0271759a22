"""The forms of a reply: what has them, and what is said of what has not."""

from __future__ import annotations

import pytest
from recipe_udfs.replies import ReplyError, check_form, looker, wanted

SCHEMA = {
    "type": "object",
    "required": ["score"],
    "properties": {"score": {"type": "integer", "maximum": 5}, "tags": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}
JSON = ["json", SCHEMA]


@pytest.mark.parametrize(
    ("form", "answer", "found"),
    [
        (JSON, '{"score": 3, "tags": ["a"]}', None),
        (JSON, ' \n{"score": 3}\n', None),
        (JSON, '{"score": 3', "no JSON"),
        (JSON, '```json\n{"score": 3}\n```', "no JSON"),
        (JSON, '{"score": NaN}', "no JSON"),
        (JSON, "{}", "$: required"),
        (JSON, '{"score": 6}', "$.score: maximum"),
        (JSON, '{"score": 1, "tags": ["a", 2]}', "$.tags[1]: type"),
        (JSON, '{"score": 1, "secret words": 2}', "$: additionalProperties"),
        (["choice", "yes", "no"], " no\n", None),
        (["choice", "yes", "no"], "No", "something else"),
        (["choice", "yes", "no"], "no, never", "something else"),
        (["regex", "[0-9]{4}"], "1984\n", None),
        (["regex", "[0-9]{4}"], "19845", "no match"),
        (["number", 0, 5], "4.5", None),
        (["number", 0, 5], "0", None),
        (["number", 0, 5], " 5.0\n", None),
        (["number", 0, 5], "5.01", "5.01"),
        (["number", 0, 5], "-1", "-1"),
        (["number", 0, 5], "1e999", "inf"),
        (["number", 0, 5], "4/5", "no number"),
        (["number", 0, 5], "nan", "no number"),
        (["number", 0, 5], "٣", "no number"),
    ],
)
def test_an_answer_has_the_form_or_is_said_to_be_something_else(form, answer, found):
    assert looker(form)(answer) == found


def test_nothing_of_an_answer_but_its_fields_names_is_quoted():
    form = ["json", {"additionalProperties": {"type": "number"}}]
    assert looker(form)('{"\\u001b[31mred": "hunter2"}') == "$.�[31mred: type"


def test_an_answer_nested_too_deeply_is_no_answer_of_the_form():
    deep = ["json", {"$defs": {"list": {"items": {"$ref": "#/$defs/list"}}}, "$ref": "#/$defs/list"}]
    assert looker(deep)("[[[1]]]") is None
    assert looker(deep)("[" * 1000 + "]" * 1000) == "too deep"
    assert looker(["json", {}])("[" * 100_000) == "no JSON"


def test_nothing_is_fetched_for_a_schema():
    from referencing.exceptions import Unresolvable

    with pytest.raises(Unresolvable):
        looker(["json", {"$ref": "http://127.0.0.1:9/schema.json"}])("{}")


def test_a_form_says_what_it_wants_in_a_few_words():
    forms = (JSON, ["choice", "a", "b"], ["regex", "a+"], ["number", 0, 2.5])
    assert [wanted(form) for form in forms] == ["the schema", "a | b", "a+", "0 .. 2.5"]
    for form in forms:
        check_form(form)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (["json", {"type": "objekt"}], "no JSON schema: \\$.type"),
        (["json"], "`json` of 0 values"),
        (["choice"], "`choice` of 0 values"),
        (["regex", "["], "no regular expression"),
        (["number", 5, 0], "`number` of 2 values"),
        (["haiku", 5, 7, 5], "`haiku` of 3 values"),
    ],
)
def test_a_form_that_is_none_is_refused(form, said):
    with pytest.raises(ReplyError, match=said):
        check_form(form)
