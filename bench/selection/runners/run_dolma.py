"""dolma in its own environment: the taggers gopher_v1 and c4_v2, by its command line, with two processes.

    python run_dolma.py filters INPUT OUTPUT      # measured: writes attributes
    python run_dolma.py decide  INPUT OUTPUT      # not measured: writes OUTPUT/kept.jsonl

INPUT is a folder of .jsonl files with id and text. Taggers count and decide nothing; `decide` asks of the attributes
what Gopher asks and C4 asks of a page. dolma has the median length of words, not the mean, and counts every occurrence
of a repeated line or n-gram, the first too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

PROCESSES = 2
LIMITS = {
    "word_count": (50, 100_000),
    "median_word_length": (3, 10),
    "symbol_to_word_ratio": (0, 0.1),
    "fraction_of_words_with_alpha_character": (0.8, 1),
    "required_word_count": (2, float("inf")),
    "fraction_of_lines_starting_with_bullet_point": (0, 0.9),
    "fraction_of_lines_ending_with_ellipsis": (0, 0.3),
    "fraction_of_duplicate_lines": (0, 0.3),
    "fraction_of_characters_in_duplicate_lines": (0, 0.2),
    **{f"fraction_of_characters_in_most_common_{n}grams": (0, most) for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))},
    **{f"fraction_of_characters_in_duplicate_{n}grams": (0, (20 - n) / 100) for n in range(5, 11)},
}
"""Gopher's (Rae et al. 2021, table A1), as in recipes/std/gopher.recipe."""
C4 = ("has_curly_brace", "has_lorem_ipsum")


def tag(source: Path, output: Path) -> int:
    dolma = Path(sys.executable).with_name("dolma")
    return subprocess.run(
        [dolma, "tag", "--documents", f"{source}/*.jsonl", "--destination", output, "--experiment", "bench",
         "--taggers", "gopher_v1", "c4_v2", "--processes", str(PROCESSES)], check=False
    ).returncode  # fmt: skip


def keeps(attributes: dict[str, list[list[float]]]) -> bool:
    """What Gopher and C4 decide by the attributes of a document."""
    for name, (low, high) in LIMITS.items():
        spans = attributes.get(f"bench__gopher_v1__{name}")
        if spans and not low <= spans[0][2] <= high:
            return False
    return not any(f"bench__c4_v2__{name}" in attributes for name in C4)


def decide(output: Path) -> None:
    with (output / "kept.jsonl").open("w") as kept:
        for path in sorted(output.glob("part-*.jsonl")):
            for line in path.open():
                row = json.loads(line)
                if keeps(row["attributes"]):
                    kept.write(json.dumps({"id": row["id"]}) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["filters", "decide"])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.what == "filters":
        return tag(options.input, options.output)
    decide(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
