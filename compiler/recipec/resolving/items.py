"""The items of a recipe: each is resolved when something asks for it, once; a circle is seen and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import DATASET, DOCUMENT, FROM_SOURCE, TABLE
from recipec.diagnostics import Diagnostic, Label, did_you_mean
from recipec.imports import Loader, Module
from recipec.parse import UNPRINTABLE, parse_value
from recipec.resolving import calls, expressions, kinds, mixes
from recipec.resolving.blocks import settings, spliced
from recipec.resolving.bodies import Body, expectation
from recipec.resolving.prompts import Prompts
from recipec.resolving.scope import Context, RelationInfo, Scope
from recipec.resolving.values import literal, typed
from recipec.settings import COMPUTE, ENDPOINT, MERGE, TRAIN, WRITE
from recipec.words import describe

PARAM_TYPES = ("path", "text", "int", "number", "count", "share", "bytes", "duration", "money", "list", "bool")
VERBATIM = ("path", "text")
_RELATIONS = (ast.Source, ast.Derive, ast.Merge, ast.Mix)


class Items(Prompts):
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
        names = [name for name, item in self.scope.module.items.items() if isinstance(item, ast.Param)]
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
                return r.ItemRef("table", name, node.span)
            case ast.Rounds():
                return r.Col(name, "bigint", "rounds", node.span)
        return r.ItemRef("model", name, node.span)

    # ---- relations -------------------------------------------------------------------------------

    def relation(self, scope: Scope, node: ast.Relation) -> RelationInfo | None:
        """The relation a name means, with its columns; None after a diagnostic."""
        name = node.name.text
        item = self.scope.module.items.get(name)
        if not isinstance(item, _RELATIONS) or (isinstance(item, ast.Derive) and item.kind == "train"):
            if scope.known_broken(node.name.parts[0]):
                return None
            names = [one for one, other in self.scope.module.items.items() if isinstance(other, _RELATIONS)]
            scope.report(
                "E0205", f"there is no relation `{name}`", node.name.span, help=did_you_mean(name, names, "relations")
            )
            return None
        self.scope.item(name)
        info = self.ensure(name)
        if info is None:
            return None
        tiers = tuple(one.text for one in node.tiers)
        for one in node.tiers:
            if one.text not in info.tiers and info.complete:
                help_ = did_you_mean(one.text, info.tiers, "tiers") if info.tiers else f"`{name}` has no tiers"
                scope.report("E0404", f"`{name}` has no tier `{one.text}`", one.span, help=help_)
                return None
        return replace(info, ref=r.RelationRef(name, tiers, node.span), tiers=tiers or info.tiers)

    def ensure(self, name: str) -> RelationInfo | None:
        """A source, relation or mix, made once; None where it is made from itself."""
        item = self.scope.module.items[name]
        if name in self._open:
            circle = [*self._open[self._open.index(name) :], name]
            self.scope.report("E0250", f"`{name}` is made from itself", item.name.span, help=" → ".join(circle))
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
        return RelationInfo(r.RelationRef(item.name.text, (), item.name.span), body.schema, body.tiers, body.complete)

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

    def table(self, item: ast.Table) -> r.Table:
        call = None
        if item.operator is not None:
            call = calls.operator_call(self.scope, item.operator, ("table",), "a way to read a table")
        entries = []
        for entry in item.entries:
            keys = tuple(expressions.expression(self.scope, key, words=True) for key in entry.keys)
            value = expressions.expression(self.scope, entry.value, words=True)
            entries.append(r.TableEntry(keys, value, entry.span))
        return r.Table(
            item.name.text,
            tuple(one.text for one in item.by),
            call if isinstance(call, r.OpCall) else None,
            tuple(entries),
            item.name.span,
            item.doc,
        )

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
        if isinstance(interval, r.Unknown):
            return None
        return r.Rounds(item.name.text, interval, tuple(stops), item.name.span, item.doc)

    def write(self, item: ast.Write) -> r.Write | None:
        info = self.relation(self.scope, item.relation)
        scope = (
            replace(self.scope, row={**info.schema, **TABLE}, tiers=info.tiers, complete=info.complete)
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
