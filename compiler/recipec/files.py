"""Files that a recipe names as models, tokenizers or lists: where they are looked for."""

from __future__ import annotations

from pathlib import Path, PurePosixPath


def find_file(name: str, folder: Path | None, library: Path) -> Path | None:
    """The file beside the recipe, else in the library; None where neither has it. A name that is absolute is
    taken as it is: it came from a parameter or was refused by the check of paths."""
    if not name or "\0" in name:
        return None
    candidates = [Path(name)] if Path(name).is_absolute() else [root / name for root in (folder, library) if root]
    for candidate in candidates:
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):
            continue  # too long for a file name, or not allowed to look there
    return None


def leaves(name: str) -> bool:
    """Does a relative name climb out of its folder?"""
    return ".." in PurePosixPath(name.replace("\\", "/")).parts
