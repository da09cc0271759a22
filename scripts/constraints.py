"""Writes constraints.txt: the exact versions, in this environment, of everything the project depends on.

    .venv/bin/python scripts/constraints.py

Only the dependency closure of the project and its `test` extra is listed, so what else lies in an
environment does not get in.
"""

import importlib.metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).resolve().parent.parent / "constraints.txt"
HEADER = """\
# The versions this project is tested with. Delta's jar, Spark and delta-spark must agree to the last
# digit; what an operator computes (extraction, language, tokens) may change with its library, and a
# changed result is a changed dataset. `pip install -c constraints.txt` keeps everyone on the same.
#
# To refresh: empty this file, `make clean test`, and when that passes `make constraints`.
"""


def closure(name: str, extra: str) -> dict[str, str]:
    """Installed name → version of all that `name[extra]` needs, itself left out."""
    versions: dict[str, str] = {}
    waiting = [(name, extra)]
    seen = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        distribution = importlib.metadata.distribution(name)
        versions[canonicalize_name(name)] = distribution.version
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(requirement.name, wanted) for wanted in (requirement.extras or {""})]
    return versions


def main() -> None:
    versions = closure("recipec", "test")
    del versions["recipec"]
    FILE.write_text(HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(versions.items())))


if __name__ == "__main__":
    main()
