"""What a mix came to, asked against achieved: as data, kept as a blob that the step's row names, and as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recipe_runtime.errors import StepError
from recipe_runtime.mixing.ask import Ask, Cell, percent, placed
from recipe_runtime.mixing.model import Label
from recipe_runtime.mixing.settle import Drawn, capped
from recipe_runtime.mixing.solver import Plan


def report(
    ask: Ask, cells: Sequence[Cell], plan: Plan, targets: Mapping[str, int], drawn: Mapping[str, Drawn]
) -> dict[str, Any]:
    """The figures: amounts and sizes are in `unit`; shares are of the drawn size in `unit`, of caps in tokens.
    A cap of which no token was drawn has achieved null."""
    whole = sum(d.size for d in drawn.values())
    takes = []
    for number, take in enumerate(ask.takes):
        own = [c for c in cells if c.take == number]
        size = sum(drawn[c.key].size for c in own)
        has = sum(c.size for c in own)
        takes.append(
            {
                "take": take.text,
                "at": take.at,
                "asked": float(plan.wanted.shares[number]),
                "achieved": size / whole if whole else None,
                "available": has,
                "available_documents": sum(c.documents for c in own),
                "limit": sum(plan.limits[c.key] for c in own),
                "epochs": size / has if has else None,
                "planned": sum(plan.targets[c.key] for c in own),
                "target": sum(targets[c.key] for c in own),
                "drawn": size,
                "documents": sum(drawn[c.key].documents for c in own),
                "rows": sum(drawn[c.key].rows for c in own),
                "tokens": sum(drawn[c.key].tokens for c in own),
                "generated_tokens": sum(drawn[c.key].generated for c in own),
                "short": number in plan.short,
            }
        )
    tokens = sum(t["tokens"] for t in takes)
    synthetic = sum(drawn[c.key].tokens for c in cells if c.synthetic)
    generated = sum(t["generated_tokens"] for t in takes)
    return {
        "mix": ask.name,
        "at": ask.at,
        "unit": ask.unit,
        "size": ask.size,
        "at_most": ask.at_most,
        "on_shortage": list(ask.on_shortage),
        "drawn": whole,
        "documents": sum(t["documents"] for t in takes),
        "rows": sum(t["rows"] for t in takes),
        "tokens": tokens,
        "synthetic_tokens": synthetic,
        "generated_tokens": generated,
        "synthetic_share": synthetic / tokens if tokens else None,
        "generated_share": generated / tokens if tokens else None,
        "held_by": [words(ask, label) for label in plan.held],
        "takes": takes,
        "caps": [_cap(ask, number, cells, drawn) for number in range(len(ask.caps))],
    }


def _cap(ask: Ask, number: int, cells: Sequence[Cell], drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    cap = ask.caps[number]
    counted, tokens = capped(cap.kind, number, cells, drawn)
    achieved = counted / tokens if tokens else None
    return {"cap": cap.text, "at": cap.at, "bound": float(cap.bound), "achieved": achieved,
            "counted": counted, "tokens": tokens}  # fmt: skip


def words(ask: Ask, label: Label) -> str:
    """A row of the program in the recipe's words."""
    kind, number = label
    return ask.caps[number].words() if kind == "cap" else ask.takes[number].words()


def check_tolerance(ask: Ask, found: Mapping[str, Any]) -> None:
    """Raises StepError where a take's share is further from the asked one than the recipe tolerates."""
    if ask.tolerance is None:
        return
    off = [
        f"\n  {take.words()}: asked {percent(row['asked'])}, came to {percent(row['achieved'] or 0.0)}"
        for take, row in zip(ask.takes, found["takes"], strict=True)
        if abs((row["achieved"] or 0.0) - row["asked"]) > float(ask.tolerance) + 1e-12
    ]
    if off:
        raise StepError(
            placed(f"mix {ask.name}: past its tolerance of {percent(ask.tolerance)}", ask.at) + "".join(off),
            remedy="nothing was written; raise the tolerance, or change the weights to what there is",
        )


def lines(found: Mapping[str, Any]) -> list[str]:
    """The report for a reader, a line each."""
    name, unit = found["mix"], found["unit"]
    aim = "" if found["size"] is None else f" of {'at most ' if found['at_most'] else ''}{found['size']:,}"
    result = [f"{name}: {found['drawn']:,} {unit}{aim}, {found['rows']:,} rows of {found['documents']:,} documents"]
    width = max(len(take["take"]) for take in found["takes"])
    for take in found["takes"]:
        notes = "" if take["available_documents"] else ", it has no rows and is left out"
        notes = ", short: it has no more" if take["short"] and not notes else notes
        result.append(
            f"{name}: take {take['take'].ljust(width)}  asked {take['asked']:7.2%}  got {take['achieved'] or 0:7.2%}  "
            f"{take['drawn']:,} of {take['available']:,} {unit}, {take['epochs'] or 0:.2f} epochs{notes}"
        )
    for cap in found["caps"]:
        got = "nothing to count" if cap["achieved"] is None else f"got {cap['achieved']:.4%}"
        result.append(f"{name}: {cap['cap']}: {got}")
    result.append(
        f"{name}: synthetic {found['synthetic_share'] or 0:.2%} of {found['tokens']:,} tokens, "
        f"generated {found['generated_share'] or 0:.2%}"
    )
    result += [f"{name}: more is held back by {held}" for held in found["held_by"]]
    return result
