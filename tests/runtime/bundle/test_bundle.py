"""A zip from `recipec bundle` is all that a Python with the libraries needs to find and run the operators."""

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata, util
from pathlib import Path

import pytest
from recipe_runtime.bundle import OURS, bundle
from recipe_runtime.errors import StepError

LIBRARIES = sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "recipec.zip"
    bundle(str(path))
    return path


def fresh(code: str, *paths: object):
    """What `code` prints as JSON in a Python that sees the standard library and `paths`, and no .pth file."""
    begin = f"import json, sys; sys.path[:0] = {[str(path) for path in paths]!r}; "
    done = subprocess.run([sys.executable, "-S", "-c", begin + code], text=True, capture_output=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_metadata_is_found_in_the_zip_alone(archive):
    code = (
        "from importlib import metadata as m;"
        "print(json.dumps([m.version('recipec'), sorted(p.value for p in m.entry_points(group='recipec.operators'))]))"
    )
    here = sorted(
        point.value
        for point in metadata.entry_points(group="recipec.operators")
        if point.dist and point.dist.name == "recipec"
    )
    assert fresh(code, archive) == [metadata.version("recipec"), here]


def test_operators_load_and_run_from_the_zip(archive):
    code = (
        "from recipe_runtime import ops; import recipe_runtime, recipe_udfs;"
        "run = ops.registry()['statistic', 'stats.words'].load();"
        "import pyarrow as pa; from recipe_udfs.operator import Call;"
        "out = run({'text': pa.array(['one two', None], pa.large_string())}, [Call('stats.words', {})]);"
        "files = [recipe_runtime.__file__, recipe_udfs.__file__, run.__code__.co_filename];"
        "print(json.dumps([*files, out[0][0].to_pylist()]))"
    )
    runtime, udfs, run, words = fresh(code, archive, LIBRARIES)
    assert all(path.startswith(str(archive)) for path in (runtime, udfs, run))
    assert words == [2, None]


def test_it_holds_packages_and_metadata_and_nothing_of_this_machine(archive):
    names = zipfile.ZipFile(archive).namelist()
    version = metadata.version("recipec")
    assert {f"{package}/__init__.py" for package in OURS} <= set(names)
    info = {name for name in names if ".dist-info/" in name}
    assert {f"recipec-{version}.dist-info/METADATA", f"recipec-{version}.dist-info/entry_points.txt"} <= info
    assert not [name for name in names if name.endswith((".pyc", "RECORD", "direct_url.json", ".pth"))]


def test_the_same_code_gives_the_same_bytes_editable_or_installed(archive, tmp_path):
    again = tmp_path / "again.zip"
    bundle(str(again))
    assert again.read_bytes() == archive.read_bytes()
    site = tmp_path / "site"
    for package in OURS:
        origin = Path(util.find_spec(package).origin).parent
        shutil.copytree(origin, site / package)
    info = site / f"recipec-{metadata.version('recipec')}.dist-info"
    info.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (info / name).write_text(metadata.distribution("recipec").read_text(name))
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    installed = tmp_path / "installed.zip"
    code = f"from recipe_runtime.bundle import bundle; print(json.dumps(bundle({str(installed)!r})))"
    assert fresh(code, site, LIBRARIES) == zipfile.ZipFile(installed).namelist()
    assert installed.read_bytes() == archive.read_bytes()


# ---- plug-ins ----------------------------------------------------------------------------------------


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a distribution `math-checks` of these files, whose operators are at `value`."""

    def install(files: dict[str, str], value: str, group: str = "recipec.operators") -> None:
        site = tmp_path / "site"
        info = site / "math_checks-2.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: math-checks\nVersion: 2.1\n")
        (info / "entry_points.txt").write_text(f"[{group}]\nchecks = {value}\n")
        for name, text in files.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text)
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
        monkeypatch.syspath_prepend(str(site))

    return install


def test_a_plug_in_travels_with_its_helpers_and_its_metadata(plugin, tmp_path):
    plugin(
        {"mathchecks/__init__.py": "OPERATORS = ()\n", "mathchecks/sub/__init__.py": "", "mathchecks/table.json": "{}",
         "mathchecks_help.py": "HELP = 1\n"},
        "mathchecks:OPERATORS",
    )  # fmt: skip
    names = bundle(str(tmp_path / "out.zip"))
    assert {
        "mathchecks/__init__.py", "mathchecks/sub/__init__.py", "mathchecks/table.json", "mathchecks_help.py",
        "math_checks-2.1.dist-info/METADATA", "math_checks-2.1.dist-info/entry_points.txt",
    } <= set(names)  # fmt: skip
    code = (
        "from importlib import metadata as m; import mathchecks_help; "
        "print(json.dumps([p.load() for p in m.entry_points(group='recipec.operators') if p.name == 'checks']))"
    )
    assert fresh(code, tmp_path / "out.zip") == [[]]


def test_a_distribution_without_operators_stays_at_home(plugin, tmp_path):
    plugin({"mathchecks/__init__.py": ""}, "mathchecks:main", group="console_scripts")
    assert not [name for name in bundle(str(tmp_path / "out.zip")) if name.startswith(("mathchecks", "math_checks"))]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"mathchecks/__init__.py": "", "mathchecks/fast.abi3.so": ""}, "compiled code"),
        ({"mathchecks/operators.py": ""}, "no __init__.py"),
        ({}, "cannot be imported"),
    ],
)
def test_a_plug_in_that_cannot_run_from_a_zip_is_refused_and_no_zip_is_made(plugin, tmp_path, files, said):
    plugin(files, "mathchecks.operators:OPERATORS")
    with pytest.raises(StepError, match=said) as error:
        bundle(str(tmp_path / "out.zip"))
    assert error.value.remedy
    assert not list(tmp_path.glob("out.zip*"))


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(StepError, match="cannot write .*nowhere"):
        bundle(str(tmp_path / "nowhere" / "out.zip"))
