"""Submitting a script: what spark-submit is given, which exit codes come back, and that nothing is left running."""

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recipe_runtime.errors import StepError
from recipe_runtime.session import DELTA_JAR
from recipe_runtime.submit import REFUSED, run_local, submit, with_defaults

FAKE = """#!/bin/sh
for word in "$@"; do echo "$word" >> "$SAID"; done
for program in "$@"; do :; done
echo "python: ${PYSPARK_PYTHON-none}" >> "$SAID"
exec "$PYTHON" "$program"
"""


@pytest.fixture
def spark(tmp_path, monkeypatch):
    """A Spark whose spark-submit writes down its arguments and runs the program with this Python."""
    program = tmp_path / "spark" / "bin" / "spark-submit"
    program.parent.mkdir(parents=True)
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "spark"))
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.setenv("PYTHON", sys.executable)
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    monkeypatch.delenv("PYSPARK_DRIVER_PYTHON", raising=False)
    return lambda: (tmp_path / "said").read_text().splitlines() if (tmp_path / "said").exists() else []


def test_the_script_runs_through_spark_submit_with_delta_and_this_python(spark, capfd):
    assert submit("print('ran')", ["--master", "local[2]"]) == 0
    assert capfd.readouterr().out == "ran\n"
    *options, program, _ = spark()
    assert options[:2] == ["--master", "local[2]"]
    assert options[options.index("--packages") + 1] == DELTA_JAR
    assert f"spark.pyspark.python={sys.executable}" in options
    assert f"spark.pyspark.driver.python={sys.executable}" in options
    assert Path(program).name == "job.py"
    assert not Path(program).exists()


def test_the_script_on_disk_is_private(spark, capfd):
    show = "import os; print(oct(os.stat(os.path.dirname(os.path.abspath(__file__))).st_mode))"
    assert submit(show) == 0
    assert stat.S_IMODE(int(capfd.readouterr().out, 8)) == 0o700


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 70, 130, 143])
def test_exit_codes_pass_through(spark, code):
    assert submit(f"raise SystemExit({code})") == code
    assert run_local(f"raise SystemExit({code})") == code


@pytest.mark.parametrize("script", ["", " \n\t\n", REFUSED, REFUSED + "\n"])
def test_an_empty_script_and_a_refused_recipe_start_nothing(spark, script):
    assert submit(script) == 1
    assert run_local(script) == 1
    assert spark() == []


def test_packages_of_the_user_stay_beside_delta():
    assert with_defaults(["--packages", "a:b:1"], {})[:4] == ["--packages", "a:b:1", "--packages", f"a:b:1,{DELTA_JAR}"]
    by_conf = with_defaults(["--conf", "spark.jars.packages=a:b:1"], {})
    assert by_conf[by_conf.index("--packages") + 1] == f"a:b:1,{DELTA_JAR}"


def test_delta_of_the_user_is_not_added_to():
    assert with_defaults(["--packages=io.delta:delta-spark_4.2_2.13:4.4.0"], {"PYSPARK_PYTHON": "p"}) == [
        "--packages=io.delta:delta-spark_4.2_2.13:4.4.0"
    ]


def test_a_python_the_user_named_is_used():
    said = with_defaults(["-c", "spark.pyspark.python=/opt/p"], {})
    assert [word for word in said if "pyspark.python" in word] == ["spark.pyspark.python=/opt/p"]
    assert not any("pyspark" in word for word in with_defaults([], {"PYSPARK_PYTHON": "/opt/p"}))


def test_a_cluster_driver_gets_no_interpreter_of_this_machine():
    assert not any(sys.executable in word for word in with_defaults(["--deploy-mode", "cluster"], {}))


@pytest.mark.parametrize(
    "arguments", [["other.py"], ["--verbose", "other.py"], ["--master", "local", "-"], ["--conf=a=b", "x.jar"]]
)
def test_a_second_program_is_refused(arguments):
    with pytest.raises(StepError, match="program of its own"):
        with_defaults(arguments, {})


def test_a_spark_home_without_spark_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(StepError, match="holds no bin/spark-submit"):
        submit("print()")


def test_the_child_reads_no_stdin(capfd):
    assert run_local("import sys; print(repr(sys.stdin.read()))") == 0
    assert capfd.readouterr().out == "''\n"


# ---- signals: a parent process of ours, a child of its, and a grandchild -----------------------------

PARENT = "import sys; from recipe_runtime.submit import {how}; sys.exit({how}(open(sys.argv[1]).read()))"

CHILD = """
import os, signal, subprocess, sys, time
def ended(signum, frame):
    open({folder!r} + "/signal", "a").write(f"{{signum}}\\n")
    sys.exit({{2: 130, 15: 143}}[signum])
signal.signal(signal.SIGINT, ended)
signal.signal(signal.SIGTERM, ended)
deaf = "import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(60)"
other = subprocess.Popen([sys.executable, "-c", deaf])
open({folder!r} + "/pid", "w").write(f"{{os.getpid()}} {{other.pid}}")
os.rename({folder!r} + "/pid", {folder!r} + "/pids")
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["run_local", "submit"])
@pytest.mark.parametrize(
    ("sent", "arrives", "code"),
    [(signal.SIGINT, 2, 130), (signal.SIGTERM, 15, 143), (signal.SIGHUP, 15, 143)],
)
def test_a_signal_reaches_the_script_once_and_nothing_is_left(spark, tmp_path, how, sent, arrives, code):
    job = tmp_path / "long.py"
    job.write_text(CHILD.format(folder=str(tmp_path)))
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(how=how), str(job)])
    until((tmp_path / "pids").exists)
    child, grandchild = map(int, (tmp_path / "pids").read_text().split())
    parent.send_signal(sent)
    assert parent.wait(120) == code
    assert (tmp_path / "signal").read_text().splitlines() == [str(arrives)]
    until(lambda: not alive(child) and not alive(grandchild))


def test_what_a_script_leaves_running_is_ended_with_it(tmp_path):
    left = tmp_path / "left"
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(left)!r}, 'w').write(str(p.pid))\n"
    )
    assert run_local(script) == 0
    until(lambda: not alive(int(left.read_text())))


def test_a_killed_script_gives_the_code_of_its_signal():
    assert run_local("import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == 137


def test_handlers_are_as_they_were():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run_local("pass")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
