"""A server with too much to do."""

from __future__ import annotations

from asking_jobs import segment
from stub_server import Entry, Fault

from faults.answers import incomplete
from faults.cases import fault
from faults.oracle import Found, settled
from faults.place import Place

PAUSE = 0.4
"""Seconds that the server asks to wait."""


@fault(8, "burst of 429 and 503, with Retry-After")
def burst(place: Place) -> Found:
    """A server that stays overloaded: few attempts, the breaker opens, a clean exit. One that was overloaded for a
    while: each question comes again when it may, others go before it, and nothing waits in the end."""
    answered = place.size.units // 3
    with place.server(faults={range(answered + 1, 10**9): Fault(status=503, retry_after=PAUSE)}) as stub:
        with incomplete(place) as said:
            place.run(stub.url)
        refused = [entry for entry in stub.ledger if not entry.completion]
    assert stub.completions == answered and "past its patience" in said[0], said
    assert len(refused) < place.size.units - answered, "the breaker opened: most were not tried"
    assert_pauses(refused)

    with place.server(faults={range(1, 13): Fault(status=429, retry_after=PAUSE)}) as stub:
        place.run(stub.url)
    assert sorted(entry.status for entry in stub.ledger) == [200] * (place.size.units - answered) + [429] * 12
    assert_pauses(stub.ledger)
    again = max(entry.number for entry in stub.ledger if segment(entry.body) == segment(stub.ledger[0].body))
    assert again > 13, "others went before it: a slot is free while its question waits"
    return settled(place)


def assert_pauses(entries: list[Entry]) -> None:
    """No question came again before the time that the server had asked for."""
    refused: dict[str, float] = {}
    for entry in entries:
        asked = segment(entry.body)
        assert entry.at >= refused.get(asked, 0.0) + PAUSE
        if not entry.completion:
            refused[asked] = entry.done
