"""One Spark session for all tests that need one, and recipes run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from recipe_runtime import exits, session
from running import QUICKSTART, Ran, crawl, quick_conf, run_here


@pytest.fixture(scope="session", autouse=True)
def quick_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark's defaults for this process and those that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", quick_conf(tmp_path_factory.mktemp("conf")))
        yield


@pytest.fixture(scope="session")
def spark(quick_spark: None) -> Any:
    """The shared session."""
    return session.create("tests")


@pytest.fixture(scope="session")
def quiet(spark: Any) -> Iterator[None]:
    """The hook for uncaught errors is for a process of the job's own; here pytest wants to see the exception."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exits, "exit_codes", lambda: None)
        yield


@pytest.fixture
def run_recipe(quiet: None) -> Callable[..., Ran]:
    """`run_recipe(text, lake, **params)`: compiles and runs in this process; errors come as exceptions."""
    return run_here


@pytest.fixture(scope="session")
def crawl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crawl's folder."""
    folder = tmp_path_factory.mktemp("crawl")
    crawl(folder)
    return folder


@pytest.fixture(scope="session")
def real_lake(quiet: None, crawl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A lake that the quickstart recipe made, once for all tests that only read it."""
    lake = tmp_path_factory.mktemp("real") / "lake"
    return run_here(QUICKSTART.read_text(), lake, name=QUICKSTART.name, crawl=str(crawl_folder / "*.warc.gz"))
