"""The forms of replies and the addresses of pools, from the recipe to the script."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from recipec import lock as locks
from recipec import schemas
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.used import used
from sketches import furnish, plain

ORDER = {"b": {"type": "string"}, "a": {"type": "number"}}
SCHEMA = {"type": "object", "properties": ORDER, "required": ["b", "a"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the files that `plain` names, and a schema."""
    furnish(tmp_path)
    (tmp_path / "schemas" / "facts.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return tmp_path


def asking(folder: Path, reply: str, *changes: tuple[str, str]) -> Backend:
    """The plain recipe whose prompt wants a reply of this form."""
    made = plain(folder, ("user = \"Retell: ${text}\" }", f"\n  user  = \"Retell: ${{text}}\"\n  reply = {reply}\n}}"),
                 *changes)  # fmt: skip
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    return made


def wanted(made: Backend) -> object:
    """The argument `reply` of the script's one prompt."""
    return keyword(made, "rt.prompt", "reply")


def keyword(made: Backend, function: str, name: str) -> object:
    """The literal that stands in the script as an argument of a function."""
    for call in ast.walk(ast.parse(made.script)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == function:
            return ast.literal_eval(next(one.value for one in call.keywords if one.arg == name))
    raise AssertionError(f"no {function}")


def units(made: Backend) -> str:
    return next(node.digest for node in made.plan.nodes if node.kind == "units")


def written(value: object) -> str:
    """A schema as a text of the language."""
    return json.dumps(json.dumps(value)).replace("$", "\\$")


# ---- forms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "form"),
    [
        ("number(0 .. 5)", ["number", 0, 5]),
        ("number(-1 .. 1)", ["number", -1, 1]),
        ("number(0% .. 100%)", ["number", 0.0, 1.0]),
        ('choice(yes, no, "I do not know")', ["choice", "yes", "no", "I do not know"]),
        ('regex("[12][0-9]{3}")', ["regex", "[12][0-9]{3}"]),
        ("json", ["json", {}]),
        ('json("schemas/facts.json")', ["json", SCHEMA]),
        (f"json({written(SCHEMA)})", ["json", SCHEMA]),
    ],
)
def test_a_form_reaches_the_script(reply: str, form: list[object], folder: Path) -> None:
    assert wanted(asking(folder, reply)) == form


def test_text_is_as_if_nothing_were_said(folder: Path) -> None:
    said, unsaid = asking(folder, "text"), plain(folder)
    assert "reply" not in said.script.partition("job = rt.start(")[2] and units(said) == units(unsaid)


def test_a_file_of_a_parameter_and_a_text_of_the_recipe_are_one_schema(folder: Path) -> None:
    given = ("param lake", f'param shape: path = "{folder}/schemas/facts.json"\nparam lake')
    told = {units(asking(folder, one)) for one in ('json("schemas/facts.json")', f"json({written(SCHEMA)})")}
    assert told == {units(asking(folder, "json(shape)", given))}


def test_the_layout_of_a_schema_asks_nothing_anew_and_its_meaning_does(folder: Path) -> None:
    def asked(text: str) -> str:
        (folder / "schemas" / "facts.json").write_text(text, encoding="utf-8")
        return units(asking(folder, 'json("schemas/facts.json")'))

    before = asked(json.dumps(SCHEMA))
    assert before == asked(json.dumps(SCHEMA, indent=8)) != asked(json.dumps(SCHEMA | {"title": "x"}))


def test_names_keep_the_order_in_which_a_server_is_to_write_them(folder: Path) -> None:
    _, schema = wanted(asking(folder, 'json("schemas/facts.json")'))
    assert list(schema["properties"]) == ["b", "a"]


HOSTILE = ['"""', "'", "\\", "\n", "{0.__class__}", "'); import os; ('", "é😀", "\u202e", "${x}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_schema_is_only_literals(text: str, folder: Path) -> None:
    schema = {"type": "object", "properties": {text: {"const": text, "description": text}}}
    assert wanted(asking(folder, f"json({written(schema)})")) == ["json", schema]


def test_a_schemas_file_is_frozen(folder: Path) -> None:
    made = asking(folder, 'json("schemas/facts.json")')
    path = folder / "plain.recipe"
    path.write_text(made.compilation.text, encoding="utf-8")
    lock = used(Compilation(path)).lock
    assert ("schema", "schemas/facts.json") in lock.files
    locks.lock_path(path).write_text(locks.text(lock), encoding="utf-8")
    assert Compilation(path, frozen=True).errors == []
    (folder / "schemas" / "facts.json").write_text("{}", encoding="utf-8")
    (drift,) = Compilation(path, frozen=True).errors
    assert drift.code == "E0443" and "schemas/facts.json" in drift.message


# ---- schemas ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}',
        '{"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": true}}',
        '{"$ref": "#a", "$defs": {"x": {"$anchor": "a"}}}',
        '{"$ref": "#"}',
        '{"$schema": "http://json-schema.org/draft-07/schema#", "type": ["object", "null"]}',
        '{"$id": "https://example.test/whole", "properties": {"$ref": {"type": "string"}}}',
    ],
)
def test_a_schema_that_refers_to_itself_is_whole(text: str) -> None:
    assert json.loads(schemas.plain(text)) == json.loads(text)


