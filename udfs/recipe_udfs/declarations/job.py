"""What the emitted job does itself: rules over a whole relation, where it is written, tokenizers."""

from __future__ import annotations

from recipe_udfs.operator import IN_RUNTIME, Operator, Parameter

OPERATORS = (
    Operator(
        name="unique",
        kind="expect",
        version=1,
        doc="No two rows have the same values in these columns.",
        parameters=(Parameter("columns", "columns"),),
        reads=(),
        run=IN_RUNTIME,
        variadic=True,
    ),
    Operator(
        name="not_null",
        kind="expect",
        version=1,
        doc="The column has a value in every row.",
        parameters=(Parameter("column", "column"),),
        reads=(),
        run=IN_RUNTIME,
    ),
    Operator(
        name="delta",
        kind="sink",
        version=1,
        doc="A versioned Delta table of the relation's name in the lake.",
        parameters=(Parameter("lake", "path"),),
        reads=(),
        run=IN_RUNTIME,
    ),
    Operator(
        name="hf",
        kind="tokenizer",
        version=1,
        doc="A tokenizer.json as Hugging Face's tokenizers writes it.",
        parameters=(Parameter("file", "file"),),
        reads=(),
        run=IN_RUNTIME,
        libraries=("fastokens", "tokenizers"),
    ),
)
