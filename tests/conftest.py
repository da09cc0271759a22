"""What all tests share: golden files, refreshed with `pytest --update-golden`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The same cases every time, so that a change is blamed only for what it changed. Others are looked for with
# `make test T=--hypothesis-profile=search`.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("same")

TOGETHER = {
    "tests/runtime/test_job.py": "a lake of pages",
    "tests/runtime/lineage/test_real_lake.py": "a lake of pages",
}
"""Files that share a costly fixture, and so a worker; every other file is alone."""

SLOWEST = (
    "tests/faults/test_killed.py", "tests/faults/test_clusters.py", "tests/faults/test_answers.py",
    "tests/runtime/test_job.py", "tests/runtime/lineage/test_real_lake.py", "tests/runtime/test_processes.py",
    "tests/runtime/test_flagship.py", "tests/runtime/test_asking.py", "tests/runtime/test_submit_forms.py",
    "tests/runtime/test_asking_ways.py", "tests/runtime/test_asking_forms.py", "tests/faults/test_bad_input.py",
    "tests/runtime/test_mix.py", "tests/runtime/test_scoring.py", "tests/runtime/test_with_and_without_passes.py",
    "tests/runtime/test_cuts.py",
)  # fmt: skip
"""Begun first, so that no worker is left alone with a long one at the end."""


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: n for n, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(_file(item.nodeid), len(SLOWEST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whole files to a worker. xdist's own `loadgroup` reads a node id that pytest 9.2 no longer takes from it, and
    so hands the tests of a group to all workers, each of which makes their fixtures."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER.get(_file(nodeid), _file(nodeid))

    return ByFile(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Are golden files to be written?"""
    return request.config.getoption("--update-golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest, update_golden: bool) -> Callable[[str, str], None]:
    """`golden(name, text)`: the text equals the file `golden/<name>` beside the test."""
    folder = Path(request.path).parent / "golden"

    def compare(name: str, text: str) -> None:
        path = folder / name
        if update_golden:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.is_file() else ""
        assert text == expected, f"differs from {path}; if it is right: pytest --update-golden"

    return compare
