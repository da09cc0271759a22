"""Compiled from the recipe quickstart by recipec 0.1.0: edit the recipe, not this."""
import recipe_runtime as rt

rt.exit_codes()

from pyspark.sql import functions as F  # noqa: E402

# What this was compiled from; kept in the lake, so that every row can be explained by it.
RECIPE = {
    "quickstart.recipe": (
        "# From crawled pages to clean English text: the smallest recipe that is worth running.\n"
        "recipe quickstart\n"
        "edition 2026\n"
        "\n"
        "use \"std/gopher\"\n"
        "use \"std/fineweb\"\n"
        "\n"
        "param crawl: path = \"pages/*.warc.gz\"\n"
        "param lake:  path = \"lake\"\n"
        "\n"
        "source pages = warc(crawl) {\n"
        "  text    = trafilatura(html)\n"
        "  license = page_license(html)\n"
        "}\n"
        "\n"
        "select clean from pages {\n"
        "  lang  by fasttext(\"lid.176\")\n"
        "  keep  lang == en and lang_score >= 65%\n"
        "  keep  gopher.quality\n"
        "  keep  gopher.repetition\n"
        "  keep  fineweb.quality\n"
        "  dedup exact(of = text)\n"
        "  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)\n"
        "}\n"
        "\n"
        "write clean to delta(lake) {\n"
        "  partition = [lang]\n"
        "  expect unique(doc_id, epoch)\n"
        "  expect not_null(text)\n"
        "}\n"
    ),
    "std/gopher.recipe": (
        "## Rules for web text from Gopher (Rae et al. 2021, appendix A1: \"MassiveText\").\n"
        "##\n"
        "## How statistics are named. `stats` is an operator: it reads the text once and\n"
        "## offers columns. `stats.words` is one of them; what a column depends on stands in\n"
        "## parentheses, `stats.top_ngram_character_share(n = 2)`. The ending tells the unit:\n"
        "##   a plural      a count                                  stats.words\n"
        "##   ..._length    characters (Unicode code points)         stats.mean_word_length\n"
        "##   ..._share     part of a whole, 0% to 100%              stats.bullet_line_share\n"
        "##   ..._ratio     a quotient that may pass 100%            stats.symbol_word_ratio\n"
        "## A word is a run of characters between white space; a line ends at a newline, a\n"
        "## paragraph at an empty line. Where a share counts characters, its name says so.\n"
        "##\n"
        "## Every line of a filter is one rule. A dropped row is recorded with the rule as\n"
        "## written, the value found and the place of the rule.\n"
        "library gopher\n"
        "edition 2026\n"
        "\n"
        "## Is this running text of a sensible size? The stop words are the paper's, for English;\n"
        "## give another list for another language.\n"
        "filter quality(stop_words = [\"the\", \"be\", \"to\", \"of\", \"and\", \"that\", \"have\", \"with\"]) {\n"
        "  ## Length of the document, in words.\n"
        "  stats.words in 50 .. 100_000\n"
        "  ## Mean length of a word, in characters.\n"
        "  stats.mean_word_length in 3 .. 10\n"
        "  ## \"#\" and the ellipsis, for each word.\n"
        "  stats.symbol_word_ratio(symbols = [\"#\", \"...\", \"…\"]) <= 0.1\n"
        "  ## Lines that begin with a bullet.\n"
        "  stats.bullet_line_share <= 90%\n"
        "  ## Lines that end in an ellipsis.\n"
        "  stats.ellipsis_line_share <= 30%\n"
        "  ## Words with at least one letter.\n"
        "  stats.alphabetic_word_share >= 80%\n"
        "  ## How many different words of the list occur.\n"
        "  stats.distinct_words_of(stop_words) >= 2\n"
        "}\n"
        "\n"
        "## Does the page repeat itself? Limits of table A1 of the paper.\n"
        "filter repetition {\n"
        "  ## Lines and paragraphs that occurred before, by number.\n"
        "  stats.duplicate_line_share <= 30%\n"
        "  stats.duplicate_paragraph_share <= 30%\n"
        "  ## The same, by the characters they hold.\n"
        "  stats.duplicate_line_character_share <= 20%\n"
        "  stats.duplicate_paragraph_character_share <= 20%\n"
        "  ## Characters covered by the most frequent n-gram of words.\n"
        "  stats.top_ngram_character_share(n = 2) <= 20%\n"
        "  stats.top_ngram_character_share(n = 3) <= 18%\n"
        "  stats.top_ngram_character_share(n = 4) <= 16%\n"
        "  ## Characters covered by n-grams that occur more than once, each counted once.\n"
        "  stats.duplicate_ngram_character_share(n = 5) <= 15%\n"
        "  stats.duplicate_ngram_character_share(n = 6) <= 14%\n"
        "  stats.duplicate_ngram_character_share(n = 7) <= 13%\n"
        "  stats.duplicate_ngram_character_share(n = 8) <= 12%\n"
        "  stats.duplicate_ngram_character_share(n = 9) <= 11%\n"
        "  stats.duplicate_ngram_character_share(n = 10) <= 10%\n"
        "}\n"
    ),
    "std/fineweb.recipe": (
        "## Rules of FineWeb (Penedo et al. 2024, section 3.6): found by comparing statistics of a good and a bad crawl.\n"
        "## FineWeb asks Gopher's rules (std/gopher) and most of C4's (std/c4, without terminal punctuation) before them.\n"
        "## Statistics are named as described in std/gopher.\n"
        "library fineweb\n"
        "edition 2026\n"
        "\n"
        "## FineWeb's own three rules, and a bound on newlines. `duplicate_line_characters` is 1% as in the published\n"
        "## code (datatrove), whose corpus is the one people use; the paper's text says 10%. `sentence_ends` are the\n"
        "## marks that may end a line.\n"
        "filter quality(duplicate_line_characters = 1%, sentence_ends = [\".\", \"?\", \"!\", \"\\\"\", \"”\", \"。\", \"？\", \"！\"]) {\n"
        "  ## Lines that end with a sentence mark.\n"
        "  stats.line_end_share(marks = sentence_ends) >= 12%\n"
        "  ## Lines of at most 30 characters.\n"
        "  stats.short_line_share(max = 30 characters) <= 67%\n"
        "  ## Characters in lines that occurred before.\n"
        "  stats.duplicate_line_character_share <= duplicate_line_characters\n"
        "  ## Newlines for each word.\n"
        "  stats.newline_word_ratio <= 0.3\n"
        "}\n"
    ),
}

