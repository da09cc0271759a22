"""What runs in a worker around a model call, on Arrow batches without Spark: units and their keys, answers judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import recipec
from recipe_runtime import tables
from recipe_runtime.answer_tasks import AnswerForm, CleanStep, Judge
from recipe_runtime.arrow import ddl_schema
from recipe_runtime.asking import call_class, endpoint, prompt, var
from recipe_runtime.errors import StepError
from recipe_runtime.lake import Lake
from recipe_runtime.steps.units import COLUMNS, REJECTED
from recipe_runtime.unit_tasks import Asked, AskedPrompt, Limits, MakeUnits
from recipe_runtime.worker import Blob
from recipe_udfs.endpoint.request import request_key
from recipe_udfs.tokens import token_counts

BPE = str(Path(recipec.__file__).parents[2] / "recipes" / "std" / "bpe.json")
REQUEST = {"max_tokens": 20, "seed": 7}
TELL = prompt("tell", system=["Be brief."], user=["Tell:\n", var("text")], at="x.recipe:3")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Blob:
    """The embedded tokenizer in a lake."""
    lake = Lake(str(tmp_path_factory.mktemp("lake"))).open()
    return Blob(lake.uri, lake.put_blob(Path(BPE).read_bytes()))


def asked(*prompts: Any, samples: int = 1, **settings: Any) -> Asked:
    """What these prompts ask of an endpoint."""
    where = endpoint("writer", url="http://x/v1", model="m", **settings)
    made = tuple(
        AskedPrompt(p.name, p.template(where.api), dict(p.variables), p.reply, call_class(where, p, REQUEST), "hash")
        for p in prompts
    )
    return Asked(where.model, where.revision, where.deployment, made, REQUEST, samples)


# ---- units ------------------------------------------------------------------------------------------


def units(tokenizer: Blob, of: Asked, limits: Limits | None, **texts: str) -> list[dict[str, Any]]:
    """The units of some texts, by their ids."""
    schema = ddl_schema(f"{COLUMNS}, {REJECTED}" if limits else COLUMNS)
    batch = pa.RecordBatch.from_pydict({"doc_id": list(texts), "text": list(texts.values())})
    made = MakeUnits(of, None, tokenizer, limits, schema, {})(iter([batch]))
    return [row for batch in made for row in batch.to_pylist()]


def test_a_prompt_that_is_too_long_has_a_unit_and_no_key(tokenizer):
    """Its tokens are those of the messages as they would be sent, the system text among them."""
    of = asked(TELL, samples=2)
    long = "word " * 40
    tokens = sum(token_counts([m["content"] for m in of.messages(0, long)], BPE).tolist())
    short = sum(token_counts([m["content"] for m in of.messages(0, "a word")], BPE).tolist())
    assert short + 10 < tokens

    def failing(limits: Limits) -> list[dict[str, Any] | None]:
        rows = units(tokenizer, of, limits, a="a word", b=long)
        assert [(row["doc_id"], row["sample"]) for row in rows] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
        assert all((row["key"] is None) == (row["rejected"] is not None) for row in rows)
        assert len({row["unit"] for row in rows}) == 4
        return [row["rejected"] for row in rows]

    at = "x.recipe:9"
    assert failing(Limits(tokens, None, 20, at)) == [None] * 4
    over = {"rule": "max_prompt", "value": str(tokens), "threshold": f"<= {tokens - 1}", "at": at}
    assert failing(Limits(tokens - 1, None, 20, at)) == [None, None, over, over]
    assert failing(Limits(None, tokens + 20, 20, at)) == [None] * 4, "just room for the answer"
    full = {"rule": "context", "value": str(tokens), "threshold": f"<= {tokens - 1}", "at": at}
    assert failing(Limits(None, tokens + 19, 20, at)) == [None, None, full, full]
    assert failing(Limits(tokens - 1, short, 20, at))[2:] == [over, over], "the prompt's own limit is said first"
    assert [row["rule"] for row in failing(Limits(None, 10, 20, at))] == ["context"] * 4


def test_a_limit_changes_no_key(tokenizer):
    of = asked(TELL)
    free, bound = (units(tokenizer, of, limits, a="a word") for limits in (None, Limits(1000, 1000, 20, "")))
    assert [row["key"] for row in free] == [row["key"] for row in bound]


# ---- keys and classes -------------------------------------------------------------------------------


def test_the_form_of_a_reply_and_the_api_are_part_of_key_and_class_and_text_by_chat_is_as_before():
    scored = prompt("tell", system=["Be brief."], user=["Tell:\n", var("text")], reply=["number", 0, 5])
    forms = {"text": asked(TELL), "number": asked(scored), "completions": asked(TELL, api="completions")}
    keys = {name: of.key(of.messages(0, "a"), 0, 0, 0) for name, of in forms.items()}
    assert len(set(keys.values())) == len({of.classes[0] for of in forms.values()}) == 3
    for how in ("none", "json_schema", "vllm"):
        other = asked(scored, structured_output=how, context=100, in_flight=3, max_calls=5)
        assert (other.key(other.messages(0, "a"), 0, 0, 0), other.classes) == (keys["number"], forms["number"].classes)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell:\na"}]
    same = {"model": "m", "revision": None, "deployment": None, "sample": 0, "round": 0}
    assert keys["text"] == request_key(messages=messages, params=REQUEST, **same)
    assert keys["number"] == request_key(messages=messages, params={**REQUEST, "reply": ["number", 0, 5]}, **same)
    one = [{"role": "prompt", "content": "Be brief.\n\nTell:\na"}]
    assert keys["completions"] == request_key(messages=one, params=REQUEST, **same)


def test_a_prompt_whose_reply_nothing_can_have_is_refused_with_its_place():
    with pytest.raises(StepError, match=r"x\.recipe:7: prompt p: no regular expression"):
        prompt("p", user=[var("text")], reply=["regex", "("], at="x.recipe:7")


# ---- answers ----------------------------------------------------------------------------------------


def judged(tokenizer: Blob, form: AnswerForm, *answers: str | None) -> list[tuple[str | None, Any]]:
    """(cleaned answer, how it failed) of each raw answer."""
    schema = ddl_schema(f"prompt int, answer string, failed {tables.REJECTED}, tokens bigint")
    given = [{"prompt": 0, "answer": answer, "source_text": "a piece"} for answer in answers]
    batch = pa.RecordBatch.from_pylist(given, ddl_schema("prompt int, answer string, source_text string"))
    made = Judge((form,), (), tokenizer, schema, {})(iter([batch]))
    return [(row["answer"], row["failed"]) for batch in made for row in batch.to_pylist()]


def test_an_answer_is_cleaned_and_then_has_its_form_or_not(tokenizer):
    lead_in = CleanStep("recipe_udfs.answers:clean_answers", "lead_in", {"line": "Score:"}, 'clean lead_in("Score:")')
    form = AnswerForm((lead_in,), ("number", 0, 5), "x.recipe:3")
    found = judged(tokenizer, form, "Score: 4", "Score: 6", "4", "Score: four", " \n", None)
    unled = {"rule": 'clean lead_in("Score:")', "value": "not there", "threshold": "there", "at": "x.recipe:3"}
    reply = {"rule": "reply number", "threshold": "0 .. 5", "at": "x.recipe:3"}
    assert found == [
        ("4", None), ("6", {**reply, "value": "6"}), (None, unled), ("four", {**reply, "value": "no number"}),
        (None, None), (None, None),
    ]  # fmt: skip


def test_an_answer_of_text_has_any_form(tokenizer):
    assert judged(tokenizer, AnswerForm((), None, ""), "words", "{") == [("words", None), ("{", None)]


def test_an_answer_of_ten_megabytes_is_judged_like_any_other(tokenizer):
    form = AnswerForm((), ("json", {"properties": {"text": {"type": "string"}}}), "x.recipe:3")
    words = "word " * 2_000_000
    (good, bad), (_, failed) = judged(tokenizer, form, f'{{"text": "{words}"}}', f'{{"text": ["{words}"]}}')
    assert len(good) > 10_000_000 and bad is None
    assert failed["rule"] == "reply json" and failed["value"] == "$.text: type"
