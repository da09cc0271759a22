"""What doctor says of machines on which something is missing, and of one on which nothing is."""

import json
import shutil
import socket
from importlib import metadata

import pytest
from recipe_runtime import doctor as d
from recipe_runtime.lake import Lake


def java_home(tmp_path, monkeypatch, says: str, code: int = 0) -> str:
    """A JAVA_HOME whose java answers `-version` so, on stderr as Java does."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\nexit {code}\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return str(java)


def test_this_machine_can_run_a_job(tmp_path):
    health = d.doctor(str(tmp_path / "lake"))
    assert health.exit_code == 0, health.text()
    assert [check.name for check in health.checks] == [
        "Python", "Java", "Spark", "Delta's jar", "libraries", "operators", "loopback", "Spark's local folder",
        "lake", "the lake's disk",
    ]  # fmt: skip
    assert not (tmp_path / "lake").exists()
    lines = health.text().splitlines()
    assert lines[0].startswith("ok       Python: 3.")
    said = json.loads(json.dumps(health.to_json()))
    assert (said["exit_code"], said["checks"][0]["state"]) == (0, "ok")


@pytest.mark.parametrize(
    ("says", "found", "ok"),
    [
        ('openjdk version "17.0.15" 2025-04-15', "17.0.15", True),
        ('openjdk version "21" 2023-09-19', "21", True),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.2" 2024-01-16', "21.0.2", True),
        ('java version "1.8.0_392"', "1.8.0_392", False),
        ('openjdk version "11.0.22" 2024-01-16', "11.0.22", False),
    ],
)
def test_java_is_one_that_spark_runs_on(tmp_path, monkeypatch, says, found, ok):
    java = java_home(tmp_path, monkeypatch, says)
    check = d.java()
    assert (check.ok, check.found) == (ok, f"{found} at {java}")
    assert ("17 or 21" in check.remedy) is not ok


def test_a_java_home_without_a_java_that_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    check = d.java()
    assert not check.ok and "does not run" in check.found and "JAVA_HOME" in check.remedy
    java_home(tmp_path, monkeypatch, "Error: could not find libjava.so", code=2)
    assert not d.java().ok


def test_no_java_at_all(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    check = d.java()
    assert (check.ok, check.remedy) == (False, "install a JRE 17 or 21")


def test_versions_that_do_not_go_together(monkeypatch):
    real = metadata.version
    monkeypatch.setattr(d.metadata, "version", lambda n: {"pyspark": "4.1.0", "pandas": "3.0.1"}.get(n) or real(n))
    check = d.spark_versions()
    assert not check.ok
    assert "pyspark 4.1.0" in check.found
    assert check.remedy == f"install pyspark {d.SPARK_VERSION}, pandas 2.x: these go together"


def test_the_jar_is_looked_for_where_spark_keeps_it(tmp_path, monkeypatch):
    group, artifact, version = d.DELTA_JAR.split(":")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    missing = d.delta_jar()
    assert missing.state == "warning"
    assert str(tmp_path / ".ivy2.5.2" / "jars") in missing.found
    assert "needs the network" in missing.remedy
    for arguments, folder in ((None, ".ivy2.5.2"), (f"--conf spark.jars.ivy={tmp_path}/moved pyspark-shell", "moved")):
        if arguments:
            monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", arguments)
        jar = tmp_path / folder / "jars" / f"{group}_{artifact}-{version}.jar"
        jar.parent.mkdir(parents=True)
        jar.touch()
        assert d.delta_jar() == d.Check("Delta's jar", True, str(jar))


def test_the_jar_folder_that_sparks_defaults_name(tmp_path, monkeypatch):
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    (tmp_path / "spark-defaults.conf").write_text(f"spark.ui.enabled false\nspark.jars.ivy  {tmp_path}/ivy\n")
    assert str(tmp_path / "ivy" / "jars") in d.delta_jar().found


def test_libraries_that_are_missing_wrong_or_broken(tmp_path, monkeypatch):
    info = tmp_path / "broken_lib-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-lib\nVersion: 1.0\n")
    (info / "RECORD").write_text("broken_lib.py,,\n")
    (tmp_path / "broken_lib.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = ["lark>=1.2", "not-there>=1", "lark==0.0.1", "broken-lib", "absent; extra == 'test'"]
    monkeypatch.setattr(d.metadata, "requires", lambda name: asked)
    found = [(check.ok, check.found.partition(":")[0], check.remedy) for check in d.libraries()]
    assert found == [
        (False, "not-there is not installed", "pip install 'not-there>=1'"),
        (False, f"lark is {metadata.version('lark')}, wanted is 0.0.1", "pip install 'lark==0.0.1'"),
        (False, "broken-lib 1.0 does not import", "pip install 'broken-lib'"),
        (True, f"lark {metadata.version('lark')}", ""),
    ]


def test_a_plug_in_that_does_not_load_is_named(tmp_path, monkeypatch):
    info = tmp_path / "math_checks-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: math-checks\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[recipec.operators]\nchecks = no_such_checks:OPERATORS\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = d.operators()
    assert not check.ok
    assert "no_such_checks:OPERATORS of math-checks does not load" in check.found
    assert "uninstall" in check.remedy


def test_no_port_can_be_opened(monkeypatch):
    def bind(self, address):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(d.socket, "socket", type("Closed", (socket.socket,), {"bind": bind}))
    check = d.loopback()
    assert (check.ok, check.found) == (False, "no port can be opened on 127.0.0.1: Operation not permitted")


@pytest.mark.parametrize(("free", "state"), [(5_000_000_000, "ok"), (1_000_000_000, "warning"), (1_000, "wrong")])
def test_a_disk_with_little_room(tmp_path, monkeypatch, free, state):
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(d.shutil, "disk_usage", lambda path: usage)
    check = d.disk("the lake's disk", str(tmp_path / "not" / "yet"))
    assert check.state == state
    assert check.found.startswith(str(tmp_path / "not" / "yet"))


def test_a_lake_is_named_a_folder_of_another_format_refused(tmp_path):
    assert "no lake yet" in d.lake_checks(str(tmp_path))[0].found
    Lake(str(tmp_path)).open()
    assert [(check.name, check.state) for check in d.lake_checks(str(tmp_path))] == [
        ("lake", "ok"), ("the lake's disk", "ok"), ("retention", "ok"),
    ]  # fmt: skip
    (tmp_path / "_recipec" / "format.json").write_text('{"format": 99}')
    (check,) = d.lake_checks(str(tmp_path))
    assert (check.ok, "format 99" in check.found) == (False, True)


def test_a_store_that_is_not_known_is_refused():
    (check,) = d.lake_checks("ftp://host/lake")
    assert not check.ok
    assert "ftp://" in check.found
    assert "s3://" in check.remedy


def test_s3_takes_one_writer(tmp_path, monkeypatch):
    fs, _ = d.stores.lake_fs(str(tmp_path))
    monkeypatch.setattr("recipe_runtime.lake.lake_fs", lambda uri: (fs, str(tmp_path)))
    (check,) = d.lake_checks("s3://bucket/lake")
    assert (check.state, "one writer" in check.remedy) == ("warning", True)


def test_a_start_of_spark_that_fails_says_how(tmp_path, monkeypatch):
    java_home(tmp_path, monkeypatch, "Error: a Java that cannot start", code=1)
    check = d.spark_start()
    assert not check.ok
    assert "failed after" in check.found


def test_a_warning_lets_a_job_run_and_an_error_does_not():
    warned, wrong = d.Check("a", True, "x", "take care"), d.Check("b", False, "y", "mend it")
    assert d.Health((warned,)).exit_code == 0
    assert d.Health((warned, wrong)).exit_code == 4
    assert d.Health((warned, wrong)).text().splitlines() == [
        "warning  a: x", "           take care", "wrong    b: y", "           mend it",
    ]  # fmt: skip


def test_hostile_text_acts_nowhere():
    assert "\x1b" not in d.Health((d.Check("a", False, "\x1b[31m", "\x1b]0;x"),)).text()
