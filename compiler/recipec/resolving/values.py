"""Values of a wanted type: arguments of operators, settings, parameters."""

from __future__ import annotations

from decimal import Decimal

from recipec import ast, units
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import kind_of
from recipec.diagnostics import Label, did_you_mean, listing, nearest
from recipec.record import replace
from recipec.resolving import kinds
from recipec.resolving.scope import Scope, meaning

NUMBERS = (
    "int",
    "number",
    "share",
    "count",
    "bytes",
    "duration",
    "characters",
    "words",
    "tokens",
    "lines",
    "gpu_hours",
    "x",
    "money",
)
_UNIT = {
    "bytes": "bytes",
    "duration": "s",
    "characters": "characters",
    "words": "words",
    "tokens": "tokens",
    "lines": "lines",
    "gpu_hours": "gpu_hours",
    "x": "x",
    "money": "$",
}
_CALLED = {
    "int": "a whole number",
    "number": "a number",
    "share": "a share (`30%`)",
    "text": "a text",
    "path": "a path",
    "file": "a file",
    "bool": "true or false",
    "list": "a list",
    "range": "a range (`1 .. 5`)",
    "secret": '`env("NAME")`',
    "address": "an address",
    "addresses": "an address, or a list of them",
    "count": "a count (`10B tokens`)",
    "column": "a column",
}


def called(type_: str) -> str:
    """A type in a message."""
    if type_.endswith("?"):
        return f"{called(type_[:-1])}, or `none`"
    if type_.startswith("list["):
        return "a list"
    return _CALLED.get(type_) or units.called(_UNIT.get(type_, type_))


def is_choice(type_: str) -> bool:
    """Is the type a choice of bare words?"""
    return ("|" in type_ and not type_.startswith("list[")) or type_ in ("none", "lowest_id", "newline")


def typed(scope: Scope, node: ast.Expr, type_: str, name: str, rowwise: bool = False) -> r.Expr:
    """The value of a setting, argument or parameter `name` of a type; `rowwise` admits what differs by row."""
    if isinstance(node, ast.Name) and len(node.parts) == 1 and node.parts[0] in scope.bindings:
        bound = scope.bindings[node.parts[0]]
        return typed(bound.scope, bound.expr, type_, name, rowwise)
    base = type_.removesuffix("?")
    word = node.parts[0] if isinstance(node, ast.Name) and len(node.parts) == 1 else None
    if type_.endswith("?") and word == "none":
        return r.Lit(None, None, node.span, word=True)
    if is_choice(base):
        return _choice(scope, node, word, base, name)
    special = _SPECIAL.get(base)
    if special:
        return special(scope, node, name)
    if base.startswith("list["):
        return _list(scope, node, base[5:-1], name)
    if base in ("secret", "address"):
        return _secret(scope, node, base, name)
    if base == "range":
        if isinstance(node, ast.Range):
            return scope.context.bind.expression(scope, node)
        return _wrong(scope, node.span, name, base, scope.context.bind.expression(scope, node))
    if base in ("path", "file") or (base == "text" and not rowwise):
        free = word is not None and meaning(scope, word) is None and not scope.known_broken(word)
        if free:
            params = [one for one, item in scope.module.items.items() if isinstance(item, ast.Param)]
            guess = nearest(word, params)
            help_ = f"did you mean `{guess}`?" if guess else f'a text is written `"{word}"`'
            return scope.report("E0201", f"there is nothing called `{word}` here", node.span, help=help_)
    value = scope.context.bind.expression(scope, node, words=base == "any")
    if base == "any" or isinstance(value, r.Unknown):
        return value
    if isinstance(value, r.Lit):
        return literal(scope, value, base, name)
    if isinstance(value, r.ItemRef) and value.kind == "table" and rowwise:
        return value
    if rowwise and base in ("text", "number", "share", "bool"):
        kind = kind_of(kinds.type_of(value))
        if kind == "any" or kind == {"text": "text", "bool": "bool"}.get(base, "number"):
            return value
    if base == "file" and isinstance(value, r.ItemRef) and value.kind == "model":
        return value
    if base == "file" and isinstance(value, r.ItemRef) and value.kind == "table":
        return value
    return _wrong(scope, node.span, name, base, value)


def literal(scope: Scope, value: r.Lit, type_: str, name: str) -> r.Expr:
    """A known value checked against a plain type and brought to its form."""
    base = type_.removesuffix("?")
    given = value.value
    if given is None and type_.endswith("?"):
        return value
    if base in ("text", "path", "file"):
        return value if isinstance(given, str) else _wrong(scope, value.span, name, base, value)
    if base == "bool":
        return value if isinstance(given, bool) else _wrong(scope, value.span, name, base, value)
    if base == "list":
        return value if isinstance(given, tuple) else _wrong(scope, value.span, name, base, value)
    if base not in NUMBERS or isinstance(given, bool) or not isinstance(given, int | float):
        return _wrong(scope, value.span, name, base, value)
    return _number(scope, value, base, name)


