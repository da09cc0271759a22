"""Every published pipeline, in the language: it checks, lowers to typed nodes, and says what cannot run yet.

| DESIGN §3, "It must also be able to say"                  | recipes                                                |
|-----------------------------------------------------------|--------------------------------------------------------|
| mixes: shares, to at most N                               | finephrase, synth_seeds; recipes/nemotron_like         |
| … to N, tolerance, on shortage, curve by tier, hierarchy  | olmo_mix                                               |
| … rates, nested blends, phases, least and most share      | olmo_mix, nemotron_cc, qbsr_curriculum                 |
| … absolute amounts; natural size                          | nemotron_cc, olmo_mix; qbsr_curriculum                 |
| … documents, bytes, tokens of a named tokenizer           | say_mixes                                              |
| … held-out parts                                          | olmo_mix                                               |
| caps for a mix, phase, tier, language; generated          | nemotron_cc, qbsr_curriculum, say_mixes                |
| tiers of what is derived, unless it is scored again       | qbsr_curriculum, say_mixes                             |
| several classifiers by max, mean, weights; by bytes       | nemotron_cc, say_mixes                                 |
| thresholds by language; rules by domain                   | fineweb2_hq; say_gates                                 |
| prompts: variables, system, stop, fan-out, segments       | say_gates, finephrase, synth_seeds, nemotron_cc        |
| … replies by schema, choice, regex; required structure    | calls, say_gates, synpro_round, verified_math          |
| gates of every kind; on fail with every action            | say_gates, synpro_round, verified_math                 |
| rounds: all, latest, last(n); pinned scores; stop         | synpro_round, say_gates                                |
| annotate, train, use                                      | fineweb_edu                                            |
| filters, prompts, blocks with parameters; imports         | dclm, fineweb, nemotron_cc, finephrase                 |

`recipes/nemotron_like.recipe`, `std/*` and `prompts/*` are the others of the fifteen: they run, and have tests of
their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from recipec.backend import FORMS, Backend
from recipec.driver import Compilation
from recipec.emit import _Script
from recipec.imports import library_folder
from recipec.operators import installed
from recipec.plan_text import dot, parse_plan, plan_text
from rewriting import renamed
from sketches import FILES, HERE, PARAMS, PLUGINS, RUNS, backend, furnish, later, plain, shown

NAMES = sorted(PARAMS)


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch):
    """The two packages that recipes use are installed."""
    monkeypatch.syspath_prepend(PLUGINS)
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every file that the recipes name."""
    made = tmp_path_factory.mktemp("project")
    furnish(made)
    return made


def digests(made: Backend) -> Counter[tuple[str, str]]:
    return Counter((node.kind, node.digest) for node in made.plan.nodes)


