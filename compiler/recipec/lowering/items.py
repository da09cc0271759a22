"""Items beside relations: tables, trained models, merges, rounds, compute."""

from __future__ import annotations

from collections.abc import Iterable

from recipec import plan as p
from recipec import resolved as r
from recipec import table_file
from recipec.lower_values import Unsupported, pinned, rule
from recipec.lowering.base import Chain, Texts
from recipec.lowering.outputs import Outputs
from recipec.plan_items import Limits, TableRow


class Items(Outputs):
    """The part of the lowering that knows the other items. Tables and models are made where they are first used."""

    def _item(self, ref: r.ItemRef) -> p.NodeValue:
        """An endpoint, a table or a trained model as a value."""
        if ref.kind == "endpoint":
            node = self._endpoint(ref.name)
        elif ref.kind == "table":
            node = self._table(self.recipe.tables[ref.name])
        else:
            node = self._train(self.recipe.models[ref.name])
        return p.NodeValue(name=node.name, digest=node.digest)

    # ---- tables ----------------------------------------------------------------------------------

    def _table(self, table: r.Table) -> p.Table:
        for node in self.nodes:
            if isinstance(node, p.Table) and node.of == table.name:
                return node
        entries = tuple(
            TableRow(keys=tuple(map(_constant, one.keys)), value=_constant(one.value)) for one in table.entries
        )
        file = value = None
        if table.call is not None:
            file, value = pinned(table.call.args["file"].value, self.find), table.call.args["value"].value
        found = p.digest("table", list(table.by), p.identity(entries), p.identity(file), value)
        if table.call is not None:
            entries = tuple(_of_file(row) for row in self._rows_of(table))
        node = p.Table(
            name=self._name(table.name), of=table.name, by=table.by, entries=entries, file=file, value=value,
            digest=found, **self._place(table),
        )  # fmt: skip
        return self._add(node)

    def _rows_of(self, table: r.Table) -> list[table_file.Row]:
        """The rows of a table's file; a check has seen that they can be read."""
        path, _ = self.find(table.call.args["file"].value)
        return table_file.entries(table_file.read(path)[1], table.by, table.call.args["value"].value)

    def _files(self, ref: r.ItemRef) -> p.FilesValue:
        """The files that a table names, each pinned; a check has seen that they are there."""
        table = self.recipe.tables[ref.name]
        files: dict[str, p.FileValue] = {}
        for row in self._rows_of(table) if table.call is not None else ():
            files["\t".join(row.keys)] = pinned(str(row.value), self.find)
        for one in table.entries:
            key = "\t".join(str(_constant(k)) for k in one.keys)
            files[key] = pinned(str(_constant(one.value)), self.find)
        return p.FilesValue(table=self._item(ref), files=files)

    # ---- merges ----------------------------------------------------------------------------------

    def _merge(self, merge: r.Merge) -> None:
        """Several relations as one; its texts and rows are the node's own."""
        if not all(self._known(ref) for ref in merge.relations):
            return
        self._no("`merge`", merge.span)
        parts, digests, reads, chains = [], [], [], []
        for ref in merge.relations:
            chain, part, digest = self._part(ref)
            parts.append(part)
            digests.append(digest)
            reads += chain.reads
            chains.append(chain)
        given = merge.settings.get("rounds")
        rounds = given.value if given is not None else None
        # What earlier rounds made depends on which round this is.
        now = self.recipe.rounds.round if rounds is not None and self.recipe.rounds is not None else None
        found = p.digest("merge", sorted(digests), rounds, now)
        node = p.Merge(
            name=self._name(merge.name), of=merge.name, digest=found, parts=tuple(parts), rounds=rounds,
            reads=tuple(dict.fromkeys(reads)), **self._place(merge),
        )  # fmt: skip
        self._add(node)
        first = chains[0]
        common = [name for name in first.columns if all(name in one.columns for one in chains)]
        self.ends[merge.name] = Chain(
            Texts(node.name, found, made=True), node.name, found,
            {name: p.digest("merged", sorted(one.columns[name] for one in chains)) for name in common},
            reads=[node.name], scores=[name for name in first.scores if all(name in one.scores for one in chains)],
            own=[name for name in first.own if all(name in one.own for one in chains)],
        )  # fmt: skip

    # ---- trained models --------------------------------------------------------------------------

    def _train(self, train: r.Train) -> p.Train:
        for node in self.nodes:
            if isinstance(node, p.Train) and node.of == train.name:
                return node
        if not self._known(train.from_):
            raise Unsupported("`train`", train.span)
        self._no("`train`", train.span)
        chain, part, digest = self._part(train.from_)
        features = self._operation(train.settings["features"])
        head = self._operation(train.settings["head"])
        figures = [one for one in train.statements if isinstance(one, r.Measure)]
        measures = {one.name: self._quietly(self._expr, one.expr) for one in figures}
        rules = self._rules([one for one in train.statements if isinstance(one, r.Expect)])
        target = train.settings["target"].name
        plain = {name: one.value for name, one in train.settings.items() if isinstance(one, r.Lit) and name != "target"}
        found = p.digest(
            "train", digest, chain.columns.get(target, target), features.identity(), head.identity(), plain,
            p.identity(measures), [p.identity(one.expr) for one in rules],
        )  # fmt: skip
        node = p.Train(
            name=self._name(train.name), of=train.name, digest=found, over=part, texts=chain.texts.name,
            target=target, features=features, head=head, settings=plain, measures=measures, expects=rules,
            reads=tuple(chain.reads), **self._place(train),
        )  # fmt: skip
        return self._add(node)

    def _rules(self, expects: Iterable[r.Expect]) -> tuple[p.Rule, ...]:
        found = [(one, self._quietly(self._expr, one.rule.expr)) for one in expects]
        return tuple(rule(one.rule, expr, self.at(one.span)) for one, expr in found)

    # ---- rounds and compute ----------------------------------------------------------------------

    def _rounds(self, rounds: r.Rounds) -> None:
        self._no("`rounds`", rounds.span)
        stops = tuple(self._quietly(self._expr, one) for one in rounds.stops)
        low, high = int(rounds.range.low.value), int(rounds.range.high.value)
        node = p.Rounds(
            name=self._name(rounds.name), of=rounds.name, low=low, high=high, round=rounds.round, stops=stops,
            digest=p.digest("rounds", low, high, rounds.round, p.identity(stops)), **self._place(rounds),
        )  # fmt: skip
        self._add(node)

    def _compute(self, compute: r.Compute) -> None:
        self._no("`compute`", compute.span)
        settings = {name: one.value for name, one in compute.settings.items() if isinstance(one, r.Lit)}
        rules = self._rules(compute.expects)
        node = p.Compute(
            name=self._name("compute"), of="compute", settings=settings, expects=rules,
            digest=p.digest("compute", settings, [p.identity(one.expr) for one in rules]), **self._place(compute),
        )  # fmt: skip
        self._add(node)


def _of_file(row: table_file.Row) -> TableRow:
    value = Limits(low=row.value[0], high=row.value[1]) if isinstance(row.value, tuple) else row.value
    return TableRow(keys=row.keys, value=value)


def _constant(expr: r.Expr) -> p.Scalar | Limits:
    match expr:
        case r.Lit(value=tuple()):
            raise Unsupported("a list in a table", expr.span)
        case r.Lit():
            return expr.value
        case r.Interval(low=r.Lit(), high=r.Lit()):
            return Limits(low=expr.low.value, high=expr.high.value)
    raise Unsupported("a computed value in a table", expr.span)