def _number(scope: Scope, value: r.Lit, base: str, name: str) -> r.Expr:
    unit, exact = value.unit, value.exact if value.exact is not None else Decimal(str(value.value))
    if base == "share":
        if unit is None and 0 <= exact <= 1:
            return replace(value, value=float(exact), unit="share")
        if unit is None:
            return scope.report(
                "E0302",
                f"`{name}` is a share, from 0% to 100%",
                value.span,
                help=f"write `{value.value}%`" if exact <= 100 else "",
            )
        if unit != "share":
            return _wrong_unit(scope, value, name, "share")
        if not 0 <= exact <= 1:
            return scope.report("E0301", f"`{name}` lies between 0% and 100%", value.span)
        return value
    if base == "int":
        if unit is not None:
            return _wrong_unit(scope, value, name, None)
        return value if isinstance(value.value, int) else _wrong(scope, value.span, name, base, value)
    if base == "number":
        return value if unit in (None, "share", "x") else _wrong_unit(scope, value, name, None)
    if base == "count":
        whole = exact == exact.to_integral_value()
        if unit is not None and unit not in units.COUNTED:
            return _wrong_unit(scope, value, name, "count")
        return value if whole else _wrong(scope, value.span, name, "int", value)
    wanted = _UNIT[base]
    if unit is None and (wanted in name.split("_") or wanted == "bytes"):
        return replace(value, unit=wanted)
    if unit != wanted:
        return _wrong_unit(scope, value, name, wanted)
    return value


def _wrong_unit(scope: Scope, value: r.Lit, name: str, wanted: str | None) -> r.Unknown:
    if value.unit is None:
        example = {"s": f"{value.value} s", "$": f"${value.value}", "x": f"{value.value}x"}.get(
            wanted, f"{value.value} {wanted}"
        )
        return scope.report(
            "E0302",
            f"`{name}` is {units.called(wanted)}; this number has no unit",
            value.span,
            help=f"write `{example}`",
        )
    return scope.report("E0302", f"`{name}` is {units.called(wanted)}, not {units.called(value.unit)}", value.span)


def _wrong(scope: Scope, span: Span, name: str, wanted: str, value: r.Expr) -> r.Unknown:
    if isinstance(value, r.Unknown):
        return value
    if isinstance(value, r.EnvRef):
        return scope.report(
            "E0432",
            f"`{name}` cannot be read from the environment",
            span,
            help="only an endpoint's `key` and `url` may be; give it as a `param`",
        )
    if wanted == "int" and isinstance(value, r.Lit) and isinstance(value.value, float):
        return scope.report("E0301", f"`{name}` is a whole number, not {value.value}", span)
    return scope.report("E0301", f"`{name}` is {called(wanted)}, not {kinds.called(value)}", span)


def _choice(scope: Scope, node: ast.Expr, word: str | None, base: str, name: str) -> r.Expr:
    words = base.split("|")
    if word in words:
        return r.Lit(word, None, node.span, word=True)
    if word is not None and isinstance(scope.module.items.get(word), ast.Param):
        value = scope.context.items.param_value(scope, word, node.span)
        if isinstance(value, r.Unknown) or (isinstance(value, r.Lit) and value.value in words):
            return value
        if isinstance(value, r.Lit):
            near = nearest(str(value.value), words)
            return scope.report(
                "E0305",
                f"`{name}` cannot be `{str(value.value)[:40]}`, the value of `{word}`",
                node.span,
                help=(f"did you mean `{near}`? " if near else "") + f"it is one of {listing(words)}",
                secondary=(Label(scope.module.items[word].name.span, f"`{word}` is set here, or by the caller"),),
            )
    if isinstance(node, ast.Text) and node.plain in words:
        return scope.report("E0305", f"`{name}` takes a bare word", node.span, help=f"write `{node.plain}`")
    shown = scope.text(node.span)
    guess = nearest(word, words) if word else None
    return scope.report(
        "E0305",
        f"`{name}` cannot be `{shown[:40]}`",
        node.span,
        help=(f"did you mean `{guess}`? " if guess else "") + f"it is one of {listing(words)}",
        fixes=scope.spelling(node.span, word, words) if word else (),
    )


def _list(scope: Scope, node: ast.Expr, inner: str, name: str) -> r.Expr:
    if isinstance(node, ast.List):
        values = [typed(scope, item, inner, name) for item in node.items]
        if any(isinstance(value, r.Unknown) for value in values):
            return r.Unknown(node.span)
        return r.Lit(tuple(value.value for value in values), None, node.span)
    value = scope.context.bind.expression(scope, node)
    if isinstance(value, r.Lit) and isinstance(value.value, tuple):
        return value
    if isinstance(value, r.Lit) and isinstance(value.value, str) and inner == "text":
        return scope.report("E0301", f"`{name}` is a list", node.span, help=f"write `[{scope.text(node.span)}]`")
    return _wrong(scope, node.span, name, "list", value)


def _secret(scope: Scope, node: ast.Expr, base: str, name: str) -> r.Expr:
    value = scope.context.bind.expression(scope, node, environment=True)
    if isinstance(value, r.EnvRef | r.Unknown):
        return value
    if isinstance(value, r.Lit) and isinstance(value.value, str):
        return value
    return _wrong(scope, node.span, name, base, value)


