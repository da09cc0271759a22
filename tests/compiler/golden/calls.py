"""Compiled from the recipe calls by recipec 0.1.0: edit the recipe, not this."""
import recipe_runtime as rt

rt.exit_codes()

from pyspark.sql import functions as F  # noqa: E402

# What this was compiled from; kept in the lake, so that every row can be explained by it.
RECIPE = {
    "calls.recipe": (
        "# Everything an endpoint and an `ask` can be told: a pool with prices and budgets, a base model by completions, a reply\n"
        "# of each form, units that may go on waiting. All of it runs.\n"
        "recipe calls\n"
        "edition 2026\n"
        "\n"
        "param corpus: path\n"
        "param lake:   path\n"
        "param budget: money = $250\n"
        "\n"
        "tokenizer bpe = hf(\"tokenizer/qwen3.json\")\n"
        "\n"
        "# Two servers of one model, one of them twice as strong.\n"
        "endpoint writer {\n"
        "  url                 = [env(\"WRITER_URL\"), \"http://second.test:8000/v1\"]\n"
        "  weights             = [2, 1]\n"
        "  key                 = env(\"WRITER_KEY\", default = \"\")\n"
        "  model               = \"Qwen/Qwen3-8B\"\n"
        "  revision            = \"main@2026-08-01\"\n"
        "  served_as           = [\"qwen3-8b\", \"Qwen3-8B\"]\n"
        "  tokenizer           = bpe\n"
        "  context             = 8_192 tokens\n"
        "  structured_output   = vllm\n"
        "  in_flight           = 128\n"
        "  requests_per_minute = 6_000\n"
        "  tokens_per_minute   = 2_000_000\n"
        "  timeout             = 2 min\n"
        "  patience            = 1 h\n"
        "  max_calls           = 1_000_000\n"
        "  max_tokens          = 2B tokens\n"
        "  max_cost            = budget\n"
        "  input_price         = $0.10\n"
        "  output_price        = $0.40\n"
        "}\n"
        "\n"
        "# A base model, on a machine of one's own.\n"
        "endpoint base {\n"
        "  url            = \"http://base.test:8000/v1\"\n"
        "  model          = \"Qwen/Qwen3-4B-Base\"\n"
        "  revision       = \"main@2026-08-01\"\n"
        "  tokenizer      = bpe\n"
        "  api            = completions\n"
        "  coordinator    = none\n"
        "  max_cost       = budget\n"
        "  gpu_hour_price = $2.50\n"
        "  tokens_per_gpu_second = 2_900\n"
        "}\n"
        "\n"
        "# A hosted model that knows `response_format`.\n"
        "endpoint hosted {\n"
        "  url               = \"https://hosted.test/v1\"\n"
        "  key               = env(\"HOSTED_KEY\")\n"
        "  model             = \"hosted-small\"\n"
        "  revision          = \"2026-08-01\"\n"
        "  tokenizer         = bpe\n"
        "  structured_output = json_schema\n"
        "}\n"
        "\n"
        "source pages = jsonl(corpus) {\n"
        "  id      = id\n"
        "  text    = text\n"
        "  license = license\n"
        "}\n"
        "\n"
        "select web from pages {\n"
        "  keep stats.words >= 50\n"
        "}\n"
        "\n"
        "## Questions with their answers, in the form that the schema's file says.\n"
        "prompt questions(text) {\n"
        "  system = \"You answer in JSON.\"\n"
        "  user   = \"Three questions that the page answers, with the answers:\\n\\n${text}\"\n"
        "  reply  = json(\"schemas/questions.json\")\n"
        "}\n"
        "\n"
        "## Names that occur in the page, by a schema written here.\n"
        "prompt names(text) {\n"
        "  user  = \"The names in the page, as a list:\\n\\n${text}\"\n"
        "  reply = json(\"{\\\"type\\\": \\\"array\\\", \\\"items\\\": {\\\"type\\\": \\\"string\\\"}, \\\"maxItems\\\": 20}\")\n"
        "}\n"
        "\n"
        "## Anything, as long as it is JSON.\n"
        "prompt facts(text) {\n"
        "  user  = \"The facts of the page as JSON:\\n\\n${text}\"\n"
        "  reply = json\n"
        "}\n"
        "\n"
        "prompt kind(text) {\n"
        "  user  = \"Is it a story or a report?\\n\\n${text}\"\n"
        "  reply = choice(story, report, \"something else\")\n"
        "}\n"
        "\n"
        "prompt year(text) {\n"
        "  user  = \"Of which year is it?\\n\\n${text}\"\n"
        "  reply = regex(\"[12][0-9]{3}\")\n"
        "}\n"
        "\n"
        "prompt grade(text) {\n"
        "  user  = \"How good is it, from 0 to 5?\\n\\n${text}\"\n"
        "  reply = number(0 .. 5)\n"
        "}\n"
        "\n"
        "prompt more(text) {\n"
        "  user = \"${text}\"\n"
        "}\n"
        "\n"
        "generate asked from web {\n"
        "  ask writer using questions, names, facts, kind, year, grade {\n"
        "    segment     = head(max = 6_000 tokens)\n"
        "    max_prompt  = 7_000 tokens\n"
        "    max_tokens  = 1_000\n"
        "    temperature = 0.7\n"
        "    top_k       = 40\n"
        "    min_p       = 5%\n"
        "    seed        = 1\n"
        "    logprobs    = true\n"
        "    timeout     = 90 s\n"
        "  }\n"
        "  verify {\n"
        "    finish == stop\n"
        "    logprob >= -1.5\n"
        "  }\n"
        "  on fail retry(1), discard\n"
        "  on waiting tolerate(0.1%)\n"
        "}\n"
        "\n"
        "transform continued from web {\n"
        "  ask base using more {\n"
        "    max_tokens = 512\n"
        "    seed       = 1\n"
        "    logprobs   = false\n"
        "  }\n"
        "  verify { finish in [stop, length] }\n"
        "  on fail discard\n"
        "}\n"
        "\n"
        "generate checked from web {\n"
        "  ask hosted using questions { max_tokens = 1_000 }\n"
        "  verify { finish == stop }\n"
        "  on fail discard\n"
        "}\n"
        "\n"
        "write asked to delta(lake)\n"
        "\n"
        "write continued to delta(lake)\n"
        "\n"
        "write checked to delta(lake)\n"
    ),
}

