"""What an emitted job calls: session, sources, steps, Delta tables, ledger, lineage.

The names below are the whole vocabulary of an emitted script (`import recipe_runtime as rt`). They are
loaded on first use, because a worker imports this package only to reach the readers in `sources`.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "exit_codes": "exits",
    "start": "job",
    "op": "ops",
    "field": "ops",
    "literal": "ops",
    "file": "ops",
    "env": "ops",
    "rule": "rules",
    "test": "rules",
    "figures": "rules",
    "keep": "decide",
    "with_columns": "decide",
    "without": "decide",
    "scored": "decide",
    "drop_duplicates": "decide",
    "undecided": "decide",
    "after_edit": "decide",
    "keep_best": "decide",
    "sampled": "steps.sample",
    "endpoint": "asking",
    "prompt": "asking",
    "var": "asking",
    "scorer": "asking",
    "with_texts": "texts",
    "document": "document_row",
    "derived": "document_row",
    "in_order": "document_row",
    "take": "mixing.ask",
    "cap": "mixing.ask",
    "unique": "expect",
    "not_null": "expect",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"recipe_runtime has no {name!r}")
    return getattr(importlib.import_module(f"recipe_runtime.{_NAMES[name]}"), name)
