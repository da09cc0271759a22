"""Arrow arrays of Python values without pandas.

The first time pyarrow makes an array of anything that is not Arrow it imports pandas, to know a Series when it meets
one. That takes a worker longer than its first 16 MB of documents, and no task of ours has a Series.
"""

from __future__ import annotations

import sys
from typing import Any


class _Absent:
    """Finds no pandas, and leaves every other module to the finders behind it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden from pyarrow", name=name)


def without_pandas() -> None:
    """Lets pyarrow look for pandas now and find none; of no effect where it is imported already. Whoever imports
    pandas later gets it, and pyarrow looks again when it is asked for a DataFrame."""
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _Absent)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_Absent)