job = rt.start(
    "quickstart",
    lake="lake",
    files=RECIPE,
    params={"crawl": "pages/*.warc.gz", "lake": "lake"},
    compiler="0.1.0",
)

# quickstart.recipe:11  source pages = warc(crawl)
pages = job.source(
    "pages",
    rt.op("warc@1", path="pages/*.warc.gz", max_bytes=20000000, namespace="pages", on_schema_change="error"),
    columns={
        "text": rt.op("trafilatura@1", mode="precise", favour=None, comments=True, timeout=60),
        "license": rt.op("page_license@1"),
    },
    digest="37ed43a753e8e43c1a9773ec6b1f99a3",
    at="quickstart.recipe:11",
)

# quickstart.recipe:17  lang by fasttext("lid.176")
clean_columns = job.annotate(
    "clean",
    pages,
    columns={
        ("lang", "lang_score"): rt.op("fasttext@1", model="lid.176"),
        "stats_words": rt.op("stats.words@2"),
        "stats_mean_word_length": rt.op("stats.mean_word_length@2"),
        "stats_symbol_word_ratio_0037e9": rt.op("stats.symbol_word_ratio@2", symbols=("#", "...", "…")),
        "stats_bullet_line_share": rt.op("stats.bullet_line_share@1"),
        "stats_ellipsis_line_share": rt.op("stats.ellipsis_line_share@1"),
        "stats_alphabetic_word_share": rt.op("stats.alphabetic_word_share@2"),
        "stats_distinct_words_of_2ca383": rt.op(
            "stats.distinct_words_of@2",
            words=("the", "be", "to", "of", "and", "that", "have", "with"),
        ),
        "stats_duplicate_line_share": rt.op("stats.duplicate_line_share@1"),
        "stats_duplicate_paragraph_share": rt.op("stats.duplicate_paragraph_share@1"),
        "stats_duplicate_line_character_share": rt.op("stats.duplicate_line_character_share@1"),
        "stats_duplicate_paragraph_character_share": rt.op("stats.duplicate_paragraph_character_share@1"),
        "stats_top_ngram_character_share_2": rt.op("stats.top_ngram_character_share@2", n=2),
        "stats_top_ngram_character_share_3": rt.op("stats.top_ngram_character_share@2", n=3),
        "stats_top_ngram_character_share_4": rt.op("stats.top_ngram_character_share@2", n=4),
        "stats_duplicate_ngram_character_share_5": rt.op("stats.duplicate_ngram_character_share@2", n=5),
        "stats_duplicate_ngram_character_share_6": rt.op("stats.duplicate_ngram_character_share@2", n=6),
        "stats_duplicate_ngram_character_share_7": rt.op("stats.duplicate_ngram_character_share@2", n=7),
        "stats_duplicate_ngram_character_share_8": rt.op("stats.duplicate_ngram_character_share@2", n=8),
        "stats_duplicate_ngram_character_share_9": rt.op("stats.duplicate_ngram_character_share@2", n=9),
        "stats_duplicate_ngram_character_share_10": rt.op("stats.duplicate_ngram_character_share@2", n=10),
        "stats_line_end_share_cfa182": rt.op(
            "stats.line_end_share@1",
            marks=(".", "?", "!", "\"", "”", "。", "？", "！"),
        ),
        "stats_short_line_share_30": rt.op("stats.short_line_share@1", max=30),
        "stats_newline_word_ratio": rt.op("stats.newline_word_ratio@2"),
        "minhash_c9b781": rt.op("minhash_bands@2", shingle="5 words", bands=14, rows=8, seed=1),
    },
    digest="6a9489217e890bdc5a358ee8d9e5db60",
    at="quickstart.recipe:17",
)
clean = clean_columns.frame

