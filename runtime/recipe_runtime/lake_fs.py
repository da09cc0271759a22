"""The one function through which Python opens files: a URI to its file system and its path there."""

from __future__ import annotations

import os
import re
from typing import Any

from recipe_runtime.errors import StepError

LIBRARIES = {
    "file": "fsspec",
    "hdfs": "pyarrow",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "s3": "s3fs",
    "s3a": "s3fs",
}
"""Scheme → the distribution that reads and writes it."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


class UnknownStore(StepError):
    """The scheme of a URI is none that this version reads or writes."""


class MissingStoreLibrary(StepError):
    """The store is known, the library that speaks to it is not installed here."""


def scheme(uri: str) -> str:
    """`file` for a path without a scheme, else the scheme in lower case."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def lake_fs(uri: str) -> tuple[Any, str]:
    """(fsspec file system, path on it) of a URI or a local path; a local path comes back absolute.

    Folders of a local file are made when it is written, as object stores do. Credentials are taken from
    where the store's own library looks for them. Raises UnknownStore and MissingStoreLibrary.
    """
    kind = scheme(uri)
    if kind not in LIBRARIES:
        raise UnknownStore(
            f"{uri}: no store of the scheme {kind}:// is known",
            remedy="use a local path or one of " + ", ".join(f"{name}://" for name in LIBRARIES),
        )
    if kind == "file":
        from fsspec.implementations.local import LocalFileSystem

        return LocalFileSystem(auto_mkdir=True), os.path.abspath(_local(uri))
    import fsspec

    try:
        return fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise MissingStoreLibrary(
            f"{uri}: {LIBRARIES[kind]}, which reads {kind}://, cannot be imported here ({error})",
            remedy=f"install {LIBRARIES[kind]} on the driver and the workers",
        ) from error


def _local(uri: str) -> str:
    """The path of a local URI: file:/a, file:///a and file://localhost/a are all /a."""
    if not uri.lower().startswith("file:"):
        return uri
    path = uri[len("file:") :]
    if path.startswith("//"):
        path = path[2:].removeprefix("localhost")
    return "/" + path.lstrip("/")
