"""What a person is told of a row that a model wrote: the prompt it came from, proved, and what it passed."""

import json
import shutil
import subprocess
import sys

import derived_lake as d
import pytest
from derived_lake import DerivedLake
from recipe_runtime import tables
from recipe_runtime.lineage import trace
from small_lake import EVIL, ONE, PROSE, SECRET, SIX, h


def test_a_row_is_traced_through_its_calls_to_its_parents_record(derived):
    found = trace(derived.path, "pretrain", d.REWRITTEN)
    assert (found.origin, found.tier, found.tokens, found.generated_tokens, found.copied_tokens) == (
        "synthetic", "low", 100, 90, 10,
    )  # fmt: skip
    assert found.generations == tuple(derived.keys(SIX))
    (parent,) = found.parents
    assert (parent.doc_id, parent.origin, parent.url) == (SIX.doc, "organic", SIX.url)
    assert (parent.record.uri, parent.record.record) == ("/data/crawl/a.warc.gz", 600)
    assert (found.made.kind, found.made.at, found.made.line) == (
        "select", f"small.recipe:{d.line('transform')}", "transform wiki from clean[low] {",
    )  # fmt: skip


def test_evidence_of_a_parent_is_that_of_its_record(own_derived: DerivedLake):
    from deltalake import DeltaTable

    uri = own_derived.writer.lake.output("pretrain")
    DeltaTable(uri).update(predicate=f"doc_id = '{d.REWRITTEN}'", updates={"parent_ids": f"['{ONE.doc}']"})
    own_derived.take_for_newest()
    (parent,) = trace(own_derived.path, "pretrain", d.REWRITTEN).parents
    assert parent.evidence == ONE.meta
    assert parent.license == ("cc-by-4.0",)


def test_each_call_says_what_was_asked_of_which_model_and_how(derived):
    first, second = trace(derived.path, "pretrain", d.REWRITTEN).calls
    assert [call.key for call in (first, second)] == derived.keys(SIX)
    assert (first.prompt, first.template, first.template_parts) == (
        "nemotron_cc.wikipedia", derived.template, d.TEMPLATE,
    )  # fmt: skip
    assert {name: getattr(first, name) for name in d.MODEL} == d.MODEL
    assert (first.served_model, first.params, first.variables) == ("small-30b-2026", d.PARAMS, d.VARIABLES)
    assert [(call.sample, call.round) for call in (first, second)] == [(0, 0), (0, 1)]
    assert (first.outcome, first.finish, first.prompt_tokens, first.completion_tokens) == ("complete", "stop", 60, 30)
    assert first.run_id == derived.run(4)


def test_the_prompt_is_rendered_from_the_parents_bytes_and_proved_by_its_key(derived):
    calls = trace(derived.path, "pretrain", d.REWRITTEN).calls
    assert [call.proof for call in calls] == ["proved", "proved"]
    assert [(call.doc_id, call.span_start, call.span_end) for call in calls] == [
        (SIX.doc, *span) for span in d.spans(PROSE)
    ]  # fmt: skip
    said = [call.messages[1]["content"] for call in calls]
    assert said == [f"Rewrite:\n{part}\nNow." for part in PROSE.splitlines(keepends=True)]
    assert calls[0].messages[0] == {"role": "system", "content": "Be plain \x1b[31m."}
    assert "proved: the key matches" in trace(derived.path, "pretrain", d.REWRITTEN).text()


def test_gates_say_the_figures_and_the_lines_that_judged_them(derived):
    gate = trace(derived.path, "pretrain", d.REWRITTEN).calls[0].gate
    assert (gate.outcome, gate.finish, gate.tokens, gate.segment_tokens, gate.copied_tokens) == (
        "kept", "stop", 30, 40, 5,
    )  # fmt: skip
    assert gate.scores == {"support": 0.9}
    assert [rule for _, rule in gate.rules] == [
        "finish == stop", "tokens / segment_tokens in 0.5 .. 1.5", "support >= 0.80",
    ]  # fmt: skip
    assert gate.rules[-1][0] == d.LOW["at"]
    assert "tokens / segment_tokens = 0.75" in " ".join(trace(derived.path, "pretrain", d.REWRITTEN).text().split())