# quickstart.recipe:18  keep lang == en and lang_score >= 65%
clean = rt.keep(
    clean,
    rt.rule("lang == en", rt.test("lang", "==", "en"), at="quickstart.recipe:18"),
    rt.rule("lang_score >= 65%", rt.test("lang_score", ">=", 0.65), at="quickstart.recipe:18"),
)

# quickstart.recipe:19  keep gopher.quality
clean = rt.keep(
    clean,
    rt.rule(
        "stats.words in 50 .. 100_000",
        rt.test("stats_words", "between", 50, 100000),
        at="std/gopher.recipe:22",
    ),
    rt.rule(
        "stats.mean_word_length in 3 .. 10",
        rt.test("stats_mean_word_length", "between", 3, 10),
        at="std/gopher.recipe:24",
    ),
    rt.rule(
        "stats.symbol_word_ratio(symbols = [\"#\", \"...\", \"…\"]) <= 0.1",
        rt.test("stats_symbol_word_ratio_0037e9", "<=", 0.1),
        at="std/gopher.recipe:26",
    ),
    rt.rule(
        "stats.bullet_line_share <= 90%",
        rt.test("stats_bullet_line_share", "<=", 0.9),
        at="std/gopher.recipe:28",
    ),
    rt.rule(
        "stats.ellipsis_line_share <= 30%",
        rt.test("stats_ellipsis_line_share", "<=", 0.3),
        at="std/gopher.recipe:30",
    ),
    rt.rule(
        "stats.alphabetic_word_share >= 80%",
        rt.test("stats_alphabetic_word_share", ">=", 0.8),
        at="std/gopher.recipe:32",
    ),
    rt.rule(
        "stats.distinct_words_of(stop_words) >= 2",
        rt.test("stats_distinct_words_of_2ca383", ">=", 2),
        at="std/gopher.recipe:34",
    ),
)

