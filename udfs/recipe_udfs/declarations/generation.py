"""Scores, segments, answers and actions: signatures that recipes are checked against.

None of these can run in this version: their `run` is empty, and compiling a recipe that needs one
names it.
"""

from __future__ import annotations

from recipe_udfs.operator import Column, Kind, Operator, Parameter

WEIGHT = Parameter("weight", "documents|bytes|tokens", doc="What the percentiles are taken over.")
FIT = Parameter("fit", "relation", doc="The relation the thresholds are fitted on.")
WITHIN = Parameter("within", "column?", None, "Fitted and applied for each value of this column.")
X = Parameter("x", "number")


def signature(
    name: str, kind: Kind, doc: str, *parameters: Parameter,
    type_: str = "double", reads: tuple[str, ...] = (), variadic: bool = False,
) -> Operator:
    """An operator that is known but has no code behind it yet."""
    columns = (Column(name, type_),) if kind in ("score", "statistic") else ()
    return Operator(name, kind, 1, doc, parameters, columns, reads=reads, variadic=variadic)


SCORES = (
    signature(
        "onnx", "score", "A classifier in one ONNX file.",
        Parameter("file", "file"),
        Parameter("max_tokens", "tokens?", None, "The text is cut there."),
        Parameter("clamp", "range?", None, "The score is brought into this range."),
        reads=("text",),
    ),
    signature(
        "fasttext", "score", "Probability of one label under a fastText model.",
        Parameter("model", "file"), Parameter("class", "text"), reads=("text",),
    ),
    signature(
        "bucket", "score", "Which of n parts of equal weight a score falls into, 0 to n − 1.",
        X, Parameter("n", "int"), FIT, WEIGHT, WITHIN, type_="bigint",
    ),
    signature("percentile", "score", "Share of the fitted weight below it, 0 to 1.", X, FIT, WEIGHT, WITHIN),
    signature("max", "score", "The largest of the values.", X, variadic=True),
    signature(
        "mean", "score", "The mean of the values; with `over`, of one value over a group of rows.",
        X, Parameter("over", "any", None), variadic=True,
    ),
    signature(
        "lexical_support", "score", "Share of an answer's content words found in the segment.",
        Parameter("answer", "text"), Parameter("segment", "text"),
    ),
    signature(
        "best", "score", "Is the row among the n with the highest value of its group?",
        Parameter("n", "int"), Parameter("by", "number"), Parameter("over", "any"),
        Parameter("order", "descending|ascending", "descending"), type_="boolean",
    ),
)

SEGMENTS = (
    signature(
        "lines", "segment", "Pieces of whole lines, filled greedily; a longer line is dropped.",
        Parameter("max", "tokens"), Parameter("min", "tokens?", None, "Shorter pieces are dropped."),
    ),
    signature(
        "head", "segment", "The beginning of the text, cut at a newline.",
        Parameter("max", "tokens"), Parameter("at", "newline", "newline"),
    ),
)

ACTIONS = (
    signature("discard", "action", "The answer is rejected."),
    signature("retry", "action", "Ask again, up to n more rounds.", Parameter("n", "int")),
    signature("quarantine", "action", "The answer is set apart, to be looked at."),
    signature("keep_source", "action", "The source row stands in for the answer."),
)

ANSWERS = (
    signature("lead_in", "clean", "The fixed first line must be there, and goes.", Parameter("line", "text")),
    signature("enclosing_quotes", "clean", "Quotation marks around the whole answer go."),
    signature("markdown", "clean", "Markdown's marks go, the words stay."),
    signature("marker_lines", "clean", "Lines that begin with the marker go.", Parameter("marker", "text")),
    signature("list_items", "clean", "The items of a list, bullets off.", Parameter("bullet", "text")),
    signature(
        "pairs", "clean", "Question and answer pairs, marks off.",
        Parameter("question", "text"), Parameter("answer", "text"), Parameter("at_least", "int", 1),
    ),
)

OPERATORS = (*SCORES, *SEGMENTS, *ACTIONS, *ANSWERS)
