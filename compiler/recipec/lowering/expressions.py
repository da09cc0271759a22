"""Operators, values and expressions of the recipe as the plan has them; what cannot run yet is noted on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported, pinned
from recipec.lowering.base import Base
from recipec.plan_values import OfList

Calls = Callable[[r.OpCall], p.Expr]
"""What stands for an operator call in an expression."""
Made = TypeVar("Made")
BY_TEXT = ("score", "statistic")
"""Kinds of operators that make a figure of a row."""


class Expressions(Base):
    """The part of the lowering that knows operators and expressions. `pairs` are the relations that the rows at
    hand were paired with; `of_parent` says that `source.x` is a column of these rows themselves."""

    pairs: dict[str, p.NodeValue] = {}
    of_parent = False
    within_later = False
    """Is this within something that cannot run, which is all there is to say?"""

    # ---- operators -------------------------------------------------------------------------------

    def _operation(self, call: r.OpCall, names: bool = True) -> p.Operation:
        """An operator call with a value for every argument. `names`: the runtime takes a column by its name."""
        operator = call.operator
        if not operator.run:
            self._no(f"operator `{operator.name}`", call.span)
        args: dict[str, p.Value] = {}
        for parameter in operator.parameters:
            if parameter.type == "html":
                continue
            given = call.args[parameter.name]
            value = self._value(given, parameter, names and bool(operator.run))
            if self._unsaid(parameter, value) and getattr(parameter, "added", False):
                continue
            if operator.run:
                self._later(operator.name, parameter, value, given)
            args[parameter.name] = value
        return p.Operation(operator=operator.name, version=operator.version, args=args)

    @staticmethod
    def _unsaid(parameter: r.Parameter, value: p.Value) -> bool:
        default = parameter.default
        return value == (tuple(default) if isinstance(default, list) else default)

    def _later(self, operator: str, parameter: r.Parameter, value: p.Value, given: r.Expr) -> None:
        later = getattr(parameter, "later", False)
        if later is True and not self._unsaid(parameter, value):
            self._no(f"`{parameter.name}` of `{operator}`", given.span)
        elif isinstance(later, tuple) and value in later:
            self._no(f"`{parameter.name} = {value}` of `{operator}`", given.span)

    def _value(self, expr: r.Expr, parameter: r.Parameter, runs: bool) -> p.Value:
        """An argument. A column is its name where the operator runs or the argument can be nothing else."""
        match expr:
            case r.Col(relation=None) if runs or parameter.type.startswith("column"):
                return expr.name
            case r.Interval(low=r.Lit(), high=r.Lit()):
                return (expr.low.value, expr.high.value)
            case r.Lit():
                return self._literal(expr, parameter)
            case r.ItemRef(kind="tokenizer"):
                return self._tokenizer(expr.name)
            case r.ItemRef(kind="table") if parameter.type.startswith("file"):
                self._no(f"a table as `{parameter.name}`", expr.span)
                return self._files(expr)
            case r.ItemRef(kind="endpoint" | "model"):
                return self._item(expr)
            case r.RelationRef():
                if not self._known(expr):
                    raise Unsupported(f"`{expr.name}` as `{parameter.name}`", expr.span)
                return self._relation_value(expr)
            case r.PromptCall():
                return p.PromptValue(prompt=self._prompt(expr, judge=True))
            case r.OpCall() if expr.operator.kind not in BY_TEXT:
                return p.CallValue(operation=self._operation(expr))
            case r.EnvRef():
                raise Unsupported(f"this kind of value for `{parameter.name}`", expr.span)
        if runs and not getattr(parameter, "later", False):
            self._not_here(f"a value of `{parameter.name}` that differs by row", expr)
        return p.ExprValue(expr=self._quietly(self._expr, expr))

    def _quietly(self, make: Callable[..., Made], *given: object) -> Made:
        """What stands within something that cannot run: only operators are named beside it."""
        before, self.within_later = self.within_later, True
        try:
            return make(*given)
        finally:
            self.within_later = before

    def _literal(self, expr: r.Lit, parameter: r.Parameter) -> p.Value:
        found = expr.value
        embedded = getattr(parameter, "embedded", ())
        if parameter.type.removesuffix("?") == "file" and isinstance(found, str) and found not in embedded:
            return pinned(found, self.find)
        return found

    # ---- expressions -----------------------------------------------------------------------------

    def _expr(self, expr: r.Expr, call: Calls | None = None) -> p.Expr:
        """An expression over columns. `call` makes what stands for an operator call, else the call itself."""

        def sub(inner: r.Expr) -> p.Expr:
            return self._expr(inner, call)

        match expr:
            case r.Lit(value=tuple()):
                self._not_here("a list here", expr)
                return p.Many(items=tuple(sub(r.Lit(one, expr.unit, expr.span)) for one in expr.value))
            case r.Lit():
                return p.Lit(value=expr.value)
            case r.Col():
                return self._column(expr)
            case r.OpCall():
                return call(expr) if call is not None else self._call(expr)
            case r.Compare():
                return p.Compare(op=expr.op, left=sub(expr.left), right=sub(expr.right))
            case r.InRange():
                return p.InRange(value=sub(expr.value), low=sub(expr.low), high=sub(expr.high))
            case r.InList():
                return p.InList(value=sub(expr.value), items=tuple(self._constants(expr.items)))
            case r.OfList():
                items = None if expr.items is None else tuple(self._constants(expr.items))
                return OfList(how=expr.how, value=sub(expr.value), items=items)
            case r.InTable():
                table, keys = self._entry(expr.table)
                return p.InEntry(value=sub(expr.value), table=table, keys=keys)
            case r.ItemRef(kind="table"):
                table, keys = self._entry(expr)
                return p.Entry(table=table, keys=keys)
            case r.Not():
                return p.Not(operand=sub(expr.operand))
            case r.And():
                return p.Junction(op="and", operands=tuple(sub(o) for o in expr.operands))
            case r.Or():
                return p.Junction(op="or", operands=tuple(sub(o) for o in expr.operands))
            case r.Arith():
                return p.Arith(op=expr.op, left=sub(expr.left), right=sub(expr.right))
            case r.Template():
                self._not_here("a text with row values", expr)
                return p.Text(parts=tuple(one if isinstance(one, str) else sub(one) for one in expr.parts))
            case r.Sequence():
                self._not_here("a list here", expr)
                return p.Many(items=tuple(sub(one) for one in expr.items))
            case r.Interval():
                self._not_here("a range here", expr)
                return p.Span(low=sub(expr.low), high=sub(expr.high))
        raise Unsupported("this value in an expression", expr.span)

    def _not_here(self, what: str, expr: r.Expr) -> None:
        if not self.within_later:
            self._no(what, expr.span)

    def _column(self, column: r.Col) -> p.Expr:
        if column.relation not in (None, "source"):
            self._not_here("a column of another relation", column)
            return p.Of(node=self._relation_value(r.RelationRef(column.relation, (), column.span)), name=column.name)
        paired, dot, rest = column.name.partition(".")
        if dot and paired in self.pairs:
            self._not_here("a column of the row paired with", column)
            return p.Of(node=self.pairs[paired], name=rest)
        if column.relation == "source" and not self.of_parent:
            self._not_here("a column of the source row", column)
            return p.Parent(name=column.name)
        return p.Col(name=column.name)

    def _call(self, call: r.OpCall) -> p.Expr:
        """An operator over values of the row, as it stands."""
        first = call.operator.parameters[0] if call.operator.parameters else None
        rest = tuple(self._value(one, first, False) for one in call.rest)
        return p.Call(operation=self._operation(call, names=False), rest=rest)

    def _unready(self, call: r.OpCall, where: str) -> p.Expr:
        """An operator that is none of those that can stand here."""
        if call.operator.run:
            self._no(f"operator `{call.operator.name}` in {where}", call.span)
        return self._quietly(self._call, call)

    def _constants(self, items: tuple[r.Expr, ...]) -> list[p.Scalar]:
        for item in items:
            if not isinstance(item, r.Lit):
                raise Unsupported("a computed value in a list", item.span)
        return [item.value for item in items]

    def _entry(self, ref: r.ItemRef) -> tuple[p.NodeValue, tuple[str, ...]]:
        """A table that is looked up by the row's columns."""
        return self._item(ref), self.recipe.tables[ref.name].by


def said(given: dict[str, object]) -> list[object]:
    """What of these enters a digest: those that have a value, as one part; nothing where none has, so that what is
    new in the language leaves the digests of recipes that do not use it."""
    found = {name: p.identity(value) for name, value in given.items() if value not in (None, (), [], {})}
    return [found] if found else []
