"""Recipes with damage done to them, from a seed; each must end in diagnostics or in none, and soon.

    python tests/compiler/mutations.py [--count 10000] [--seed 1]

Prints what was done how often and what came of it; ends with 1 at the first recipe that ends in an exception or
takes longer than SECONDS of processor time, which is written beside this run as `mutation-SEED-NUMBER.recipe`.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from recipec.backend import Backend
from recipec.cli import main as command
from recipec.driver import Compilation
from recipec.imports import library_folder
from recipec.renderers import render

SECONDS = 2.0
"""Of processor time, so that a busy machine does not matter."""
LONG = 1_000_000
SKETCHES = sorted([*(Path(__file__).parent / "recipes").glob("*.recipe"), *library_folder().rglob("*.recipe")])
RIGHT = [library_folder() / "nemotron_like.recipe", Path(__file__).parents[2] / "examples" / "quickstart.recipe"]
"""Recipes that compile to a script as they are: damage that the checks accept shows only in these."""
WANTED = re.compile(r"^param[ \t]+([a-z_]+)[ \t]*:[ \t]*([a-z]+)[ \t]*$", re.MULTILINE)
Mutation = Callable[[random.Random, str], str | bytes]

TOKEN = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|[a-z_][a-z0-9_.]*|\d[\d_.]*\w*|[<>=!]=|\.\.|\s+|.')
WORD = re.compile(r"[a-z_][a-z0-9_]*")
NUMBER = re.compile(r"\d[\d_]*(?:\.\d+)?[KMBT]?")
MARKS = ("\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u2028", "\x1b[31m", "\x85")


class TooSlow(BaseException):
    """The watchdog's; no `except Exception` swallows it."""


def _at_token(rng: random.Random, text: str, change: Callable[[str], str]) -> str:
    tokens = [one for one in TOKEN.finditer(text) if not one[0].isspace()]
    if not tokens:
        return text
    one = rng.choice(tokens)
    return text[: one.start()] + change(one[0]) + text[one.end() :]


