"""The bodies of select, transform and generate: statement by statement, the columns growing as they go."""

from __future__ import annotations

from recipec import ast
from recipec import resolved as r
from recipec.columns import ANSWER, DATASET, DOCUMENT, LANGUAGE, kind_of
from recipec.diagnostics import Label, did_you_mean
from recipec.record import replace
from recipec.resolving import calls, expressions, kinds
from recipec.resolving.blocks import settings, spliced
from recipec.resolving.rules import rule_text, rules_of
from recipec.resolving.scope import ROW_KINDS, RelationInfo, Scope
from recipec.settings import ASK, PAIR, SAMPLE

EVENTS = ("fail", "waiting", "shortage")


class Body:
    """One body on its way from syntax to statements; `schema` and `tiers` are those of the rows so far."""

    def __init__(self, scope: Scope, item: ast.Derive, parent: RelationInfo | None):
        self.item = item
        self.makes = item.kind != "select"
        columns = dict(parent.schema if parent else DOCUMENT)
        self.tiers = parent.tiers if parent else ()
        self.parent = columns
        self.schema = (
            {name: type_ for name, type_ in columns.items() if name in DOCUMENT or name in LANGUAGE or name == "tier"}
            if self.makes
            else columns
        )
        self.dropped = dict(parent.dropped) if parent else {}
        if self.makes:
            self.dropped |= {name: item.name.text for name in columns if name not in self.schema}
        self.measures: dict[str, str] = {}
        self.scope = scope
        self.complete = parent is not None and parent.complete

    def inside(self, scope: Scope) -> Scope:
        """The scope of the next statement."""
        return replace(
            scope,
            row=dict(self.schema),
            tiers=self.tiers,
            source=self.parent if self.makes else None,
            complete=self.complete,
            dropped=self.dropped,
        )

    def statements(self) -> tuple[r.Statement, ...]:
        """All statements in order; what could not be resolved is left out."""
        result: list[r.Statement] = []
        for scope, line in spliced(self.scope, self.item.body):
            made = self._statement(self.inside(scope), line)
            if made is not None:
                result.append(made)
        return tuple(result)

    def _statement(self, scope: Scope, line: ast.Statement) -> r.Statement | None:
        handler = _HANDLERS.get(type(line))
        if handler is None:
            verb = type(line).__name__.lower()
            return r.Misplaced(verb, self.item.kind, line.span)
        return handler(self, scope, line)

    def _lang(self, scope: Scope, line: ast.Lang) -> r.Statement | None:
        call = calls.operator_call(scope, line.operator, ("language",), "a language model")
        self.schema |= LANGUAGE
        return r.Lang(call, line.span, line.doc) if isinstance(call, r.OpCall) else None

    def _clean(self, scope: Scope, line: ast.Clean) -> r.Statement | None:
        call = calls.operator_call(scope, line.operator, ("clean",), "a cleaning step")
        return r.Clean(call, line.span, line.doc) if isinstance(call, r.OpCall) else None

    def _keep(self, scope: Scope, line: ast.Keep) -> r.Statement | None:
        rules = rules_of(scope, line.expr, line.doc)
        return r.Keep(rules, line.span, line.doc) if rules else None

    def _dedup(self, scope: Scope, line: ast.Dedup) -> r.Statement | None:
        call = calls.operator_call(scope, line.operator, ("dedup",), "a deduplication")
        against = scope.context.items.relation(scope, line.against) if line.against else None
        if not isinstance(call, r.OpCall) or (line.against and against is None):
            return None
        if against is not None and not _compared_by(scope, call, against):
            return None
        return r.Dedup(call, against.ref if against else None, scope.text(line.span), line.span, line.doc)

    def _sample(self, scope: Scope, line: ast.Sample) -> r.Statement | None:
        amount = expressions.expression(scope, line.amount)
        found = settings(scope, line.settings, SAMPLE, "`sample`", line.span)
        if isinstance(amount, r.Unknown):
            return None
        if not isinstance(amount, r.Lit) or amount.unit not in ("share", "documents"):
            scope.report(
                "E0302",
                "a sample is a share or a number of documents",
                amount.span,
                help="`sample 10%` or `sample 20_000 documents`",
            )
            return None
        return r.Sample(amount, found, line.span, line.doc)

    def _pair(self, scope: Scope, line: ast.Pair) -> r.Statement | None:
        info = scope.context.items.relation(scope, line.relation)
        found = settings(scope, line.settings, PAIR, "`pair`", line.span)
        if info is None:
            return None
        self.schema |= {f"{info.ref.name}.{name}": type_ for name, type_ in info.schema.items()}
        return r.Pair(info.ref, found, line.span, line.doc)

    def _score(self, scope: Scope, line: ast.Score) -> r.Statement | None:
        expr = expressions.expression(scope, line.expr)
        type_ = kinds.type_of(expr)
        self.schema[line.name.text] = type_
        if isinstance(expr, r.Unknown):
            return None
        return r.Score(line.name.text, expr, type_, line.span, line.doc)

    def _tier(self, scope: Scope, line: ast.Tier) -> r.Statement | None:
        by = expressions.column(scope, ast.Name((line.by.text,), line.by.span))
        rows = []
        for row in line.rows:
            bound = expressions.expression(scope, row.bound) if row.bound is not None else None
            rows.append(r.TierRow(row.name.text, row.op, bound, row.span, row.doc))
        self.schema["tier"] = "string"
        self.tiers = tuple(dict.fromkeys(row.name for row in rows))
        if isinstance(by, r.Col) and kind_of(by.type) not in ("number", "any"):
            by = scope.report("E0301", f"tiers are cut from a number; `{by.name}` is {kinds.called(by)}", by.span)
        if not isinstance(by, r.Col):
            return None
        return r.Tier(by, tuple(rows), line.span, line.doc)

    def _measure(self, scope: Scope, line: ast.Measure) -> r.Statement | None:
        expr = expressions.expression(scope, line.expr)
        self.measures[line.name.text] = kinds.type_of(expr)
        return None if isinstance(expr, r.Unknown) else r.Measure(line.name.text, expr, line.span, line.doc)

    def _expect(self, scope: Scope, line: ast.Expect) -> r.Statement | None:
        return expectation(replace(scope, figures={**DATASET, **self.measures}), line)

    def _ask(self, scope: Scope, line: ast.Ask) -> r.Statement | None:
        if not self.makes:
            return r.Misplaced("ask", self.item.kind, line.span)
        items = scope.context.items
        endpoint = items.endpoint(scope, line.endpoint)
        self.schema |= ANSWER
        inner = replace(self.inside(scope), row={**self.parent, **self.schema})
        prompts = tuple(items.prompt_call(inner, one) for one in line.prompts)
        found = settings(scope, line.settings, ASK, "`ask`", line.span)
        if endpoint is None or any(isinstance(one, r.Unknown) for one in prompts):
            return None
        return r.Ask(endpoint, prompts, found, line.span, line.doc)

    def _verify(self, scope: Scope, line: ast.Verify) -> r.Statement | None:
        if not self.makes:
            return r.Misplaced("verify", self.item.kind, line.span)
        rules = tuple(rule for one in line.rules for rule in rules_of(scope, one.expr, one.doc))
        return r.Verify(rules, line.span, line.doc)

    def _on(self, scope: Scope, line: ast.On) -> r.Statement | None:
        return on(scope, line, ("fail", "waiting"), self.item.kind)

    def _set(self, scope: Scope, line: ast.Setting) -> r.Statement | None:
        if not self.makes:
            scope.report(
                "E0310",
                f"a `select` sets no columns; `{line.name.text} = …` stands in a source, a transform or a generate",
                line.name.span,
                help=f"`score {line.name.text} = …` adds a column",
            )
            return None
        expr = expressions.expression(scope, line.value)
        type_ = kinds.type_of(expr)
        self.schema[line.name.text] = DOCUMENT.get(line.name.text, type_)
        if isinstance(expr, r.Unknown):
            return None
        if line.name.text == "text" and kind_of(type_) not in ("text", "any"):
            scope.report("E0301", f"`text` is a text, not {kinds.called(expr)}", line.value.span)
        return r.Set(line.name.text, expr, type_, line.span, line.doc)


