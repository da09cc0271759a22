"""Tiers: bounds in order, every value in exactly one, none that can never have a row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec.checks.walk import derived, inside
from recipec.diagnostics import Diagnostic, Label, did_you_mean


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        known = set(_tiers_of(resolved, one.from_)) | set(one.tiers)
        for statement in one.statements:
            if isinstance(statement, r.Tier):
                yield from _tier(statement, one)
                known |= {row.name for row in statement.rows}
        for statement in one.statements:
            for expr in inside(
                tuple(getattr(statement, name) for name in ("rules", "expr") if hasattr(statement, name))
            ):
                if isinstance(expr, r.Compare | r.InList):
                    yield from _word(expr, known)
    for mix in resolved.mixes.values():
        for statement in (
            *mix.statements,
            *(s for p in mix.statements if isinstance(p, r.Phase) for s in p.statements),
        ):
            if isinstance(statement, r.Cap) and statement.where is not None:
                for expr in inside(statement.where):
                    if isinstance(expr, r.Compare | r.InList):
                        yield from _word(expr, set(mix.tiers))


def _tiers_of(resolved: r.Resolved, ref: r.RelationRef) -> tuple[str, ...]:
    parent = resolved.relations.get(ref.name) or resolved.mixes.get(ref.name)
    return ref.tiers or (parent.tiers if parent else ())


def _word(expr: r.Compare | r.InList, known: set[str]) -> Iterator[Diagnostic]:
    """`tier == high` where no row can be of the tier."""
    sides = (expr.left, expr.right) if isinstance(expr, r.Compare) else (expr.value, *expr.items)
    if not any(isinstance(side, r.Col) and side.name == "tier" and side.relation in (None, "source") for side in sides):
        return
    for side in sides:
        if isinstance(side, r.Lit) and isinstance(side.value, str) and side.value not in known and known:
            yield Diagnostic(
                "E0404",
                f"there is no tier `{side.value}` here",
                side.span,
                help=did_you_mean(side.value, known, "tiers"),
            )


def _bound(row: r.TierRow) -> Decimal | None:
    if (
        isinstance(row.bound, r.Lit)
        and isinstance(row.bound.value, int | float)
        and not isinstance(row.bound.value, bool)
    ):
        return row.bound.exact if row.bound.exact is not None else Decimal(str(row.bound.value))
    return None


def _tier(tier: r.Tier, relation: r.Derived) -> Iterator[Diagnostic]:
    names: dict[str, r.TierRow] = {}
    for row in tier.rows:
        first = names.setdefault(row.name, row)
        if first is not row:
            yield Diagnostic(
                "E0220", f"two tiers are called `{row.name}`", row.span, "the second", (Label(first.span, "the first"),)
            )
    bounded = [row for row in tier.rows if row.op is not None]
    others = [row for row in tier.rows if row.op is None]
    if not others:
        yield Diagnostic("E0403", "some rows are of no tier", tier.span, help="end with a row `name otherwise`")
    for row in others[:1]:
        if row is not tier.rows[-1]:
            yield Diagnostic(
                "E0402", "`otherwise` stands last", row.span, help="the rows after it can never be reached"
            )
    for row in others[1:]:
        yield Diagnostic(
            "E0401",
            f"tier `{row.name}` can never have a row",
            row.span,
            "a second `otherwise`",
            (Label(others[0].span, "the first takes all that is left"),),
        )
    yield from _order(bounded)
    parts = _parts(tier, relation)
    for row in bounded:
        bound = _bound(row)
        if parts and bound is not None and row.op in (">", ">=") and bound > parts - 1:
            yield Diagnostic(
                "E0401",
                f"tier `{row.name}` can never have a row",
                row.span,
                f"`{tier.by.name}` goes from 0 to {parts - 1}",
            )


def _order(rows: list[r.TierRow]) -> Iterator[Diagnostic]:
    previous: r.TierRow | None = None
    for row in rows:
        if row.op in ("==", "!="):
            yield Diagnostic(
                "E0402",
                f"a tier's bound is not `{row.op}`",
                row.span,
                help="tiers are cut with `>=` from the best down, or with `<=` from the worst up",
            )
            return
        if previous is not None and (row.op in (">", ">=")) != (previous.op in (">", ">=")):
            yield Diagnostic(
                "E0402",
                "the tiers change direction",
                row.span,
                f"`{row.op}` here",
                (Label(previous.span, f"`{previous.op}` here"),),
                "use `>=` from the best down, or `<=` from the worst up",
            )
            return
        low, high = (_bound(previous), _bound(row)) if previous is not None else (None, None)
        if low is not None and high is not None:
            down = row.op in (">", ">=")
            closer = row.op in (">=", "<=") and previous.op in (">", "<")
            if (high > low if down else high < low) or (high == low and not closer):
                yield Diagnostic(
                    "E0401",
                    f"tier `{row.name}` can never have a row",
                    row.span,
                    "all of these",
                    (Label(previous.span, f"are `{previous.name}` already"),),
                    "put the tiers in order: " + ("the highest bound first" if down else "the lowest first"),
                )
                return
        previous = row


def _parts(tier: r.Tier, relation: r.Derived) -> int | None:
    """The number of buckets behind the score that tiers are cut from, where it is made of `bucket` alone."""
    for statement in relation.statements:
        if isinstance(statement, r.Score) and statement.name == tier.by.name:
            return _buckets(statement.expr)
    return None


def _buckets(expr: r.Expr) -> int | None:
    if not isinstance(expr, r.OpCall):
        return None
    if expr.operator.name == "bucket":
        n = expr.args.get("n")
        return n.value if isinstance(n, r.Lit) and isinstance(n.value, int) else None
    if expr.operator.name == "max":
        found = [_buckets(one) for one in (*expr.args.values(), *expr.rest)]
        return max(found) if found and all(found) else None
    return None