def _put(rng: random.Random, text: str, piece: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + piece + text[at:]


def byte_flips(rng: random.Random, text: str) -> bytes:
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(rng.randint(1, 4) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def token_deleted(rng: random.Random, text: str) -> str:
    return _at_token(rng, text, lambda token: "")


def token_doubled(rng: random.Random, text: str) -> str:
    return _at_token(rng, text, lambda token: token + " " + token)


def token_from_elsewhere(rng: random.Random, text: str) -> str:
    other = rng.choice(TOKEN.findall(text) or [""])
    return _at_token(rng, text, lambda token: other)


def name_swapped(rng: random.Random, text: str) -> str:
    """A name where another kind of name is wanted."""
    words = WORD.findall(text) or ["x"]
    found = list(WORD.finditer(text))
    if not found:
        return text
    one = rng.choice(found)
    return text[: one.start()] + rng.choice(words) + text[one.end() :]


def line_moved(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))
    return "".join(lines)


def cut_short(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


def deep_nesting(rng: random.Random, text: str) -> str:
    opening, closing = rng.choice([("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("{", "}"), ("max(", ")")])
    depth = rng.choice([10, 63, 65, 200, 5_000])
    return _at_token(rng, text, lambda token: opening * depth + token + closing * (depth * rng.randint(0, 1)))


def huge_number(rng: random.Random, text: str) -> str:
    found = list(NUMBER.finditer(text))
    big = rng.choice(["9" * 29 + "T", "9" * 400, "9" * 30, "0." + "0" * 28 + "1", "0", "-1", "1" + "_" * 50 + "1", "٣"])
    if not found:
        return _put(rng, text, big)
    one = rng.choice(found)
    return text[: one.start()] + big + text[one.end() :]


def nul(rng: random.Random, text: str) -> str:
    return _put(rng, text, rng.choice(["\0", "\x01", "\x1b", "\x7f"]))


def byte_order_mark(rng: random.Random, text: str) -> str:
    return "\ufeff" + text if rng.random() < 0.5 else _put(rng, text, "\ufeff")


def carriage_returns(rng: random.Random, text: str) -> str:
    return text.replace("\n", "\r\n") if rng.random() < 0.7 else _put(rng, text, "\r")


def surrogate(rng: random.Random, text: str) -> str | bytes:
    made = _put(rng, text, rng.choice(["\ud800", "\udfff", "\udcff"]))
    return made if rng.random() < 0.5 else made.encode("utf-8", "surrogatepass")


def right_to_left(rng: random.Random, text: str) -> str:
    return _put(rng, text, rng.choice(MARKS))


def one_long_line(rng: random.Random, text: str) -> str:
    piece = rng.choice(
        ["x", "9", " ", "x and ", "x, ", "(", '"', '"a" ', "# ", "1 + ", "- ", "not ", "x.", '"a\\n', "${x}", "\\", "é"]
    )
    return _at_token(rng, text, lambda token: token + piece * (LONG // len(piece)))


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (byte_flips, 12),
    (token_deleted, 12),
    (token_doubled, 10),
    (token_from_elsewhere, 14),
    (name_swapped, 14),
    (line_moved, 8),
    (cut_short, 3),
    (deep_nesting, 5),
    (huge_number, 7),
    (nul, 3),
    (byte_order_mark, 2),
    (carriage_returns, 3),
    (surrogate, 2),
    (right_to_left, 4),
    (one_long_line, 1),
)


def mutated(seed: int, number: int, long_lines: bool = True) -> tuple[list[str], str | bytes]:
    """The recipe of that number: what was done to it, and it."""
    rng = random.Random(f"{seed}/{number}")
    made: str | bytes = rng.choice(RIGHT if rng.random() < 0.5 else SKETCHES).read_text("utf-8")
    done: list[str] = []
    chosen = [one for one in MUTATIONS if long_lines or one[0] is not one_long_line]
    for mutation, _ in rng.choices(chosen, [weight for _, weight in chosen], k=rng.choice([1, 1, 1, 2, 3])):
        if isinstance(made, bytes) or one_long_line.__name__ in done:
            break
        made = mutation(rng, made)
        done.append(mutation.__name__)
    return done, made


@contextmanager
def watchdog(seconds: float):
    """Ends what takes longer, wherever it is."""

    def bark(*_: object) -> None:
        raise TooSlow(f"longer than {seconds} s")

    before = signal.signal(signal.SIGPROF, bark)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def parameters(made: str | bytes) -> dict[str, str]:
    """A value for each parameter that has none."""
    text = made if isinstance(made, str) else made.decode("utf-8", "replace")
    return {name: "1" if kind in ("int", "count") else "x" for name, kind in WANTED.findall(text)}


def ends(made: str | bytes) -> int:
    """0 where the recipe is right, 1 where it is refused; every phase and every form of diagnostics was run."""
    given = {"data": made} if isinstance(made, bytes) else {"text": made}
    compilation = Compilation(name="mutated.recipe", params=parameters(made), **given)
    diagnostics = compilation.diagnostics
    if not compilation.errors:
        backend = Backend(compilation)
        diagnostics = backend.diagnostics
        if not any(one.severity == "error" for one in diagnostics):
            compile(backend.script, "script.py", "exec")
    for output in ("full", "concise", "json", "github", "sarif"):
        shown = render(diagnostics, compilation, output)
        assert all(character.isprintable() or character == "\n" for character in shown)
    for one in diagnostics:
        if one.primary is not None:
            assert 0 <= one.primary.start <= one.primary.end <= len(compilation.files[one.primary.file]) + 1
    return int(any(one.severity == "error" for one in diagnostics))


def ends_as_a_command(made: str | bytes, folder: Path) -> int:
    """The exit code of `recipec check` on the recipe as a file."""
    path = folder / "mutated.recipe"
    path.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass"))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return command(["check", str(path), *(f"--param={name}={value}" for name, value in parameters(made).items())])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ended: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    slowest = (0.0, 0, "")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.count):
            done, made = mutated(options.seed, number)
            begun = time.process_time()
            try:
                with watchdog(SECONDS):
                    code = ends(made)
                if number % 50 == 0:
                    assert ends_as_a_command(made, Path(folder)) in (0, 1)
            except BaseException:
                path = Path(f"mutation-{options.seed}-{number}.recipe")
                path.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass"))
                print(f"{number}: {', '.join(done)}: see {path}", file=sys.stderr)
                raise
            ended[code] += 1
            kinds.update(done)
            slowest = max(slowest, (time.process_time() - begun, number, ", ".join(done)))
    print(f"{options.count} recipes, seed {options.seed}: {ended[0]} accepted, {ended[1]} refused, none in a traceback")
    print(", ".join(f"{count} × {kind}" for kind, count in kinds.most_common()))
    print(f"the slowest took {slowest[0]:.2f} s of {SECONDS} (number {slowest[1]}: {slowest[2]})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
