"""Whether this machine can run a job: each thing a job needs, what was found, and what to do where it is not so.

    doctor(lake=None, spark=False) -> Health     `lake`: URI or path; `spark`: also start Spark once

`Health` has `checks`, `exit_code` (0, or 4 where something is wrong), `text(width)` for people and `to_json()`.
A check that is right and has a remedy is a warning: a job runs, and something will be wanted of you.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from recipe_runtime import lake_fs as stores
from recipe_runtime.errors import DONE, FAILED, StepError
from recipe_runtime.safe_text import safe
from recipe_runtime.session import DELTA_JAR, SPARK_VERSION

OLDEST_PYTHON = (3, 11)
JAVA_VERSIONS = (17, 21)
"""What Spark 4.2 runs on."""
IVY = ".ivy2.5.2"
"""Where Spark 4.2 keeps fetched jars, below the home folder, unless spark.jars.ivy says otherwise."""
LITTLE = 2_000_000_000
"""Free bytes below which a disk is warned of: a shard is 512 MB of input, and a shuffle writes it again."""
NONE = 16 * 1024 * 1024
"""Free bytes below which a disk counts as full, as it does when a job ends for want of space."""
START_SECONDS = 300
"""How long Spark may take to start: the first time it fetches the jar."""

_IMPORT_ERRORS = (ImportError, OSError, AttributeError, TypeError, ValueError, LookupError, NameError, RuntimeError,
                  SyntaxError)  # fmt: skip
# What importing somebody else's module can end with short of a crash of the interpreter.


@dataclass(frozen=True)
class Check:
    """One thing. `remedy` is empty where there is nothing to do."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    @property
    def state(self) -> str:
        """`ok`, `warning` or `wrong`."""
        return ("warning" if self.remedy else "ok") if self.ok else "wrong"


@dataclass(frozen=True)
class Health:
    """All checks, in the order a job needs the things."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """4 where a job could not do its work, else 0."""
        return DONE if all(check.ok for check in self.checks) else FAILED

    def text(self, width: int = 100) -> str:
        """One line a check, and one for each remedy, wrapped under themselves."""
        lines = []
        for check in self.checks:
            for lead, said in ((check.state, f"{check.name}: {check.found}"), ("", check.remedy)):
                if said:
                    begin = lead.ljust(9 if lead else 11)
                    lines += textwrap.wrap(
                        safe(said, 1_000), max(width, 40), initial_indent=begin, subsequent_indent=" " * 11,
                        break_on_hyphens=False, break_long_words=False,
                    )  # fmt: skip
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The checks as JSON values, `state` among them."""
        return {
            "exit_code": self.exit_code,
            "checks": [{**asdict(check), "state": check.state} for check in self.checks],
        }


def doctor(lake: str | None = None, spark: bool = False) -> Health:
    """Looks at everything. Raises nothing for what is wrong with the machine."""
    checks = [python(), java(), spark_versions(), delta_jar(), *libraries(), operators(), loopback()]
    checks += [disk("Spark's local folder", folder) for folder in _local_folders()]
    if lake is not None:
        checks += lake_checks(lake)
    if spark:
        checks.append(spark_start())
    return Health(tuple(checks))


# ---- the machine -------------------------------------------------------------------------------------


def python() -> Check:
    """The interpreter that runs this, which is also the workers' unless PYSPARK_PYTHON says otherwise."""
    found = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    ok = sys.version_info[:2] >= OLDEST_PYTHON
    return Check("Python", ok, found, "" if ok else f"use Python {'.'.join(map(str, OLDEST_PYTHON))} or newer")


