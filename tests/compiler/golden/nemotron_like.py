"""Compiled from the recipe nemotron_like by recipec 0.1.0: edit the recipe, not this."""
import recipe_runtime as rt

rt.exit_codes()

from pyspark.sql import functions as F  # noqa: E402

# What this was compiled from; kept in the lake, so that every row can be explained by it.
RECIPE = {
    "nemotron_like.recipe": (
        "# A five-tier English web corpus in the style of Nemotron-CC, with every default built in.\n"
        "recipe nemotron_like\n"
        "edition 2026\n"
        "\n"
        "use \"std/gopher\"\n"
        "use \"std/fineweb\"\n"
        "use \"prompts/nemotron_cc\" as prompts\n"
        "\n"
        "param crawl: path  = \"data/*.warc.gz\"\n"
        "param lake:  path  = \"lake\"\n"
        "param total: count = 1T tokens\n"
        "param url:   text  = \"builtin\"\n"
        "param model: text  = \"builtin-extractive\"\n"
        "\n"
        "tokenizer bpe = hf(\"std/bpe.json\")\n"
        "\n"
        "endpoint rewriter {\n"
        "  url       = url\n"
        "  key       = env(\"REWRITER_KEY\", default = \"\")\n"
        "  model     = model\n"
        "  tokenizer = bpe\n"
        "  in_flight = 256\n"
        "  tokens_per_gpu_second = 2_900\n"
        "}\n"
        "\n"
        "source pages = warc(crawl) {\n"
        "  text    = trafilatura(html)\n"
        "  license = page_license(html)\n"
        "}\n"
        "\n"
        "select clean from pages {\n"
        "  lang  by fasttext(\"lid.176\")\n"
        "  keep  lang == en and lang_score >= 65%\n"
        "  keep  gopher.quality and gopher.repetition and fineweb.quality\n"
        "  dedup exact(of = text)\n"
        "  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)\n"
        "  score edu  = onnx(\"std/edu.onnx\")\n"
        "  score tidy = onnx(\"std/tidy.onnx\")\n"
        "}\n"
        "\n"
        "select calibration from clean {\n"
        "  sample 10% {\n"
        "    by   = documents\n"
        "    seed = 1\n"
        "  }\n"
        "}\n"
        "\n"
        "select web from clean {\n"
        "  score quality = max(\n"
        "    bucket(edu, 20, fit = calibration, weight = documents),\n"
        "    bucket(tidy, 20, fit = calibration, weight = documents),\n"
        "  )\n"
        "  tier by quality {\n"
        "    high        >= 19\n"
        "    medium_high >= 18\n"
        "    medium      >= 12\n"
        "    medium_low  >= 7\n"
        "    low         otherwise\n"
        "  }\n"
        "}\n"
        "\n"
        "# Low tier: raise the style, keep the facts.\n"
        "transform wiki from web[low] {\n"
        "  ask rewriter using prompts.wikipedia {\n"
        "    segment     = lines(max = 512 tokens)\n"
        "    rejoin      = \"\\n\"\n"
        "    max_tokens  = 512\n"
        "    temperature = 0.5\n"
        "    top_p       = 0.9\n"
        "    seed        = 1\n"
        "  }\n"
        "  score support = lexical_support(answer, segment)\n"
        "  verify {\n"
        "    finish == stop\n"
        "    tokens / segment_tokens in 0.3 .. 1.5\n"
        "    support >= 0.80\n"
        "  }\n"
        "  on fail discard\n"
        "  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1) against web\n"
        "}\n"
        "\n"
        "# High tier: more ways to read the same good page.\n"
        "transform study from web[high] {\n"
        "  ask rewriter using prompts.distill, prompts.extract_knowledge, prompts.knowledge_list {\n"
        "    segment     = lines(max = 1_000 tokens)\n"
        "    max_tokens  = 1_000\n"
        "    temperature = 0.5\n"
        "    top_p       = 0.9\n"
        "    seed        = 1\n"
        "  }\n"
        "  verify {\n"
        "    finish == stop\n"
        "    tokens / segment_tokens in 0.1 .. 1.2\n"
        "  }\n"
        "  on fail retry(1), discard\n"
        "}\n"
        "\n"
        "generate qa from web[high] {\n"
        "  ask rewriter using prompts.diverse_qa(pairs = 8) {\n"
        "    segment     = lines(max = 1_000 tokens)\n"
        "    samples     = 4\n"
        "    max_tokens  = 600\n"
        "    temperature = 1.0\n"
        "    top_p       = 0.9\n"
        "    seed        = 1\n"
        "  }\n"
        "  score support = lexical_support(answer, segment)\n"
        "  verify {\n"
        "    finish == stop\n"
        "    support >= 0.80\n"
        "  }\n"
        "  on fail discard\n"
        "  keep best(1, by = support, over = samples)\n"
        "  text = \"${segment}\\n\\n${answer}\"\n"
        "}\n"
        "\n"
        "mix pretrain to at most total {\n"
        "  tokenizer = bpe\n"
        "  take web[high]        weight 18%  epochs <= 4\n"
        "  take web[medium_high] weight 14%  epochs <= 2\n"
        "  take web[medium]      weight 42%\n"
        "  take wiki             weight 8%\n"
        "  take study            weight 12%\n"
        "  take qa               weight 6%\n"
        "  cap synthetic <= 30%\n"
        "  cap synthetic <= 50% where tier == high\n"
        "  on shortage repeat, renormalise\n"
        "  seed = 20261121\n"
        "}\n"
        "\n"
        "write pretrain to delta(lake) {\n"
        "  partition = [tier, origin]\n"
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
    "prompts/nemotron_cc.recipe": (
        "## The five kinds of rewriting of Nemotron-CC (Su et al. 2024), in our own words.\n"
        "##\n"
        "## A prompt's parameters are all its variables. One without a value is given by the caller\n"
        "## or is the value of that name where the prompt is used: in `ask`, `text` is the segment\n"
        "## that is sent; in `judge`, `answer` is what came back. What the prompt asks for and how\n"
        "## the answer is taken apart stand together, because they must agree: `clean` steps run in\n"
        "## order, and one that does not find what it needs fails the answer.\n"
        "library nemotron_cc\n"
        "edition 2026\n"
        "\n"
        "## Encyclopaedic paraphrase: the same facts in the tone of a good encyclopaedia.\n"
        "prompt wikipedia(text, language = \"English\") {\n"
        "  system = \"You are a careful and polite assistant who answers the question asked.\"\n"
        "  user = \"\"\"\n"
        "    Write the passage below anew, in varied and correct ${language}, as a good\n"
        "    encyclopaedia would put it. Keep every fact and add none. Begin your answer with a\n"
        "    line that says only \"Paraphrase:\" and put the text on the lines after it.\n"
        "\n"
        "    ${text}\n"
        "    \"\"\"\n"
        "  reply = text\n"
        "  clean lead_in(\"Paraphrase:\")\n"
        "  clean enclosing_quotes\n"
        "  clean markdown\n"
        "}\n"
        "\n"
        "## Condensed version: shorter, nothing lost, nothing added.\n"
        "prompt distill(text, language = \"English\") {\n"
        "  system = \"You are an exact assistant who weighs nuance before writing.\"\n"
        "  user = \"\"\"\n"
        "    Condense the passage below into clear ${language}. Keep the key facts, names, numbers\n"
        "    and terms, drop what says nothing, explain nothing that the passage does not explain.\n"
        "    Begin with a line that says only \"Condensed:\" and put the text on the lines after it.\n"
        "\n"
        "    ${text}\n"
        "    \"\"\"\n"
        "  reply = text\n"
        "  clean lead_in(\"Condensed:\")\n"
        "  clean enclosing_quotes\n"
        "  clean markdown\n"
        "}\n"
        "\n"
        "## Textbook passages from what the page knows; uninformative text is passed over.\n"
        "prompt extract_knowledge(text, language = \"English\") {\n"
        "  system = \"You are a careful and polite assistant who answers the question asked.\"\n"
        "  user = \"\"\"\n"
        "    From the page below, write ${language} textbook passages about what it teaches:\n"
        "    facts, explanations, how things hang together. Ignore advertising, navigation and\n"
        "    anything that teaches nothing. Use only what the page says. No headings.\n"
        "\n"
        "    ${text}\n"
        "    \"\"\"\n"
        "  reply = text\n"
        "  clean marker_lines(\"Passage\")\n"
        "  clean markdown\n"
        "}\n"
        "\n"
        "## The page's facts as one dense list.\n"
        "prompt knowledge_list(text, language = \"English\") {\n"
        "  system = \"You are a careful and polite assistant who answers the question asked.\"\n"
        "  user = \"\"\"\n"
        "    List what can be learned from the page below, in ${language}: one fact a line, each\n"
        "    line beginning with \"- \", each to be understood alone, no fact twice.\n"
        "\n"
        "    ${text}\n"
        "    \"\"\"\n"
        "  reply = text\n"
        "  clean list_items(bullet = \"-\")\n"
        "  clean markdown\n"
        "}\n"
        "\n"
        "## Question and answer pairs of varied forms about one passage.\n"
        "prompt diverse_qa(text, pairs = 8, language = \"English\") {\n"
        "  system = \"You are a careful and polite assistant who answers the question asked.\"\n"
        "  user = \"\"\"\n"
        "    Read the passage and ask up to ${pairs} questions about it in ${language}, each with\n"
        "    its answer. Vary what they ask of the reader: recall, understand, compare, apply.\n"
        "    Vary the form: yes or no, open, multiple choice with its options, comparison,\n"
        "    comprehension, problem to solve. Everything must be answered by the passage.\n"
        "    Write each pair as two lines, beginning with \"- Question:\" and \"- Answer:\".\n"
        "\n"
        "    ${text}\n"
        "    \"\"\"\n"
        "  reply = text\n"
        "  clean markdown\n"
        "  clean pairs(question = \"- Question:\", answer = \"- Answer:\", at_least = 1)\n"
        "}\n"
        "\n"
        "## Is each question answered by the passage, and rightly? For use with `judge`.\n"
        "prompt judge_answerable(answer, segment) {\n"
        "  system = \"You are a strict examiner.\"\n"
        "  user = \"\"\"\n"
        "    Passage:\n"
        "    ${segment}\n"
        "\n"
        "    Questions with answers:\n"
        "    ${answer}\n"
        "\n"
        "    What share of the questions is answered by the passage alone, with the answer given?\n"
        "    Reply with a number from 0 (none) to 1 (all).\n"
        "    \"\"\"\n"
        "  reply = number(0 .. 1)\n"
        "}\n"
        "\n"
        "## Does the rewriting say only what its source says? For use with `judge`.\n"
        "prompt judge_faithful(answer, segment) {\n"
        "  system = \"You are a strict examiner.\"\n"
        "  user = \"\"\"\n"
        "    Source:\n"
        "    ${segment}\n"
        "\n"
        "    Rewriting:\n"
        "    ${answer}\n"
        "\n"
        "    What share of the rewriting's statements is supported by the source?\n"
        "    Reply with a number from 0 (none) to 1 (all).\n"
        "    \"\"\"\n"
        "  reply = number(0 .. 1)\n"
        "}\n"
    ),
}

job = rt.start(
    "nemotron_like",
    lake="lake",
    files=RECIPE,
    params={
        "crawl": "data/*.warc.gz",
        "lake": "lake",
        "total": "1000000000000",
        "url": "builtin",
        "model": "builtin-extractive",
    },
    compiler="0.1.0",
)

# nemotron_like.recipe:26  source pages = warc(crawl)
pages = job.source(
    "pages",
    rt.op("warc@1", path="data/*.warc.gz", max_bytes=20000000, namespace="pages", on_schema_change="error"),
    columns={
        "text": rt.op("trafilatura@1", mode="precise", favour=None, comments=True, timeout=60),
        "license": rt.op("page_license@1"),
    },
    digest="37ed43a753e8e43c1a9773ec6b1f99a3",
    at="nemotron_like.recipe:26",
)

# nemotron_like.recipe:15  tokenizer bpe = hf("std/bpe.json")
clean_columns = job.annotate(
    "clean",
    pages,
    columns={
        "tokens": rt.op(
            "tokens@1",
            tokenizer=rt.file(
                "std/bpe.json",
                sha256="e63049325b016b39092540464f59162e6e110f81fecdb9a6369b36ddb721cc87",
            ),
        ),
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
    digest="be43d221ae812f134b4b9895ca39cd31",
    at="nemotron_like.recipe:15",
)
clean = clean_columns.frame

# nemotron_like.recipe:33  keep lang == en and lang_score >= 65%
clean = rt.keep(
    clean,
    rt.rule("lang == en", rt.test("lang", "==", "en"), at="nemotron_like.recipe:33"),
    rt.rule("lang_score >= 65%", rt.test("lang_score", ">=", 0.65), at="nemotron_like.recipe:33"),
)

# nemotron_like.recipe:34  keep gopher.quality and gopher.repetition and fineweb.quality
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

# nemotron_like.recipe:35  dedup exact(of = text)
clean_exact = job.duplicates(
    "clean",
    clean,
    rt.op("exact@1", of="text", keep="lowest_id", within=None),
    key="text_hash",
    texts=pages,
    reads=[pages, clean_columns],
    digest="d54165d545d3029f6cf1108533e4ebe1",
    at="nemotron_like.recipe:35",
)
clean = rt.drop_duplicates(
    clean,
    clean_exact,
    rule="dedup exact(of = text)",
    threshold="equal",
    at="nemotron_like.recipe:35",
)

# nemotron_like.recipe:36  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)
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
    digest="f1a02f5a8d3f8f0e455abffd5d5907a4",
    at="nemotron_like.recipe:36",
)
clean = rt.drop_duplicates(
    clean,
    clean_minhash,
    rule="dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1)",
    threshold="< 0.8",
    at="nemotron_like.recipe:36",
)

# nemotron_like.recipe:37  score edu = onnx("std/edu.onnx")
clean_scores = job.score(
    "clean",
    clean,
    texts=pages,
    scores={
        "edu": rt.scorer(
            rt.op(
                "onnx@1",
                file=rt.file(
                    "std/edu.onnx",
                    sha256="05ed9d9aab92a2ed71166b182ec5eb9df9249b654920d529e20746eb80d1c4a8",
                ),
                max_tokens=None,
                clamp=None,
                device="cpu",
            ),
            digest="a40c0f4a697ec981aef864a5d3fe5e39",
        ),
        "tidy": rt.scorer(
            rt.op(
                "onnx@1",
                file=rt.file(
                    "std/tidy.onnx",
                    sha256="fff163ec91126cf9b582e10c0a18f29e2f99957d5a42eee8bf4342434692d305",
                ),
                max_tokens=None,
                clamp=None,
                device="cpu",
            ),
            digest="b3b12b74989732ef761e7bef954664fc",
        ),
    },
    reads=[pages, clean_columns, clean_exact, clean_minhash],
    digest="42fd8cf5134ec9874df4d216b044cc87",
    at="nemotron_like.recipe:37",
)
clean = clean.join(clean_scores.frame, "text_hash", "left")

# nemotron_like.recipe:37  score edu, score tidy
clean = rt.keep(
    rt.scored(clean, "edu", "tidy"),
    rt.rule(
        "score edu",
        F.col("edu").isNotNull(),
        value=F.col("edu"),
        threshold="a number",
        at="nemotron_like.recipe:37",
    ),
    rt.rule(
        "score tidy",
        F.col("tidy").isNotNull(),
        value=F.col("tidy"),
        threshold="a number",
        at="nemotron_like.recipe:38",
    ),
)

# nemotron_like.recipe:31  select clean from pages
clean_kept = job.select(
    "clean",
    rt.without(clean, "minhash_c9b781"),
    reads=[pages, clean_columns, clean_exact, clean_minhash, clean_scores],
    digest="64f36f4442a81faca15904a1146d7a0f",
    at="nemotron_like.recipe:31",
)
clean = clean_kept.frame

# nemotron_like.recipe:42  sample 10%
calibration_sample = job.sample(
    "calibration",
    clean,
    share=0.1,
    seed=1,
    reads=[clean_kept],
    digest="b6f06d59f3a5b620f6239ee9bbe8857e",
    at="nemotron_like.recipe:42",
)
calibration = rt.sampled(clean, calibration_sample, rule="sample 10%", at="nemotron_like.recipe:42")

# nemotron_like.recipe:41  select calibration from clean
calibration_kept = job.select(
    "calibration",
    calibration,
    reads=[clean_kept, calibration_sample],
    digest="b8a88ffa23fdd89febab75692c7cd96d",
    at="nemotron_like.recipe:41",
)
calibration = calibration_kept.frame

# nemotron_like.recipe:49  score quality = max(
web_edu_fit = job.fit(
    "web",
    calibration,
    column="edu",
    parts=20,
    weight="documents",
    reads=[calibration_kept],
    digest="c2ece220085b766c33dfe81b79507251",
    at="nemotron_like.recipe:49",
)

# nemotron_like.recipe:49  score quality = max(
web_tidy_fit = job.fit(
    "web",
    calibration,
    column="tidy",
    parts=20,
    weight="documents",
    reads=[calibration_kept],
    digest="9a5fccbe0306a76ce5965f91c4538f3d",
    at="nemotron_like.recipe:49",
)

# nemotron_like.recipe:49  score quality = max(
web = clean.withColumn(
    "quality",
    F.greatest(web_edu_fit.bucket(F.col("edu")), web_tidy_fit.bucket(F.col("tidy"))),
)

# nemotron_like.recipe:53  tier by quality
web = web.withColumn(
    "tier",
    F.when(F.col("quality") >= F.lit(19), F.lit("high")).when(F.col("quality") >= F.lit(18), F.lit("medium_high")).when(F.col("quality") >= F.lit(12), F.lit("medium")).when(F.col("quality") >= F.lit(7), F.lit("medium_low")).otherwise(F.lit("low")),
)

# nemotron_like.recipe:48  select web from clean
web_kept = job.select(
    "web",
    web,
    reads=[clean_kept, web_edu_fit, web_tidy_fit],
    digest="2045f7eac42b010a5c4e5397441f8503",
    at="nemotron_like.recipe:48",
)
web = web_kept.frame

# nemotron_like.recipe:17  endpoint rewriter
rewriter = rt.endpoint(
    "rewriter",
    url="builtin",
    key=rt.env("REWRITER_KEY", default=""),
    model="builtin-extractive",
    tokenizer=rt.file(
        "std/bpe.json",
        sha256="e63049325b016b39092540464f59162e6e110f81fecdb9a6369b36ddb721cc87",
    ),
    in_flight=256,
    tokens_per_gpu_second=2900,
    at="nemotron_like.recipe:17",
)

# nemotron_like.recipe:64  ask rewriter using prompts.wikipedia
wiki_units = job.units(
    "wiki",
    web.where(F.col("tier").isin("low")),
    texts=pages,
    endpoint=rewriter,
    prompts=[
        rt.prompt(
            "nemotron_cc.wikipedia",
            system=["You are a careful and polite assistant who answers the question asked."],
            user=[
                "Write the passage below anew, in varied and correct ",
                rt.var("language"),
                ", as a good\n",
                "encyclopaedia would put it. Keep every fact and add none. Begin your answer with a\n",
                "line that says only \"Paraphrase:\" and put the text on the lines after it.\n",
                "\n",
                rt.var("text"),
            ],
            variables={"language": "English"},
            clean=[rt.op("lead_in@1", line="Paraphrase:"), rt.op("enclosing_quotes@1"), rt.op("markdown@1")],
            at="prompts/nemotron_cc.recipe:12",
        ),
    ],
    segment=rt.op("lines@1", max=512, min=None),
    tokenizer=rt.file(
        "std/bpe.json",
        sha256="e63049325b016b39092540464f59162e6e110f81fecdb9a6369b36ddb721cc87",
    ),
    samples=1,
    request={"max_tokens": 512, "temperature": 0.5, "top_p": 0.9, "seed": 1},
    reads=[web_kept],
    digest="d22d0c9e8776898d8f3874271e590236",
    at="nemotron_like.recipe:64",
)

# nemotron_like.recipe:73  verify
def wiki_verify(answers):
    return rt.keep(
        answers,
        rt.rule("finish == stop", rt.test("finish", "==", "stop"), at="nemotron_like.recipe:74"),
        rt.rule(
            "tokens / segment_tokens in 0.3 .. 1.5",
            (F.col("tokens") / F.col("segment_tokens")).between(F.lit(0.3), F.lit(1.5)),
            value=F.col("tokens") / F.col("segment_tokens"),
            threshold="0.3 .. 1.5",
            at="nemotron_like.recipe:75",
        ),
        rt.rule("support >= 0.80", rt.test("support", ">=", 0.8), at="nemotron_like.recipe:76"),
    )


wiki_answers = job.ask(
    "wiki",
    wiki_units,
    scores={"support": rt.op("lexical_support@1", answer="answer", segment="segment")},
    verify=wiki_verify,
    retry=0,
    on_fail="discard",
    digest="55532f38e19efea7ae2c67b21632c441",
    at="nemotron_like.recipe:73",
)

# nemotron_like.recipe:63  transform wiki from web[low]
wiki_made = job.derive(
    "wiki",
    wiki_answers,
    kind="transform",
    rejoin="\n",
    scores=["support"],
    digest="bf138d458fd2c983cf8fd17a4b8a2ace",
    at="nemotron_like.recipe:63",
)

# nemotron_like.recipe:79  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1) against web
wiki_columns = job.annotate(
    "wiki",
    wiki_made,
    columns={"minhash_c9b781": rt.op("minhash_bands@2", shingle="5 words", bands=14, rows=8, seed=1)},
    digest="253d1e88a435eb79733e1ee703d97f57",
    at="nemotron_like.recipe:79",
)
wiki = wiki_columns.frame

# nemotron_like.recipe:79  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1) against web
wiki_minhash = job.duplicates(
    "wiki",
    wiki,
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
    texts=wiki_made,
    against=web.join(clean_columns.frame.select("doc_id", "minhash_c9b781"), "doc_id"),
    against_texts=pages,
    reads=[wiki_made, wiki_columns, web_kept, clean_columns],
    digest="0935943546f931e018360d1c04cba59a",
    at="nemotron_like.recipe:79",
)
wiki = rt.drop_duplicates(
    wiki,
    wiki_minhash,
    rule="dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, keep = lowest_id, seed = 1) against web",
    threshold="< 0.8",
    at="nemotron_like.recipe:79",
)

# nemotron_like.recipe:63  transform wiki from web[low]
wiki_kept = job.select(
    "wiki",
    rt.without(wiki, "minhash_c9b781"),
    reads=[wiki_made, wiki_columns, web_kept, clean_columns, wiki_minhash],
    digest="24b07fb7d119d3a0a0802d45f3569bf6",
    at="nemotron_like.recipe:63",
)
wiki = wiki_kept.frame

# nemotron_like.recipe:84  ask rewriter using prompts.distill, prompts.extract_knowledge, prompts.knowledge_list
study_units = job.units(
    "study",
    web.where(F.col("tier").isin("high")),
    texts=pages,
    endpoint=rewriter,
    prompts=[
        rt.prompt(
            "nemotron_cc.distill",
            system=["You are an exact assistant who weighs nuance before writing."],
            user=[
                "Condense the passage below into clear ",
                rt.var("language"),
                ". Keep the key facts, names, numbers\n",
                "and terms, drop what says nothing, explain nothing that the passage does not explain.\n",
                "Begin with a line that says only \"Condensed:\" and put the text on the lines after it.\n",
                "\n",
                rt.var("text"),
            ],
            variables={"language": "English"},
            clean=[rt.op("lead_in@1", line="Condensed:"), rt.op("enclosing_quotes@1"), rt.op("markdown@1")],
            at="prompts/nemotron_cc.recipe:28",
        ),
        rt.prompt(
            "nemotron_cc.extract_knowledge",
            system=["You are a careful and polite assistant who answers the question asked."],
            user=[
                "From the page below, write ",
                rt.var("language"),
                " textbook passages about what it teaches:\n",
                "facts, explanations, how things hang together. Ignore advertising, navigation and\n",
                "anything that teaches nothing. Use only what the page says. No headings.\n",
                "\n",
                rt.var("text"),
            ],
            variables={"language": "English"},
            clean=[rt.op("marker_lines@1", marker="Passage"), rt.op("markdown@1")],
            at="prompts/nemotron_cc.recipe:44",
        ),
        rt.prompt(
            "nemotron_cc.knowledge_list",
            system=["You are a careful and polite assistant who answers the question asked."],
            user=[
                "List what can be learned from the page below, in ",
                rt.var("language"),
                ": one fact a line, each\n",
                "line beginning with \"- \", each to be understood alone, no fact twice.\n",
                "\n",
                rt.var("text"),
            ],
            variables={"language": "English"},
            clean=[rt.op("list_items@1", bullet="-"), rt.op("markdown@1")],
            at="prompts/nemotron_cc.recipe:59",
        ),
    ],
    segment=rt.op("lines@1", max=1000, min=None),
    tokenizer=rt.file(
        "std/bpe.json",
        sha256="e63049325b016b39092540464f59162e6e110f81fecdb9a6369b36ddb721cc87",
    ),
    samples=1,
    request={"max_tokens": 1000, "temperature": 0.5, "top_p": 0.9, "seed": 1},
    reads=[web_kept],
    digest="1b28b700a6184915e34046e227fe9d00",
    at="nemotron_like.recipe:84",
)

# nemotron_like.recipe:91  verify
def study_verify(answers):
    return rt.keep(
        answers,
        rt.rule("finish == stop", rt.test("finish", "==", "stop"), at="nemotron_like.recipe:92"),
        rt.rule(
            "tokens / segment_tokens in 0.1 .. 1.2",
            (F.col("tokens") / F.col("segment_tokens")).between(F.lit(0.1), F.lit(1.2)),
            value=F.col("tokens") / F.col("segment_tokens"),
            threshold="0.1 .. 1.2",
            at="nemotron_like.recipe:93",
        ),
    )


study_answers = job.ask(
    "study",
    study_units,
    verify=study_verify,
    retry=1,
    on_fail="discard",
    digest="502048840f75f7de24b4577eccbadc6e",
    at="nemotron_like.recipe:91",
)

# nemotron_like.recipe:83  transform study from web[high]
study_made = job.derive(
    "study",
    study_answers,
    kind="transform",
    digest="1b7ac6dbdcd676440c904ae2ba289e16",
    at="nemotron_like.recipe:83",
)

# nemotron_like.recipe:83  transform study from web[high]
study = rt.undecided(study_made)

# nemotron_like.recipe:83  transform study from web[high]
study_kept = job.select(
    "study",
    study,
    reads=[study_made],
    digest="3ee70202ba20aa1297a381ac799693bf",
    at="nemotron_like.recipe:83",
)
study = study_kept.frame

# nemotron_like.recipe:99  ask rewriter using prompts.diverse_qa(pairs = 8)
qa_units = job.units(
    "qa",
    web.where(F.col("tier").isin("high")),
    texts=pages,
    endpoint=rewriter,
    prompts=[
        rt.prompt(
            "nemotron_cc.diverse_qa",
            system=["You are a careful and polite assistant who answers the question asked."],
            user=[
                "Read the passage and ask up to ",
                rt.var("pairs"),
                " questions about it in ",
                rt.var("language"),
                ", each with\n",
                "its answer. Vary what they ask of the reader: recall, understand, compare, apply.\n",
                "Vary the form: yes or no, open, multiple choice with its options, comparison,\n",
                "comprehension, problem to solve. Everything must be answered by the passage.\n",
                "Write each pair as two lines, beginning with \"- Question:\" and \"- Answer:\".\n",
                "\n",
                rt.var("text"),
            ],
            variables={"pairs": "8", "language": "English"},
            clean=[
                rt.op("markdown@1"),
                rt.op("pairs@1", question="- Question:", answer="- Answer:", at_least=1),
            ],
            at="prompts/nemotron_cc.recipe:73",
        ),
    ],
    segment=rt.op("lines@1", max=1000, min=None),
    tokenizer=rt.file(
        "std/bpe.json",
        sha256="e63049325b016b39092540464f59162e6e110f81fecdb9a6369b36ddb721cc87",
    ),
    samples=4,
    request={"max_tokens": 600, "temperature": 1, "top_p": 0.9, "seed": 1},
    reads=[web_kept],
    digest="a26bfd8fbafab087cd711f88e39d5cbb",
    at="nemotron_like.recipe:99",
)

# nemotron_like.recipe:108  verify
def qa_verify(answers):
    return rt.keep(
        answers,
        rt.rule("finish == stop", rt.test("finish", "==", "stop"), at="nemotron_like.recipe:109"),
        rt.rule("support >= 0.80", rt.test("support", ">=", 0.8), at="nemotron_like.recipe:110"),
    )


def qa_best(answers):
    return rt.keep_best(
        answers,
        1,
        by="support",
        descending=True,
        rule="best(1, by = support, over = samples)",
        at="nemotron_like.recipe:113",
    )


qa_answers = job.ask(
    "qa",
    qa_units,
    scores={"support": rt.op("lexical_support@1", answer="answer", segment="segment")},
    verify=qa_verify,
    best=qa_best,
    retry=0,
    on_fail="discard",
    digest="c91b4a958b4a371c2461a1982067957b",
    at="nemotron_like.recipe:108",
)

# nemotron_like.recipe:98  generate qa from web[high]
qa_made = job.derive(
    "qa",
    qa_answers,
    kind="generate",
    text=[rt.var("segment"), "\n", "\n", rt.var("answer")],
    scores=["support"],
    digest="98dc81bb2ae7a48a9f9efc125a8e466c",
    at="nemotron_like.recipe:98",
)

# nemotron_like.recipe:98  generate qa from web[high]
qa = rt.undecided(qa_made)

# nemotron_like.recipe:98  generate qa from web[high]
qa_kept = job.select(
    "qa",
    qa,
    reads=[qa_made],
    digest="5990d4145dde98e835ea419ee28e1103",
    at="nemotron_like.recipe:98",
)
qa = qa_kept.frame

# nemotron_like.recipe:117  mix pretrain to at most total
pretrain_draw = job.mix(
    "pretrain",
    takes=[
        rt.take(
            "web[high]",
            web.where(F.col("tier").isin("high")),
            weight=0.18,
            epochs=4.0,
            at="nemotron_like.recipe:119",
        ),
        rt.take(
            "web[medium_high]",
            web.where(F.col("tier").isin("medium_high")),
            weight=0.14,
            epochs=2.0,
            at="nemotron_like.recipe:120",
        ),
        rt.take(
            "web[medium]",
            web.where(F.col("tier").isin("medium")),
            weight=0.42,
            at="nemotron_like.recipe:121",
        ),
        rt.take("wiki", wiki, weight=0.08, at="nemotron_like.recipe:122"),
        rt.take("study", study, weight=0.12, at="nemotron_like.recipe:123"),
        rt.take("qa", qa, weight=0.06, at="nemotron_like.recipe:124"),
    ],
    size=1000000000000,
    at_most=True,
    unit="tokens",
    caps=[
        rt.cap("synthetic", 0.3, text="cap synthetic <= 30%", at="nemotron_like.recipe:125"),
        rt.cap(
            "synthetic",
            0.5,
            where=F.col("tier") == F.lit("high"),
            text="cap synthetic <= 50% where tier == high",
            at="nemotron_like.recipe:126",
        ),
    ],
    on_shortage=["repeat", "renormalise"],
    seed=20261121,
    reads=[web_kept, wiki_kept, study_kept, qa_kept],
    digest="c20e88d775d0c6de278993ba12d2c02d",
    at="nemotron_like.recipe:117",
)

# nemotron_like.recipe:131  write pretrain to delta(lake)
web_documents = rt.with_texts(web, pages)
web_documents = rt.document(
    web_documents,
    step=web_kept.step,
    scores=["lang_score", "edu", "tidy", "quality"],
)
wiki_documents = wiki_made.frame.join(wiki.select("doc_id"), "doc_id", "left_semi")
wiki_documents = rt.derived(wiki_documents, step=wiki_kept.step)
study_documents = study_made.frame.join(study.select("doc_id"), "doc_id", "left_semi")
study_documents = rt.derived(study_documents, step=study_kept.step)
qa_documents = qa_made.frame.join(qa.select("doc_id"), "doc_id", "left_semi")
qa_documents = rt.derived(qa_documents, step=qa_kept.step)
pretrain_rows = web_documents
pretrain_rows = pretrain_rows.unionByName(wiki_documents, allowMissingColumns=True)
pretrain_rows = pretrain_rows.unionByName(study_documents, allowMissingColumns=True)
pretrain_rows = pretrain_rows.unionByName(qa_documents, allowMissingColumns=True)
pretrain_rows = pretrain_rows.drop("epoch").join(pretrain_draw.frame.select("doc_id", "epoch"), "doc_id")
pretrain_rows = rt.in_order(pretrain_rows)
job.write(
    "pretrain",
    pretrain_rows,
    sink=rt.op("delta@1", lake="lake"),
    reads=[pretrain_draw, web_kept, wiki_kept, study_kept, qa_kept],
    partition=["tier", "origin"],
    expect=[
        rt.unique("doc_id", "epoch", at="nemotron_like.recipe:133"),
        rt.not_null("text", at="nemotron_like.recipe:134"),
    ],
    digest="3c67bd00cc367ed8db966cd4d84aafd6",
    at="nemotron_like.recipe:131",
)

job.end()