job = rt.start(
    "calls",
    lake="lake",
    files=RECIPE,
    params={"corpus": "in/*.jsonl", "lake": "lake", "budget": "250"},
    compiler="0.1.0",
)

# calls.recipe:58  source pages = jsonl(corpus)
pages = job.source(
    "pages",
    rt.op("jsonl@1", path="in/*.jsonl", max_bytes=20000000, namespace="pages", on_schema_change="error"),
    columns={"id": rt.field("id"), "text": rt.field("text"), "license": rt.field("license")},
    digest="98d6681956bcafb92d016b776a399b33",
    at="calls.recipe:58",
)

# calls.recipe:10  tokenizer bpe = hf("tokenizer/qwen3.json")
web_columns = job.annotate(
    "web",
    pages,
    columns={
        "tokens": rt.op(
            "tokens@1",
            tokenizer=rt.file(
                "tokenizer/qwen3.json",
                sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
            ),
        ),
        "stats_words": rt.op("stats.words@2"),
    },
    digest="d9dd20b7ec742a2310a5875568701dfa",
    at="calls.recipe:10",
)
web = web_columns.frame

# calls.recipe:65  keep stats.words >= 50
web = rt.keep(web, rt.rule("stats.words >= 50", rt.test("stats_words", ">=", 50), at="calls.recipe:65"))

# calls.recipe:64  select web from pages
web_kept = job.select(
    "web",
    web,
    reads=[pages, web_columns],
    digest="43726f570e50f90e4f4a5c08c47cf0f4",
    at="calls.recipe:64",
)
web = web_kept.frame

# calls.recipe:13  endpoint writer
writer = rt.endpoint(
    "writer",
    url=[rt.env("WRITER_URL"), "http://second.test:8000/v1"],
    weights=[2, 1],
    key=rt.env("WRITER_KEY", default=""),
    model="Qwen/Qwen3-8B",
    revision="main@2026-08-01",
    served_as=["qwen3-8b", "Qwen3-8B"],
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    context=8192,
    structured_output="vllm",
    in_flight=128,
    requests_per_minute=6000,
    tokens_per_minute=2000000,
    timeout=120,
    patience=3600,
    max_calls=1000000,
    max_tokens=2000000000,
    max_cost=250.0,
    input_price=0.1,
    output_price=0.4,
    at="calls.recipe:13",
)

