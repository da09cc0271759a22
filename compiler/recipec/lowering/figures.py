"""Figures: of a row by its place in a fitted distribution, of a relation's rows; and rows paired with others."""

from __future__ import annotations

from typing import TypeVar

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported, column_name, columns_of, rule
from recipec.lowering.base import DOCUMENT_COLUMNS, LINE_COLUMNS, Chain
from recipec.lowering.expressions import Expressions, said

T = TypeVar("T")


class Figures(Expressions):
    """The part of the lowering that knows fits, measures and pairs. `scorers`: column's digest → scorer's."""

    scorers: dict[str, str]

    # ---- expressions of a row --------------------------------------------------------------------

    def _row_expression(
        self, select: r.Derived, chain: Chain, statement: r.Statement, expr: r.Expr,
        wanted: dict[str, p.Operation] | None, fits: dict[str, str], where: str,
    ) -> p.Expr:  # fmt: skip
        """An expression in a `keep` or `score`. Statistics of the text become columns: noted in `wanted`, or
        annotated at once where that is None. `fits` gets the digest of each fit by its name."""

        def statistic(call: r.OpCall) -> p.Expr:
            made = self._operation(call)
            name = column_name(call, made)
            if wanted is not None:
                wanted[name] = made
            else:
                self._annotate(select.name, chain, statement, [((name,), made)])
            return p.Col(name=name)

        def call(found: r.OpCall) -> p.Expr:
            name = found.operator.name
            if name in ("max", "mean") and where != "`keep`" and not _given(found.args.get("over")):
                first = found.args[found.operator.parameters[0].name]
                return p.Combine(how=name, operands=tuple(self._expr(one, call) for one in (first, *found.rest)))
            if name == "bucket" and where != "`keep`":
                return self._bucket(select, chain, statement, found, fits)
            if name == "percentile":
                return self._percentile(select, chain, statement, found)
            if found.operator.kind == "statistic" and "text" in found.operator.reads and not _of_others(found):
                return statistic(found)
            if found.operator.kind == "statistic" and "url" in found.operator.reads:
                return statistic(found)
            return self._unready(found, where)

        made = self._expr(expr, call)
        if chain.texts.made:
            there = {*DOCUMENT_COLUMNS, *LINE_COLUMNS, *chain.columns, *(wanted or ())}
            for name in columns_of(made):
                if name not in there:
                    self._no(f"`{name}`, a column of answers, in a select over their documents", expr.span)
        return made

    def _bucket(self, select, chain: Chain, statement, call: r.OpCall, fits: dict[str, str]) -> p.Expr:
        name, found = self._fitted(select, chain, statement, call, int(call.args["n"].value))
        fits[name] = found
        return p.Bucket(fit=name, column=call.args["x"].name)

    def _percentile(self, select, chain: Chain, statement, call: r.OpCall) -> p.Expr:
        if not call.operator.run:
            self._no("operator `percentile`", call.span)
        name, found = self._fitted(select, chain, statement, call, None)
        return p.Percentile(fit=p.NodeValue(name=name, digest=found), column=call.args["x"].name)

    def _fitted(self, select, chain: Chain, statement, call: r.OpCall, n: int | None) -> tuple[str, str]:
        """The fit that a call asks for, made where the same was not: its name and its digest."""
        x, fit, within = call.args["x"], call.args["fit"], call.args["within"]
        if not isinstance(x, r.Col):
            raise Unsupported("parts of anything but a column", call.span)
        if not self._known(fit):
            raise Unsupported(f"a fit over `{fit.name}`", fit.span)
        each = within.name if isinstance(within, r.Col) else None
        if each is not None:
            self._no("thresholds within each value of a column", within.span)
        other, part, digest = self._part(fit)
        if x.name not in other.columns:
            self._no(f"a fit over `{x.name}`, which `{fit.name}` does not compute,", fit.span)
        weight = call.args["weight"].value
        found = p.digest("fit", digest, other.columns.get(x.name, x.name), n, weight, *said({"within": each}))
        same = [node for node in self.nodes if isinstance(node, p.Fit) and node.digest == found]
        if not same:
            node = p.Fit(
                name=self._name(f"{select.name}.{x.name}_fit"), of=select.name, digest=found, over=part,
                column=x.name, parts=n, weight=weight, within=each, reads=tuple(other.reads),
                **self._place(statement),
            )  # fmt: skip
            same = [self._add(node)]  # named before the statement that uses it, after what it reads
        if same[0].name not in chain.reads:
            chain.reads.append(same[0].name)
        return same[0].name, found

    # ---- figures of a relation -------------------------------------------------------------------

    def _measure(self, select: r.Derived, chain: Chain, measure: r.Measure) -> None:
        self._no("`measure`", measure.span)
        expr = self._expr(measure.expr)
        node = p.Measure(
            name=self._name(f"{select.name}.{measure.name}"), of=select.name, column=measure.name, expr=expr,
            digest=p.digest("measure", chain.digest, p.identity(expr)), texts=chain.texts.name,
            rows=self._rows(select.name, chain, measure), **self._place(measure),
        )  # fmt: skip
        chain.figures[measure.name] = self._add(node).name

    def _expect(self, select: r.Derived, chain: Chain, expect: r.Expect) -> None:
        self._no("`expect` here", expect.span)
        expr = self._expr(expect.rule.expr)
        node = p.Expect(
            name=self._name(f"{select.name}.expect"), of=select.name, rule=self._rule(expect.rule, expr),
            digest=p.digest("expect", chain.digest, p.identity(expr)), rows=self._rows(select.name, chain, expect),
            reads=tuple(chain.figures.values()), **self._place(expect),
        )  # fmt: skip
        self._add(node)

    def _rule(self, found: r.Rule, expr: p.Expr) -> p.Rule:
        return rule(found, expr, self.at(found.span))

    # ---- pairs -----------------------------------------------------------------------------------

    def _pair(self, select: r.Derived, chain: Chain, pair: r.Pair) -> None:
        """Each row once for every row drawn for it."""
        if not self._known(pair.relation):
            return
        self._no("`pair`", pair.span)
        other, part, digest = self._part(pair.relation, sources=True)
        each, seed = int(pair.settings["each"].value), int(pair.settings["seed"].value)
        rows = self._rows(select.name, chain, pair)
        chain.digest = p.digest("pair", chain.digest, digest, each, seed)
        node = p.Pair(
            name=self._name(f"{select.name}.pair"), of=select.name, digest=chain.digest, rows=rows, other=part,
            each=each, seed=seed, reads=tuple(dict.fromkeys([*chain.reads, *other.reads])), **self._place(pair),
        )  # fmt: skip
        chain.rows = self._add(node).name
        chain.reads.append(node.name)
        chain.pairs[pair.relation.name] = p.NodeValue(name=node.name, digest=chain.digest)
        self.pairs = chain.pairs


def _given(expr: r.Expr | None) -> bool:
    return expr is not None and not (isinstance(expr, r.Lit) and expr.value is None)


def _of_others(call: r.OpCall) -> bool:
    """Does it look at anything but the row's own text?"""
    return any(isinstance(one, r.Col) and one.name != "text" for one in call.args.values())


def anonymous(expr: T, fits: dict[str, str]) -> T:
    """The expression with fits by what they are, not by what they are called."""
    if isinstance(expr, p.Bucket):
        return expr.model_copy(update={"fit": fits[expr.fit]})
    if isinstance(expr, tuple):
        return tuple(anonymous(one, fits) for one in expr)
    if isinstance(expr, p.Frozen):
        return expr.model_copy(update={name: anonymous(getattr(expr, name), fits) for name in type(expr).model_fields})
    return expr
