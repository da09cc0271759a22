"""What a client costs one process: calls a second, processor seconds, memory. Prints JSON.

    python client_cost.py (recipec | openai) URL WINDOW CALLS
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator

kind, url, window, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
TEXT = "Tell this again: " + "words of a page that is asked about " * 12


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{number} {TEXT}"}]


def ours() -> int:
    """The engine's client, its own limits kept by itself."""
    from recipe_udfs.endpoint.client import answers
    from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request

    def requests() -> Iterator[Request]:
        for number in range(calls):
            yield Request(str(number), messages(number), {"max_tokens": 200})

    spec = EndpointSpec(url, "stub-model", in_flight=window)
    return sum(isinstance(one, Answer) for one in answers(spec, requests(), window=window))


async def plain() -> int:
    """openai's asynchronous client with its own pool of connections, `window` coroutines."""
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=600)
    numbers = iter(range(calls))
    done = 0

    async def work() -> None:
        nonlocal done
        for number in numbers:
            answer = await client.chat.completions.create(
                model="stub-model", messages=messages(number), max_tokens=200
            )
            done += answer.choices[0].message.content is not None

    await asyncio.gather(*(work() for _ in range(window)))
    return done


def used() -> float:
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return mine.ru_utime + mine.ru_stime


def main() -> None:
    import openai  # noqa: F401  loaded before the clock starts

    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before, began = used(), time.monotonic()
    answered = ours() if kind == "recipec" else asyncio.run(plain())
    seconds, cpu = time.monotonic() - began, used() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {"calls": answered, "seconds": seconds, "cpu": cpu, "kb": peak - resident, "peak_kb": peak}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
