"""Duplicates: what removes rows, and the signatures of a text that it decides by."""

from __future__ import annotations

from recipe_udfs.operator import IN_RUNTIME, Column, Operator, Parameter

SHINGLE = Parameter("shingle", "shingle", doc="A number of words or of characters.")
BANDS = Parameter("bands", "int", doc="Two texts are candidates if one band is equal.")
ROWS = Parameter("rows", "int", doc="Minima in a band.")
SEED = Parameter("seed", "int", doc="Chooses the permutations.")
KEEP = Parameter(
    "keep", "lowest_id|longest|earliest|highest", "lowest_id",
    "The row of a group that stays: smallest doc_id, longest text in UTF-8 bytes, first fetched (`fetched_at`), or "
    "highest `by`; of equal ones that of the smallest doc_id.",
)  # fmt: skip
BY = Parameter("by", "column?", None, "The number for `keep = highest`; a row without one comes last.", added=True)
WITHIN = Parameter("within", "column?", None, "Only rows with equal values of this column are compared.")

OPERATORS = (
    Operator(
        name="exact",
        kind="dedup",
        version=1,
        doc="Of the rows with the same text (or normalised text, or URL) one stays.",
        parameters=(Parameter("of", "text|normalised_text|url"), KEEP, WITHIN, BY),
        run=IN_RUNTIME,
    ),
    Operator(
        name="minhash",
        kind="dedup",
        version=1,
        doc="Near duplicates by MinHash and banding (Broder 1997; Leskovec et al., ch. 3): the share "
        "of shingles two texts have in common; groups are connected components of the pairs found.",
        parameters=(
            SHINGLE,
            BANDS,
            ROWS,
            Parameter("verify", "share?", doc="Pairs below this true Jaccard similarity are no duplicates."),
            KEEP,
            SEED,
            WITHIN,
            BY,
        ),
        run=IN_RUNTIME,
    ),
    Operator(
        name="minhash_bands",
        kind="signature",
        version=2,
        doc="One 64-bit key for each band of the MinHash signature; formula in `recipe_udfs.minhash`. Null "
        "for a text without a shingle.",
        parameters=(SHINGLE, BANDS, ROWS, SEED),
        columns=(Column("bands", "array<bigint>", "As many keys as there are bands."),),
        run="recipe_udfs.minhash:minhash_bands",
    ),
    Operator(
        name="shingle_hashes",
        kind="signature",
        version=2,
        doc="The set of the text's shingles as 64-bit hashes, for the true Jaccard similarity.",
        parameters=(SHINGLE,),
        columns=(Column("shingles", "array<bigint>", "Sorted, distinct."),),
        run="recipe_udfs.minhash:shingle_hashes",
    ),
    Operator(
        name="normalised_hash",
        kind="signature",
        version=2,
        doc="Hash of the text in lower case without punctuation, its words joined by one space.",
        columns=(Column("normalised_hash", "string", "32 hex digits of SHA-256; null for a text without a word."),),
        run="recipe_udfs.normalise:normalised_hash",
    ),
)
