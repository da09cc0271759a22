"""The recipes of `recipes/` with what they need: parameters, and stand-ins for the files they name."""

from __future__ import annotations

import shutil
from pathlib import Path

from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.plan_text import plan_text

HERE = Path(__file__).parent
PLUGINS = HERE / "plugins"
"""Two packages as they would stand in site-packages, found by their entry points."""

TABLE = {"corpus": "corpus", "version": "3", "lake": "lake"}
PARAMS: dict[str, dict[str, str]] = {
    "calls": {"corpus": "in/*.jsonl", "lake": "lake"},
    "dclm": {"crawl": "in/*.warc.gz", "lake": "lake"},
    "finephrase": TABLE,
    "fineweb": {"crawl": "in/*/*.warc.gz", "lake": "lake"},
    "fineweb2_hq": TABLE,
    "fineweb_edu": TABLE,
    "nemotron_cc": {"crawl": "in/*.warc.gz", "other": "other/*.parquet", "lake": "lake", "max_epochs": "4"},
    "olmo_mix": {"corpora": "corpora", "version": "3", "lake": "lake"},
    "qbsr_curriculum": TABLE,
    "say_gates": {"corpus": "in/*.jsonl", "lake": "lake", "k": "3"},
    "say_mixes": {"corpus": "in/*.parquet", "lake": "lake"},
    "synpro_round": {
        "lake": "lake", "organic_pages": "dclm", "organic_version": "1", "influence_scores": "influence",
        "influence_version": "2", "training_metrics": "metrics", "metrics_version": "3", "checkpoint": "step-9000",
        "rephraser": "rephraser", "rephraser_revision": "r2", "reformatter": "reformatter",
        "reformatter_revision": "r2", "k": "2",
    },
    "synth_seeds": {"articles": "articles.jsonl", "people": "people.jsonl", "lake": "lake"},
    "verified_math": {"seed_problems": "problems.jsonl", "seed_tasks": "tasks.jsonl", "lake": "lake"},
}  # fmt: skip

FILES = (
    "lid.176.bin", "lists/ut1/domains.txt", "lists/ut1/words.txt", "lists/ut1/soft_words.txt",
    "models/arctic_embed_m.onnx", "models/deberta_large_mnli.onnx", "models/edu_mixtral.onnx",
    "models/edu_nemotron.onnx", "models/glotlid_v3.bin", "models/hq_deu.onnx", "models/hq_fra.onnx",
    "models/minilm.onnx", "models/oh_eli5.bin", "models/quality.onnx", "models/topics.bin",
    "models/xlm_roberta_base.onnx", "tokenizer/dolma2.json", "tokenizer/mistral-nemo.json", "tokenizer/qwen3.json",
    "tokenizer/smollm2.json",
)  # fmt: skip
RUNS = ("calls",)
"""Those that run as they stand."""
SCHEMA = """{
  "type": "object",
  "properties": {"questions": {"type": "array", "items": {"$ref": "#/$defs/question"}, "minItems": 3}},
  "required": ["questions"],
  "additionalProperties": false,
  "$defs": {
    "question": {
      "type": "object",
      "properties": {"question": {"type": "string"}, "answer": {"type": "string"}, "sure": {"enum": [true, null]}},
      "required": ["question", "answer", "sure"],
      "additionalProperties": false
    }
  }
}
"""
LISTS = {
    "lists/fineweb2_language_threshold.csv": "lang,threshold\ndeu_Latn,0.8\nfra_Latn,0.7\n",
    "lists/fineweb2_mean_word_length.csv": "lang,range\ndeu_Latn,3 .. 14\nfra_Latn,3 .. 11\n",
    "lists/hq_models.csv": "lang,file\ndeu_Latn,models/hq_deu.onnx\nfra_Latn,models/hq_fra.onnx\n",
    "lists/topic_share.csv": "topic,share\nscience,40%\nhistory,20%\n",
    "schemas/questions.json": SCHEMA,
}


def furnish(folder: Path) -> None:
    """Put a stand-in for every file that a recipe names into a folder."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"stands in for " + name.encode())
    for name, text in LISTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


PLAIN = """recipe plain
edition 2026
use plugin "desk-tools" as desk
param lake: path = "lake"
tokenizer bpe = hf("tokenizer/qwen3.json")
endpoint writer {
  url       = "http://localhost:1/v1"
  model     = "m"
  revision  = "1"
  tokenizer = bpe
}
prompt retell(text) { user = "Retell: ${text}" }
source pages = jsonl("in.jsonl")
select web from pages {
  keep stats.words >= 50
}
transform short from web {
  ask writer using retell { max_tokens = 64 }
  verify { finish == stop }
  on fail discard
}
write web to delta(lake) {
  expect not_null(text)
}
write short to delta(lake)
"""
"""A recipe that runs, into which tests put what does not."""


def plain(folder: Path, *changes: tuple[str, str]) -> Backend:
    """`PLAIN` with texts in it replaced, each once."""
    text = PLAIN
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return Backend(Compilation(folder / "plain.recipe", text=text))


def backend(name: str, folder: Path, text: str | None = None) -> Backend:
    """A recipe of `recipes/` as if it stood in `folder`, or another text of it."""
    path = folder / f"{name}.recipe"
    shutil.copy(HERE / "recipes" / path.name, path)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return Backend(Compilation(path, PARAMS[name]))


def shown(made: Backend, folder: Path) -> str:
    """The plan as text, files named as the recipe names them and its own text left out."""
    plan = made.plan.model_copy(update={"files": {}})
    return plan_text(plan).replace(f"{folder}/", "")


def later(made: Backend) -> str:
    """What cannot run yet, a line each: its place and what it is."""
    files = made.compilation.files
    lines = []
    for one in made.diagnostics:
        if one.code == "E0900":
            place = files[one.primary.file].count("\n", 0, one.primary.start) + 1
            lines.append(f"{one.primary.file}:{place}: {one.message}\n")
    return "".join(lines)
