"""The lake: where tables stand, the format number that guards them, and blobs kept by their hash."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

from recipe_runtime.errors import StepError
from recipe_runtime.lake_fs import lake_fs

FORMAT = 1
HOUSE = "_recipec"


class Lake:
    """`<lake>/<output>/` is one Delta table per write; `<lake>/_recipec/` holds everything else."""

    def __init__(self, uri: str):
        self.uri = uri.rstrip("/") if "://" in uri else os.path.abspath(uri)
        self.fs, self.root = lake_fs(self.uri)

    @property
    def local(self) -> bool:
        return "://" not in self.uri or self.uri.startswith("file://")

    def output(self, name: str) -> str:
        """URI of an output table."""
        return f"{self.uri}/{name}"

    def table(self, name: str) -> str:
        """URI of one of the lake's own tables: runs, steps, rejects, edges, stats."""
        return f"{self.uri}/{HOUSE}/{name}"

    def relation(self, digest: str) -> str:
        """URI of the table that holds what a step made."""
        return f"{self.uri}/{HOUSE}/relations/{digest}"

    def held(self, run_id: str) -> str:
        """URI of the folder for what one step of a run reads several times."""
        return f"{self.uri}/{HOUSE}/held/{run_id}"

    def forget_held(self, run_id: str) -> None:
        """Removes it; what a killed run left is removed with it once it is a day old, by the time in its name."""
        folder = self._path("held")
        self.fs.invalidate_cache()
        old = f"{datetime.now(UTC) - timedelta(days=1):%Y%m%dT%H%M%S}"
        for entry in self.fs.ls(folder, detail=False) if self.fs.exists(folder) else ():
            name = entry.rstrip("/").rpartition("/")[2]
            if name == run_id or name < old:
                self.fs.rm(entry, recursive=True)

    def _path(self, *parts: str) -> str:
        return "/".join([self.root.rstrip("/"), HOUSE, *parts])

    def open(self) -> Lake:
        """Makes the lake where there is none; refuses one of a format this version does not know."""
        marker = self._path("format.json")
        if self.fs.exists(marker):
            self.check_format()
            return self
        self.fs.makedirs(self._path("blobs"), exist_ok=True)
        self._write_whole(marker, json.dumps({"format": FORMAT}).encode())
        return self

    def check_format(self) -> Lake:
        """Raises StepError unless this is a lake of our format."""
        marker = self._path("format.json")
        if not self.fs.exists(marker):
            raise StepError(
                f"{self.uri} is not a lake: it has no {HOUSE}/format.json",
                remedy="name the folder given as `lake`",
            )
        found = json.loads(self.fs.cat_file(marker))["format"]
        if found != FORMAT:
            raise StepError(
                f"the lake {self.uri} has format {found}, this recipec knows {FORMAT}",
                remedy="use the recipec version that made it, or a new lake",
            )
        return self

    def put_blob(self, data: bytes) -> str:
        """Keeps `data` under its SHA-256 and returns that; keeping it twice is once."""
        name = hashlib.sha256(data).hexdigest()
        path = self._path("blobs", name)
        if not self.fs.exists(path):
            self._write_whole(path, data)
        return name

    def get_blob(self, sha256: str) -> bytes:
        """The bytes kept under `sha256`, verified."""
        path = self._path("blobs", sha256)
        if not self.fs.exists(path):
            raise StepError(f"blob {sha256} is missing from {self.uri}", remedy="restore _recipec/blobs from a backup")
        data = self.fs.cat_file(path)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StepError(f"blob {sha256} of {self.uri} is damaged", remedy="restore _recipec/blobs from a backup")
        return data

    def checksums(self) -> dict[str, str]:
        """Checksums of input files that earlier runs took, so that a file is read whole for it once."""
        path = self._path("checksums.json")
        return json.loads(self.fs.cat_file(path)) if self.fs.exists(path) else {}

    def remember_checksums(self, checksums: dict[str, str]) -> None:
        """Keeps them; where two runs do at once the later wins, and nothing but time is lost."""
        if checksums != self.checksums():
            self._write_whole(self._path("checksums.json"), json.dumps(checksums, sort_keys=True).encode())

    def _write_whole(self, path: str, data: bytes) -> None:
        """A reader sees the whole file or none: temp file, fsync, rename on a disk; one PUT on an object store."""
        if not self.local:
            self.fs.pipe_file(path, data)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
