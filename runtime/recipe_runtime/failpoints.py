"""Where a test may kill the driver: RECIPEC_FAILPOINT=name or name:n (the n-th time it is passed).

SIGKILL, so that nothing of ours can tidy up: what is on disk then is what the next run finds.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Dies here when the environment asks for it; otherwise does nothing."""
    wanted, _, times = os.environ.get("RECIPEC_FAILPOINT", "").partition(":")
    if wanted != name:
        return
    _passed[name] += 1
    if _passed[name] >= int(times or 1):
        os.kill(os.getpid(), signal.SIGKILL)
