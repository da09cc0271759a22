"""`python -m recipe_udfs.rewriter`: prints {"url": …} as one JSON line and serves until stdin closes or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from threading import Thread

from recipe_udfs.rewriter.server import Server


async def _serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    def wait_for_the_end_of_stdin() -> None:
        while os.read(0, 4096):  # not `sys.stdin`, whose lock Python wants back as it ends
            pass
        loop.call_soon_threadsafe(ended.set)

    served = Server()
    listening = await loop.create_server(served.connection, host, port)
    taken = listening.sockets[0].getsockname()[1]
    named = f"[{host}]" if ":" in host else host
    print(json.dumps({"url": f"http://{named}:{taken}/v1"}), flush=True)
    Thread(target=wait_for_the_end_of_stdin, daemon=True).start()
    await ended.wait()
    listening.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="recipe_udfs.rewriter", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    given = parser.parse_args()
    asyncio.run(_serve(given.host, given.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