def test_equal_segments_of_a_parent_share_an_answer_and_keep_their_spans(own_derived: DerivedLake):
    first, second = (unit for unit in own_derived.units if unit["doc_id"] == SIX.doc)
    again = {**second, "key": first["key"], "unit": h("again"), "segment": 5}
    own_derived._relation(d.ASK, d.ASKED, [again, *own_derived.units], "doc_id")
    from deltalake import DeltaTable

    uri = own_derived.writer.lake.output("pretrain")
    both = f"['{first['key']}', '{second['key']}', '{first['key']}']"
    DeltaTable(uri).update(predicate=f"doc_id = '{d.REWRITTEN}'", updates={"generations": both})
    own_derived.take_for_newest()
    calls = trace(own_derived.path, "pretrain", d.REWRITTEN).calls
    assert [call.span_start for call in calls] == [first["span_start"], second["span_start"], second["span_start"]]
    assert [call.proof for call in calls] == ["proved", "proved", "mismatch"]


def test_a_completion_with_a_form_of_reply_is_proved_too(tmp_path, monkeypatch):
    monkeypatch.setattr(d, "TEMPLATE", {**d.TEMPLATE, "api": "completions"})
    monkeypatch.setattr(d, "PARAMS", {**d.PARAMS, "reply": ["json", {"type": "array"}]})
    found = trace(DerivedLake(tmp_path / "lake").path, "pretrain", d.REWRITTEN)
    assert [call.proof for call in found.calls] == ["proved", "proved"]
    part = PROSE.splitlines(keepends=True)[0]
    whole = f"Be plain \x1b[31m.\n\nRewrite:\n{part}\nNow."
    assert found.calls[0].messages == ({"role": "prompt", "content": whole},)
    assert "json" in found.text()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "'another'"}, "MISMATCH: this prompt has the key"),
        ({"params": "'{}'"}, "MISMATCH: this prompt has the key"),
        ({"variables": "'{}'"}, "cannot be rendered: the prompt needs the variable `style`"),
        ({"template": f"'{'0' * 64}'"}, "not provable: blob 000"),
    ],
)
def test_a_prompt_that_is_not_that_of_the_key_is_never_called_proved(own_derived: DerivedLake, values, said):
    own_derived.change(tables.GENERATIONS, f"key = '{own_derived.keys(SIX)[0]}'", values)
    found = trace(own_derived.path, "pretrain", d.REWRITTEN)
    first, second = found.calls
    assert said in first.proof_said
    assert second.proof == "proved"
    assert found.exit_code == (0 if "not provable" in said else 4)


@pytest.mark.parametrize(
    ("span", "said"), [((1, 3), "cuts a character"), ((0, 4_000), "the span is 0 to 4000"), ((5, 2), "the span is")]
)
def test_a_span_that_is_not_of_the_text_is_a_mismatch(own_derived: DerivedLake, span, said):
    unit = {**own_derived.units[0], "span_start": span[0], "span_end": span[1]}
    own_derived._relation(d.ASK, d.ASKED, [unit, *own_derived.units[1:]], "doc_id")
    call = trace(own_derived.path, "pretrain", d.REWRITTEN).calls[0]
    assert call.proof == "mismatch"
    assert said in call.proof_said


def test_a_parents_text_that_is_gone_leaves_the_prompt_unproved_and_says_so(own_derived: DerivedLake, tmp_path):
    from small_lake import EXTRACTED

    shutil.rmtree(tmp_path / "lake" / "_recipec" / "relations" / EXTRACTED)
    found = trace(own_derived.path, "pretrain", d.REWRITTEN)
    assert {call.proof for call in found.calls} == {"impossible"}
    assert "is no longer kept" in found.calls[0].proof_said
    assert found.exit_code == 0


def test_calls_that_the_lake_lost_are_counted(own_derived: DerivedLake):
    from deltalake import DeltaTable

    DeltaTable(own_derived.writer.lake.table("generations")).delete(f"key = '{own_derived.keys(SIX)[1]}'")
    found = trace(own_derived.path, "pretrain", d.REWRITTEN)
    assert len(found.calls) == 1
    assert "1 of its 2 generations are no longer kept" in found.text()


