"""How a run ends whose units wait: with 3, what happened, and how to go on. Nothing of Spark is needed to say it."""

from __future__ import annotations

import pytest
from recipe_runtime import tables
from recipe_runtime.errors import Incomplete
from recipe_runtime.job import Job
from recipe_runtime.lake import Lake
from recipe_runtime.relation import Relation


@pytest.fixture
def job(tmp_path) -> Job:
    """A run over a new lake."""
    return Job("x.recipe", Lake(str(tmp_path / "lake")).open(), {}, {})


def answers(name: str) -> Relation:
    """A step's answers."""
    return Relation(f"{name}.answers", "ask", "o", "s", {}, lambda: None)


@pytest.mark.parametrize(
    ("details", "said", "remedy"),
    [
        ({"timeout": "no answer within 20 s"}, "wait for answers", "run again when the endpoint answers"),
        (
            {"timeout": "no answer", "budget": "max_calls = 4 of the endpoint w is used up"},
            "wait for answers; max_calls = 4 of the endpoint w is used up",
            "run again to go on, for a limit is one run's, or raise it in the endpoint",
        ),
        (
            {"unavailable": "a:1 was down for 60 s"},
            "wait for answers; a:1 was down for 60 s",
            "run again when the endpoint answers",
        ),
        (
            {"lost_coordinator": "the driver's coordinator at a:2 is gone"},
            "wait for answers; the driver's coordinator at a:2 is gone",
            "run again to go on",
        ),
        (
            {"timeout": "no answer", "bad_request": "a:1 refused a request with status 400: too long"},
            "wait for answers; a:1 refused a request with status 400: too long",
            "what a server refuses to do it refuses again: say its `context`, or a `max_prompt`, that such units "
            "be rejected, or let them wait with `on waiting tolerate`",
        ),
    ],
)
def test_the_end_says_what_stopped_it_and_how_to_go_on(job, details, said, remedy):
    first, behind = answers("told"), answers("next")
    job.wait_for_answers(first, 3, details)
    assert job.waits(behind, [first], lambda: None) and behind.waiting == 3
    with pytest.raises(Incomplete) as caught:
        job.end()
    assert caught.value.exit_code == 3
    assert caught.value.message == f"run {job.run_id} is incomplete: told.answers, next.answers {said}"
    assert caught.value.remedy == f"{remedy}; what was answered is kept and not asked again"
    (ended,) = tables.read(job.lake, tables.RUNS, where={"state": "ended"})
    assert ended["status"] == "incomplete"


def test_two_steps_that_stopped_for_two_reasons_say_both(job):
    job.wait_for_answers(answers("one"), 1, {"unavailable": "a:1 was down"})
    job.wait_for_answers(answers("two"), 1, {"budget": "max_cost = $5.00 of the endpoint w is used up"})
    with pytest.raises(Incomplete, match=r"one\.answers, two\.answers wait for answers; max_cost .* used up; a:1 was"):
        job.end()
