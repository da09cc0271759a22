"""One Spark session for all tests that need one, and recipes run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recipe_runtime import exits, session
from recipec.backend import Backend
from recipec.driver import Compilation
from running import QUICKSTART, Ran, compile_recipe, crawl

# A test's query runs once, over a few rows: compiling it, and planning it again by what its stages saw, costs
# more than it saves. Tests that start a process of their own run with the settings of a user.
QUICK = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="session")
def spark() -> Any:
    """The shared session."""
    options = " ".join(f"--conf {name}={value}" for name, value in QUICK.items())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"{options} pyspark-shell")
        return session.create("tests")


@pytest.fixture
def run_recipe(spark: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`run_recipe(text, lake, **params)`: compiles and runs in this process; errors come as exceptions."""
    # The hook is for a process of the job's own; here pytest wants to see the exception.
    monkeypatch.setattr(exits, "exit_codes", lambda: None)

    def run(text: str, lake: Path, **params: str) -> Ran:
        script = compile_recipe(text, {"lake": str(lake), **params})
        variables: dict[str, Any] = {}
        exec(compile(script, "script.py", "exec"), variables)
        return Ran(lake, script, variables)

    return run


@pytest.fixture(scope="session")
def crawl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crawl's folder."""
    folder = tmp_path_factory.mktemp("crawl")
    crawl(folder)
    return folder


@pytest.fixture(scope="session")
def real_lake(spark: Any, crawl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A lake that the quickstart recipe made, once for all tests that only read it."""
    lake = tmp_path_factory.mktemp("real") / "lake"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exits, "exit_codes", lambda: None)
        params = {"lake": str(lake), "crawl": str(crawl_folder / "*.warc.gz")}
        script = Backend(Compilation(QUICKSTART, params)).script
        variables: dict[str, Any] = {}
        exec(compile(script, "script.py", "exec"), variables)
    return Ran(lake, script, variables)