def test_a_parent_that_is_derived_itself_is_followed_to_its_record(own_derived: DerivedLake):
    from deltalake import DeltaTable

    uri = own_derived.writer.lake.output("pretrain")
    values = {"parent_ids": f"['{d.DROPPED}']", "root_ids": f"['{EVIL.doc}']", "generations": "[]"}
    DeltaTable(uri).update(predicate=f"doc_id = '{d.REWRITTEN}'", updates=values)
    own_derived.take_for_newest()
    (parent,) = trace(own_derived.path, "pretrain", d.REWRITTEN).parents
    assert (parent.doc_id, parent.origin, parent.record) == (d.DROPPED, "synthetic", None)
    assert [call.key for call in parent.calls] == own_derived.keys(EVIL)
    assert parent.calls[0].proof == "proved"
    (above,) = parent.parents
    assert (above.doc_id, above.record.record) == (EVIL.doc, 500)


def test_the_steps_of_a_row_go_through_the_mix_that_drew_it(derived):
    steps = trace(derived.path, "pretrain", d.REWRITTEN).steps
    assert [step.kind for step in steps][-7:] == ["select", "units", "ask", "derive", "select", "mix", "write"]
    assert steps[-2].note == "drawn by take wiki"
    organic = trace(derived.path, "pretrain", ONE.doc)
    assert [step.kind for step in organic.steps][-3:] == ["select", "mix", "write"]
    assert organic.steps[-2].note == "drawn by take clean[high], 2 epochs"
    assert (organic.calls, organic.parents, organic.epochs) == ((), (), (1, 2))


def test_what_a_prompt_holds_acts_nowhere(derived):
    found = trace(derived.path, "pretrain", d.REWRITTEN)
    shown = found.text()
    assert not set(shown) & set("\x1b\u202e")
    assert r"| \x1b[2JThe second part: ${text} and \u202emore." in shown
    assert r"fingerprint fp_\x1b[1m" in shown
    said = json.loads(json.dumps(found.to_json()))
    assert said["calls"][1]["messages"][1]["content"].startswith("Rewrite:\n\x1b[2J")


def test_answers_and_texts_are_not_read_into_it(derived):
    found = trace(derived.path, "pretrain", d.REWRITTEN)
    assert d.ANSWER not in found.text() + json.dumps(found.to_json())
    assert SECRET not in found.text() + json.dumps(found.to_json())


QUESTIONS = {
    "trace": "lineage.trace(lake, 'pretrain', key)",
    "why": "lineage.why(lake, key)",
    "shares": "lineage.shares(lake, 'pretrain')",
    "generations": "lineage.generations(lake)",
    "balance": "lineage.balance(lake)",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_takes_no_spark_and_no_client(derived, question):
    code = (
        "import sys; from recipe_runtime import lineage; lake, key = sys.argv[1:];"
        f"{QUESTIONS[question]}.text(100);"
        "assert not {'pyspark', 'py4j', 'numba', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, derived.path, d.REWRITTEN], check=True)


def test_a_unit_whose_answer_failed_and_whose_source_was_kept_says_so(own_derived: DerivedLake):
    kept = {**own_derived.units[0], "rejected": d.LOW, "from_source": True, "source_text": SECRET}
    columns = f"{d.ASKED}, from_source boolean, source_text string"
    shutil.rmtree(own_derived.writer.lake.relation(d.ASK))
    own_derived._relation(d.ASK, columns, [kept, *own_derived.units[1:]])
    found = trace(own_derived.path, "pretrain", d.REWRITTEN)
    first, second = found.calls
    assert (first.gate.from_source, second.gate.from_source) == (True, False)
    assert (first.gate.outcome, first.gate.rejected["rule"]) == ("kept", "support >= 0.80")
    shown = " ".join(found.text().split())
    assert "gates failed, its source was kept:" in shown
    assert f"FAILED {d.LOW['at']} support >= 0.80" in shown
    assert SECRET not in json.dumps(found.to_json())


def test_a_row_that_a_relation_behind_it_did_not_have_is_not_called_kept(own_derived: DerivedLake):
    from deltalake import DeltaTable

    rule = {name: f"'{value}'" for name, value in d.LOW.items()}
    named = ", ".join(f"'{name}', {value}" for name, value in rule.items())
    uri = own_derived.writer.lake.relation(d.CLEAN)
    DeltaTable(uri).update(predicate=f"doc_id = '{SIX.doc}'", updates={"rejected": f"named_struct({named})"})
    steps = trace(own_derived.path, "pretrain", d.REWRITTEN).steps
    notes = {step.name: step.note for step in steps if step.kind == "select"}
    assert notes == {"clean": "not among its rows (support >= 0.80)", "wiki": "kept"}