_HANDLERS = {
    ast.Lang: Body._lang,
    ast.Clean: Body._clean,
    ast.Keep: Body._keep,
    ast.Dedup: Body._dedup,
    ast.Sample: Body._sample,
    ast.Pair: Body._pair,
    ast.Score: Body._score,
    ast.Tier: Body._tier,
    ast.Measure: Body._measure,
    ast.Expect: Body._expect,
    ast.Ask: Body._ask,
    ast.Verify: Body._verify,
    ast.On: Body._on,
    ast.Setting: Body._set,
}


def _compared_by(scope: Scope, call: r.OpCall, against: RelationInfo) -> bool:
    """Do the rows that a dedup compares with have the columns that these rows are ranked by, and kept apart by?"""
    columns = [column for column in call.args.values() if isinstance(column, r.Col)]
    lost = [column for column in columns if against.complete and column.name not in against.schema]
    for column in lost:
        name = against.ref.name
        scope.report(
            "E0202",
            f"`{name}` has no column `{column.name}`",
            column.span,
            "the rows compared with need it, too",
            secondary=(Label(against.ref.span, "compared with"),),
            help=f"make it in `{name}`, or in what `{name}` is made from",
        )
    return not lost


def expectation(scope: Scope, line: ast.Expect) -> r.Expect | None:
    """`expect unique(doc_id)` or a condition over figures of the relation."""
    node = line.expr
    name = node.function if isinstance(node, ast.Call) else node if isinstance(node, ast.Name) else None
    if name is not None and calls.find(scope, name, ("expect",)) is not None:
        call = calls.operator_call(scope, node, ("expect",), "an expectation")
        if isinstance(call, r.Unknown):
            return None
        return r.Expect(r.Rule(call, call.text, node.span, scope.via or node.span, line.doc), line.span, line.doc)
    if isinstance(node, ast.Call) and calls.find(scope, node.function, ROW_KINDS) is None:
        calls.unknown(scope, node.function, ("expect",), "an expectation")
        return None
    expr = expressions.condition(scope, node)
    if isinstance(expr, r.Unknown):
        return None
    return r.Expect(
        r.Rule(expr, rule_text(scope, node), node.span, scope.via or node.span, line.doc), line.span, line.doc
    )


