"""Signatures of figures: over groups of rows, of whole relations, of trained models, from tables left by others.

`run` is empty: the checks know them, the plan shows them, and a compiled recipe that needs one is refused.
"""

from __future__ import annotations

from recipe_udfs.declarations.known_selection import known
from recipe_udfs.operator import Operator, Parameter

X = Parameter("x", "any", doc="A value of each row.")
OVER = Parameter("over", "any", doc="`samples`: the answers to one question; or columns whose values make a group.")
PER = Parameter("per", "column?", None, "The largest of the figures for each value of this column.")
TARGET = Parameter("target", "any", doc="The label.")
PREDICTION = Parameter("prediction", "any", doc="What the model says.")

GROUPS = (
    known("floor", "score", "The largest whole number not above it.", Parameter("x", "number"), type_="bigint",
          reads=()),
    known("majority", "score", "The value most rows of a group have; of equally many the smallest.", X, OVER,
          type_="any", reads=()),
    known("majority_share", "score", "Share of a group's rows that have its most frequent value, 0 to 1.", X, OVER,
          type_="double", reads=()),
    known(
        "lookup", "score", "A value of another relation, a table pinned at the start, found by a key.",
        Parameter("value", "any", doc="Its column."), Parameter("key", "column", doc="Of the row, and of that table."),
        Parameter("missing", "wait|null", doc="A row without one waits (the run ends with 3), or has none."),
        Parameter("where", "any", True, "Which of its rows count."),
        type_="double", reads=(),
    ),
    known(
        "improves", "statistic", "Did the last `over` values in order improve on the best before them?",
        X, Parameter("order", "any", doc="What the values are ordered by."), Parameter("over", "int"),
        Parameter("better", "lower|higher"), type_="boolean", reads=(),
    ),
)  # fmt: skip

RELATIONS = (
    known("share", "score", "Share of rows for which it is true, 0 to 1; of a list, of its items; of a group's rows.",
          Parameter("condition", "any"), Parameter("over", "any", None, OVER.doc), type_="double", reads=()),
    known("first_sentence_share", "statistic", "Share of texts that open with one of the `top` most frequent first "
          "sentences (template collapse, FinePhrase).", Parameter("top", "int"), PER, type_="double"),
    known("first_sentence_distinct_share", "statistic", "Different first sentences ÷ texts.", PER, type_="double"),
    known("distinct_ngram_share", "statistic", "Different n-grams of words ÷ n-grams (distinct-n, Li et al. 2016).",
          Parameter("n", "int"), PER, type_="double"),
)  # fmt: skip

TRAINING = (
    Operator(
        "linear", "head", 1, "A linear layer on frozen features (FineWeb-Edu).",
        (
            Parameter("output", "regression|classes", doc="A number, or a probability for each class."),
            Parameter("clamp", "range?", None, "The prediction is brought into this range."),
        ),
        reads=(),
    ),
    known("f1", "score", "Harmonic mean of precision and recall, 0 to 1.", TARGET, PREDICTION, type_="double",
          reads=()),
    known("spearman", "score", "Rank correlation, -1 to 1.", TARGET, PREDICTION, type_="double", reads=()),
)  # fmt: skip

OPERATORS = (*GROUPS, *RELATIONS, *TRAINING)
