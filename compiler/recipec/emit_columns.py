"""Expressions of the plan as Spark column expressions; every constant is an `F.lit`."""

from __future__ import annotations

from collections.abc import Mapping

from recipec import plan as p
from recipec.layout import Call, Chain, Code, Filled, Method, flat, text_literal
from recipec.plan_items import Limits
from recipec.plan_values import OfList


def value(given: object) -> object:
    """A value of an argument: a pinned file, something of the environment, or a literal."""
    if isinstance(given, p.FileValue):
        return Call("rt.file", [given.path], {"sha256": given.sha256})
    if isinstance(given, p.EnvValue):
        return Call("rt.env", [given.name], {} if given.default is None else {"default": given.default})
    return given


def column(expr: p.Expr, handles: Mapping[str, str]) -> Code:
    """The expression; `handles` has the variable of each fit and table."""
    text = _column(expr, handles)
    return Code(text[1:-1] if isinstance(expr, p.Compare | p.Not | p.Junction | p.Arith) else text)


def tested(expr: p.Expr) -> Call | None:
    """A predicate of one column against literals as `rt.test`; None where it is more than that."""
    match expr:
        case p.Compare(op=op, left=p.Col(name=name), right=p.Lit(value=limit)):
            return Call("rt.test", [name, op, limit])
        case p.InRange(value=p.Col(name=name), low=p.Lit(value=low), high=p.Lit(value=high)):
            return Call("rt.test", [name, "between", low, high])
        case p.InList(value=p.Col(name=name), items=items):
            return Call("rt.test", [name, "in", *items])
        case p.Not(operand=p.Col(name=name)):
            return Call("rt.test", [name, "==", False])
        case p.Col(name=name):
            return Call("rt.test", [name, "==", True])
    return None


def _column(expr: p.Expr, handles: Mapping[str, str]) -> str:
    def sub(inner: p.Expr) -> str:
        return _column(inner, handles)

    match expr:
        case p.Col(name=name):
            return f"F.col({text_literal(name)})"
        case p.Lit(value=given):
            return f"F.lit({_scalar(given)})"
        case p.Compare(op=op, left=left, right=right):
            return f"({sub(left)} {op} {sub(right)})"
        case p.InRange(value=inner, low=low, high=high):
            return f"{sub(inner)}.between({sub(low)}, {sub(high)})"
        case p.InList(value=inner, items=items):
            return f"{sub(inner)}.isin({', '.join(_scalar(i) for i in items)})"
        case OfList(value=inner):
            return _of_list(expr, sub(inner))
        case p.Entry(table=table):
            return handles[table.name]
        case p.InEntry(value=inner, table=table):
            return f'{sub(inner)}.between({handles[table.name]}["low"], {handles[table.name]}["high"])'
        case p.Known(value=inner):
            return f"{sub(inner)}.isNotNull()"
        case p.Not(operand=operand):
            return f"(~{sub(operand)})"
        case p.Junction(op=op, operands=operands):
            sign = " & " if op == "and" else " | "
            return f"({sign.join(sub(o) for o in operands)})"
        case p.Arith(op=op, left=left, right=right):
            return f"({sub(left)} {op} {sub(right)})"
        case p.Bucket(fit=fit, column=name):
            return f"{handles[fit]}.bucket(F.col({text_literal(name)}))"
        case p.Combine(operands=(only,)):
            return sub(only)
        case p.Combine(how="max", operands=operands):
            return f"F.greatest({', '.join(sub(o) for o in operands)})"
        case p.Combine(how="mean", operands=operands):
            return f"(({' + '.join(sub(o) for o in operands)}) / F.lit({len(operands)}))"
    raise TypeError(f"no column for {expr!r}")


def _of_list(expr: OfList, values: str) -> str:
    """A list that is null and one that is empty are alike: there is nothing in either to ask about."""
    some = f"F.size({values}) > F.lit(0)"
    if expr.items is None:
        return f"F.coalesce({some}, F.lit(False))"
    listed = f"F.array({', '.join(f'F.lit({_scalar(one)})' for one in expr.items)})"
    if expr.how == "any":
        return f"F.when({some}, F.arrays_overlap({values}, {listed}))"
    return f"F.when({some}, F.size(F.array_except({values}, {listed})) == F.lit(0))"


def lookup(table: p.Table) -> object:
    """A table as a column: what it has for the row's values of the columns it goes by, of several entries that fit the
    first; null where it has nothing."""
    cases: dict[object, list[tuple[object, ...]]] = {}
    for at, entry in enumerate(table.entries):
        # In a file no two entries fit one row, so those of one value can stand together.
        cases.setdefault(entry.value if table.file is not None else (at, entry.value), []).append(entry.keys)
    calls, otherwise = [], None
    for found, keys in cases.items():
        value = _entry(found if table.file is not None else found[1])
        if keys == [()]:
            otherwise = value
        else:
            calls.append(Call("when", [_among(table, keys), value]))
    if otherwise is not None:
        if not calls:
            return otherwise
        calls.append(Call("otherwise", [otherwise]))
    return Chain("F", calls)


def _entry(given: p.Scalar | Limits) -> object:
    if not isinstance(given, Limits):
        return Call("F.lit", [given])
    ends = (("low", given.low), ("high", given.high))
    return Call("F.struct", [Method(Call("F.lit", [float(end)]), "alias", [name]) for name, end in ends])


def _among(table: p.Table, keys: list[tuple[object, ...]]) -> object:
    """Has the row one of these keys? An entry of a table by one column may have several."""
    columns = [Call("F.col", [name]) for name in table.by]
    if table.file is not None:  # what a file has are texts
        columns = [Method(one, "cast", ["string"]) for one in columns]
    if len(columns) == 1:
        return _one_of(columns[0], [one for several in keys for one in several])
    every = [" & ".join(flat(_one_of(one, [key])) for one, key in zip(columns, row, strict=True)) for row in keys]
    return Code(every[0] if len(every) == 1 else " | ".join(f"({one})" for one in every))


def _one_of(column: object, keys: list[object]) -> object:
    plain = [key for key in keys if not isinstance(key, Limits)]
    conditions = [Method(column, "between", [key.low, key.high]) for key in keys if isinstance(key, Limits)]
    if plain:
        conditions.insert(0, Method(column, "isin", [Filled(plain)] if len(plain) > 8 else plain))
    return conditions[0] if len(conditions) == 1 else Code(" | ".join(map(flat, conditions)))


def _scalar(given: p.Scalar) -> str:
    return text_literal(given) if isinstance(given, str) else repr(given)