# quickstart.recipe:20  keep gopher.repetition
clean = rt.keep(
    clean,
    rt.rule(
        "stats.duplicate_line_share <= 30%",
        rt.test("stats_duplicate_line_share", "<=", 0.3),
        at="std/gopher.recipe:40",
    ),
    rt.rule(
        "stats.duplicate_paragraph_share <= 30%",
        rt.test("stats_duplicate_paragraph_share", "<=", 0.3),
        at="std/gopher.recipe:41",
    ),
    rt.rule(
        "stats.duplicate_line_character_share <= 20%",
        rt.test("stats_duplicate_line_character_share", "<=", 0.2),
        at="std/gopher.recipe:43",
    ),
    rt.rule(
        "stats.duplicate_paragraph_character_share <= 20%",
        rt.test("stats_duplicate_paragraph_character_share", "<=", 0.2),
        at="std/gopher.recipe:44",
    ),
    rt.rule(
        "stats.top_ngram_character_share(n = 2) <= 20%",
        rt.test("stats_top_ngram_character_share_2", "<=", 0.2),
        at="std/gopher.recipe:46",
    ),
    rt.rule(
        "stats.top_ngram_character_share(n = 3) <= 18%",
        rt.test("stats_top_ngram_character_share_3", "<=", 0.18),
        at="std/gopher.recipe:47",
    ),
    rt.rule(
        "stats.top_ngram_character_share(n = 4) <= 16%",
        rt.test("stats_top_ngram_character_share_4", "<=", 0.16),
        at="std/gopher.recipe:48",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 5) <= 15%",
        rt.test("stats_duplicate_ngram_character_share_5", "<=", 0.15),
        at="std/gopher.recipe:50",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 6) <= 14%",
        rt.test("stats_duplicate_ngram_character_share_6", "<=", 0.14),
        at="std/gopher.recipe:51",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 7) <= 13%",
        rt.test("stats_duplicate_ngram_character_share_7", "<=", 0.13),
        at="std/gopher.recipe:52",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 8) <= 12%",
        rt.test("stats_duplicate_ngram_character_share_8", "<=", 0.12),
        at="std/gopher.recipe:53",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 9) <= 11%",
        rt.test("stats_duplicate_ngram_character_share_9", "<=", 0.11),
        at="std/gopher.recipe:54",
    ),
    rt.rule(
        "stats.duplicate_ngram_character_share(n = 10) <= 10%",
        rt.test("stats_duplicate_ngram_character_share_10", "<=", 0.1),
        at="std/gopher.recipe:55",
    ),
)

# quickstart.recipe:21  keep fineweb.quality
clean = rt.keep(
    clean,
    rt.rule(
        "stats.line_end_share(marks = sentence_ends) >= 12%",
        rt.test("stats_line_end_share_cfa182", ">=", 0.12),
        at="std/fineweb.recipe:12",
    ),
    rt.rule(
        "stats.short_line_share(max = 30 characters) <= 67%",
        rt.test("stats_short_line_share_30", "<=", 0.67),
        at="std/fineweb.recipe:14",
    ),
    rt.rule(
        "stats.duplicate_line_character_share <= 1%",
        rt.test("stats_duplicate_line_character_share", "<=", 0.01),
        at="std/fineweb.recipe:16",
    ),
    rt.rule(
        "stats.newline_word_ratio <= 0.3",
        rt.test("stats_newline_word_ratio", "<=", 0.3),
        at="std/fineweb.recipe:18",
    ),
)

# quickstart.recipe:22  dedup exact(of = text)
clean_exact = job.duplicates(
    "clean",
    clean,
    rt.op("exact@1", of="text", keep="lowest_id", within=None),
    key="text_hash",
    texts=pages,
    reads=[pages, clean_columns],
    digest="34deef8bf75b812fd6566a51d98e1450",
    at="quickstart.recipe:22",
)
clean = rt.drop_duplicates(
    clean,
    clean_exact,
    rule="dedup exact(of = text)",
    threshold="equal",
    at="quickstart.recipe:22",
)

# quickstart.recipe:23  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)
clean_minhash = job.duplicates(
    "clean",
    clean,
    rt.op(
        "minhash@1",
        shingle="5 words",
        bands=14,
        rows=8,
        verify=0.8,
        keep="lowest_id",
        seed=1,
        within=None,
    ),
    key="minhash_c9b781",
    texts=pages,
    reads=[pages, clean_columns, clean_exact],
    digest="5c736d9689548529f0cdec6f1701272a",
    at="quickstart.recipe:23",
)
clean = rt.drop_duplicates(
    clean,
    clean_minhash,
    rule="dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)",
    threshold="< 0.8",
    at="quickstart.recipe:23",
)

# quickstart.recipe:16  select clean from pages
clean_kept = job.select(
    "clean",
    rt.without(clean, "minhash_c9b781"),
    reads=[pages, clean_columns, clean_exact, clean_minhash],
    digest="d0c8fff621e634b438d7aff9cdd1f3ca",
    at="quickstart.recipe:16",
)
clean = clean_kept.frame

# quickstart.recipe:26  write clean to delta(lake)
clean_rows = rt.with_texts(clean, pages)
clean_rows = rt.document(clean_rows, step=clean_kept.step, scores=["lang_score"])
job.write(
    "clean",
    clean_rows,
    sink=rt.op("delta@1", lake="lake"),
    reads=[clean_kept],
    partition=["lang"],
    expect=[
        rt.unique("doc_id", "epoch", at="quickstart.recipe:28"),
        rt.not_null("text", at="quickstart.recipe:29"),
    ],
    digest="7cb42846e0af591fa5e70d00a7ec2e84",
    at="quickstart.recipe:26",
)

job.end()
