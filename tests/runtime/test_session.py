"""What a user has said of Spark stands: our settings are for what nobody has said."""

from __future__ import annotations

import pytest
from recipe_runtime import session

JAVA, MEMORY = "spark.driver.extraJavaOptions", "spark.driver.memory"


@pytest.fixture
def defaults(tmp_path, monkeypatch):
    """`defaults(lines)`: these stand in spark-defaults.conf, and nothing is said elsewhere."""
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    return (tmp_path / "spark-defaults.conf").write_text


def test_ours_where_nothing_is_said(defaults):
    settings = session._settings(None, False)
    assert settings[MEMORY] == "2g" and settings[JAVA] == "-XX:TieredStopAtLevel=1"


@pytest.mark.parametrize("line", [f"{JAVA} -XX:+UseSerialGC -Xss2m", f"  {JAVA}=-Xss2m", f"# one\n\n{JAVA}\t-Xss2m"])
def test_what_stands_in_the_defaults_is_not_replaced(defaults, line):
    defaults(f"{line}\n")
    settings = session._settings(None, False)
    assert JAVA not in settings and settings[MEMORY] == "2g"


def test_a_master_of_the_defaults_that_is_not_local_gets_no_settings_for_one(defaults):
    defaults("spark.master yarn\n")
    assert not {JAVA, MEMORY} & set(session._settings(None, False))


def test_what_is_given_to_submit_stands(defaults, monkeypatch):
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", f"--conf {MEMORY}=9g pyspark-shell")
    assert MEMORY not in session._settings(None, False)