def java() -> Check:
    """The Java that Spark will start: $JAVA_HOME's, else the one on the PATH."""
    wanted = " or ".join(map(str, JAVA_VERSIONS))
    home = os.environ.get("JAVA_HOME")
    place = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if place is None:
        return Check("Java", False, "none on the PATH, and JAVA_HOME is not set", f"install a JRE {wanted}")
    try:
        said = subprocess.run([place, "-version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        return Check("Java", False, f"{place} does not run: {error.strerror}", f"set JAVA_HOME to a Java {wanted}")
    version = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', said.stderr + said.stdout)
    if said.returncode or version is None:
        return Check("Java", False, f"{place} tells no version", f"set JAVA_HOME to a Java {wanted}")
    ok = int(version[2]) in JAVA_VERSIONS
    return Check("Java", ok, f"{version[1]} at {place}", "" if ok else f"Spark needs Java {wanted}: set JAVA_HOME")


def spark_versions() -> Check:
    """pyspark, delta-spark and pandas are those that were run together."""
    wanted = {"pyspark": SPARK_VERSION, "delta-spark": DELTA_JAR.rpartition(":")[2], "pandas": "2."}
    found = {name: _version(name) for name in wanted}
    wrong = [f"{n} {w}{'x' if w[-1] == '.' else ''}" for n, w in wanted.items() if not _fits(found[n], w)]
    remedy = f"install {', '.join(wrong)}: these go together" if wrong else ""
    return Check("Spark", not wrong, ", ".join(f"{n} {v or 'missing'}" for n, v in found.items()), remedy)


def _fits(version: str | None, wanted: str) -> bool:
    return version is not None and (version.startswith(wanted) if wanted[-1] == "." else version == wanted)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def delta_jar() -> Check:
    """Delta's jar, where Spark keeps what it has fetched or among Spark's own jars."""
    group, artifact, version = DELTA_JAR.split(":")
    folders = [(_ivy_folder() / "jars", f"{group}_{artifact}-{version}.jar")]
    folders += [(jars, f"{artifact}-{version}.jar") for jars in _spark_jars()]
    for folder, name in folders:
        if (folder / name).is_file():
            return Check("Delta's jar", True, str(folder / name))
    looked = " and ".join(str(folder) for folder, _ in folders)
    return Check(
        "Delta's jar", True, f"{artifact} {version} is not in {looked}",
        "the first start fetches it (87 MB) and needs the network for that; spark.jars.ivy moves the folder",
    )  # fmt: skip


def _ivy_folder() -> Path:
    """What spark.jars.ivy says in PYSPARK_SUBMIT_ARGS or spark-defaults.conf, else Spark's own place."""
    said = re.search(r"spark\.jars\.ivy=(\S+)", os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    if said:
        return Path(said[1].strip("'\"")).expanduser()
    homes = [os.environ.get("SPARK_CONF_DIR"), *(str(jars.parent / "conf") for jars in _spark_jars())]
    for folder in filter(None, homes):
        defaults = Path(folder) / "spark-defaults.conf"
        if defaults.is_file():
            said = re.search(r"^\s*spark\.jars\.ivy[\s=]+(\S+)", defaults.read_text(), re.MULTILINE)
            if said:
                return Path(said[1]).expanduser()
    return Path.home() / IVY


def _spark_jars() -> list[Path]:
    home = os.environ.get("SPARK_HOME")
    if home:
        return [Path(home) / "jars"]
    found = importlib.util.find_spec("pyspark")
    return [Path(found.origin).parent / "jars"] if found and found.origin else []


def loopback() -> Check:
    """Driver and workers talk over a port of this machine."""
    try:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            return Check("loopback", True, f"a port can be opened on 127.0.0.1 (got {listening.getsockname()[1]})")
    except OSError as error:
        return Check(
            "loopback", False, f"no port can be opened on 127.0.0.1: {error.strerror}",
            "allow local sockets: Spark's driver and workers talk through them",
        )  # fmt: skip


def disk(name: str, folder: str) -> Check:
    """Free bytes where a local folder is, or will be made."""
    place = _standing(folder)
    free = shutil.disk_usage(place).free
    found = f"{folder}: {free / 1e9:,.1f} GB free"
    if not os.access(place, os.W_OK):
        return Check(name, False, f"{folder} cannot be written", "change its permissions, or name another folder")
    remedy = "" if free >= LITTLE else "free some, or name a folder on a larger disk"
    return Check(name, free >= NONE, found, remedy)


def _standing(folder: str) -> str:
    """The folder, or the nearest above it that is there."""
    place = os.path.abspath(folder)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    return place


def _local_folders() -> list[str]:
    return [folder for folder in os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",") if folder]


# ---- what is installed -------------------------------------------------------------------------------


def libraries() -> Iterator[Check]:
    """Every library that recipec asks for imports, and has the version where it asks for one alone."""
    modules: dict[str, list[str]] = {}
    for module, names in metadata.packages_distributions().items():
        for name in set(names):
            modules.setdefault(_normal(name), []).append(module)
    good = []
    for requirement in metadata.requires("recipec") or ():
        if "extra ==" in requirement:
            continue
        name = re.match(r"[\w.-]+", requirement)[0]
        wrong = _library(name, requirement, modules.get(_normal(name), []))
        if wrong:
            yield Check("library", False, wrong, f"pip install '{requirement.partition(';')[0].strip()}'")
        else:
            good.append(f"{name} {_version(name)}")
    yield Check("libraries", True, ", ".join(good))


def _library(name: str, requirement: str, modules: list[str]) -> str:
    """What is wrong with one, or nothing."""
    version = _version(name)
    if version is None:
        return f"{name} is not installed"
    pinned = re.search(r"==\s*([\w.]+)", requirement)
    if pinned and pinned[1] != version:
        return f"{name} is {version}, wanted is {pinned[1]}"
    own = [module for module in modules if _normal(module) == _normal(name)] or modules
    for module in own:
        try:
            importlib.import_module(module)
        except _IMPORT_ERRORS as error:
            return f"{name} {version} does not import: {type(error).__name__}: {error}"
    return ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def operators() -> Check:
    """Every entry point of `recipec.operators` loads."""
    from recipe_runtime.ops import GROUP

    counts: dict[str, int] = {}
    for point in metadata.entry_points(group=GROUP):
        owner = point.dist.name if point.dist else point.value
        try:
            loaded = point.load()
        except _IMPORT_ERRORS as error:
            return Check(
                "operators", False, f"{point.value} of {owner} does not load: {type(error).__name__}: {error}",
                f"mend {owner}, or uninstall it",
            )  # fmt: skip
        counts[owner] = counts.get(owner, 0) + (len(list(loaded)) if isinstance(loaded, Iterable) else 1)
    if not counts:
        return Check("operators", False, "none are registered", "install recipec again: its metadata is missing")
    return Check("operators", True, ", ".join(f"{count} of {owner}" for owner, count in sorted(counts.items())))


# ---- the lake ----------------------------------------------------------------------------------------


def lake_checks(uri: str) -> list[Check]:
    """Its store, whether it is a lake of our format, its disk, and versions about to end."""
    from recipe_runtime.lake import HOUSE, Lake

    kind = stores.scheme(uri)
    try:
        lake = Lake(uri)
        there = lake.fs.exists(f"{lake.root.rstrip('/')}/{HOUSE}/format.json")
        if there:
            lake.check_format()
    except StepError as error:
        return [Check("lake", False, error.message, error.remedy)]
    except OSError as error:
        return [Check("lake", False, f"{uri} cannot be reached: {error}", "check its address and credentials")]
    found = f"{lake.uri}: " + ("a lake" if there else f"no lake yet (no {HOUSE}/format.json); a run makes it")
    checks = [Check("lake", True, found, _ONE_WRITER if kind in ("s3", "s3a") else "")]
    if lake.local:
        checks.append(disk("the lake's disk", lake.root))
    return checks + (_expiring(lake.uri) if there else [])


_ONE_WRITER = (
    "S3 takes one writer at a time: never run two jobs over one lake, or set spark.delta.logStore.s3a.impl"
    " to a log store that serialises them"
)


def _expiring(uri: str) -> list[Check]:
    from recipe_runtime.lineage import expiring

    found = expiring(uri)
    if not found:
        return [Check("retention", True, "no version of an output is about to end")]
    return [
        Check(
            "retention", True,
            f"version {each.version} of {each.output} may be removed from {each.until:%Y-%m-%d %H:%M} UTC on"
            + (", a time that has come" if each.due else ""),
            f"copy it, or set {each.setting} of {each.uri} higher",
        )
        for each in found
    ]  # fmt: skip


# ---- Spark itself ------------------------------------------------------------------------------------

_START = """
import sys
from recipe_runtime import session
spark = session.create("recipec doctor")
path = sys.argv[1] + "/table"
spark.range(3).write.format("delta").save(path)
assert spark.read.format("delta").load(path).count() == 3
print(spark.version)
"""


def spark_start() -> Check:
    """Starts Spark as a job does, and writes and reads a Delta table of three rows."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="recipec-doctor-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _START, folder], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                timeout=START_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Check(
                "Spark's start", False, f"no answer in {START_SECONDS} s",
                "look at what it says: python -c 'from recipe_runtime import session; session.create(\"try\")'",
            )  # fmt: skip
    seconds = time.monotonic() - began
    if done.returncode:
        last = " | ".join(line.strip() for line in done.stderr.splitlines()[-5:] if line.strip())
        return Check("Spark's start", False, f"failed after {seconds:.0f} s: {last}", "mend the checks above first")
    return Check("Spark's start", True, f"{done.stdout.split()[-1]}, with Delta, in {seconds:.0f} s")