def test_every_recipe_is_tried() -> None:
    assert {path.stem for path in (HERE / "recipes").glob("*.recipe")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_checks_lowers_and_says_what_is_missing(name: str, folder: Path, golden) -> None:
    made = backend(name, folder)
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    golden(f"{name}.plan", shown(made, folder))
    golden(f"{name}.later", later(made))
    assert parse_plan(plan_text(made.plan)) == made.plan
    assert parse_plan(plan_text(made.optimised)) == made.optimised
    assert dot(made.optimised).count(" [label") == len(made.optimised.nodes)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_refused_and_a_plan_is_not(name: str, folder: Path) -> None:
    made = backend(name, folder)
    for form, refused in (("plan", False), ("dot", False), ("pyspark", name not in RUNS)):
        diagnostics, _ = FORMS[form]
        assert any(one.code == "E0900" for one in diagnostics(made)) == refused


@pytest.mark.parametrize("name", RUNS)
def test_the_script_of_one_that_runs(name: str, folder: Path, golden) -> None:
    made = backend(name, folder)
    assert later(made) == ""
    script = made.script.replace(f"{folder}/", "")
    golden(f"{name}.py", script)
    compile(script, f"{name}.py", "exec")


SAME_ANSWERS = [
    ('[env("WRITER_URL"), "http://second.test:8000/v1"]', '["http://other.test/v1", env("WRITER_URL")]'),
    ('[env("WRITER_URL"), "http://second.test:8000/v1"]', '["http://a.test/v1", "http://b.test/v1"]'),
    ("[2, 1]", "[1, 9.5]"),
    ("= vllm", "= none"),
    ("= json_schema", "= vllm"),
    ("= 128", "= 12"),
    ("= 6_000", "= 6"),
    ("= 2_000_000", "= 2"),
    ("= 2 min", "= 3 min"),
    ("= 1 h", "= 2 h"),
    ("= 1_000_000", "= 1"),
    ("= 2B tokens", "= 3B tokens"),
    ("= $250", "= $1"),
    ("= $0.10", "= $0.20"),
    ("  coordinator    = none\n", ""),
    ("= $2.50", "= $4"),
    ("= 90 s", "= 80 s"),
]
"""Settings that say how a model is asked, and not what."""


def steps(made: Backend) -> str:
    """The script behind the recipe's own text."""
    return made.script.partition("job = rt.start(")[2]


@pytest.mark.parametrize(("old", "new"), SAME_ANSWERS, ids=lambda value: value[:30].strip())
def test_what_changes_no_answer_is_in_no_digest(old: str, new: str, folder: Path) -> None:
    text = (HERE / "recipes" / "calls.recipe").read_text(encoding="utf-8")
    assert old in text
    made = backend("calls", folder, text.replace(old, new, 1))
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    before = backend("calls", folder)
    assert digests(made) == digests(before) and steps(made) != steps(before)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_emitted_is_named(name: str, folder: Path) -> None:
    """Every item with a node that no statement of a script stands for has a diagnostic of its own or of the whole."""
    made = backend(name, folder)
    named = " ".join(one.message for one in made.diagnostics if one.code == "E0900")
    word = {"train": "`train`", "pair": "`pair`", "merge": "`merge`", "measure": "`measure`", "expect": "`expect` here",
            "rounds": "`rounds`", "compute": "`compute`", "table": " table"}  # fmt: skip
    for node in made.plan.nodes:
        if not hasattr(_Script, f"_{node.kind}"):
            assert word[node.kind] in named or (node.kind == "table" and ("split" in named or "boundary" in named))


@pytest.mark.parametrize("name", NAMES)
def test_where_the_project_lies_is_in_no_digest(name: str, folder: Path, tmp_path: Path) -> None:
    furnish(tmp_path)
    assert digests(backend(name, folder)) == digests(backend(name, tmp_path))


RENAMED = {
    "calls": {"writer": "a1", "base": "a2", "questions": "a3", "asked": "a4", "budget": "a5"},
    "dclm": {"clean_pages": "a1", "scored": "a2", "calibration": "a3"},
    "finephrase": {"one_format": "a1", "generation": "a2", "faqs": "a3", "writer": "a4", "faq_share": "a5"},
    "fineweb2_hq": {"language_threshold": "a1", "scored": "a2", "calibration": "a3", "word_boundary": "a4",
                    "quality_model": "a5"},
    "fineweb_edu": {"annotator": "a1", "educational_value": "a2", "labelled": "a3", "edu_classifier": "a4"},
    "nemotron_cc": {"rewriter": "a1", "scored": "a2", "cc_high": "a4", "cc_medium_up": "a5",
                    "wikipedia_low": "a6"},
    "olmo_mix": {"topic_share": "a1", "quality_curve": "a2", "base": "a3", "held_out": "a4", "repeated": "a5"},
    "qbsr_curriculum": {"scored": "a1", "study": "a2", "repetitions": "a3"},
    "say_gates": {"least_words": "a1", "retell": "a2", "supported": "a3", "recent": "a4", "longer": "a5"},
    "say_mixes": {"small": "a1", "large": "a2", "graded": "a3", "notes": "a4"},
    "synpro_round": {"rater": "a1", "fresh": "a2", "useful": "a3", "rephrased": "a4", "judge_entry": "a5",
                     "olmo": "a6"},
    "synth_seeds": {"briefs": "a1", "pieces": "a2", "curator": "a3", "lesson": "a4", "qwen": "a5"},
    "verified_math": {"variants": "a1", "solved": "a2", "rollouts": "a3", "checks": "a4", "solver": "a5"},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(RENAMED))
def test_names_of_items_are_in_no_digest(name: str, folder: Path) -> None:
    text = (HERE / "recipes" / f"{name}.recipe").read_text(encoding="utf-8")
    other = renamed(text, RENAMED[name])
    assert other != text
    made = backend(name, folder, other)
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    assert digests(made) == digests(backend(name, folder))


CHANGES = [
    ("calls", "= 8_192 tokens", "= 8_191 tokens", "units"),
    ("calls", "= 7_000 tokens", "= 6_999 tokens", "units"),
    ("calls", "= completions", "= chat", "endpoint"),
    ("calls", "= 40", "= 41", "units"),
    ("calls", "= 5%", "= 6%", "units"),
    ("calls", "= false", "= true", "units"),
    ("calls", "number(0 .. 5)", "number(0 .. 4)", "units"),
    ("calls", "choice(story, report", "choice(report, story", "units"),
    ("calls", "maxItems", "minItems", "units"),
    ("calls", "= json\n", "= text\n", "units"),
    ("calls", "tolerate(0.1%)", "tolerate(0.2%)", "ask"),
    ("calls", "  on waiting tolerate(0.1%)\n", "", "ask"),
    ("dclm", "ngram = 13 words", "ngram = 12 words", "dedup"),
    ("dclm", ">= 90%", ">= 80%", "keep"),
    ("dclm", "9.5% .. 10.5%", "9.0% .. 10.5%", "write"),
    ("finephrase", "tolerate(0.1%)", "tolerate(0.2%)", "ask"),
    ("finephrase", "first_sentence_share(top = 1)", "first_sentence_share(top = 2)", "measure"),
    ("finephrase", "keep tokens >= 20", "keep tokens >= 30", "keep"),
    ("fineweb2_hq", "each = lang", "each = source", "sample"),
    ("fineweb2_hq", "within = lang", "within = source", "fit"),
    ("fineweb2_hq", "= jieba", "= other", "table"),
    ("fineweb_edu", "epochs        = 20", "epochs        = 10", "train"),
    ("fineweb_edu", "max = 2_000 tokens", "max = 1_000 tokens", "score"),
    ("nemotron_cc", "source.tokens >= 5\n", "source.tokens >= 6\n", "keep"),
    ("nemotron_cc", "segment_tokens / 150", "segment_tokens / 151", "ask"),
    ("nemotron_cc", "9T tokens", "8T tokens", "mix"),
    ("olmo_mix", "17        = 1x", "17        = 2x", "table"),
    ("olmo_mix", "share >= 25%", "share >= 20%", "mix"),
    ("olmo_mix", "cap epochs <= 12", "cap epochs <= 11", "mix"),
    ("say_gates", 'regex("[12]', 'regex("[2]', "units"),
    ("say_gates", "rounds = last(2)", "rounds = last(3)", "merge"),
    ("say_mixes", "tokenizer = large", "tokenizer = small", "mix"),
    ("say_mixes", "by   = bytes", "by   = documents", "sample"),
    ("synpro_round", "over = 1, better", "over = 2, better", "rounds"),
    ("synpro_round", "missing = wait", "missing = null", "derived"),
    ("synpro_round", "rounds = all", "rounds = latest", "merge"),
    ("synth_seeds", "each = 4", "each = 5", "pair"),
    ("synth_seeds", "top_opening <= 2%", "top_opening <= 3%", "expect"),
    ("synth_seeds", "source.topic, ", "source.url, ", "keep"),
    ("synth_seeds", "20x", "30x", "compute"),
    ("verified_math", "pass_rate <= 90%", "pass_rate <= 80%", "ask"),
    ("verified_math", "text = chat_text(answer)", "text = answer", "derive"),
]


@pytest.mark.parametrize(("name", "old", "new", "kind"), CHANGES, ids=lambda value: value[:30].strip())
def test_what_is_meant_is_in_the_digest(name: str, old: str, new: str, kind: str, folder: Path) -> None:
    text = (HERE / "recipes" / f"{name}.recipe").read_text(encoding="utf-8")
    assert old in text
    made = backend(name, folder, text.replace(old, new, 1))
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    before = digests(backend(name, folder))
    assert kind in {one for one, _ in digests(made) - before}


GAPS = [
    (("on fail discard", "on fail desk.shelve"), "action `shelve` after `on fail`"),
    (("expect not_null(text)", "expect desk.tidy"), "this `expect`"),
    (("write short to delta(lake)", "write short to desk.drawer()"), "writing to `drawer`"),
    (('hf("tokenizer/qwen3.json")', "desk.ruler()"), "tokenizer `ruler`"),
    (('jsonl("in.jsonl")', "desk.ask_around()"), "operator `ask_around`"),
    (("keep stats.words >= 50", "keep stats.words(boundary = \"jieba\") >= 50"), "`boundary` of `stats.words`"),
    (("keep stats.words >= 50", "dedup exact(of = text, keep = longest)"), ""),
    (("from web {", "from pages {"), "a source here, without a select between"),
    (("on fail discard", "on fail discard\n  keep tokens > 9"), "`keep` here in a transform"),
    (
        ("  verify {", "  score s = copy_rate(answer, text)\n  verify {"),
        "a score of anything but the answer and its segment",
    ),
    (("  ask writer", "  keep stats.words > 60\n  ask writer"), "`keep` before `ask`"),
    (("finish == stop", "desk.replay(answer, start = \"a\", timeout = 1 s, memory = 1 MB).calls"), None),
    (("keep stats.words >= 50", "keep best(3, by = bytes, over = [domain])"), "operator `best` in `keep`"),
    (("keep stats.words >= 50", "keep max(bytes, 5) > 6"), "operator `max` in `keep`"),
    (("retell { max", "retell(text = \"a\") { max"), ""),
    (("finish == stop", "prompt_tokens < 9"), "`prompt_tokens` of an answer in a rule"),
    (("write short", "select few from short { keep stats.words >= 9 }\nwrite few to delta(lake)\nwrite short"), ""),
    (
        ("write short", "select few from short { keep sample >= 1 }\nwrite few to delta(lake)\nwrite short"),
        "`sample`, a column of answers, in a select over their documents",
    ),
    (
        ("write short", "select few from short { score s = bytes / 2 }\nwrite few to delta(lake)\nwrite short"),
        "`score` of documents that a model wrote",
    ),
]


@pytest.mark.parametrize(("change", "message"), GAPS, ids=lambda value: str(value)[:40])
def test_one_gap_is_one_diagnostic(change: tuple[str, str], message: str | None, folder: Path) -> None:
    """What a recipe that runs asks in addition, of a package of one's own too, is named, not stumbled over."""
    assert later(plain(folder)) == ""
    made = plain(folder, change)
    if message is None:
        assert made.compilation.errors
        return
    assert [f"{one.code} {one.message}" for one in made.compilation.errors] == []
    found = [one.message for one in made.diagnostics if one.code == "E0900"]
    assert found == ([f"{message} cannot run yet"] if message else [])
    assert parse_plan(plan_text(made.plan)) == made.plan
    if not found:
        compile(made.script, "job.py", "exec")


def test_several_tokenizers_leave_no_token_count_unsaid(folder: Path) -> None:
    two = ("endpoint writer", 'tokenizer other = hf("tokenizer/smollm2.json")\nendpoint writer')
    found = plain(folder, two, ("stats.words >= 50", "tokens >= 50")).compilation.errors
    assert [one.code for one in found] == ["E0223"]
    named = plain(folder, two, ("stats.words >= 50", "tokens(other) >= 50"))
    assert later(named) == "" and '"tokens@1"' in named.script


def test_a_decision_by_a_computed_column_holds_what_computes_it(folder: Path) -> None:
    def keeps(n: int) -> list[str]:
        made = plain(
            folder,
            ("  keep stats.words >= 50", f"  score a = bytes / {n}\n  keep best(3, by = a, over = [domain])"),
        )
        return [node.digest for node in made.plan.nodes if node.kind == "keep"]

    assert len(keeps(2)) == 1 and keeps(2) == keeps(2) != keeps(3)


def test_each_round_asks_anew(folder: Path) -> None:
    first, second = ({**PARAMS["synpro_round"], "k": k} for k in ("1", "2"))
    path = folder / "synpro_round.recipe"
    backend("synpro_round", folder)
    one, two = (digests(Backend(Compilation(path, params))) for params in (first, second))
    assert {"rounds", "units", "merge"} <= {kind for kind, _ in one - two}
    assert {"source", "endpoint"} & {kind for kind, _ in one - two} == set()


@pytest.mark.parametrize("k", ["0", "4", "two", "1_0", "99999999999"])
def test_a_round_outside_of_the_rounds_is_refused(k: str, folder: Path) -> None:
    backend("synpro_round", folder)
    found = Compilation(folder / "synpro_round.recipe", {**PARAMS["synpro_round"], "k": k}).errors
    assert [one.code for one in found] == ["E0231"]


def test_a_model_by_a_table_is_pinned_file_by_file(folder: Path, tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / "models" / "hq_deu.onnx").write_bytes(b"another model")
    before, after = digests(backend("fineweb2_hq", folder)), digests(backend("fineweb2_hq", tmp_path))
    assert {"score"} <= {kind for kind, _ in after - before}
    assert {"annotate", "source", "table"} & {kind for kind, _ in after - before} == set()


def test_the_runtime_gaps_of_one_recipe_stand_at_their_places(folder: Path) -> None:
    made = backend("fineweb", folder)
    places = {made.compilation.text[one.primary.start : one.primary.end] for one in made.diagnostics}
    assert places == {'mask_pii(email = "[email]", public_ip = "[ip]")'}


def test_the_library_recipes_have_no_gap() -> None:
    for name in ("std/gopher", "std/c4", "std/fineweb", "prompts/nemotron_cc"):
        assert (library_folder() / f"{name}.recipe").is_file()
    assert later(Backend(Compilation(library_folder() / "nemotron_like.recipe"))) == ""


def test_the_command_shows_the_plan_and_refuses_the_script(folder: Path) -> None:
    backend("fineweb2_hq", folder)
    given = [f"--param={name}={value}" for name, value in PARAMS["fineweb2_hq"].items()]
    command = [sys.executable, "-m", "recipec.cli", "compile", str(folder / "fineweb2_hq.recipe"), *given]
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS)}
    plan = subprocess.run([*command, "--format", "plan"], capture_output=True, text=True, env=environment)
    assert (plan.returncode, plan.stderr) == (0, "") and plan.stdout.startswith("plan fineweb2_hq\n")
    script = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert script.returncode == 1 and "operator `glotlid` cannot run yet" in script.stderr
    assert "lists/hq_models.csv" in plan.stdout and all(name not in script.stdout for name in FILES)
