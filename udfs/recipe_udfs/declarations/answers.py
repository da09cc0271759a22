"""What stands around a model call: the segments sent, the text in an answer, and the gates' figures."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

LIBRARIES = ("fastokens", "tokenizers")
SPANS = Column(
    "segments",
    "array<struct<span_start:bigint,span_end:bigint,tokens:bigint>>",
    "The pieces in order: first and end byte in the UTF-8 text, and the tokens of the piece itself.",
)
MAX = Parameter("max", "tokens", doc="By the endpoint's tokenizer.")


def segment(name: str, doc: str, *parameters: Parameter) -> Operator:
    """A way to cut a text. `run` also takes `tokenizer`, the path of the endpoint's tokenizer.json."""
    return Operator(
        name=name, kind="segment", version=1, doc=doc, parameters=(MAX, *parameters), columns=(SPANS,),
        run="recipe_udfs.segments:segments", libraries=LIBRARIES,
    )  # fmt: skip


def answer(name: str, doc: str, *parameters: Parameter) -> Operator:
    """A step that takes an answer apart: null where what it needs is not there or nothing is left."""
    return Operator(
        name=name, kind="clean", version=1, doc=doc, parameters=parameters,
        columns=(Column("text", "string", "Null fails the answer."),), run="recipe_udfs.answers:clean_answers",
    )  # fmt: skip


ANSWER = Parameter("answer", "text", doc="The cleaned answer.")
SEGMENT = Parameter("segment", "text", doc="The piece that was sent.")

OPERATORS = (
    segment(
        "lines",
        "Pieces of whole lines, filled greedily (Nemotron-CC, Su et al. 2024); a line over `max` is dropped "
        "and ends a piece.",
        Parameter("min", "tokens?", None, "Shorter pieces are dropped."),
    ),
    segment(
        "head",
        "The beginning of the text, cut at a newline; no piece where the first line is over `max`.",
        Parameter("at", "newline", "newline"),
    ),
    answer(
        "lead_in",
        "The fixed first line must be there, and goes; text behind it on the line stays.",
        Parameter("line", "text"),
    ),
    answer("enclosing_quotes", "Quotation marks around the whole answer go."),
    answer("markdown", "Markdown's marks go, the words stay; a link's address goes."),
    answer(
        "marker_lines",
        "Lines that consist of the marker, with a number and a title behind it or not, go.",
        Parameter("marker", "text"),
    ),
    answer(
        "list_items",
        "The items of a list, a line each, bullets off; what stands around goes. One must be there.",
        Parameter("bullet", "text"),
    ),
    answer(
        "pairs",
        "Question and answer pairs, marks off, a blank line between two; incomplete pairs go.",
        Parameter("question", "text"),
        Parameter("answer", "text"),
        Parameter("at_least", "int", 1, "Fewer complete pairs fail the answer."),
    ),
    Operator(
        name="lexical_support",
        kind="score",
        version=1,
        doc="Share of the answer's words, 0 to 1, that occur in the segment: runs of letters, digits and marks "
        "in lower case, without a list of stop words. Null for an answer without a word.",
        parameters=(ANSWER, SEGMENT),
        columns=(Column("lexical_support", "double"),),
        reads=("answer", "segment"),
        run="recipe_udfs.support:lexical_support",
    ),
    Operator(
        name="copy_rate",
        kind="statistic",
        version=1,
        doc="Share of the answer's words, 0 to 1, in spans of at least 13 words that occur in the segment. "
        "Null for an answer without a word.",
        parameters=(ANSWER, SEGMENT),
        columns=(Column("copy_rate", "double"),),
        reads=("answer", "segment"),
        run="recipe_udfs.support:copies",
    ),
    Operator(
        name="copied_tokens",
        kind="statistic",
        version=1,
        doc="Tokens of the answer in spans of at least 13 words that occur in the segment.",
        parameters=(Parameter("tokenizer", "tokenizer", doc="Plain value: path of a tokenizer.json."),),
        columns=(Column("copied_tokens", "bigint"),),
        reads=("answer", "segment"),
        run="recipe_udfs.support:copies",
        libraries=LIBRARIES,
    ),
)
