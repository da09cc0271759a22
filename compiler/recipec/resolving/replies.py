"""The form of a reply: which there are, and what each is of."""

from __future__ import annotations

from recipec import ast, units
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import listing
from recipec.record import Record
from recipec.resolving import expressions
from recipec.resolving.kinds import called
from recipec.resolving.scope import Scope


class _Form(Record):
    """How many arguments a form takes, from `least` to `most` (None: any number), and how it is written."""

    least: int
    most: int | None
    example: str


FORMS = {
    "text": _Form(0, 0, "text"),
    "number": _Form(1, 1, "number(0 .. 5)"),
    "choice": _Form(2, None, "choice(yes, no)"),
    "json": _Form(0, 1, 'json("schema.json")'),
    "regex": _Form(1, 1, 'regex("[0-9]{4}")'),
    "trajectory": _Form(0, 0, "trajectory"),
}


def reply(scope: Scope, node: ast.Expr) -> r.Reply:
    """The form that a prompt wants its answer in; plain text after a diagnostic."""
    name = node.function if isinstance(node, ast.Call) else node
    if not isinstance(name, ast.Name) or name.text not in FORMS:
        shown = scope.text(node.span)[:40]
        scope.report("E0305", f"a reply cannot be `{shown}`", node.span, help=f"it is one of {listing(FORMS)}")
        return r.Reply("text", (), node.span)
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    args = _arguments(scope, name.text, arguments, node.span)
    return r.Reply("text", (), node.span) if args is None else r.Reply(name.text, args, node.span)


def _arguments(scope: Scope, kind: str, given: tuple[ast.Argument, ...], span: Span) -> tuple[r.Expr, ...] | None:
    """What stands in the parentheses, of the type that the form takes; None after a diagnostic."""
    form = FORMS[kind]
    help_ = f"`reply = {form.example}`"
    named = next((one for one in given if one.name is not None), None)
    if named is not None:
        scope.report("E0204", f"`{kind}` has no argument `{named.name.text}`", named.name.span, help=help_)
        return None
    if len(given) < form.least:
        what = "two texts or more" if form.most is None else "a range" if kind == "number" else "a text"
        scope.report("E0303", f"`{kind}` needs {what}", span, help=help_)
        return None
    if form.most is not None and len(given) > form.most:
        takes = f"takes {form.most} argument" if form.most else "takes no arguments"
        scope.report("E0304", f"`{kind}` {takes}", given[form.most].span, "one too many", help=help_)
        return None
    check = _range if kind == "number" else _text
    args = tuple(check(scope, kind, expressions.expression(scope, one.value, words=kind == "choice")) for one in given)
    return None if any(isinstance(one, r.Unknown) for one in args) else args


def _range(scope: Scope, kind: str, value: r.Expr) -> r.Expr:
    if isinstance(value, r.Unknown):
        return value
    if not isinstance(value, r.Interval) or not (_is_number(value.low) and _is_number(value.high)):
        help_ = "two known numbers: `number(0 .. 5)`"
        return scope.report("E0301", f"`{kind}` takes a range, not {called(value)}", value.span, help=help_)
    for end in (value.low, value.high):
        if end.unit not in (None, "share"):
            return scope.report("E0302", f"a reply is {units.called(None)}, not {units.called(end.unit)}", end.span)
    return value


def _text(scope: Scope, kind: str, value: r.Expr) -> r.Expr:
    if isinstance(value, r.Unknown) or (isinstance(value, r.Lit) and isinstance(value.value, str)):
        return value
    help_ = f'write `"{scope.text(value.span)}"`' if isinstance(value, r.Lit) else ""
    return scope.report("E0301", f"`{kind}` takes texts, not {called(value)}", value.span, help=help_)


def _is_number(expr: r.Expr) -> bool:
    return isinstance(expr, r.Lit) and isinstance(expr.value, int | float) and not isinstance(expr.value, bool)
