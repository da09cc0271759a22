"""The items of a recipe: each is resolved when something asks for it, once; a circle is seen and said."""

from __future__ import annotations

from collections.abc import Mapping

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import DATASET, DOCUMENT, FROM_SOURCE, TABLE
from recipec.diagnostics import Label, did_you_mean
from recipec.imports import Loader
from recipec.record import replace
from recipec.resolving import calls, expressions, kinds, mixes
from recipec.resolving.blocks import settings, spliced
from recipec.resolving.bodies import Body, expectation
from recipec.resolving.hints import maker
from recipec.resolving.params import Params
from recipec.resolving.scope import Context, RelationInfo, Scope
from recipec.resolving.values import typed
from recipec.settings import COMPUTE, ENDPOINT, MERGE, TRAIN, WRITE

_RELATIONS = (ast.Source, ast.Derive, ast.Merge, ast.Mix)


class Items(Params):
    """All items of the recipe `scope.module`, by name."""

    def __init__(self, context: Context, loader: Loader, scope: Scope, given: Mapping[str, str]):
        self.context, self.loader, self.scope, self.given = context, loader, scope, given
        self.params: dict[str, r.Param] = {}
        self.tables: dict[str, r.Table] = {}
        self.prompts: dict[str, r.Prompt] = {}
        self.sources: dict[str, r.Source] = {}
        self.relations: dict[str, r.Derived | r.Merge] = {}
        self.models: dict[str, r.Train] = {}
        self.mixes: dict[str, r.Mix] = {}
        self.rounds_: r.Rounds | None = None
        self._infos: dict[str, RelationInfo | None] = {}
        self._open: list[str] = []
        self._open_params: list[str] = []
        self._fits: list[int] = []  # how many relations were open where one was asked for to fit thresholds on it

    def value(self, scope: Scope, node: ast.Name) -> r.Expr:
        """A param, table, round or trained model, by name."""
        name = node.parts[0]
        item = scope.item(name)
        match item:
            case ast.Param() if scope.module is self.scope.module:
                return self.param_value(scope, name, node.span)
            case ast.Param():
                return scope.report("E0201", "a library has no parameters", node.span)
            case ast.Table():
                found = self.table_ref(scope, item, node.span)
                return self._looked_up(scope, item, node.span) or found
            case ast.Rounds():
                return self._round(item, node.span)
        return r.ItemRef("model", name, node.span)

    # ---- relations -------------------------------------------------------------------------------

    def relation(self, scope: Scope, node: ast.Relation, fit: bool = False) -> RelationInfo | None:
        """The relation a name means, with its columns; None after a diagnostic. `fit`: thresholds are fitted on it."""
        name = node.name.text
        item = self.scope.module.items.get(name)
        if not isinstance(item, _RELATIONS) or (isinstance(item, ast.Derive) and item.kind == "train"):
            if scope.known_broken(node.name.parts[0]):
                return None
            names = [one for one, other in self.scope.module.items.items() if isinstance(other, _RELATIONS)]
            scope.report(
                "E0205",
                f"there is no relation `{name}`",
                node.name.span,
                help=did_you_mean(name, names, "relations"),
                fixes=scope.spelling(node.name.span, name, names),
            )
            return None
        self.scope.item(name)
        if fit:
            self._fits.append(len(self._open))
        info = self.ensure(name)
        if fit:
            self._fits.pop()
        if info is None:
            return None
        tiers = tuple(one.text for one in node.tiers)
        for one in node.tiers:
            if one.text not in info.tiers and info.complete:
                help_ = did_you_mean(one.text, info.tiers, "tiers") if info.tiers else f"`{name}` has no tiers"
                fixes = scope.spelling(one.span, one.text, info.tiers)
                scope.report("E0404", f"`{name}` has no tier `{one.text}`", one.span, help=help_, fixes=fixes)
        if info.complete:  # what is made of a tier that is not there may have other mistakes
            tiers = tuple(one for one in tiers if one in info.tiers)
        return replace(info, ref=r.RelationRef(name, tiers, node.span), tiers=tiers or info.tiers)

    def ensure(self, name: str) -> RelationInfo | None:
        """A source, relation or mix, made once; None where it is made from itself."""
        item = self.scope.module.items[name]
        if name in self._open:
            begun = self._open.index(name)
            help_ = " → ".join([*self._open[begun:], name])
            if any(depth > begun for depth in self._fits):
                help_ += "; fit on a relation above: move the score that is cut into a select before, and fit on that"
            self.scope.report("E0250", f"`{name}` is made from itself", item.name.span, help=help_)
            return None
        if name not in self._infos:
            self._open.append(name)
            self._infos[name] = self._make(name, item)
            self._open.pop()
        return self._infos[name]

    def _make(self, name: str, item: ast.Item) -> RelationInfo | None:
        span = item.name.span
        match item:
            case ast.Source():
                made = self._source(item)
                if made is None:
                    return RelationInfo(r.RelationRef(name, (), span), DOCUMENT, (), complete=False)
                self.sources[name] = made
                return RelationInfo(r.RelationRef(name, (), span), made.schema, (), complete=bool(made.columns))
            case ast.Derive():
                return self._derived(item)
            case ast.Merge():
                return self._merge(item)
            case ast.Mix():
                made = mixes.mix(self.scope, item)
                self.mixes[name] = made
                return RelationInfo(r.RelationRef(name, (), span), made.schema, made.tiers, complete=False)
        return None

    def _source(self, item: ast.Source) -> r.Source | None:
        call = calls.operator_call(self.scope, item.operator, ("source",), "a source")
        if isinstance(call, r.Unknown):
            return None
        accepted = {one.name: one for one in call.operator.parameters}
        fields = {one.name: one.type for one in call.operator.columns}
        own = {argument.name.text if argument.name else None for argument in item.operator.arguments}
        columns: dict[str, r.OpCall | r.Field | r.Lit] = {}
        found: dict[str, r.Expr] = {}
        seen: dict[str, Span] = {}
        scope = replace(self.scope, page=tuple(fields))
        for inner, line in spliced(scope, item.settings):
            name = line.name.text
            if name in seen or (name in own and name in accepted):
                inner.report(
                    "E0221",
                    f"`{name}` is set twice",
                    line.name.span,
                    "again",
                    secondary=(Label(seen.get(name, item.operator.span), "first set here"),),
                    help="leave one out",
                )
            elif name in accepted:
                value = typed(inner, line.value, accepted[name].type, name)
                if not isinstance(value, r.Unknown):
                    found[name] = value
            else:
                value = self._field(inner, line)
                if value is not None:
                    columns[name] = value
            seen.setdefault(name, line.name.span)
        call = replace(call, args={**call.args, **found})
        schema = {**DOCUMENT, **{name: type_ for name, type_ in fields.items() if name in FROM_SOURCE}}
        schema |= {
            name: FROM_SOURCE.get(name) or _type_of_field(value, fields)
            for name, value in columns.items()
            if name != "id"
        }
        return r.Source(item.name.text, call, columns, found, schema, item.name.span, item.doc)

    def _field(self, scope: Scope, line: ast.Setting) -> r.OpCall | r.Field | r.Lit | None:
        """Where a column of a source comes from: a field of the record, an extractor, or one value for all."""
        node = line.value
        if isinstance(node, ast.Name):
            if len(node.parts) == 1 and isinstance(scope.module.items.get(node.text), ast.Param):
                scope.item(node.text)
                scope.report(
                    "E0222",
                    f"`{node.text}` could be a field of the record or the parameter",
                    node.span,
                    help=f'for the parameter write `"${{{node.text}}}"`, else rename it',
                )
                return None
            return r.Field(node.text, node.span)
        if isinstance(node, ast.Call):
            call = calls.operator_call(scope, node, ("extract",), "an extractor")
            return None if isinstance(call, r.Unknown) else call
        value = expressions.expression(scope, node)
        listed = value.value if isinstance(value, r.Lit) and isinstance(value.value, tuple) else ()
        if any(isinstance(one, tuple) for one in listed):
            scope.report("E0301", "a column holds one value or a list of them, not a list of lists", node.span)
            return None
        if isinstance(value, r.Lit | r.Unknown):
            return None if isinstance(value, r.Unknown) else value
        scope.report(
            "E0301",
            f"a column comes from a field, an extractor or is one value; this is {kinds.called(value)}",
            node.span,
        )
        return None

    def _derived(self, item: ast.Derive) -> RelationInfo | None:
        if item.kind == "train":
            return None
        parent = self.relation(self.scope, item.from_)
        body = Body(self.scope, item, parent)
        statements = body.statements()
        if parent is not None:
            self.relations[item.name.text] = r.Derived(
                item.kind,
                item.name.text,
                parent.ref,
                statements,
                dict(body.schema),
                body.tiers,
                item.name.span,
                item.doc,
            )
        ref = r.RelationRef(item.name.text, (), item.name.span)
        return RelationInfo(ref, body.schema, body.tiers, body.complete, body.dropped)

    def _merge(self, item: ast.Merge) -> RelationInfo | None:
        parents = [self.relation(self.scope, one) for one in item.relations]
        found = settings(self.scope, item.settings, MERGE, "a merge", item.name.span)
        known = [one for one in parents if one is not None]
        if not known:
            return None
        schema = {name: type_ for name, type_ in known[0].schema.items() if all(name in one.schema for one in known)}
        tiers = tuple(dict.fromkeys(tier for one in known for tier in one.tiers))
        if len(known) == len(parents):
            self.relations[item.name.text] = r.Merge(
                item.name.text, tuple(one.ref for one in known), found, schema, tiers, item.name.span, item.doc
            )
        return RelationInfo(r.RelationRef(item.name.text, (), item.name.span), schema, tiers)

    # ---- the rest --------------------------------------------------------------------------------

    def train(self, item: ast.Derive) -> None:
        """A classifier trained on labels."""
        parent = self.relation(self.scope, item.from_)
        scope = replace(self.scope, row=parent.schema if parent else None)
        found = settings(scope, item.body, TRAIN, "a train", item.name.span)
        statements: list[r.Statement] = []
        figures: dict[str, str] = {}
        row = {**(parent.schema if parent else {}), "target": "double", "prediction": "double"}
        for inner, line in spliced(scope, item.body):
            if isinstance(line, ast.Measure):
                expr = expressions.expression(replace(inner, row=row), line.expr)
                figures[line.name.text] = "double"
                if not isinstance(expr, r.Unknown):
                    statements.append(r.Measure(line.name.text, expr, line.span, line.doc))
            elif isinstance(line, ast.Expect):
                made = expectation(replace(inner, row=None, figures=figures), line)
                statements += [made] if made else []
            elif not isinstance(line, ast.Setting):
                statements.append(r.Misplaced(type(line).__name__.lower(), "train", line.span))
        if parent is not None:
            self.models[item.name.text] = r.Train(
                item.name.text, parent.ref, found, tuple(statements), item.name.span, item.doc
            )

    def tokenizer(self, item: ast.Tokenizer) -> r.Tokenizer | None:
        call = calls.operator_call(self.scope, item.operator, ("tokenizer",), "a tokenizer")
        return None if isinstance(call, r.Unknown) else r.Tokenizer(item.name.text, call, item.name.span, item.doc)

    def endpoint_item(self, item: ast.Endpoint) -> r.Endpoint:
        found = settings(self.scope, item.settings, ENDPOINT, "an endpoint", item.name.span)
        return r.Endpoint(item.name.text, found, item.name.span, item.doc)

    def endpoint(self, scope: Scope, node: ast.Name) -> str | None:
        """The endpoint that an `ask` names."""
        value = typed(scope, node, "endpoint", "endpoint")
        return value.name if isinstance(value, r.ItemRef) else None

    def table_ref(self, scope: Scope, item: ast.Table, span: Span) -> r.ItemRef:
        """A table as a value; one of another file is the recipe's from here on, under the file's name and its own."""
        name = item.name.text
        if scope.module is not self.scope.module:
            name = f"{scope.module.name.removesuffix('.recipe')}.{name}"
            if name not in self.tables:
                self.tables[name] = self.table(replace(scope, row=None), item, name)
        return r.ItemRef("table", name, span)

    def _looked_up(self, scope: Scope, item: ast.Table, span: Span) -> r.Unknown | None:
        """Reports a column that the table goes by and the row does not have."""
        for by in item.by if scope.row is not None and scope.complete else ():
            if by.text not in scope.row:
                return scope.report(
                    "E0202",
                    f"`{item.name.text}` goes by `{by.text}`, and there is no such column here",
                    span,
                    secondary=(Label(by.span, "looked up by this"),),
                    help=maker(scope, by.text),
                )
        return None

    def table(self, scope: Scope, item: ast.Table, name: str) -> r.Table:
        call = None
        if item.operator is not None:
            call = calls.operator_call(scope, item.operator, ("table",), "a way to read a table")
        entries = []
        for entry in item.entries:
            keys = tuple(expressions.expression(scope, key, words=True) for key in entry.keys)
            value = expressions.expression(scope, entry.value, words=True)
            entries.append(r.TableEntry(keys, value, entry.span))
        return r.Table(
            name,
            tuple(one.text for one in item.by),
            call if isinstance(call, r.OpCall) else None,
            tuple(entries),
            item.name.span,
            item.doc,
        )

    def write(self, item: ast.Write) -> r.Write | None:
        info = self.relation(self.scope, item.relation)
        scope = (
            replace(
                self.scope,
                row={**info.schema, **TABLE},
                tiers=info.tiers,
                complete=info.complete,
                dropped=info.dropped,
            )
            if info
            else self.scope
        )
        sink = calls.operator_call(replace(self.scope, row=None), item.operator, ("sink",), "a table format")
        if info is None:
            return None
        found = settings(scope, item.body, WRITE, "a write", item.relation.span)
        expects: list[r.Expect | r.Misplaced] = []
        for inner, line in spliced(scope, item.body):
            if isinstance(line, ast.Expect):
                made = expectation(replace(inner, figures=DATASET), line)
                expects += [made] if made else []
            elif not isinstance(line, ast.Setting):
                expects.append(r.Misplaced(type(line).__name__.lower(), "write", line.span))
        if isinstance(sink, r.Unknown):
            return None
        partition = found.pop("partition", None)
        names = partition.value if isinstance(partition, r.Lit) else ()
        return r.Write(
            info.ref,
            sink,
            names,
            tuple(one for one in expects if isinstance(one, r.Expect)),
            tuple(one for one in expects if isinstance(one, r.Misplaced)),
            found,
            item.span,
            item.doc,
            partition.span if names else None,
        )

    def compute(self, item: ast.Compute) -> r.Compute:
        figures = {"data_share": "double", "break_even": "double"}
        found = settings(self.scope, item.body, COMPUTE, "`compute`", item.span)
        expects, misplaced = [], []
        for inner, line in spliced(self.scope, item.body):
            if isinstance(line, ast.Expect):
                made = expectation(replace(inner, figures=figures), line)
                expects += [made] if made else []
            elif not isinstance(line, ast.Setting):
                misplaced.append(r.Misplaced(type(line).__name__.lower(), "compute", line.span))
        return r.Compute(found, tuple(expects), tuple(misplaced), item.span, item.doc)


def _type_of_field(value: r.OpCall | r.Field | r.Lit, fields: Mapping[str, str]) -> str:
    """The type of a column of one's own; only the run knows what a record's field holds."""
    if isinstance(value, r.Field):
        return fields.get(value.name, "any")
    return kinds.type_of(value)
