"""Places for faults to happen in: lakes with all that comes before the first call, prepared once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from recipe_runtime import exits
from running import quick_conf

from faults.place import SMALL, Place


@pytest.fixture(scope="session", autouse=True)
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark's defaults for this process and those that it starts; errors come as exceptions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", quick_conf(tmp_path_factory.mktemp("conf")))
        patch.setattr(exits, "exit_codes", lambda: None)
        yield


@pytest.fixture(scope="session")
def prepared(quiet: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which everything before the first call is done."""
    return Place(tmp_path_factory.mktemp("prepared"), SMALL).prepare()


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Place:
    """A copy of it."""
    return Place(tmp_path, SMALL).start_from(prepared)
