"""Replies in a form, prompts too long, units that may wait, and what calls cost, on a small recipe and a stub."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from asking_jobs import HEAD, by_page, generations, line, output, rejects, steps, write_texts
from recipe_runtime import calling
from recipe_runtime.errors import Incomplete
from recipe_runtime.lineage import trace
from recipe_runtime.lineage.balance import balance
from recipe_runtime.unit_tasks import Asked
from running import Ran, run_here
from stub_server import Fault, Stub

FORMS = HEAD.replace("  patience  = 3 s\n", """\
  patience  = 3 s
  structured_output = vllm
  input_price  = $1_000
  output_price = $2_000
""") + """
prompt rate(text) {
  user  = "${text}\\n\\nRate it, as JSON."
  reply = json("{\\"required\\": [\\"score\\"], \\"properties\\": {\\"score\\": {\\"type\\": \\"integer\\"}}}")
}
prompt judge(text) {
  user  = "${text}\\n\\nIs it good?"
  reply = choice(good, bad)
}
generate facts from base {
  ask writer using rate, judge {
    max_prompt = 60 tokens
    max_tokens = 100
    seed       = 1
    logprobs   = true
  }
  verify {
    finish == stop
    logprob >= -0.55
  }
  on fail discard
  on waiting tolerate(20%)
}
write facts to delta(lake)
"""
KEPT = """
generate kept from base {
  ask writer using rate {
    max_prompt = 60 tokens
    max_tokens = 100
    seed       = 1
    logprobs   = true
  }
  verify { finish == stop }
  on fail keep_source
}
write kept to delta(lake)
"""
SCHEMA = {"required": ["score"], "properties": {"score": {"type": "integer"}}}
PAGES = {
    **{f"good-{i}": line(f"Good{i}") for i in range(3)},
    "vague": line("Vague", "MAYBE"),
    "unsure": line("Unsure", "DOUBT"),
    "long": " ".join(line(f"Long{i}") for i in range(3)),
}


def rated(request: dict[str, Any], _: int) -> str:
    """A score, or a word; in no form where the page says MAYBE, and less likely where it says DOUBT: the stub's
    log-probabilities depend on the words alone."""
    asked = request["messages"][-1]["content"]
    if "MAYBE" in asked:
        return '{"score": "high"}' if "JSON" in asked else "perhaps"
    if "DOUBT" in asked:
        return '{"score": 2}' if "JSON" in asked else "bad"
    return '{"score": 4}' if "JSON" in asked else "good"


def asking(faults: Any = None) -> Stub:
    """The stub of these prompts."""
    return Stub(answer=rated, faults=faults or {})


def unavailable(*names: str) -> Any:
    """A server that fails for the pages of these names."""
    return lambda request, _: (
        Fault(status=503, retry_after=0) if request["messages"][-1]["content"].startswith(names) else None
    )


RUNS = (
    ({"patience  = 3 s": "patience  = 3 s\n  max_calls = 4"}, ("Good0",)),
    ({}, ("Good0",)),
    ({"patience  = 3 s": "coordinator = none", "write facts": KEPT + "write facts"}, ()),
)
"""What each run's recipe says otherwise, and for which pages its server fails."""


@pytest.fixture(scope="module")
def forms(quiet, tmp_path_factory) -> list[tuple[Ran, Stub]]:
    """Three runs over one lake, each with its stub, which is closed: one whose budget is too small, one whose server
    fails for some units, and one whose server is well and which has no coordinator."""
    folder = tmp_path_factory.mktemp("forms")
    texts = write_texts(folder / "in.jsonl", PAGES)
    runs = []
    for number, (changes, names) in enumerate(RUNS):
        recipe = FORMS
        for before, after in changes.items():
            recipe = recipe.replace(before, after)
        with asking(unavailable(*names) if names else None) as stub:
            if number:
                ran = run_here(recipe, folder / "lake", input=texts, server=stub.url)
            else:
                with pytest.raises(Incomplete) as caught:
                    run_here(recipe, folder / "lake", input=texts, server=stub.url)
                ran = Ran(folder / "lake", str(caught.value))
        runs.append((ran, stub))
    return runs


