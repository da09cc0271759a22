"""What a mix asks for: its takes, its caps, its size, and the cells that the rows of the takes fall into.

Shares, bounds and epochs are kept as fractions of the decimal digits written in the recipe, so that 30% is
3/10 and a comparison with a count of tokens is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from recipe_runtime.errors import StepError

UNITS = ("tokens", "documents", "bytes")
ACTIONS = ("error", "repeat", "renormalise")


@dataclass(frozen=True)
class Take:
    """One ingredient. `weight` is a share of the mix, `rate` a multiple of what there is, `amount` is in the mix's
    unit; with none of them it is taken whole, once."""

    text: str
    frame: Any
    weight: Fraction | None
    rate: Fraction | None
    amount: Fraction | None
    epochs: Fraction | None
    share_max: Fraction | None
    share_min: Fraction | None
    at: str

    def words(self) -> str:
        """The take as the recipe has it, with its place."""
        parts = [f"take {self.text}"]
        for name, value in (("weight", self.weight), ("rate", self.rate), ("amount", self.amount)):
            if value is not None:
                parts.append(f"{name} {percent(value) if name == 'weight' else _plain(value)}")
        if self.epochs is not None:
            parts.append(f"epochs <= {_plain(self.epochs)}")
        return placed(" ".join(parts), self.at)


@dataclass(frozen=True)
class Cap:
    """An upper bound on a share of tokens: of rows that are not organic (`synthetic`), or of what a model wrote
    (`generated`). `where` is a boolean Column naming the part of the mix it is about; None is the whole mix."""

    kind: str
    bound: Fraction
    where: Any
    text: str
    at: str

    def words(self) -> str:
        """The cap as the recipe has it, with its place."""
        return placed(self.text, self.at)


def take(
    text: str,
    frame: Any,
    *,
    weight: float | None = None,
    rate: float | None = None,
    amount: float | None = None,
    epochs: float | None = None,
    share_max: float | None = None,
    share_min: float | None = None,
    at: str = "",
) -> Take:
    """`text` is the take as the recipe names it, `frame` a DataFrame of its rows: doc_id, text_hash, text_bytes,
    tokens; generated_tokens, origin, tier and lang where they are known. `epochs` bounds how often a row is used
    under `on shortage repeat`; without it a row is used once."""
    numbers = [None if n is None else exact(n) for n in (weight, rate, amount, epochs, share_max, share_min)]
    return Take(text, frame, *numbers, at)


def cap(kind: str, bound: float, *, where: Any = None, text: str = "", at: str = "") -> Cap:
    """`kind` is `synthetic` or `generated`, `bound` a share from 0 to 1."""
    if kind not in ("synthetic", "generated"):
        raise ValueError(f"no cap {kind!r}")
    return Cap(kind, exact(bound), where, text or f"cap {kind} <= {percent(exact(bound))}", at)


@dataclass(frozen=True)
class Ask:
    """A mix as the recipe has it. `size` and amounts are in `unit`."""

    name: str
    takes: Sequence[Take]
    caps: Sequence[Cap] = ()
    size: int | None = None
    at_most: bool = False
    unit: str = "tokens"
    on_shortage: Sequence[str] = ()
    tolerance: Fraction | None = None
    at: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS or not set(self.on_shortage) <= set(ACTIONS) or not self.takes:
            raise ValueError(f"mix {self.name}: {self.unit}, {self.on_shortage}, {len(self.takes)} takes")
        weighted = [t for t in self.takes if t.weight is not None]
        if weighted and (len(weighted) < len(self.takes) or not sum(t.weight for t in weighted)):
            raise StepError(
                placed(f"mix {self.name}: weights do not stand beside other takes, and not all are 0", self.at),
                remedy="give every take a weight, or none",
            )

    @property
    def weighted(self) -> bool:
        """Whether takes are shares of the mix, not amounts of their own."""
        return self.takes[0].weight is not None

    @property
    def actions(self) -> list[str]:
        """What may be done about a shortage, in order; `error` and what follows it left out."""
        found = list(self.on_shortage)
        return found[: found.index("error")] if "error" in found else found

    def amount(self, number: float | Fraction) -> str:
        """A number of the mix's unit, for the reader."""
        return f"{int(number):,} {self.unit}"