NESTED = '{"not":' * 64 + "{}" + "}" * 64


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"), ("{", "no JSON"), ("true", "object"), ("[]", "object"), ('{"a": 1, "a": 1}', "twice"),
        ('{"const": Infinity}', "Infinity"), ('{"const": 1e999}', "large"), ('{"const": ' + "9" * 31 + "}", "large"),
        (NESTED, "deeper"), ('{"not":' * 100_000, "deeper"), ('{"const": "\\ud800"}', "surrogate"),
        ('{"type": "strin"}', '"strin" cannot stand at `type`'), ('{"pattern": "("}', "pattern"),
        ('{"$ref": "other.json"}', "not in it"), ('{"$ref": "#/$defs/a"}', "not in it"), ('{"$ref": ""}', "not in it"),
        ('{"$ref": "#/type", "type": "string"}', "not in it"), ('{"$ref": "#/x/y", "x": [1]}', "not in it"),
        ('{"$schema": "https://example.test/mine"}', "draft"), ('{"$schema": 7}', "draft"),
        ('{"properties": {"a": {"$id": "a"}}}', "`$id`"),
    ],
)  # fmt: skip
def test_what_is_no_schema_says_why(text: str, reason: str) -> None:
    with pytest.raises(schemas.Unusable) as told:
        schemas.plain(text)
    assert reason in str(told.value)


def test_a_file_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "long.json").write_bytes(b" " * (schemas.MAX_BYTES + 1))
    with pytest.raises(schemas.Unusable, match="bytes"):
        schemas.read(tmp_path / "long.json")


# ---- addresses -------------------------------------------------------------------------------------

LISTED = ["http://a.test/v1", "http://b.test/v1"]
POOLS = [
    (('url       = "http://localhost:1/v1"', f"url       = {json.dumps(LISTED)}"),),
    (
        ("param lake", f"param servers: list = {json.dumps(LISTED)}\nparam lake"),
        ('url       = "http://localhost:1/v1"', "url       = servers"),
    ),
    (
        ("endpoint writer", 'block pool(second) {\n  url = ["http://a.test/v1", second]\n}\n\nendpoint writer'),
        ('url       = "http://localhost:1/v1"', 'use pool(second = "http://b.test/v1")'),
    ),
]


@pytest.mark.parametrize("changes", POOLS, ids=["written", "of a parameter", "of a block"])
def test_a_list_of_addresses_reaches_the_script(changes: tuple[tuple[str, str], ...], folder: Path) -> None:
    made = plain(folder, *changes)
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    assert keyword(made, "rt.endpoint", "url") == LISTED and units(made) == units(plain(folder))


def test_a_list_of_weights_by_a_parameter_is_checked_too(folder: Path) -> None:
    made = plain(
        folder,
        ("param lake", 'param shares: list = [1, "2"]\nparam lake'),
        ('url       = "http://localhost:1/v1"', f"url = {json.dumps(LISTED)}\n  weights = shares"),
    )
    assert [one.code for one in made.compilation.errors] == ["E0437"]
