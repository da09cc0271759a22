"""A throwaway Python environment for each peer: made once under --work, with pinned versions, and told apart by them.

Nothing of a peer is installed beside the product. A peer that does not install is reported with pip's last words, and
tried again the next time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """The Python of an environment and the version of the peer in it, or in `problem` why there is none."""

    python: str
    version: str
    problem: str = ""


def environment(name: str, requirements: Sequence[str], folder: Path) -> Environment:
    """The environment in `folder` with these requirements, made if it is not there."""
    made, python = folder / "made.json", str(folder / "bin" / "python")
    if made.exists():
        record = json.loads(made.read_text())
        if record["requirements"] == list(requirements):
            return Environment(python, record["version"])
    shutil.rmtree(folder, ignore_errors=True)
    print(f"environment: {name}: installing {', '.join(requirements)}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    log = folder / "pip.log"
    with log.open("wb") as file:
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", *requirements]
        code = subprocess.run(pip, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        said = [line for line in lines if line.startswith("ERROR")] or lines or ["nothing"]
        return Environment("", "", f"pip ended with {code}: {said[-1]}")
    distribution = requirements[0].partition("==")[0].partition("[")[0]
    ask = [python, "-c", f"import importlib.metadata as m; print(m.version({distribution!r}))"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    made.write_text(json.dumps({"requirements": list(requirements), "version": version}))
    return Environment(python, version)