def asked(ran: Ran) -> list[dict[str, Any]]:
    """The rows of the ask of facts, the earlier first."""
    rows = [row for row in ran.ledger("steps") if row["kind"] == "ask" and row["name"] == "facts.answers"]
    return sorted(rows, key=lambda row: row["made_at"])


def test_a_budget_ends_a_run_that_can_be_gone_on_with(forms):
    ran, stub = forms[0]
    assert stub.completions == 4 and Incomplete.exit_code == 3
    waiting = "facts.answers, facts.documents, facts wait for answers"
    assert f"{waiting}; max_calls = 4 of the endpoint writer is used up" in ran.script, ran.script
    assert "run again to go on, for a limit is one run's, or raise it in the endpoint" in ran.script


def test_a_server_is_asked_for_the_form_and_for_logprobs(forms):
    bodies = [entry.body for entry in forms[0][1].ledger]
    by_form = {"JSON" in body["messages"][-1]["content"]: body for body in bodies}
    assert by_form[True]["structured_outputs"] == {"json": SCHEMA}
    assert by_form[False]["structured_outputs"] == {"choice": ["good", "bad"]}
    assert all(body["logprobs"] is True and "reply" not in body for body in bodies)


def test_what_is_in_no_form_too_long_or_unlikely_is_rejected_by_its_rule(forms):
    ran, _ = forms[2]
    found = rejects(ran, "facts.answers", "ask")
    why = {name: Counter((row["rule"], row["threshold"]) for row in rows) for name, rows in found.items()}
    assert why == {
        "vague": Counter([("reply json", "the schema"), ("reply choice", "good | bad")]),
        "unsure": Counter({("logprob >= -0.55", ">= -0.55"): 2}),
        "long": Counter({("max_prompt", "<= 60"): 2}),
    }
    assert {row["value"] for row in found["vague"]} == {"$.score: type", "something else"}
    assert {row["value"] for row in found["unsure"]} == {"-0.602", "-0.971"}
    assert all(int(row["value"]) > 60 and row["generation"] is None for row in found["long"])
    every = [entry.body["messages"][-1]["content"] for _, stub in forms for entry in stub.ledger]
    assert not [text for text in every if text.startswith("Long")], "it is not sent"


def test_units_that_wait_are_tolerated_up_to_a_share_and_never_taken_for_answered(forms):
    """More than 2 of 12 units are too many for 20%; of 2 the step says that they wait, and the next makes it whole."""
    first, second = asked(forms[2][0])
    assert first["step"] != second["step"] and first["operation"] == second["operation"]
    assert (first["rows_in"], first["rows_kept"], first["rows_rejected"]) == (12, 4, 6)
    assert (second["rows_in"], second["rows_kept"], second["rows_rejected"]) == (12, 6, 6)
    assert [json.loads(row["report"])["waiting"] for row in (first, second)] == [2, 0]
    ran = forms[2][0]
    assert {name: len(rows) for name, rows in by_page(output(ran, "facts")).items()} == dict.fromkeys(
        ("good-0", "good-1", "good-2"), 2
    )
    versions = Counter(row["version"] for row in ran.ledger("stats"))
    assert set(versions) == {0, 1}, "what depends on it was made again"
    assert [stub.completions for _, stub in forms] == [4, 4, 2]


def test_every_call_is_in_one_step_and_costs_what_its_tokens_do(forms):
    """Each answer has 7 prompt and 5 completion tokens, at 1,000 and 2,000 dollars a million."""
    rows = asked(forms[2][0])
    assert [row["calls"] for row in rows] == [8, 2], "those of the run that was not complete are in the next"
    assert sum(row["calls"] for row in rows) == len(generations(forms[2][0].lake)) == 10
    for row in rows:
        said = json.loads(row["report"])
        assert (said["prompt_tokens"], said["completion_tokens"]) == (7 * row["calls"], 5 * row["calls"])
        assert row["cost"] == pytest.approx(row["calls"] * (7 * 1_000 + 5 * 2_000) / 1e6)
        assert row["gpu_seconds"] is None and said["unmetered"] == 0
    for (_, stub), row, waiting in zip(forms[1:], rows, (2, 0), strict=True):
        run = json.loads(row["report"])["run"]
        assert (run["calls"], run["attempts"]) == (stub.completions, len(stub.ledger))
        assert sum(run["failed"].values()) == len(stub.ledger) - stub.completions
        assert sum(run["waiting"].values()) == waiting


