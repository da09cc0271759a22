"""The door for operators: what a package registers, and what is said of one that is broken."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from recipec import operators
from recipec.driver import Compilation
from recipec.entry_points import EntryPoint
from recipec.operators import Catalogue, build, installed


@dataclass(frozen=True)
class FakeParameter:
    name: str
    type: str
    default: object = "<required>"
    doc: str = ""


@dataclass(frozen=True)
class FakeColumn:
    name: str
    type: str
    doc: str = ""


@dataclass(frozen=True)
class FakeOperator:
    name: str
    kind: str
    version: int = 1
    doc: str = ""
    parameters: tuple = ()
    columns: tuple = ()
    reads: tuple = ("text",)
    run: str = ""
    libraries: tuple = ()
    variadic: bool = False


GOOD = FakeOperator("good", "statistic", columns=(FakeColumn("good", "boolean"),))


def test_ours_come_through_the_entry_points() -> None:
    catalogue = installed()
    assert catalogue.diagnostics == []
    assert catalogue.get("stats.words", ("statistic",)).columns[0].type == "bigint"
    assert catalogue.packages["source", "warc"] == "recipec"
    assert {"lines"} <= set(catalogue.names(["clean"])) & set(catalogue.names(["segment"]))


def test_two_of_one_name_are_refused_and_one_name_of_two_kinds_is_not() -> None:
    catalogue = build([GOOD, FakeOperator("good", "clean")])
    assert catalogue.diagnostics == []
    catalogue.add(GOOD, "other")
    (found,) = catalogue.diagnostics
    assert (found.code, found.message) == (
        "E0241",
        "two operators are called `good`: one of `recipec`, one of `other`",
    )


def test_something_that_is_no_operator_is_refused() -> None:
    catalogue = build([object()])
    assert [one.code for one in catalogue.diagnostics] == ["E0240"]
    assert "it lacks name, kind" in catalogue.diagnostics[0].help


def test_a_package_that_cannot_be_loaded_refuses_the_recipe_and_names_the_package(monkeypatch) -> None:
    broken = EntryPoint("x", "no_such_module_of_theirs:OPERATORS", "theirs")
    monkeypatch.setattr(operators, "entry_points", lambda group: [broken])
    catalogue = installed.__wrapped__()
    recipe = 'recipe r\nedition 2026\nsource a = jsonl("a.jsonl")\nwrite a to delta("lake")\n'
    errors = Compilation(text=recipe, catalogue=catalogue).errors
    assert errors[0].code == "E0240"
    assert "ModuleNotFoundError" in errors[0].help


@dataclass
class Distribution:
    name: str = "math-checks"
    metadata: dict = field(default_factory=dict)


@pytest.fixture
def with_plugin() -> Catalogue:
    """Everything that is installed, and a package of the user's own."""
    own = installed()
    catalogue = Catalogue(dict(own.operators), dict(own.packages))
    catalogue.add(GOOD, "math-checks")
    return catalogue


def test_an_operator_of_a_package_has_the_name_it_is_used_under(with_plugin: Catalogue) -> None:
    recipe = (
        'recipe r\nedition 2026\nuse plugin "math_checks" as checks\nsource a = jsonl("a.jsonl") {\n  text = t\n}\n'
        'select b from a {\n  keep checks.good\n  keep checks.god\n}\nwrite b to delta("lake")\n'
    )
    compilation = Compilation(text=recipe, catalogue=with_plugin)
    assert [(one.code, one.message) for one in compilation.errors] == [("E0203", "there is no operator `checks.god`")]
    (rule,) = compilation.resolved.relations["b"].statements[0].rules
    assert rule.expr.operator is GOOD
