"""Tables: entries that can be told apart, values that fit where they are used; of a file, the columns that it goes by
and the files that it names."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec import table_file
from recipec.checks import comparisons
from recipec.checks.walk import everything, shape
from recipec.columns import kind_of
from recipec.diagnostics import Diagnostic, Label, did_you_mean, listing
from recipec.files import find_file, leaves
from recipec.resolving.kinds import type_of

Rows = dict[str, list[table_file.Row]]
"""Of each table in a file that can be read, its rows."""


def check(resolved: r.Resolved, place) -> Iterator[Diagnostic]:
    if not resolved.tables:
        return
    files: Rows = {}
    for table in resolved.tables.values():
        yield from _entries(table)
        if table.call is not None:
            yield from _file(table, place, files)
    yield from _named(resolved, place, files)
    for expr in everything(resolved):
        match expr:
            case r.Compare(left=left, right=right):
                for ref, other in ((left, right), (right, left)):
                    if isinstance(ref, r.ItemRef) and ref.kind == "table":
                        yield from _compared(resolved.tables[ref.name], expr.op, other, ref, files)
            case r.InTable():
                yield from _ranges(resolved.tables[expr.table.name], expr.value, expr.table, files)


# ---- what a table has ----------------------------------------------------------------------------


def _entries(table: r.Table) -> Iterator[Diagnostic]:
    seen: dict[object, r.TableEntry] = {}
    for entry in table.entries:
        several = len(table.by) > 1
        if several and entry.keys and len(entry.keys) != len(table.by):
            yield Diagnostic(
                "E0442",
                f"an entry has {len(entry.keys)} of the {len(table.by)} columns that `{table.name}` goes by",
                entry.span,
                help=f"write it as {', '.join(table.by)} = value",
            )
            continue
        for key in (entry.keys,) if several or not entry.keys else entry.keys:
            first = seen.setdefault(shape(key), entry)
            if first is not entry:
                label = (Label(first.span, "first here"),)
                message = f"`{table.name}` has {_said(key)} twice"
                yield Diagnostic("E0442", message, entry.span, "", label, "leave one out")


def _said(key: r.Expr | tuple[r.Expr, ...]) -> str:
    if key == ():
        return "`otherwise`"
    keys = key if isinstance(key, tuple) else (key,)
    known = [str(one.value) for one in keys if isinstance(one, r.Lit)]
    return f"`{', '.join(known)}`" if len(known) == len(keys) else "this"


def _file(table: r.Table, place, files: Rows) -> Iterator[Diagnostic]:
    import csv  # few recipes have a table, and every check would pay for it

    file, value = table.call.args["file"], table.call.args["value"]
    path = find_file(file.value, place.folder, place.library)
    if path is None:
        return  # said by the check of files
    shown = f"`{file.value[:80]}`"
    try:
        header, lines = table_file.read(path)
    except (OSError, UnicodeDecodeError, csv.Error):
        yield Diagnostic("E0442", f"{shown} cannot be read as UTF-8 CSV", file.span)
        return
    wanted = [*((key, file.span) for key in table.by), (value.value, value.span)]
    lost = [(name, span) for name, span in wanted if name not in header]
    for name, span in lost:
        help_ = did_you_mean(name, header, "columns")
        yield Diagnostic("E0442", f"{shown} has no column `{name[:80]}`", span, help=help_)
    if lost:
        return
    if len(lines) > table_file.LARGEST:
        help_ = f"a table has at most {table_file.LARGEST:,} entries; make a column of the values in the source"
        yield Diagnostic("E0442", f"{shown} has {len(lines):,} rows", file.span, help=help_)
        return
    rows = [
        table_file.Row(tuple(line[name] for name in table.by), table_file.cell(line[value.value])) for line in lines
    ]
    seen: set[tuple[str, ...]] = set()
    again = [row.keys for row in rows if row.keys in seen or seen.add(row.keys)]
    if again:
        shown_keys = listing([", ".join(keys)[:80] for keys in dict.fromkeys(again)], 8)
        yield Diagnostic("E0442", f"{shown} has two rows for {shown_keys}", file.span, help="leave one of each out")
    files[table.name] = rows


def _named(resolved: r.Resolved, place, files: Rows) -> Iterator[Diagnostic]:
    """Where a table stands for a file, each of its values is one."""
    for call in everything(resolved):
        if not isinstance(call, r.OpCall):
            continue
        for parameter in call.operator.parameters:
            given = call.args.get(parameter.name)
            if parameter.type.removesuffix("?") != "file" or not isinstance(given, r.ItemRef) or given.kind != "table":
                continue
            table = resolved.tables[given.name]
            own = [entry.value.value for entry in table.entries if isinstance(entry.value, r.Lit)]
            names = [str(one) for one in (*own, *(row.value for row in files.get(given.name, ())))]
            lost = [one for one in dict.fromkeys(names) if _lost(one, place)]
            if lost:
                yield Diagnostic(
                    "E0442",
                    f"table `{given.name}` names {len(lost)} file{'s' * (len(lost) != 1)} that cannot be taken",
                    given.span,
                    help=f"beside the recipe or in the library, there is no {listing([one[:80] for one in lost[:8]])}",
                )


def _lost(name: str, place) -> bool:
    return not name or leaves(name) or find_file(name, place.folder, place.library) is None


# ---- where it is used ----------------------------------------------------------------------------


def _compared(table: r.Table, op: str, value: r.Expr, ref: r.ItemRef, files: Rows) -> Iterator[Diagnostic]:
    """Each entry is compared as if it stood there."""
    for entry in table.entries:
        if isinstance(entry.value, r.Interval):
            help_ = f"a value lies in a range: `… in {table.name}`"
            yield Diagnostic("E0301", f"`{table.name}` has ranges", ref.span, "", (Label(entry.span, "one"),), help_)
            return
        yield from _beside(value, entry.value, op)
    kinds = {"number": (int | float, "a number"), "text": (str, "a text")}
    kind, called = kinds.get(kind_of(type_of(value)), (int | float | str, "a single value"))
    yield from _cells(table, ref, files, kind, called)


def _ranges(table: r.Table, value: r.Expr, ref: r.ItemRef, files: Rows) -> Iterator[Diagnostic]:
    """Each entry is a range in which the value can lie."""
    for entry in table.entries:
        if not isinstance(entry.value, r.Interval):
            message, label = f"`in` wants ranges, and `{table.name}` has others", Label(entry.span, "no range")
            yield Diagnostic("E0301", message, ref.span, "", (label,), "an entry is written `de = 3 .. 10`")
            return
        yield from _beside(value, entry.value.low, ">=")
        yield from _beside(value, entry.value.high, "<=")
    yield from _cells(table, ref, files, tuple, "a range like `3 .. 10`")


def _beside(value: r.Expr, limit: r.Expr, op: str) -> Iterator[Diagnostic]:
    return comparisons.pair(r.Compare(op, value, limit, limit.span), value, limit, op)


def _cells(table: r.Table, ref: r.ItemRef, files: Rows, kind, called: str) -> Iterator[Diagnostic]:
    wrong = [row for row in files.get(table.name, ()) if not isinstance(row.value, kind)]
    if wrong:
        keys, value = wrong[0].keys, wrong[0].value
        found = " .. ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        more = f"; {len(wrong) - 1:,} more are not either" if len(wrong) > 1 else ""
        message = f"`{table.name}` has `{found[:40]}` for `{', '.join(keys)[:80]}`, which is not {called}{more}"
        yield Diagnostic("E0442", message, ref.span, "", (Label(table.span, "the table"),))
