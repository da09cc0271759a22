"""Damaged recipes end in diagnostics or in none; `make fuzz` runs 10,000, here the first few and the kinds by name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from mutations import MUTATIONS, RIGHT, TooSlow, ends, ends_as_a_command, mutated, watchdog

SEED = 1
ENDLESS = 60.0
"""Seconds after which a compile is taken to be stuck. The limit of 2 s is held to by `make fuzz`."""


@pytest.mark.parametrize("hundred", range(3))
def test_a_damaged_recipe_is_compiled_or_refused_and_soon(hundred: int) -> None:
    ended = set()
    for number in range(hundred * 50, hundred * 50 + 50):
        done, made = mutated(SEED, number, long_lines=False)
        with watchdog(ENDLESS):
            ended.add(ends(made))
        assert done
    assert ended <= {0, 1} and 1 in ended


@pytest.mark.parametrize("mutation", [one for one, _ in MUTATIONS], ids=lambda one: one.__name__)
def test_every_kind_of_damage_does_some_and_is_survived(mutation) -> None:
    text = RIGHT[1].read_text("utf-8")
    rng = random.Random(SEED)
    made = [mutation(rng, text) for _ in range(3)]
    assert any(one not in (text, text.encode()) for one in made)
    for one in made:
        with watchdog(ENDLESS):
            assert ends(one) in (0, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pairs = 8", "pairs = [[1]]"), ("lang == en", "lang in [[en]]"), ("lang == en", "lang == [[en]]"),
        ("page_license(html)", '[["x"]]'), ("by = support", "by = [[support]]"), ("weight 18%", "weight [[1]]"),
        ("[tier, origin]", "[[tier]]"), ("support >= 0.80", "support >= [[1]]"),
        ("quality = max(", "quality = max([[1]],"),
    ],
)  # fmt: skip
def test_a_list_of_lists_is_refused_wherever_it_stands(old: str, new: str) -> None:
    text = RIGHT[0].read_text("utf-8")
    assert old in text
    assert ends(text.replace(old, new, 1)) == 1


def test_the_command_ends_with_0_or_1(tmp_path: Path) -> None:
    codes = {ends_as_a_command(mutated(SEED, number, long_lines=False)[1], tmp_path) for number in range(12)}
    assert codes <= {0, 1}
    assert ends_as_a_command(RIGHT[1].read_text("utf-8"), tmp_path) == 0


def test_the_watchdog_barks() -> None:
    with pytest.raises(TooSlow), watchdog(0.05):
        while True:
            pass
