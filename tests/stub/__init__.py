"""An OpenAI-compatible server for tests and benches: real HTTP/1.1, scripted faults, a ledger that it writes itself.

`Stub` runs in a thread of the test, `StubProcess` as a process of its own; both are a `Service`. It answers each
connection by itself, so a slow answer holds no other.
"""

from stub.faults import Fault
from stub.in_process import StubProcess
from stub.in_thread import Stub
from stub.latency import LongTail
from stub.ledger import Entry, read
from stub.prefixes import Prefixes
from stub.replies import Reply

__all__ = ["Entry", "Fault", "LongTail", "Prefixes", "Reply", "Stub", "StubProcess", "read"]
