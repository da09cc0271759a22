"""What the caller gives: parameters, and the round that this run is. Each is resolved once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import Diagnostic, did_you_mean
from recipec.imports import Loader, Module
from recipec.parse import UNPRINTABLE, parse_value
from recipec.record import replace
from recipec.resolving import expressions, kinds
from recipec.resolving.blocks import spliced
from recipec.resolving.prompts import Prompts
from recipec.resolving.scope import Context, Scope
from recipec.resolving.values import literal
from recipec.words import describe

PARAM_TYPES = ("path", "text", "int", "number", "count", "share", "bytes", "duration", "money", "list", "bool")
VERBATIM = ("path", "text")


class Params(Prompts):
    """The part of the items that the command line has a say in."""

    context: Context
    loader: Loader
    scope: Scope
    given: Mapping[str, str]
    params: dict[str, r.Param]
    _open_params: list[str]

    # ---- params ----------------------------------------------------------------------------------

    def param_value(self, scope: Scope, name: str, span: Span) -> r.Expr:
        """The value of a parameter, as it stands at `span`."""
        value = self.param(scope.item(name)).value
        return replace(value, span=span) if isinstance(value, r.Lit | r.Unknown) else value

    def param(self, item: ast.Param) -> r.Param:
        """A parameter, resolved once."""
        name = item.name.text
        if name in self._open_params:
            value = self.scope.report(
                "E0250",
                f"the value of `{name}` depends on itself",
                item.name.span,
                help=" → ".join([*self._open_params, name]),
            )
            return r.Param(name, item.type.text, value, False, item.name.span, item.doc)
        if name not in self.params:
            self._open_params.append(name)
            self.params[name] = self._param(item)
            self._open_params.pop()
        return self.params[name]

    def _param(self, item: ast.Param) -> r.Param:
        name, type_ = item.name.text, item.type.text
        given = name in self.given
        if type_ not in PARAM_TYPES:
            value = self.scope.report(
                "E0201", f"there is no type `{type_}`", item.type.span, help=did_you_mean(type_, PARAM_TYPES, "types")
            )
        elif given:
            value = self._given(item, self.given[name])
        elif item.default is None:
            value = self.scope.report(
                "E0230",
                f"`{name}` must be given",
                item.name.span,
                "has no value",
                help=f"`--param {name}=…`" + (f": {item.doc.splitlines()[0]}" if item.doc else ""),
            )
        else:
            value = self._plain(item, item.default)
        return r.Param(name, type_, value, given, item.name.span, item.doc)

    def _plain(self, item: ast.Param, node: ast.Expr) -> r.Expr:
        value = expressions.expression(self.scope, node)
        if isinstance(value, r.Lit):
            return literal(self.scope, value, item.type.text, item.name.text)
        if isinstance(value, r.Unknown):
            return value
        return self.scope.report(
            "E0301",
            f"`{item.name.text}` is {kinds.called(value)}",
            node.span,
            help="a parameter has a plain value",
        )

    def _given(self, item: ast.Param, written: str) -> r.Expr:
        """A value from the command line: a text or path as it is, anything else as in a recipe."""
        name, type_ = item.name.text, item.type.text
        file = f"--param {name}"
        if type_ in VERBATIM:
            bad = UNPRINTABLE.search(written)
            if bad is None:
                return r.Lit(written, None, item.name.span)
            return self.scope.report(
                "E0231",
                f"`--param {name}=…` does not fit",
                item.name.span,
                f"`{name}` is declared here as {type_}",
                help=f"the value holds {describe(bad[0])}",
            )
        node, found = parse_value(file, written)
        reason = found[0].message if found else ""
        if node is not None and not found:
            before = len(self.context.found)
            self.loader.modules[file] = Module(file, written, ast.File(file, (), ()), None)
            value = self._plain(item, node)
            del self.loader.modules[file]
            reports = self.context.found[before:]
            del self.context.found[before:]
            if not isinstance(value, r.Unknown):
                return replace(value, span=item.name.span)
            reason = reports[0].message if reports else ""
        return self.scope.report(
            "E0231",
            f"`--param {name}={written[:60]}` does not fit",
            item.name.span,
            f"`{name}` is declared here as {type_}",
            help=reason,
        )

    def unknown_given(self) -> None:
        """Parameters given that the recipe does not have."""
        items = self.scope.module.items.items()
        names = [name for name, item in items if isinstance(item, ast.Param | ast.Rounds)]
        for name in self.given:
            if name not in names and name not in self.scope.module.broken:
                self.context.found.append(
                    Diagnostic(
                        "E0232",
                        f"the recipe has no parameter `{name}`",
                        None,
                        help=did_you_mean(name, names, "parameters"),
                    )
                )

    # ---- rounds ----------------------------------------------------------------------------------

    def rounds(self, item: ast.Rounds) -> r.Rounds | None:
        interval = expressions.interval(self.scope, item.range)
        stops = []
        for inner, line in spliced(self.scope, item.body):
            if isinstance(line, ast.Stop):
                expr = expressions.condition(replace(inner, figures={}), line.expr)
                stops += [] if isinstance(expr, r.Unknown) else [expr]
            else:
                self.scope.report(
                    "E0310",
                    f"`{type(line).__name__.lower()}` does not stand in `rounds`",
                    line.span,
                    help="only `stop when …` does",
                )
        now = self._round(item, item.name.span, reports=True)
        if not isinstance(interval, r.Interval) or not isinstance(now, r.Lit):
            return None
        return r.Rounds(item.name.text, interval, tuple(stops), item.name.span, item.doc, now.value)

    def _round(self, item: ast.Rounds, span: Span, reports: bool = False) -> r.Expr:
        """The round that this run is, a known number: the caller gives it as a parameter, the first if not. So a
        seed or a name may hold it, and each round has digests of its own."""
        name = item.name.text
        if name in self._open_params:
            path = " → ".join([*self._open_params[self._open_params.index(name) :], name])
            return self.scope.report("E0250", f"`{name}` depends on itself", item.name.span, help=path)
        before = len(self.context.found)
        self._open_params.append(name)
        ends = [expressions.expression(self.scope, end) for end in (item.range.low, item.range.high)]
        self._open_params.pop()
        # All but a circle is reported where the rounds themselves are resolved.
        self.context.found[before:] = [one for one in self.context.found[before:] if one.code == "E0250"]
        if not all(isinstance(end, r.Lit) and isinstance(end.value, int) and end.unit is None for end in ends):
            if reports and not any(isinstance(end, r.Unknown) for end in ends):
                self.scope.report("E0301", "rounds are counted by whole numbers", item.range.span, help="`1 .. 3`")
            return r.Unknown(span)
        low, high = (end.value for end in ends)
        if low > high:
            if reports:
                self.scope.report("E0320", "there is no round in this range", item.range.span, help="`1 .. 3`")
            return r.Unknown(span)
        written = self.given.get(item.name.text, str(low))
        if written.isascii() and written.isdecimal() and low <= int(written[:9]) <= high:
            return r.Lit(int(written), None, span, Decimal(int(written)))
        if reports:
            self.scope.report(
                "E0231",
                f"`--param {item.name.text}={written[:60]}` does not fit",
                item.name.span,
                f"`{item.name.text}` is a round from {low} to {high}",
            )
        return r.Unknown(span)
