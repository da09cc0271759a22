"""What setup says, in one line, where Java or Python is missing or of the wrong version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.py"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="setup installs packages as root only")


def setup(step: str, *, path: Path, script: Path = SCRIPT, python: tuple[str, ...] = (), **environment: str):
    """Runs one step of setup seeing only the commands in `path`; returns (exit code, all that it said)."""
    done = subprocess.run(
        [sys.executable, *(python or [script]), "--only", step], env={"PATH": str(path), **environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    return done.returncode, done.stdout


def command(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def java(folder: Path, version: str) -> None:
    command(folder, "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.mark.parametrize("version", ["17", "17.0.15", "21.0.2"])
def test_java_that_spark_runs_on_is_accepted_in_silence(tmp_path, version):
    java(tmp_path, version)
    assert setup("java", path=tmp_path) == (0, "")


def test_java_home_comes_before_the_path_as_it_does_for_spark(tmp_path):
    java(tmp_path / "path", "11.0.1")
    java(tmp_path / "home" / "bin", "21.0.2")
    assert setup("java", path=tmp_path / "path", JAVA_HOME=str(tmp_path / "home")) == (0, "")


@pytest.mark.parametrize(("version", "seen"), [("11.0.1", "11"), ("25.0.1", "25"), ("1.8.0_392", "8")])
def test_another_java_is_named_with_the_remedy(tmp_path, version, seen):
    java(tmp_path, version)
    code, said = setup("java", path=tmp_path)
    assert code == 1
    assert said.startswith(f"setup: Java {seen} is at {tmp_path}/java, Spark needs 17 or 21: set JAVA_HOME")
    assert said.count("\n") == 1


def test_java_missing_tells_what_to_install(tmp_path):
    code, said = setup("java", path=tmp_path)
    assert code == 1
    assert said == "setup: no Java found: install a JDK or JRE 17 or 21, or set JAVA_HOME to one\n"


def test_a_java_that_does_not_run_is_missing(tmp_path):
    command(tmp_path, "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    code, said = setup("java", path=tmp_path)
    assert code == 1
    assert said.startswith("setup: no Java found")


def test_java_home_without_java_is_named(tmp_path):
    code, said = setup("java", path=tmp_path, JAVA_HOME=str(tmp_path / "gone"))
    assert code == 1
    assert said.startswith(f"setup: JAVA_HOME={tmp_path}/gone holds no Java that runs")


@as_root
def test_java_missing_is_installed_by_root_and_said(tmp_path):
    """The first package is not in the archive, the second is."""
    command(tmp_path, "apt-get", f"""
case "$*" in
  *openjdk-17*) echo "E: Unable to locate package openjdk-17-jre-headless"; exit 100;;
  *openjdk-21*) printf '#!/bin/sh\\necho "openjdk version \\\\"21.0.2\\\\"" >&2\\n' > {tmp_path}/java
                /bin/chmod 755 {tmp_path}/java;;
esac""")
    code, said = setup("java", path=tmp_path)
    assert code == 0, said
    assert "setup: installing openjdk-21-jre-headless" in said
    assert setup("java", path=tmp_path) == (0, "")


@as_root
def test_java_that_cannot_be_installed_ends_with_the_reason(tmp_path):
    command(tmp_path, "apt-get", 'echo "E: no archive can be reached"; exit 100')
    code, said = setup("java", path=tmp_path)
    assert code == 1
    assert "E: no archive can be reached" in said
    assert said.splitlines()[-1].endswith("failed: apt-get ended with 100")


def fresh(tmp_path: Path) -> Path:
    """The script in a checkout of its own, without an environment."""
    script = tmp_path / "checkout" / "scripts" / "setup.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT.read_text())
    return script


def pretending(script: Path, change: str) -> tuple[str, str]:
    """Python's arguments that run `script` after `change`."""
    start = f"import runpy, sys; {change}; sys.argv[0] = {str(script)!r}"
    return "-c", f"{start}; runpy.run_path(sys.argv[0], run_name='__main__')"


def test_python_too_old_is_named_with_a_newer_one_where_there_is_one(tmp_path):
    old = pretending(fresh(tmp_path), "sys.version_info = (3, 9, 2, 'final', 0)")
    (tmp_path / "bin").mkdir()
    code, said = setup("python", path=tmp_path / "bin", python=old)
    assert (code, said) == (1, "setup: Python 3.9.2 is too old, 3.11 is needed: install a newer one\n")

    command(tmp_path / "bin", "python3.12", "exit 0")
    code, said = setup("python", path=tmp_path / "bin", python=old)
    assert code == 1
    assert "Python 3.9.2 is too old" in said
    assert said.endswith("make PYTHON=python3.12 …\n")


def test_python_without_ensurepip_names_the_package(tmp_path):
    change = "sys.modules['ensurepip'] = None; sys.version_info = (3, 12, 1, 'final', 0)"
    bare = pretending(fresh(tmp_path), change)
    code, said = setup("python", path=tmp_path, python=bare)
    assert code == 1
    assert said == "setup: this Python has no module ensurepip: sudo apt-get install python3.12-venv\n"


def test_this_python_is_accepted_in_silence(tmp_path):
    assert setup("python", path=tmp_path, script=fresh(tmp_path)) == (0, "")


def test_the_script_keeps_to_the_syntax_of_an_old_python():
    """It has to be parsed before it can say that a Python is too old."""
    import ast

    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