def test_the_source_stands_in_where_a_prompt_is_too_long_or_a_reply_is_in_no_form(forms):
    """The prompt's answers are there already: nothing is asked, and nothing stands in the books twice."""
    ran, _ = forms[2]
    assert steps(ran)["kept.answers", "ask"]["calls"] == 0
    found = {name: rows[0] for name, rows in by_page(output(ran, "kept")).items()}
    assert set(found) == set(PAGES)
    assert {name: row["text"] for name, row in found.items() if row["origin"] == "mixed"} == {
        name: PAGES[name] for name in ("vague", "long")
    }
    assert found["good-0"]["text"] == '{"score": 4}' and found["unsure"]["text"] == '{"score": 2}'
    assert [len(found[name]["generations"]) for name in ("vague", "long", "unsure")] == [1, 0, 1]


def test_every_step_of_the_forms_balances(forms):
    found = balance(str(forms[2][0].lake))
    assert found.holds, found.text()
    assert [step.waiting for step in found.steps if step.kind == "ask"] == [2, 0, 0]


def test_a_judged_answer_is_traced_to_its_prompt_and_its_likelihood(forms):
    ran, _ = forms[2]
    likely = {"json": -0.383, "choice": -0.194}
    for row in by_page(output(ran, "facts"))["good-2"]:
        (call,) = trace(str(ran.lake), "facts", row["doc_id"]).calls
        assert call.proof == "proved" and call.logprob == pytest.approx(likely.pop(call.params["reply"][0]))
        assert call.gate is not None and call.gate.scores == {"logprob": call.logprob}
    assert not likely


def test_the_search_for_misses_reads_the_keys_of_its_classes_alone(forms):
    """One column of the files of the classes asked, and what is asked goes there, not all that was answered."""
    ran, _ = forms[2]
    job, units = ran.variables["job"], ran.variables["facts_units"]
    whole = "spark.sql.maxMetadataStringLength", "10000"  # of a path the plan otherwise shows a part
    job.spark.conf.set(*whole)
    missing = calling.misses(job, units.asked, units.frame)
    table = str(ran.lake / "_recipec" / "generations")
    read = [re.search("/call_class=([^/]*)/", path) for path in missing.inputFiles() if table in path]
    assert {found.group(1) for found in read} == set(units.asked.classes)
    plan = missing._jdf.queryExecution().executedPlan().toString()
    job.spark.conf.unset(whole[0])
    scans = [one for one in plan.splitlines() if "FileScan" in one and "/generations/" in one]
    assert len(scans) == len(units.asked.classes), plan
    assert all("ReadSchema: struct<key:string>" in one for one in scans), plan
    assert "BroadcastHashJoin" in plan and missing.count() == 0


def test_calls_of_one_document_are_side_by_side_where_the_document_comes_first(forms, spark):
    def order(asked: Asked, tasks: int) -> list[list[tuple[str, int]]]:
        rows = [(f"d{doc}", 0, prompt, sample) for sample in (1, 0) for prompt in (1, 0) for doc in (3, 1, 2)]
        frame = spark.createDataFrame(rows, "doc_id string, segment int, prompt int, sample int").repartition(3)
        placed = calling.in_order(asked, frame, tasks).rdd.glom().collect()
        return [[(row.doc_id, row.prompt) for row in part] for part in placed]

    asked = forms[2][0].variables["facts_units"].asked
    together = [(f"d{doc}", prompt) for doc in (1, 2, 3) for prompt in (0, 0, 1, 1)]
    assert order(asked, 1) == [together]
    parts = order(asked, 2)
    assert len(parts) == 2 and sorted(sum(parts, [])) == sorted(together)
    assert parts == order(asked, 2) and not {d for d, _ in parts[0]} & {d for d, _ in parts[1]}
    apart = [(f"d{doc}", prompt) for prompt in (0, 1) for doc in (1, 2, 3) for _ in range(2)]
    first, second = asked.prompts
    longer = replace(second, template={"system": ["Judge with care."], "user": second.template["user"]})
    assert order(replace(asked, prompts=(first, longer)), 1) == [apart]