def _addresses(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    """An address as a text or `env(…)`; several of them as a Sequence, each with its own place."""
    if isinstance(node, ast.List):
        items = tuple(typed(scope, one, "address", name) for one in node.items)
    else:
        value = scope.context.bind.expression(scope, node, environment=True)
        if isinstance(value, r.EnvRef) or (isinstance(value, r.Lit) and isinstance(value.value, str)):
            return value
        if not (isinstance(value, r.Lit) and isinstance(value.value, tuple)):
            return _wrong(scope, node.span, name, "addresses", value)
        items = tuple(literal(scope, r.Lit(one, None, value.span), "text", name) for one in value.value)
    if not items:
        return scope.report("E0301", f"`{name}` is {called('addresses')}; this list is empty", node.span)
    return r.Unknown(node.span) if any(isinstance(one, r.Unknown) for one in items) else r.Sequence(items, node.span)


def _column(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    if not isinstance(node, ast.Name):
        return scope.report("E0301", f"`{name}` is a column", node.span, help="give the column's name")
    return scope.context.bind.column(scope, node)


def _columns(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    nodes = node.items if isinstance(node, ast.List) else (node,)
    values = [_column(scope, one, name) for one in nodes]
    if any(isinstance(value, r.Unknown) for value in values):
        return r.Unknown(node.span)
    return r.Lit(tuple(value.name for value in values), None, node.span, word=True)


def _relation(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    if not isinstance(node, ast.Name):
        return scope.report("E0301", f"`{name}` is a relation", node.span, help="give the relation's name")
    info = scope.context.items.relation(scope, ast.Relation(node, (), node.span), fit=name == "fit")
    return info.ref if info else r.Unknown(node.span)


def _item_of(kind: type, called_: str, tag: str):
    def find(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
        if isinstance(node, ast.Name) and len(node.parts) == 1:
            item = scope.module.items.get(node.parts[0])
            if isinstance(item, kind):
                scope.item(node.parts[0])
                return r.ItemRef(tag, node.parts[0], node.span)
            if scope.known_broken(node.parts[0]):
                return r.Unknown(node.span)
        shown = scope.text(node.span)
        names = [one for one, item in scope.module.items.items() if isinstance(item, kind)]
        return scope.report(
            "E0201", f"there is no {called_} `{shown[:40]}`", node.span, help=did_you_mean(shown, names, f"{called_}s")
        )

    return find


def _html(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    if isinstance(node, ast.Name) and node.parts == ("html",) and "html" in scope.page:
        return r.Col("html", "string", None, node.span)
    help_ = "write `html`" if "html" in scope.page else "only `warc` reads pages; other sources have fields"
    return scope.report("E0301", f"`{name}` is the page of the record", node.span, help=help_)


def _shingle(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    value = scope.context.bind.expression(scope, node)
    if isinstance(value, r.Unknown):
        return value
    if isinstance(value, r.Lit) and value.unit in ("words", "characters") and isinstance(value.value, int):
        return r.Lit(f"{value.value} {value.unit}", None, node.span)
    return scope.report(
        "E0302", f"`{name}` is a number of words or of characters", node.span, help="write `5 words` or `24 characters`"
    )


def _prompt(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    if isinstance(node, ast.Name | ast.Call):
        return scope.context.items.prompt_call(scope, node)
    return scope.report("E0301", f"`{name}` is a prompt", node.span)


def _operator_of(kind: str, called_: str, example: str):
    def find(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
        if isinstance(node, ast.Name | ast.Call):
            return scope.context.bind.operator_call(scope, node, (kind,), called_)
        return scope.report("E0301", f"`{name}` is {called_}", node.span, help=f"`{example}`")

    return find


def _rounds(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    """`all`, `latest`, or `last(n)` as the number n."""
    if isinstance(node, ast.Name) and node.parts in (("all",), ("latest",)):
        return r.Lit(node.text, None, node.span, word=True)
    if isinstance(node, ast.Call) and node.function.parts == ("last",) and len(node.arguments) == 1:
        return typed(scope, node.arguments[0].value, "int", name)
    return scope.report(
        "E0305", f"`{name}` cannot be `{scope.text(node.span)[:40]}`", node.span, help="`all`, `latest` or `last(2)`"
    )


_SPECIAL = {
    "addresses": _addresses,
    "column": _column,
    "columns": _columns,
    "relation": _relation,
    "tokenizer": _item_of(ast.Tokenizer, "tokenizer", "tokenizer"),
    "endpoint": _item_of(ast.Endpoint, "endpoint", "endpoint"),
    "html": _html,
    "shingle": _shingle,
    "prompt": _prompt,
    "rounds": _rounds,
    "segment": _operator_of("segment", "a way to cut segments", "lines(max = 512 tokens)"),
    "head": _operator_of("head", "a head of a classifier", "linear(output = regression)"),
    "tools": _operator_of("tools", "a set of tools", "the `tools` of a package"),
}
