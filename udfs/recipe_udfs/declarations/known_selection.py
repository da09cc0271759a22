"""Signatures of what published pipelines ask of pages and answers and this version cannot run yet.

`run` is empty: the checks know them, the plan shows them, and a compiled recipe that needs one is refused.
"""

from __future__ import annotations

from recipe_udfs.declarations.dedup import BY, KEEP, SEED
from recipe_udfs.operator import Column, Kind, Operator, Parameter

TEXT = Parameter("text", "text", doc="The text looked at.")
ANSWER = Parameter("answer", "text", doc="The cleaned answer.")
SEGMENT = Parameter("segment", "text", doc="The piece that was sent.")


def known(
    name: str, kind: Kind, doc: str, *parameters: Parameter, type_: str = "", reads: tuple[str, ...] = ("text",)
) -> Operator:
    """An operator with a signature and nothing behind it; `type_` of its one column, if it makes one."""
    columns = (Column(name.rpartition(".")[2], type_),) if type_ else ()
    return Operator(name, kind, 1, doc, parameters, columns, reads)


PAGES = (
    known(
        "cld2", "statistic", "The language of a text by Compact Language Detector 2 (Nemotron-CC's second opinion).",
        TEXT, type_="string",
    ),
    Operator(
        "glotlid", "language", 1,
        "The language and script by GlotLID (Kargaran et al. 2023): labels like `deu_Latn`, 0 to 1.",
        (Parameter("model", "file", doc="The fastText model."),),
        (Column("lang", "string"), Column("lang_score", "double")),
    ),
    known(
        "contaminated", "statistic",
        "Does the text share an n-gram with a document of the relation, a set of benchmarks (GPT-3: 13 words)?",
        Parameter("relation", "relation"), Parameter("ngram", "words"), type_="boolean",
    ),
    known("unicode_repair", "clean", "Text decoded wrongly is decoded rightly (Nemotron-CC: ftfy)."),
    known(
        "mask_pii", "clean", "Addresses of people and machines are replaced (FineWeb).",
        Parameter("email", "text?", None, "What stands for an e-mail address; none leaves them."),
        Parameter("public_ip", "text?", None, "What stands for a public IP address; none leaves them."),
    ),
    known(
        "bloom", "dedup",
        "Paragraphs and documents whose n-grams were mostly seen before go, by a Bloom filter (DCLM: BFF). "
        "Documents are taken in the order of their ids.",
        Parameter("ngram", "words"), Parameter("share", "share", doc="Of n-grams seen before, past which a unit goes."),
        Parameter("units", "list[paragraph|document]"), Parameter("false_positive", "share"), SEED,
    ),
    known(
        "substring", "dedup", "Spans that occur before are cut out, by a suffix array (Lee et al. 2022).",
        Parameter("min", "tokens", doc="The shortest span that counts."), Parameter("tokenizer", "tokenizer"),
    ),
    known(
        "semantic", "dedup", "Of rows whose vectors are alike one stays (SemDeDup, Abbas et al. 2023).",
        Parameter("vector", "column"), Parameter("similarity", "share", doc="Cosine from which two are alike."),
        KEEP, BY,
    ),
)  # fmt: skip

ANSWERS = (
    known("chunks", "segment", "Pieces of whole sentences of at most so many characters.",
          Parameter("max", "characters")),
    known("entries", "segment", "The entries of a list: pieces that begin with the mark, which a line begins with.",
          Parameter("mark", "text")),
    known("required_line", "clean", "A line that begins so must be in the answer, and stays.",
          Parameter("line", "text")),
    known(
        "random_pairs", "clean",
        "A number of question and answer pairs drawn by hash, the rest go (Nemotron-CC: up to 10 for 150 tokens).",
        Parameter("keep", "range"), Parameter("seed", "int"),
    ),
    known(
        "judge", "score",
        "A model's reply to a prompt as a figure, by the prompt's `reply`: a number or one of its choices. `text` is "
        "the row's text; of an answer, `answer` is what came back, or one piece of it where `each` cuts it.",
        Parameter("endpoint", "endpoint"), Parameter("prompt", "prompt"),
        Parameter("segment", "segment?", None, "What of the text is sent; none = all."),
        Parameter("each", "segment?", None, "Pieces of the answer, asked about one by one: a list of replies."),
        Parameter("max_tokens", "tokens", 8), Parameter("temperature", "number", 0), Parameter("seed", "int", 0),
        type_="any",
    ),
    known("entity_recall", "score", "Share of the named entities of `whose` that occur in `where`, 0 to 1.",
          Parameter("where", "text"), Parameter("whose", "text"), type_="double", reads=("answer", "segment")),
    known("bertscore", "score", "Meaning two texts share, -1 to 1: BERTScore's F1 (Zhang et al. 2020).",
          ANSWER, SEGMENT, Parameter("model", "file"), type_="double", reads=("answer", "segment")),
    known("number_recall", "score", "Share of the numbers of `whose` that occur in `where`, 0 to 1.",
          Parameter("where", "text"), Parameter("whose", "text"), type_="double", reads=("answer", "segment")),
    known("similarity", "score", "Cosine of the vectors of two texts, -1 to 1.", ANSWER, SEGMENT,
          Parameter("model", "file"), type_="double", reads=("answer", "segment")),
    known("entailment", "score", "Probability that the segment entails the answer, by an NLI model, 0 to 1.",
          ANSWER, SEGMENT, Parameter("model", "file"), type_="double", reads=("answer", "segment")),
    known("language_of", "statistic", "The language of a text by fastText's lid.176.", TEXT, type_="string",
          reads=("answer",)),
    known("refusal", "statistic", "Does the answer decline the task?", ANSWER, type_="boolean", reads=("answer",)),
    known("has_markdown_table", "statistic", "Is there a Markdown table with a body in the text?",
          TEXT, type_="boolean"),
    known("characters", "statistic", "Unicode code points of a text.", TEXT, type_="bigint"),
    known("count", "statistic", "How often a phrase occurs in a text.", TEXT, Parameter("phrase", "text"),
          type_="bigint"),
    known("chat_text", "statistic", "A trajectory as a text: each turn with who speaks.", ANSWER,
          type_="string", reads=("answer",)),
)  # fmt: skip

OPERATORS = (*PAGES, *ANSWERS)
