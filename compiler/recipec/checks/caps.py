"""Caps that the weights or amounts of a mix already break, whatever the data."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec.checks.walk import of_kind, parts
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for _, part in parts(resolved):
        for cap in of_kind(part.statements, r.Cap):
            if cap.op not in ("<=", "<"):
                yield Diagnostic("E0411", "a cap is an upper bound", cap.span, help=f"write `cap {cap.subject} <= …`")
            elif cap.subject == "synthetic":
                yield from _synthetic(resolved, part, cap)


def _synthetic(resolved: r.Resolved, part: r.Mix | r.Phase, cap: r.Cap) -> Iterator[Diagnostic]:
    limit = _exact(cap.bound)
    takes = of_kind(part.statements, r.Take)
    kinds = {take.quantity for take in takes}
    if limit is None or not takes or kinds not in ({"weight"}, {"amount"}) or not _in_tokens(part):
        return
    asked = f"{kinds.pop()}s"
    tier = _tier(cap.where)
    if cap.where is not None and tier is None:
        return
    total, synthetic, guilty = Decimal(0), Decimal(0), []
    for take in takes:
        weight, share = _exact(take.value), synthetic_share(resolved, take.relation.name)
        if weight is None or share is None:
            return
        if tier is not None:
            own = _tiers(resolved, take.relation)
            if tier in own and own != (tier,):
                return  # part of it: how much is known only from the data
            if tier not in own:
                continue
        total += weight
        synthetic += weight * share
        if share:
            guilty.append((take, weight * share))
    if not total:
        return
    reached = synthetic / total
    if reached > limit or (cap.op == "<" and reached == limit):
        where = f" of tier `{tier}`" if tier else ""
        labels = tuple(
            Label(take.span, f"`{take.relation.name}` is synthetic: {_percent(share / total)}")
            for take, share in guilty
        )
        yield Diagnostic(
            "E0411",
            f"the {asked}{where} ask for {_percent(reached)} synthetic, the cap allows {_percent(limit)}",
            cap.span,
            "broken before a row is read",
            labels,
            f"lower the {asked} of the synthetic ingredients or raise the cap",
        )


def _in_tokens(part: r.Mix | r.Phase) -> bool:
    """Is what is taken counted in tokens, as caps are? How many there are in documents or bytes only the data tells."""
    quantities = [take.value for take in of_kind(part.statements, r.Take) if take.quantity == "amount"]
    quantities += [part.size.value] if part.size is not None else []
    return all(isinstance(one, r.Lit) and one.unit == "tokens" for one in quantities)


def _exact(expr: r.Expr | None) -> Decimal | None:
    if isinstance(expr, r.Lit) and isinstance(expr.value, int | float):
        return expr.exact if expr.exact is not None else Decimal(str(expr.value))
    return None


def _percent(share: Decimal) -> str:
    return f"{round(share * 100, 4).normalize():f}%"


def _tier(where: r.Expr | None) -> str | None:
    match where:
        case r.Compare(op="==", left=r.Col(name="tier"), right=r.Lit(value=str() as tier)):
            return tier
    return None


def _tiers(resolved: r.Resolved, ref: r.RelationRef) -> tuple[str, ...]:
    one = resolved.relations.get(ref.name) or resolved.mixes.get(ref.name)
    return ref.tiers or (one.tiers if one else ())


def synthetic_share(resolved: r.Resolved, name: str) -> Decimal | None:
    """The part of a relation that is synthetic: 0, 1, or what a mix asks for; None where only data tells."""
    if name in resolved.sources:
        return None if "origin" in resolved.sources[name].columns else Decimal(0)
    one = resolved.relations.get(name) or resolved.mixes.get(name)
    match one:
        case r.Derived(kind="select"):
            return synthetic_share(resolved, one.from_.name)
        case r.Derived():
            return Decimal(1)
        case r.Merge():
            shares = {synthetic_share(resolved, ref.name) for ref in one.relations}
            return shares.pop() if len(shares) == 1 else None
        case r.Mix():
            takes = of_kind(one.statements, r.Take)
            weights = [(_exact(take.value), synthetic_share(resolved, take.relation.name)) for take in takes]
            kinds = {take.quantity for take in takes}
            if kinds not in ({"weight"}, {"amount"}) or any(None in pair for pair in weights) or not _in_tokens(one):
                return None
            whole = sum((weight for weight, _ in weights), Decimal(0)) if kinds == {"amount"} else Decimal(1)
            return sum((weight * share for weight, share in weights), Decimal(0)) / whole if whole else None
    return None
