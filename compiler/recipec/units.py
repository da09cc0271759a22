"""Units of numbers: how each is spelled, what it measures, and how a number is brought to the base unit.

A unit's tag names what is measured: `share` (base: 1 = all), `tokens`, `documents`, `words`, `characters`,
`lines`, `bytes`, `s` (seconds), `gpu_hours`, `x` (a multiple), `$`. A number without unit has the tag None.
"""

from __future__ import annotations

from decimal import Decimal

UNITS: dict[str, tuple[str, Decimal]] = {
    "%": ("share", Decimal("0.01")),
    "x": ("x", Decimal(1)),
    "$": ("$", Decimal(1)),
    "ms": ("s", Decimal("0.001")),
    "s": ("s", Decimal(1)),
    "min": ("s", Decimal(60)),
    "h": ("s", Decimal(3600)),
    "d": ("s", Decimal(86400)),
    **{
        spelling: (tag, Decimal(1))
        for tag in ("tokens", "documents", "words", "characters", "lines", "bytes", "gpu_hours")
        for spelling in (tag, tag.removesuffix("s"))
    },
    **{f"{prefix}B": ("bytes", Decimal(1000) ** power) for power, prefix in enumerate("KMGT", 1)},
    **{f"{prefix}iB": ("bytes", Decimal(1024) ** power) for power, prefix in enumerate("KMGT", 1)},
}

CALLED = {
    "share": "a share (`30%`)",
    "x": "a multiple (`2x`)",
    "$": "an amount of money (`$200`)",
    "s": "a time (`10 s`, `5 min`)",
    "bytes": "a number of bytes (`20 MB`)",
    "gpu_hours": "GPU hours (`40_000 gpu_hours`)",
    "count": "a count",
    None: "a plain number",
}

COUNTED = ("tokens", "documents", "words", "characters", "lines", "bytes")


def called(tag: str | None) -> str:
    """A unit in a message."""
    return CALLED.get(tag, f"a number of {tag}")


def plain(exact: Decimal, tag: str | None) -> int | float:
    """The number as a plan holds it: int where it is whole, always float for a share."""
    return int(exact) if tag != "share" and exact == exact.to_integral_value() else float(exact)


def unit_of_name(name: str) -> str | None:
    """What a statistic or column measures, told by its name as std/gopher describes; None where it does not say."""
    last = name.rpartition(".")[2]
    if last.endswith("_share") or last == "lang_score":
        return "share"
    if last.endswith("_length"):
        return "characters"
    if last in COUNTED:
        return last
    return next((tag for tag in COUNTED if last.endswith(f"_{tag}")), None)