# calls.recipe:107  ask writer using questions, names, facts, kind, year, grade
asked_units = job.units(
    "asked",
    web,
    texts=pages,
    endpoint=writer,
    prompts=[
        rt.prompt(
            "questions",
            system=["You answer in JSON."],
            user=["Three questions that the page answers, with the answers:\n", "\n", rt.var("text")],
            reply=[
                "json",
                {
                    "type": "object",
                    "properties": {
                        "questions": {"type": "array", "items": {"$ref": "#/$defs/question"}, "minItems": 3},
                    },
                    "required": ["questions"],
                    "additionalProperties": False,
                    "$defs": {
                        "question": {
                            "type": "object",
                            "properties": {
                                "question": {"type": "string"},
                                "answer": {"type": "string"},
                                "sure": {"enum": [True, None]},
                            },
                            "required": ["question", "answer", "sure"],
                            "additionalProperties": False,
                        },
                    },
                },
            ],
            at="calls.recipe:69",
        ),
        rt.prompt(
            "names",
            user=["The names in the page, as a list:\n", "\n", rt.var("text")],
            reply=["json", {"type": "array", "items": {"type": "string"}, "maxItems": 20}],
            at="calls.recipe:76",
        ),
        rt.prompt(
            "facts",
            user=["The facts of the page as JSON:\n", "\n", rt.var("text")],
            reply=["json", {}],
            at="calls.recipe:82",
        ),
        rt.prompt(
            "kind",
            user=["Is it a story or a report?\n", "\n", rt.var("text")],
            reply=["choice", "story", "report", "something else"],
            at="calls.recipe:87",
        ),
        rt.prompt(
            "year",
            user=["Of which year is it?\n", "\n", rt.var("text")],
            reply=["regex", "[12][0-9]{3}"],
            at="calls.recipe:92",
        ),
        rt.prompt(
            "grade",
            user=["How good is it, from 0 to 5?\n", "\n", rt.var("text")],
            reply=["number", 0, 5],
            at="calls.recipe:97",
        ),
    ],
    segment=rt.op("head@1", max=6000, at="newline"),
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    samples=1,
    request={"max_tokens": 1000, "temperature": 0.7, "top_k": 40, "min_p": 0.05, "seed": 1, "logprobs": True},
    max_prompt=7000,
    reads=[web_kept],
    digest="d0a14f40a4f73142df8416026ad5ac18",
    at="calls.recipe:107",
)

# calls.recipe:118  verify
def asked_verify(answers):
    return rt.keep(
        answers,
        rt.rule("finish == stop", rt.test("finish", "==", "stop"), at="calls.recipe:119"),
        rt.rule("logprob >= -1.5", rt.test("logprob", ">=", -1.5), at="calls.recipe:120"),
    )


asked_answers = job.ask(
    "asked",
    asked_units,
    verify=asked_verify,
    retry=1,
    on_fail="discard",
    tolerate=0.001,
    timeout=90.0,
    digest="8b7187c485504483cbc5bb71ec9a509c",
    at="calls.recipe:118",
)

# calls.recipe:106  generate asked from web
asked_made = job.derive(
    "asked",
    asked_answers,
    kind="generate",
    digest="88bf5f94332a16b4f95f245deedf39ec",
    at="calls.recipe:106",
)

# calls.recipe:106  generate asked from web
asked = rt.undecided(asked_made)

# calls.recipe:106  generate asked from web
asked_kept = job.select(
    "asked",
    asked,
    reads=[asked_made],
    digest="4d5c39e28c85e5de47d46e5c7fbeb4d3",
    at="calls.recipe:106",
)
asked = asked_kept.frame

# calls.recipe:36  endpoint base
base = rt.endpoint(
    "base",
    url="http://base.test:8000/v1",
    model="Qwen/Qwen3-4B-Base",
    revision="main@2026-08-01",
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    api="completions",
    coordinator=False,
    max_cost=250.0,
    gpu_hour_price=2.5,
    tokens_per_gpu_second=2900,
    at="calls.recipe:36",
)

# calls.recipe:127  ask base using more
continued_units = job.units(
    "continued",
    web,
    texts=pages,
    endpoint=base,
    prompts=[rt.prompt("more", user=[rt.var("text")], at="calls.recipe:102")],
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    samples=1,
    request={"max_tokens": 512, "seed": 1},
    reads=[web_kept],
    digest="40dfe549a58cf83ea1377c6cffcd3824",
    at="calls.recipe:127",
)

# calls.recipe:132  verify { finish in [stop, length] }
def continued_verify(answers):
    return rt.keep(
        answers,
        rt.rule("finish in [stop, length]", rt.test("finish", "in", "stop", "length"), at="calls.recipe:132"),
    )


continued_answers = job.ask(
    "continued",
    continued_units,
    verify=continued_verify,
    admits_cut=True,
    retry=0,
    on_fail="discard",
    digest="f9c73c13cfa4f8444b7608deb1e05793",
    at="calls.recipe:132",
)

# calls.recipe:126  transform continued from web
continued_made = job.derive(
    "continued",
    continued_answers,
    kind="transform",
    digest="15b0be175d17c1fed072a65c215a49e2",
    at="calls.recipe:126",
)

