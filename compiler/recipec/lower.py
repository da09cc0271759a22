"""Lowering: a resolved recipe to a plan. What has no runtime yet has a node too, and becomes a diagnostic that
names it (E0900) where a script is asked for.

A statement that needs computed columns gets an annotate node before it; `passes` put those together. A
decision's digest names the columns it reads by what computes them, so that it does not change when they move.
"""

from __future__ import annotations

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported
from recipec.lowering.base import DOCUMENT_COLUMNS, LINE_COLUMNS, Chain, Texts
from recipec.lowering.items import Items

NOT_IN_DIGEST = ("path", "on_schema_change", "namespace")
"""Of a source's arguments: where it is read and how strictly it is compared do not change its rows. The
namespace does, and enters by itself, since it is the source's name where none is given."""


class Lowering(Items):
    """Lowers one recipe; `unsupported` collects what cannot run yet, so that all of it is said at once."""

    def plan(self) -> p.Plan:
        """The unoptimised plan. Where `unsupported` is not empty it is whole, and cannot be emitted."""
        self.scorers = {}
        self._one_lake()
        for source in self.recipe.sources.values():
            self._guard(self._source, source)
        if self.recipe.rounds is not None:
            self._guard(self._rounds, self.recipe.rounds)
        for relation in self.recipe.relations.values():
            self._guard(self._relation, relation)
        for model in self.recipe.models.values():
            self._guard(self._train, model)
        for mix in self.recipe.mixes.values():
            self._guard(self._mix, mix)
        for write in self.recipe.writes:
            self._guard(self._write, write)
        if self.recipe.compute is not None:
            self._guard(self._compute, self.recipe.compute)
        lakes = [self._lake(write) for write in self.recipe.writes]
        return p.Plan(
            recipe=self.recipe.name,
            compiler=self.compiler,
            files=dict(self.recipe.files),
            params={name: _shown(param) for name, param in self.recipe.params.items()},
            lake=lakes[0] if lakes else "",
            nodes=tuple(self.nodes),
        )

    def _relation(self, relation: r.Derived | r.Merge) -> None:
        if isinstance(relation, r.Merge):
            self._merge(relation)
        elif relation.kind == "select":
            self._select(relation)
        else:
            self._made(relation)

    def _one_lake(self) -> None:
        writes = [one for one in self.recipe.writes if "lake" in one.sink.args]
        for write in writes[1:]:
            if self._lake(write) != self._lake(writes[0]):
                self._no("writing to more than one lake in one recipe", write.span)

    def _lake(self, write: r.Write) -> str:
        return str(self._operation(write.sink).args.get("lake", ""))

    # ---- source ----------------------------------------------------------------------------------

    def _source(self, source: r.Source) -> None:
        reader = self._operation(source.call)
        namespace = reader.args.get("namespace") or source.name
        reader = reader.model_copy(update={"args": {**reader.args, "namespace": namespace}})
        columns: list[tuple[str, p.Operation | p.FieldValue | p.LiteralValue]] = []
        own = []
        for name, given in source.columns.items():
            columns.append((name, self._source_column(given)))
            if name not in DOCUMENT_COLUMNS | LINE_COLUMNS:
                own.append(name)
        identity = [[name, c.identity() if isinstance(c, p.Operation) else c.model_dump()] for name, c in columns]
        found = p.digest("source", reader.identity(*NOT_IN_DIGEST), namespace, sorted(identity, key=lambda i: i[0]))
        name = self._name(source.name)
        node = p.Source(
            name=name,
            of=source.name,
            digest=found,
            reader=reader,
            columns=tuple(columns),
            **self._place(source),
        )
        self.nodes.append(node)
        self.ends[source.name] = Chain(Texts(name, found), None, found, reads=[name], own=own)

    def _source_column(self, given) -> p.Operation | p.FieldValue | p.LiteralValue:
        if isinstance(given, r.Field):
            return p.FieldValue(name=given.name)
        if isinstance(given, r.Lit):
            return p.LiteralValue(value=given.value)
        return self._operation(given)


def _shown(param: r.Param) -> str:
    value = param.value
    if isinstance(value, r.EnvRef):
        return f"env({value.variable})"
    return str(value.value) if isinstance(value, r.Lit) else ""


__all__ = ["Lowering", "Unsupported"]