@dataclass(frozen=True)
class Cell:
    """Rows of one take that no cap tells apart. `parts` says for each cap whether its `where` covers them; `size`
    is in the mix's unit, `generated` of the `tokens` were written by a model."""

    key: str
    take: int
    synthetic: bool
    parts: tuple[bool, ...]
    size: int
    documents: int
    tokens: int
    generated: int
    bytes: int = 0

    def counted(self, cap: Cap) -> int:
        """Tokens that count towards a cap."""
        if cap.kind == "generated":
            return self.generated
        return self.tokens if self.synthetic else 0


@dataclass(frozen=True)
class Wanted:
    """The ask once sizes are known: shares that sum to 1, the total they are of, whether less will do."""

    shares: tuple[Fraction, ...]
    size: int
    at_most: bool


def wanted(ask: Ask, cells: Sequence[Cell]) -> Wanted:
    """Shares and total. Raises StepError where nothing is asked for, or amounts or rates do not come to the size."""
    found = _wanted(ask, cells)
    if found.size < 1 and any(c.size for c in cells):
        raise StepError(
            placed(f"mix {ask.name}: it is to hold {ask.amount(found.size)}", ask.at),
            remedy="give it a size, or takes that are not 0",
        )
    return found


def _wanted(ask: Ask, cells: Sequence[Cell]) -> Wanted:
    available = sizes(ask, cells)
    if ask.weighted:
        whole = sum(t.weight for t in ask.takes)
        shares = tuple(t.weight / whole for t in ask.takes)
        if ask.size is None:  # a blend: as much as keeps its weights
            most = sum(int(a * (t.epochs or 1)) for a, t in zip(available, ask.takes, strict=True))
            return Wanted(shares, most, True)
        return Wanted(shares, ask.size, ask.at_most)
    amounts = [t.amount if t.amount is not None else a * (t.rate if t.rate is not None else 1)
               for a, t in zip(available, ask.takes, strict=True)]  # fmt: skip
    whole = sum(amounts)
    shares = tuple(a / whole if whole else Fraction(0) for a in amounts)
    size, at_most = ask.size, ask.at_most
    if size is None:
        size, at_most = int(whole), "renormalise" in ask.actions
    elif any(t.amount is not None or t.rate is not None for t in ask.takes):
        if whole > size or (whole < size and not at_most):
            raise StepError(
                placed(
                    f"mix {ask.name}: its takes come to {ask.amount(whole)}, it is to hold {ask.amount(size)}", ask.at
                ),
                remedy="leave out the size, or give weights, which any size can meet",
            )
        size, at_most = int(whole), "renormalise" in ask.actions
    return Wanted(shares, size, at_most)


def limits(ask: Ask, cells: Sequence[Cell], *, repeat: bool) -> list[int]:
    """The most that may be drawn of each cell, in the unit: its size times the epochs its take allows. A rate is
    the recipe's own word for a repetition and needs no `on shortage repeat`."""
    result = []
    for cell in cells:
        own = ask.takes[cell.take]
        if own.rate is not None:
            epochs = own.epochs if own.epochs is not None else max(Fraction(1), own.rate)
        else:
            epochs = own.epochs if own.epochs is not None else Fraction(1)
            epochs = epochs if repeat else min(Fraction(1), epochs)
        result.append(int(cell.size * epochs))
    return result


def sizes(ask: Ask, cells: Sequence[Cell], of: Mapping[str, int] | None = None) -> list[int]:
    """Per take, the sum of its cells' sizes, or of the numbers `of` gives by cell key."""
    result = [0] * len(ask.takes)
    for cell in cells:
        result[cell.take] += cell.size if of is None else of.get(cell.key, 0)
    return result


def exact(number: float | Fraction) -> Fraction:
    """The fraction of the decimal digits that a number is printed with."""
    return number if isinstance(number, Fraction) else Fraction(str(number))


def percent(share: Fraction | float) -> str:
    """A share for the reader, with up to four digits after the point."""
    return f"{float(share) * 100:.4f}".rstrip("0").rstrip(".") + "%"


def placed(text: str, at: str) -> str:
    """A line of the recipe with where it stands."""
    return f"{text} ({at})" if at else text


def _plain(number: Fraction) -> str:
    return f"{float(number):g}" if number < 10_000 else f"{int(number):,}"
