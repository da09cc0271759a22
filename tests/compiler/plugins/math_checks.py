"""A plug-in as a user would write it: a verifier's signatures, found by the entry point beside this file."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

ANSWER = Parameter("answer", "text")
LIMITS = (Parameter("timeout", "duration"), Parameter("memory", "bytes"))

OPERATORS = (
    Operator(
        "same_result", "statistic", 1, "Is the answer's last line equal to the reference, as a number or term?",
        (ANSWER, Parameter("reference", "text"), *LIMITS), (Column("same_result", "boolean"),), reads=("answer",),
    ),
    Operator(
        "result", "statistic", 1, "The answer's last line, simplified; null where there is none.",
        (ANSWER, *LIMITS), (Column("result", "string"),), reads=("answer",),
    ),
)  # fmt: skip
