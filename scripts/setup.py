"""Makes the checkout ready to run: Java, a virtual environment, the packages, Delta's jar.

    python3 scripts/setup.py [--only python|java|environment|packages|jar]

Each step is skipped while what it made is current, so a second run costs a moment. Once all have run,
no network is needed. Says one line for each thing it does, and in a terminal also shows its progress.

Standard library only, and in the syntax of Python 3.6: it is the first thing that runs, and must live
long enough to say that a Python is too old.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup.json"
PINS = ("pyproject.toml", "constraints.txt")

OLDEST_PYTHON = (3, 11)
JAVA_VERSIONS = (17, 21)      # what Spark 4.2 runs on
JAVA_PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless")   # Debian and Ubuntu have one or both

# Starts a session as a job does and prints where the jars lie.
FETCH_JARS = """
from recipe_runtime import session
spark = session.create("setup")
print(spark.sparkContext.getConf().get("spark.jars"))
spark.stop()
"""

NETWORK = " (what it said stands above; this step, once, needs the network)"


class SetupError(Exception):
    """What is missing and what to do about it, in one line."""


def run(doing, command, hint="", **environment):
    """Runs a command and returns its stdout; says what it is for, and where it fails its last lines."""
    print(f"setup: {doing} …", flush=True)
    begun = time.monotonic()
    seen = sys.stderr.isatty()
    done = subprocess.run(
        [str(word) for word in command], cwd=str(ROOT), env={**os.environ, **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=None if seen else subprocess.PIPE,
    )
    if done.returncode:
        said = done.stdout + (done.stderr or "")
        print("\n".join(said.splitlines()[-60:]), file=sys.stderr)
        raise SetupError(f"{doing} failed: {Path(command[0]).name} ended with {done.returncode}{hint}")
    print(f"setup: {doing}: {time.monotonic() - begun:.0f} s", flush=True)
    return done.stdout


def read_stamp():
    return json.loads(STAMP.read_text()) if STAMP.exists() else {}


def write_stamp(step, value):
    STAMP.write_text(json.dumps({**read_stamp(), step: value}, indent=1) + "\n")


# ---- the steps ---------------------------------------------------------------------------------------

def has_environment():
    return PYTHON.exists() and read_stamp().get("environment") == str(VENV)


def python_step():
    """A Python new enough to make the environment from, and able to; what it was made from stays with it."""
    if has_environment():
        return
    version, oldest = (".".join(map(str, parts)) for parts in (sys.version_info[:3], OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
        remedy = f"name a newer one, make PYTHON={newer[0]} …" if newer else "install a newer one"
        raise SetupError(f"Python {version} is too old, {oldest} is needed: {remedy}")
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise SetupError(f"this Python has no module {module}: sudo apt-get install {package}")


def java_version(java):
    """The major version of a `java` command, or None where it does not run."""
    try:
        said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return None
    version = re.search(r'version "(?:1\.)?(\d+)', said.stdout)
    return int(version.group(1)) if version and said.returncode == 0 else None


def java_step():
    """Java 17 or 21, where Spark will look for it; installed where it is missing and we may."""
    home = os.environ.get("JAVA_HOME")
    if home:
        java, place = str(Path(home) / "bin" / "java"), f"JAVA_HOME={home}"
    else:
        java = place = shutil.which("java") or "java"
    version = java_version(java)
    if version in JAVA_VERSIONS:
        return
    wanted = " or ".join(str(version) for version in JAVA_VERSIONS)
    if version:
        raise SetupError(f"Java {version} is at {place}, Spark needs {wanted}: set JAVA_HOME to one of these")
    if home:
        raise SetupError(f"{place} holds no Java that runs: set it to a Java {wanted}, or unset it")
    if not shutil.which("apt-get"):
        raise SetupError(f"no Java found: install a JDK or JRE {wanted}, or set JAVA_HOME to one")
    if os.geteuid() != 0:
        raise SetupError(f"no Java found: sudo apt-get install {JAVA_PACKAGES[0]} (or {JAVA_PACKAGES[1]})")
    install_java()
    if java_version(shutil.which("java") or "java") not in JAVA_VERSIONS:
        raise SetupError(f"Java was installed but does not run: set JAVA_HOME to a Java {wanted}")


def install_java():
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("no Java found, asking apt-get what there is", ["apt-get", "update", "-qq"], **quiet)
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
    first, second = JAVA_PACKAGES
    try:
        run(f"installing {first}", [*install, first], **quiet)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        run(f"installing {second}", [*install, second], **quiet)


def environment_step():
    """The virtual environment, by the Python that runs this; an existing one of this folder stays."""
    if has_environment():
        return
    version = ".".join(str(part) for part in sys.version_info[:3])
    run(f"making .venv with Python {version}", [sys.executable, "-m", "venv", "--clear", VENV])
    write_stamp("environment", str(VENV))


def packages_step():
    """This project, editable, with everything it needs at the pinned versions."""
    pins = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in PINS)).hexdigest()
    if read_stamp().get("packages") == pins:
        return
    run("installing the packages (about 500 MB the first time)",
        [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q",
         "--no-compile",  # what is imported is compiled then, the rest never: a quarter of the time
         "-c", "constraints.txt", "-e", ".[test]"], hint=NETWORK)
    write_stamp("packages", pins)


def jar_step():
    """Delta's jar and what it needs, resolved through Ivy by one start of Spark."""
    made = read_stamp()
    jars = made.get("jars")
    current = jars and jars["packages"] == made.get("packages")
    if current and all(Path(path).exists() for path in jars["paths"]):
        return
    said = run("fetching Delta's jar (87 MB the first time)", [PYTHON, "-c", FETCH_JARS], hint=NETWORK)
    paths = [urlsplit(jar).path for jar in said.splitlines()[-1].split(",")]
    write_stamp("jars", {"packages": made.get("packages"), "paths": paths})


STEPS = {
    "python": python_step,
    "java": java_step,
    "environment": environment_step,
    "packages": packages_step,
    "jar": jar_step,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(STEPS), help="run this step alone")
    only = parser.parse_args().only
    try:
        for name, step in STEPS.items():
            if only in (None, name):
                step()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
