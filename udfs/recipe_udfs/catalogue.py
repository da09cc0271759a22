"""Every operator of this package, for the entry-point group `recipec.operators`.

Declares only: the compiler reads signatures while it checks a recipe, so nothing heavy is imported.
An operator is known by (kind, name): `lines` cleans a text and also cuts it into segments.
"""

from __future__ import annotations

from recipe_udfs.declarations import (
    answers,
    classifiers,
    dedup,
    extraction,
    generation,
    job,
    known_figures,
    known_selection,
    text,
)
from recipe_udfs.operator import Operator

OPERATORS: tuple[Operator, ...] = (
    *extraction.OPERATORS,
    *text.OPERATORS,
    *dedup.OPERATORS,
    *job.OPERATORS,
    *answers.OPERATORS,
    *classifiers.OPERATORS,
    *generation.OPERATORS,
    *known_selection.OPERATORS,
    *known_figures.OPERATORS,
)