SHORTAGE = ("error", "repeat", "renormalise")


def on(scope: Scope, line: ast.On, events: tuple[str, ...], body: str) -> r.On | r.Misplaced | None:
    """`on fail …`, `on waiting …`, `on shortage …`."""
    event = line.event.text
    if event not in EVENTS:
        scope.report(
            "E0305", f"`on` answers no event `{event}`", line.event.span, help=did_you_mean(event, events, "events")
        )
        return None
    if event not in events:
        return r.Misplaced(f"on {event}", body, line.span)
    if event == "shortage":
        return _on_shortage(scope, line)
    actions = [calls.operator_call(scope, one, ("action",), "an action") for one in line.actions]
    if any(isinstance(one, r.Unknown) for one in actions):
        return None
    return r.On(event, tuple(actions), line.span, line.doc)


def _on_shortage(scope: Scope, line: ast.On) -> r.On | None:
    words = []
    for action in line.actions:
        if isinstance(action, ast.Name) and action.text in SHORTAGE:
            words.append(r.Lit(action.text, None, action.span, word=True))
        else:
            scope.report(
                "E0305",
                f"`on shortage` does not know `{scope.text(action.span)}`",
                action.span,
                help=did_you_mean(scope.text(action.span), SHORTAGE, "actions"),
            )
    return r.On("shortage", tuple(words), line.span, line.doc) if len(words) == len(line.actions) else None
