"""The shell's own interpreter runs what `recipec shell-init` prints, with a spark-submit that says its arguments."""

import os
import pty
import shutil
import subprocess

import pytest
from recipec.shell_init import PROGRAM, SHELLS, shell_init

COMMANDS = {
    "check": ["--output", "--fix"],
    "compile": ["--format", "--param"],
    "lineage": ["trace", "why"],
    "doctor": [],
}

FAKE = """#!/bin/sh
for word in "$@"; do echo "[$word]"; done
if [ -p /dev/stdin ]; then cat; fi
exit 7
"""

ADDED = [
    [],
    ["--master", "local[2]"],
    ["--master=local[2]"],
    ["--verbose", "--conf", "a=b c"],
    ["-c", "a=b", "--packages", "x:y:1", "--supervise"],
    ["--name", "job.py"],
]
UNTOUCHED = [
    ["job.py"],
    ["--master", "local[2]", "job.py", "--flag"],
    ["--conf=a=b", "app.jar"],
    ["--verbose", "job.py"],
    ["--version"],
    ["--help"],
    ["--status", "driver-1"],
    ["--kill=driver-1"],
    ["--class", "org.example.Main"],
    ["-"],
    ["--master"],
]


@pytest.fixture
def path(tmp_path):
    """A PATH with the fake spark-submit before the rest."""
    fake = tmp_path / "spark-submit"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(params=sorted(SHELLS))
def shell(request, tmp_path):
    """(name, command) of each shell that this machine has; bash is everywhere."""
    name = request.param
    if not shutil.which(name):
        if name == "bash":
            pytest.fail("bash is needed")
        pytest.skip(f"{name} is not installed")
    script = tmp_path / f"init.{name}"
    script.write_text(shell_init(name, COMMANDS))
    return name, script


def run(shell, environment, line, *arguments, **given):
    name, script = shell
    source = f"source {script}; {line}"
    if name == "fish":
        command = ["fish", "--no-config", "-c", source, "--", *arguments]
    else:
        command = [name, "-c", source, name, *arguments]
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60, **given)


def said(done) -> list[str]:
    return [line[1:-1] for line in done.stdout.splitlines() if line.startswith("[")]


def call(shell) -> str:
    return 'spark-submit $argv' if shell[0] == "fish" else 'spark-submit "$@"'


@pytest.mark.parametrize("arguments", ADDED, ids=" ".join)
def test_a_pipe_without_a_program_runs_as_a_program_from_stdin(shell, path, arguments):
    done = run(shell, path, f"echo print | {call(shell)}", *arguments)
    assert said(done) == [*arguments, PROGRAM]
    assert "print" in done.stdout.splitlines()


@pytest.mark.parametrize("arguments", UNTOUCHED, ids=" ".join)
def test_other_calls_reach_spark_submit_untouched(shell, path, arguments):
    assert said(run(shell, path, f"echo print | {call(shell)}", *arguments)) == arguments


def test_without_a_pipe_nothing_is_added(shell, path, tmp_path):
    assert said(run(shell, path, call(shell), stdin=subprocess.DEVNULL)) == []
    main, end = pty.openpty()
    try:
        assert said(run(shell, path, call(shell), stdin=end)) == []
    finally:
        os.close(main)
        os.close(end)


def test_the_exit_code_is_that_of_spark_submit(shell, path):
    assert run(shell, path, f"echo print | {call(shell)}").returncode == 7
    assert run(shell, path, call(shell), "job.py", stdin=subprocess.DEVNULL).returncode == 7


def test_bash_completes_commands_their_words_and_files(tmp_path):
    script = tmp_path / "init.bash"
    script.write_text(shell_init("bash", COMMANDS))
    ask = (
        f"source {script}; COMP_WORDS=(recipec \"$@\"); COMP_CWORD=$#; _recipec; echo \"${{COMPREPLY[@]}}\"; "
        "complete -p recipec"
    )

    def completed(*words):
        done = subprocess.run(["bash", "-uc", ask, "bash", *words], text=True, capture_output=True, check=True)
        return done.stdout.splitlines()

    assert completed("c")[0] == "check compile"
    assert completed("lineage", "")[0] == "trace why"
    assert completed("compile", "--f")[0] == "--format"
    assert completed("doctor", "x")[0] == ""
    assert "-o default" in completed("c")[1]


def test_fish_completes(tmp_path):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    script = tmp_path / "init.fish"
    script.write_text(shell_init("fish", COMMANDS))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script}; complete -C 'recipec c'; complete -C 'recipec lineage t'"],
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert {"check", "compile", "trace"} <= set(done.stdout.split())


def test_every_script_says_what_it_is_and_another_shell_is_refused():
    for name in SHELLS:
        assert shell_init(name, COMMANDS).startswith(f"# recipec for {name}:")
    with pytest.raises(KeyError):
        shell_init("csh", COMMANDS)
