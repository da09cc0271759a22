"""The stub in a thread of the test."""

from __future__ import annotations

import asyncio
from threading import Thread

from stub.service import Service


class Stub(Service):
    """Answers from `with` to its end. What it was asked stays in `ledger`."""

    def __enter__(self) -> Stub:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self.listen())
        self._thread = Thread(target=self._loop.run_forever, name="stub", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
