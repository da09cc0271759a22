"""Scores over columns, and actions: what the job does itself, and signatures that nothing stands behind yet.

One whose `run` is empty is known to the checks; compiling a recipe that needs it names it.
"""

from __future__ import annotations

from recipe_udfs.operator import IN_RUNTIME, Column, Kind, Operator, Parameter

WEIGHT = Parameter("weight", "documents|bytes|tokens", doc="What the percentiles are taken over.")
FIT = Parameter("fit", "relation", doc="The relation the thresholds are fitted on.")
WITHIN = Parameter("within", "column?", None, "Fitted and applied for each value of this column.")
X = Parameter("x", "number")


def signature(
    name: str, kind: Kind, doc: str, *parameters: Parameter,
    type_: str = "double", reads: tuple[str, ...] = (), variadic: bool = False, run: str = IN_RUNTIME,
) -> Operator:
    """An operator that no function on a worker stands behind."""
    columns = (Column(name, type_),) if kind in ("score", "statistic") else ()
    return Operator(name, kind, 1, doc, parameters, columns, reads=reads, run=run, variadic=variadic)


SCORES = (
    signature(
        "fasttext", "score", "Probability of one label under a fastText model.",
        Parameter("model", "file"),
        Parameter("class", "text?", None, "The label; none where the best one is asked for."),
        Parameter("output", "probability|class", "probability", later=True, added=True),
        reads=("text",), run="",
    ),
    signature(
        "bucket", "score", "Which of n parts of equal weight a score falls into, 0 to n − 1.",
        X, Parameter("n", "int"), FIT, WEIGHT, WITHIN, type_="bigint",
    ),
    signature("percentile", "score", "Share of the fitted weight below it, 0 to 1.", X, FIT, WEIGHT, WITHIN, run=""),
    signature("max", "score", "The largest of the values.", X, variadic=True),
    signature(
        "mean", "score", "The mean of the values; with `over`, of one value over a group of rows.",
        X, Parameter("over", "any", None), variadic=True,
    ),
    signature(
        "best", "score", "Is the row among the n with the highest value of its group?",
        Parameter("n", "int"), Parameter("by", "number"), Parameter("over", "any"),
        Parameter("order", "descending|ascending", "descending"), type_="boolean",
    ),
)

ACTIONS = (
    signature("discard", "action", "The answer is rejected."),
    signature("retry", "action", "Ask again, up to n more rounds.", Parameter("n", "int")),
    signature("quarantine", "action", "The answer is set apart, to be looked at."),
    signature("keep_source", "action", "The source row stands in for the answer."),
    signature(
        "tolerate", "action", "Up to this share of the units may go on waiting, counted apart.",
        Parameter("share", "share"),
    ),
)

OPERATORS = (*SCORES, *ACTIONS)
