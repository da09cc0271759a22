"""An OpenAI-compatible server for tests: real HTTP/1.1, a ledger of every request, faults by number or by content.

    with Stub(answer=lambda request, n: "words", faults={3: Fault(status=503, retry_after=0.1)}) as stub:
        … stub.url …
    assert [entry.status for entry in stub.ledger] == …

As a process of its own, with its ledger in a file: `python tests/stub_server.py --port 0 --ledger FILE`, or
`StubProcess` in a test. What it is made of stands in `stub/`.
"""

from __future__ import annotations

from stub import Entry, Fault, LongTail, Prefixes, Reply, Stub, StubProcess, read

__all__ = ["Entry", "Fault", "LongTail", "Prefixes", "Reply", "Stub", "StubProcess", "read"]

if __name__ == "__main__":
    from stub.in_process import main

    main()
