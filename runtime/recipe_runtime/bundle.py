"""The code that executors need, as one zip for `--py-files`: our packages, and every plug-in's operators.

    bundle(out_path) -> list[str]       the names in the zip, sorted

Taken is every distribution that registers `recipec.operators`, ours among them: its packages as they are
imported here, installed or editable, and of its metadata what makes its entry points and its version known
(`--py-files *.whl` never reaches executors, and without metadata no operator is found there). Libraries do
not travel in it: executors need them in an image or a packed environment. The same code gives the same bytes.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path, PurePosixPath

from recipe_runtime.errors import StepError
from recipe_runtime.ops import GROUP

OURS = ("recipec", "recipe_runtime", "recipe_udfs")
"""The packages of our own distribution; the last two are what a worker imports."""

METADATA = ("METADATA", "entry_points.txt")
"""Of a distribution's metadata. What else there is names places of this machine."""

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold


def bundle(out_path: str) -> list[str]:
    """Writes the zip and returns its names. Raises StepError where a plug-in cannot be run from a zip or the
    zip cannot be written."""
    found: dict[str, bytes] = {}
    for distribution in _distributions():
        for name in _packages(distribution):
            found |= _sources(distribution, name)
        found |= _metadata(distribution)
    try:
        _write(out_path, found)
    except OSError as error:
        raise StepError(f"cannot write {out_path}: {error.strerror}", remedy="name another place") from error
    return sorted(found)


def _distributions() -> list[metadata.Distribution]:
    """Every installed distribution that registers operators, by name."""
    found = {point.dist.name: point.dist for point in metadata.entry_points(group=GROUP) if point.dist}
    if "recipec" not in found:
        raise StepError("recipec is not installed here", remedy="pip install it: its metadata goes into the zip")
    return [found[name] for name in sorted(found)]


def _packages(distribution: metadata.Distribution) -> list[str]:
    """Its importable top-level names: those its files are in, those its operators are in, and ours."""
    found = {point.module.partition(".")[0] for point in distribution.entry_points if point.group == GROUP}
    found |= set(OURS) if distribution.name == "recipec" else set()
    for path in distribution.files or ():
        top = PurePosixPath(path).parts[0]
        if path.suffix == ".py" and top != ".." and top != "__pycache__":
            found.add(top.removesuffix(".py"))
    return sorted(found)


def _sources(distribution: metadata.Distribution, name: str) -> dict[str, bytes]:
    """The files of a package or module, by their place in the zip."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise StepError(f"{name} of {distribution.name} cannot be imported here", remedy="install it again")
    if spec.origin is None:
        raise StepError(
            f"{name} of {distribution.name} has no __init__.py, and executors find no such package in a zip",
            remedy="give it an __init__.py",
        )
    origin = Path(spec.origin)
    if spec.submodule_search_locations is None:
        return {origin.name: _read(distribution, origin)}
    return {
        f"{name}/{path.relative_to(origin.parent).as_posix()}": _read(distribution, path)
        for path in _below(origin.parent)
    }


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _read(distribution: metadata.Distribution, path: Path) -> bytes:
    if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
        raise StepError(
            f"{distribution.name} has compiled code ({path.name}), which Python cannot load from a zip",
            remedy="install it on the executors, in their image or a packed environment, and uninstall it here",
        )
    return path.read_bytes()


def _metadata(distribution: metadata.Distribution) -> dict[str, bytes]:
    folder = f"{distribution.name.replace('-', '_')}-{distribution.version}.dist-info"
    texts = {name: distribution.read_text(name) for name in METADATA}
    return {f"{folder}/{name}": text.encode() for name, text in texts.items() if text is not None}


def _write(out_path: str, files: dict[str, bytes]) -> None:
    """The whole zip or none: it takes its name when it is complete."""
    temporary = f"{out_path}.{os.getpid()}"
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, files[name])
        os.replace(temporary, out_path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
