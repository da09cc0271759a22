"""What is said of calls while they are made: on a terminal in the bar, elsewhere a line now and then."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import Any

from recipe_runtime.call_figures import CallFigures
from recipe_runtime.progress import Progress


def totals(calls: int, tokens: int = 0, cost: float = 0.0, open_: int = 0, down: str = "", **kinds: int) -> Any:
    """An endpoint's counts."""
    addresses = [SimpleNamespace(host="a:1", state="up", seconds=0.0, said="")]
    if down:
        addresses.append(SimpleNamespace(host="b:1", state="down", seconds=30.0, said=down))
    return SimpleNamespace(
        calls=calls, prompt_tokens=tokens, completion_tokens=tokens, cost=cost, open=open_, kinds=kinds,
        addresses=tuple(addresses),
    )  # fmt: skip


def test_figures_are_of_the_stage_and_the_rate_of_the_last_minute():
    now = [0.0]
    state = [totals(100, 1_000, 5.0, timeout=2)]
    figures = CallFigures(400, lambda: state[0], priced=True, clock=lambda: now[0])
    assert figures.now() == (0.0, "0 of 400 calls, 0 tokens, $0.00, 0 open")
    for second in range(1, 11):
        now[0] = second
        state[0] = totals(100 + 20 * second, 1_000 + 100 * second, 5.5, 64, timeout=2, rate_limited=3)
        share, said = figures.now()
    assert share == 0.5
    assert said == (
        "200 of 400 calls, 2,000 tokens, $0.50, 64 open, 20.0 calls/s, 10 s left, failed attempts: rate_limited 3"
    )
    for second in range(11, 131):
        now[0] = second
        state[0] = totals(300 + second // 10, 2_000, 5.5, 1, down="no connection")
        _, said = figures.now()
    assert "213 of 400 calls" in said and "0.1 calls/s, 31 min left" in said
    assert said.endswith("b:1 is down for 30 s: no connection")


def test_without_prices_no_money_is_spoken_of():
    figures = CallFigures(4, lambda: totals(0, cost=1.0), priced=False)
    assert "$" not in figures.now()[1]


def test_elsewhere_than_on_a_terminal_a_line_comes_now_and_then():
    out, said = io.StringIO(), threading.Event()

    def figures() -> tuple[float, str]:
        said.set()
        return 0.5, "2 of 4 calls"

    with Progress(out, every=0.01).calls("told", figures):
        assert said.wait(30)
    assert set(out.getvalue().splitlines()) == {"recipec: told: 2 of 4 calls"}
    out = io.StringIO()
    with Progress(out).calls("told", figures):
        pass
    assert out.getvalue() == ""


def test_on_a_terminal_the_bar_shows_them_while_calls_are_made():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, shown = Terminal(), threading.Event()

    def figures() -> tuple[float, str]:
        shown.set()
        return 0.5, "2 of 4 calls"

    progress = Progress(out)
    with progress.step("told", "ask"):
        with progress.calls("told", figures):
            assert shown.wait(30)
        assert shown.is_set()
    assert f"told: ask {'█' * 10}{'·' * 10} 2 of 4 calls" in out.getvalue()
    assert "recipec: told: 2 of 4 calls" not in out.getvalue(), "no lines beside the bar"
