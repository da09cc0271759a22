"""What holds after every fault, once the run has been finished: FAULTS.md's oracle, from the server's own ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from asking_jobs import by_page, generations, output, relation, steps
from recipe_runtime import landing
from recipe_runtime.lineage.balance import balance
from recipe_udfs.endpoint.rates import SMOOTH
from running import Ran
from stub.ledger import Entry, digest

from faults.place import Place


@dataclass(frozen=True)
class Found:
    """Calls are requests that the servers answered with a completion, misses the different keys that were asked, rows
    those of `generations`; calls may be as many as `bound`."""

    calls: int
    misses: int
    rows: int
    bound: int
    note: str = ""


def not_landed(place: Place) -> int:
    """Answers that the servers gave and that no file of the lake holds now."""
    kept = {row["key"] for row in generations(place.lake)} if has_generations(place) else set()
    kept |= set(landing.landed(str(place.lake), columns=["key"]).column("key").to_pylist())
    return sum(entry.completion for entry in place.entries()) - len(kept)


def has_generations(place: Place) -> bool:
    """Has a run of this lake folded any answers in?"""
    return (place.lake / "_recipec" / "generations" / "_delta_log").exists()


UNSEEN = 0.25
"""Seconds that a server may take to see that a client is gone, whose permits are another's by then."""


def most_open(entries: Iterable[Entry]) -> int:
    """How many calls were open at once, by the servers' own count."""
    changes = []
    for entry in entries:
        gone = entry.status == 0 and not entry.completion
        changes += [(entry.at, 1), (max(entry.at, entry.done - UNSEEN * gone), -1)]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def kept_to(per_minute: int, entries: Sequence[Entry], place: Place, each: int = 1) -> bool:
    """Did requests of `each` tokens, or each one request, begin at a rate, however long any of them took to arrive? A
    sixtieth of a minute's amount may come at once, and what was granted and not yet sent: all that is in flight."""
    times = sorted(entry.at for entry in entries)
    late = per_minute // SMOOTH + each * place.size.in_flight
    return all(
        each * (last - first + 1) <= per_minute / 60 * (times[last] - times[first]) + late
        for first in range(len(times))
        for last in range(first, len(times))
    )


def settled(
    place: Place, again: int = 0, without: Collection[str] = (), runs: int = 1, note: str = ""
) -> Found:
    """The figures of a fault whose run has been finished; AssertionError where something is lost, written twice or
    passed through. `again`: calls that failures may have cost, (in flight + not yet landed) for each. `without`: pages
    whose answers fall. `runs`: at a time, each with the endpoint's limit."""
    ran = Ran(place.lake, "")
    keys = {row["key"] for row in relation(ran, "told.units", "units", "select key from r where unit is not null")}
    rows = generations(place.lake)
    assert len(rows) == len({row["key"] for row in rows}), "a key has two rows"
    assert {row["key"] for row in rows} == keys, "an asked key has no row, or a row was not asked"
    calls = {entry.call: entry for entry in place.entries() if entry.completion}
    for row in rows:
        assert row["fingerprint"] in calls, f"{row['key']} is no call of the ledger"
        assert calls[row["fingerprint"]].said in (None, digest(row["text"])), f"{row['key']} holds another answer"
    assert len({row["fingerprint"] for row in rows}) == len(rows), "two rows are one call"
    booked = steps(ran)["told.answers", "ask"]["calls"]
    assert booked == len(rows), f"{booked} calls are in the books"
    found = Found(len(calls), len(keys), len(rows), len(keys) + again, note)
    assert found.misses <= found.calls <= found.bound, f"{found.calls} calls, at most {found.bound} may be"
    assert most_open(place.entries()) <= runs * place.size.in_flight, "more calls at once than `in_flight`"
    texts = {name: [row["text"] for row in of_page] for name, of_page in by_page(output(ran, "told")).items()}
    wanted = {name: [text] for name, text in place.wanted().items() if name not in without}
    assert texts == wanted, "the output is another one"
    said = balance(str(place.lake))
    assert said.holds, said.text()
    return found
