"""What is written: the documents of a relation, or those that a mix draws, and what is expected of them."""

from __future__ import annotations

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import rule
from recipec.lowering.base import DOCUMENT_COLUMNS, Chain
from recipec.lowering.expressions import said
from recipec.lowering.mixes import Mixes

EXPECTED = (("expect", "unique"), ("expect", "not_null"))
"""What the job checks itself before a version counts."""


class Outputs(Mixes):
    """The part of the lowering that knows what is written."""

    def _write(self, write: r.Write) -> None:
        documents, digest, draw = self._written(write)
        if documents is None:
            return
        if write.sink.operator.name != "delta":
            self._no(f"writing to `{write.sink.operator.name}`", write.sink.span)
        expects, rules = self._expectations(write)
        schema = write.settings.get("schema")
        evolve = isinstance(schema, r.Lit) and schema.value == "evolve"
        scores = sorted({name for one in documents for name in one.scores})
        own = sorted({name for one in documents for name in one.columns})
        for name in write.partition:
            if name not in DOCUMENT_COLUMNS and name not in own:
                self._no(f"a partition by `{name}`", write.partition_span or write.span)
        found = p.digest(
            "write", digest, list(write.partition), [[e.operator, list(e.columns)] for e in expects], scores, own,
            *said({"rules": tuple(one.expr for one in rules)}),
        )  # fmt: skip
        node = p.Write(
            name=self._name(f"{write.relation.name}.output"), of=write.relation.name, digest=found,
            documents=documents, draw=draw, sink=self._operation(write.sink), partition=write.partition,
            expects=expects, rules=rules, evolve=evolve, **self._place(write),
        )  # fmt: skip
        self.nodes.append(node)

    def _written(self, write: r.Write) -> tuple[tuple[p.Documents, ...] | None, str, str | None]:
        """What is written: one relation, or what a mix draws from several; its digest; the mix."""
        name = write.relation.name
        if name in self.recipe.mixes:
            mix = self.drawn.get(name)
            if mix is None:
                return None, "", None
            if mix.seed is None:
                self._no("a mix without a seed", write.relation.span)
            parts: dict[str, r.RelationRef] = {}
            self._leaves(self.recipe.mixes[name], parts)
            whole = [r.RelationRef(ref.name, (), ref.span) for ref in parts.values()]
            return tuple(self._documents_of(ref) for ref in whole), mix.digest, mix.name
        if name not in self.ends:
            return None, "", None
        _, _, digest = self._part(write.relation)
        return (self._documents_of(write.relation),), digest, None

    def _documents_of(self, ref: r.RelationRef) -> p.Documents:
        chain, part, _ = self._part(ref)
        return p.Documents(
            part=part, texts=chain.texts.name, made=chain.texts.made, scores=_document_scores(chain),
            columns=tuple(chain.own),
        )  # fmt: skip

    def _leaves(self, mix: r.Mix, found: dict[str, r.RelationRef]) -> None:
        """The relations that a mix draws from, through the mixes it takes."""
        for statement in mix.statements:
            for one in statement.statements if isinstance(statement, r.Phase) else (statement,):
                if not isinstance(one, r.Take):
                    continue
                if one.relation.name in self.recipe.mixes:
                    self._leaves(self.recipe.mixes[one.relation.name], found)
                else:
                    found.setdefault(one.relation.name, one.relation)

    def _expectations(self, write: r.Write) -> tuple[tuple[p.Expectation, ...], tuple[p.Rule, ...]]:
        """What is expected of columns, and of figures of the whole."""
        expects, rules = [], []
        for expect in write.expects:
            call = expect.rule.expr
            if isinstance(call, r.OpCall) and (call.operator.kind, call.operator.name) in EXPECTED:
                expects.append(self._expectation(expect, call))
                continue
            self._no("this `expect`", expect.span)
            rules.append(rule(expect.rule, self._quietly(self._expr, call), self.at(expect.span)))
        return tuple(expects), tuple(rules)

    def _expectation(self, expect: r.Expect, call: r.OpCall) -> p.Expectation:
        names: list[str] = []
        for expr in [*call.args.values(), *call.rest]:
            names.extend(expr.value if isinstance(expr, r.Lit) else [expr.name])
        return p.Expectation(operator=call.operator.name, columns=tuple(names), at=self.at(expect.span))


def _document_scores(chain: Chain) -> tuple[str, ...]:
    return () if chain.texts.made else tuple(chain.scores)