# calls.recipe:126  transform continued from web
continued = rt.undecided(continued_made)

# calls.recipe:126  transform continued from web
continued_kept = job.select(
    "continued",
    continued,
    reads=[continued_made],
    digest="7f194dd6e535f55f09ea604e6815a12b",
    at="calls.recipe:126",
)
continued = continued_kept.frame

# calls.recipe:49  endpoint hosted
hosted = rt.endpoint(
    "hosted",
    url="https://hosted.test/v1",
    key=rt.env("HOSTED_KEY"),
    model="hosted-small",
    revision="2026-08-01",
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    structured_output="json_schema",
    at="calls.recipe:49",
)

# calls.recipe:137  ask hosted using questions { max_tokens = 1_000 }
checked_units = job.units(
    "checked",
    web,
    texts=pages,
    endpoint=hosted,
    prompts=[
        rt.prompt(
            "questions",
            system=["You answer in JSON."],
            user=["Three questions that the page answers, with the answers:\n", "\n", rt.var("text")],
            reply=[
                "json",
                {
                    "type": "object",
                    "properties": {
                        "questions": {"type": "array", "items": {"$ref": "#/$defs/question"}, "minItems": 3},
                    },
                    "required": ["questions"],
                    "additionalProperties": False,
                    "$defs": {
                        "question": {
                            "type": "object",
                            "properties": {
                                "question": {"type": "string"},
                                "answer": {"type": "string"},
                                "sure": {"enum": [True, None]},
                            },
                            "required": ["question", "answer", "sure"],
                            "additionalProperties": False,
                        },
                    },
                },
            ],
            at="calls.recipe:69",
        ),
    ],
    tokenizer=rt.file(
        "tokenizer/qwen3.json",
        sha256="e3dd195c100a422c50a681bfbdd730ab75fd540f7d632717895051edd9bb6868",
    ),
    samples=1,
    request={"max_tokens": 1000},
    reads=[web_kept],
    digest="ba3952b04f4d7f9fc943e8a8a6106999",
    at="calls.recipe:137",
)

# calls.recipe:138  verify { finish == stop }
def checked_verify(answers):
    return rt.keep(answers, rt.rule("finish == stop", rt.test("finish", "==", "stop"), at="calls.recipe:138"))


checked_answers = job.ask(
    "checked",
    checked_units,
    verify=checked_verify,
    retry=0,
    on_fail="discard",
    digest="7995ef5a32f055ace0ac2680d9bdf22b",
    at="calls.recipe:138",
)

# calls.recipe:136  generate checked from web
checked_made = job.derive(
    "checked",
    checked_answers,
    kind="generate",
    digest="01273093c3e6e49c31c62aed4c2c17e5",
    at="calls.recipe:136",
)

# calls.recipe:136  generate checked from web
checked = rt.undecided(checked_made)

# calls.recipe:136  generate checked from web
checked_kept = job.select(
    "checked",
    checked,
    reads=[checked_made],
    digest="8eccb086450deba3dd5f4c165325d24c",
    at="calls.recipe:136",
)
checked = checked_kept.frame

# calls.recipe:142  write asked to delta(lake)
asked_rows = asked_made.frame.join(asked.select("doc_id"), "doc_id", "left_semi")
asked_rows = rt.derived(asked_rows, step=asked_kept.step)
job.write(
    "asked",
    asked_rows,
    sink=rt.op("delta@1", lake="lake"),
    reads=[asked_kept],
    partition=[],
    digest="c8d07fa03ab03db08185934d1c7b899d",
    at="calls.recipe:142",
)

# calls.recipe:144  write continued to delta(lake)
continued_rows = continued_made.frame.join(continued.select("doc_id"), "doc_id", "left_semi")
continued_rows = rt.derived(continued_rows, step=continued_kept.step)
job.write(
    "continued",
    continued_rows,
    sink=rt.op("delta@1", lake="lake"),
    reads=[continued_kept],
    partition=[],
    digest="152ebfa2110eac1bb9e7e6cb72d3f515",
    at="calls.recipe:144",
)

# calls.recipe:146  write checked to delta(lake)
checked_rows = checked_made.frame.join(checked.select("doc_id"), "doc_id", "left_semi")
checked_rows = rt.derived(checked_rows, step=checked_kept.step)
job.write(
    "checked",
    checked_rows,
    sink=rt.op("delta@1", lake="lake"),
    reads=[checked_kept],
    partition=[],
    digest="66b3958684c5d0008b4616ffe6c8d65d",
    at="calls.recipe:146",
)

job.end()
