"""What compiling costs: `check` of the flagship beside an empty Python, and growth with the length of a recipe.

    python bench/compile.py [--runs 10] [--json] [--no-limits]

Costs are processor seconds (user and system) of whole processes, the median of runs that take turns, so that a
busy machine slows all of them alike. Ends with 1 where a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGSHIP = ROOT / "recipes" / "nemotron_like.recipe"
SIZES = (1_000, 3_000, 10_000)
CHECK_MORE = 0.150
"""Seconds that `check` of the flagship may cost more than `python -c pass`."""
LONGEST = 3.0
"""Seconds that the longest recipe may cost, through every stage."""
GROWTH = 1.5
"""How much dearer a line of the longest recipe may be than one of the next shorter, start left out."""

HEAD = """recipe long
edition 2026

use "std/gopher"
use "prompts/nemotron_cc" as prompts

param lake: path = "lake"

tokenizer bpe = hf("std/bpe.json")

endpoint rewriter {
  url       = "builtin"
  model     = "builtin-extractive"
  tokenizer = bpe
}

"""

PART = """# Part {n} of the corpus.
source pages_{n} = warc("data/{n}/*.warc.gz") {{
  text    = trafilatura(html)
  license = page_license(html)
}}

filter page_{n}(least = {least}) {{
  stats.words >= least
  stats.mean_word_length in 3 .. 10
}}

select clean_{n} from pages_{n} {{
  lang  by fasttext("lid.176")
  keep  lang == en and lang_score >= 65%
  keep  gopher.quality and page_{n}(least = {least})
  dedup exact(of = text)
  score edu = onnx("std/edu.onnx")
}}

select tiered_{n} from clean_{n} {{
  score quality = max(edu, 0)
  tier by quality {{
    high >= 3
    low  otherwise
  }}
}}

transform wiki_{n} from clean_{n} {{
  ask rewriter using prompts.wikipedia {{
    segment    = lines(max = 512 tokens)
    max_tokens = 512
    seed       = {n}
  }}
  score support = lexical_support(answer, segment)
  verify {{
    finish == stop
    support >= 0.80
  }}
  on fail discard
}}

"""


def long_recipe(lines: int) -> str:
    """A right recipe of about so many lines: the same part again and again, and a mix of all of them."""
    each = PART.count("\n") + 2
    count = max(1, (lines - HEAD.count("\n") - 6) // each)
    parts = [PART.format(n=n, least=50 + n) for n in range(count)]
    takes = "".join(f"  take tiered_{n} rate {1 + n % 3}x\n  take wiki_{n}  rate 1x\n" for n in range(count))
    mix = f"mix all to at most 1B tokens {{\n  tokenizer = bpe\n{takes}  seed = 1\n}}\n\n"
    return HEAD + "".join(parts) + mix + "write all to delta(lake)\n"


def cost(command: list[str]) -> float:
    """Processor seconds of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout.decode()[-2000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(runs: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of every run, by what was run."""
    recipec = [sys.executable, "-m", "recipec.cli"]
    forms = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "check, flagship": [*recipec, "check", str(FLAGSHIP)],
        "compile, flagship": [*recipec, "compile", str(FLAGSHIP), "-o", os.devnull],
    }
    for size in SIZES:
        path = folder / f"long_{size}.recipe"
        path.write_text(long_recipe(size), "utf-8")
        forms[f"check, {size:,} lines"] = [*recipec, "check", str(path)]
        forms[f"compile, {size:,} lines"] = [*recipec, "compile", str(path), "-o", os.devnull]
    spent: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(runs + 1):
        for name, command in forms.items():
            seconds = cost(command)
            if turn:  # the first fills the caches of compiled files
                spent[name].append(seconds)
    return spent


def findings(median: dict[str, float]) -> dict[str, tuple[float, float]]:
    """What is limited, with its limit."""
    base = median["python -c pass"]
    found = {"check of the flagship, seconds more than pass": (median["check, flagship"] - base, CHECK_MORE)}
    middle, long = SIZES[-2:]
    for command in ("check", "compile"):
        found[f"{command} of {long:,} lines, seconds"] = (median[f"{command}, {long:,} lines"], LONGEST)
        start = median[f"{command}, flagship"]
        lines = {size: (median[f"{command}, {size:,} lines"] - start) / size for size in (middle, long)}
        found[f"{command}: a line among {long:,} beside one among {middle:,}"] = (
            lines[long] / max(lines[middle], 1e-6),
            GROWTH,
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-limits", action="store_true", help="end with 0 whatever was measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent = measure(options.runs, Path(folder))
    median = {name: statistics.median(seconds) for name, seconds in spent.items()}
    found = findings(median)
    if options.json:
        limits = {name: {"value": value, "limit": limit} for name, (value, limit) in found.items()}
        print(json.dumps({"runs": spent, "median": median, "limits": limits}, indent=2))
    else:
        base = median["python -c pass"]
        print(f"{'':24} {'seconds':>8} {'÷ pass':>7} {'µs a line':>10}   median of {options.runs}")
        for name, seconds in median.items():
            size = next((size for size in SIZES if f"{size:,} lines" in name), 0)
            line = f"{(seconds - base) / size * 1e6:10.0f}" if size else ""
            print(f"{name:24} {seconds:8.3f} {seconds / base:7.1f} {line}")
        print()
        for name, (value, limit) in found.items():
            print(f"{'ok   ' if value <= limit else 'OVER '} {name}: {value:.3f} (limit {limit})")
    over = any(value > limit for value, limit in found.values())
    return int(over and not options.no_limits)


if __name__ == "__main__":
    sys.exit(main())
