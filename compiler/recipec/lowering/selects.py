"""Selects: annotations, decisions, dedups, samples, scores, tiers."""

from __future__ import annotations

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported, columns_of, rule
from recipec.lowering.base import DOCUMENT_COLUMNS, LINE_COLUMNS, Chain, Texts, implied
from recipec.lowering.expressions import said
from recipec.lowering.figures import Figures, anonymous


class Selects(Figures):
    """The part of the lowering that knows selects."""

    def _select(self, select: r.Derived) -> None:
        if not self._known(select.from_):
            return
        before = self.ends[select.from_.name]
        chain = before.copy()
        if select.from_.tiers:
            _, part, chain.digest = self._part(select.from_)
            chain.rows = chain.began = self._of_tiers(select, part, chain.digest)
        if len(self.recipe.tokenizers) == 1 and not chain.texts.made:  # answers had theirs counted as they came
            self._tokens(select.name, chain)
        for group in _grouped(select.statements):
            self._guard(self._statement, select, chain, group)
        self._decided(select, chain)

    def _of_tiers(self, select: r.Derived, part: p.Part, digest: str) -> str:
        node = p.Tiers(
            name=self._name(f"{select.name}.rows"), of=select.name, part=part, digest=digest, **self._place(select)
        )  # fmt: skip
        return self._add(node).name

    def _decided(self, item: r.Derived, chain: Chain) -> None:
        """The end of a select, or of the decisions over a derived relation."""
        self._judge_scores(item, chain)
        rows = self._rows(item.name, chain, item)
        found = p.digest("select", chain.digest, sorted(chain.columns.items()))
        node = p.Select(
            name=self._name(item.name), of=item.name, digest=found, rows=rows,
            reads=tuple(dict.fromkeys(chain.reads)), drop=tuple(chain.signatures), began=chain.began,
            **self._place(item),
        )  # fmt: skip
        self.nodes.append(node)
        columns = {k: v for k, v in chain.columns.items() if k not in chain.signatures}
        self.ends[item.name] = Chain(
            chain.texts, node.name, found, columns, reads=[node.name], scores=chain.scores, own=chain.own,
            pairs=chain.pairs,
        )  # fmt: skip

    def _statement(self, select: r.Derived, chain: Chain, group: list[r.Statement]) -> None:
        statement = group[0]
        if not isinstance(statement, r.Keep | r.Lang) and not _is_model(statement):
            self._judge_scores(select, chain)
        if chain.texts.made and isinstance(statement, r.Lang | r.Score | r.Tier):
            self._no(f"`{type(statement).__name__.lower()}` of documents that a model wrote", statement.span)
        match statement:
            case r.Lang():
                made = self._operation(statement.call)
                self._annotate(select.name, chain, statement, [(("lang", "lang_score"), made)])
                if "lang_score" not in chain.scores:
                    chain.scores.append("lang_score")
            case r.Keep():
                self._keep(select, chain, statement)
            case r.Dedup():
                self._dedup(select, chain, statement)
            case r.Clean():
                self._edit(select, chain, statement)
            case r.Sample():
                self._sample(select, chain, statement)
            case r.Score() if _is_model(statement):
                self._scores(select, chain, group)
            case r.Score():
                self._computed(select, chain, statement)
            case r.Tier():
                self._tier(select, chain, statement)
            case r.Pair():
                self._pair(select, chain, statement)
            case r.Measure():
                self._measure(select, chain, statement)
            case r.Expect():
                self._expect(select, chain, statement)
            case _:
                self._no(f"`{type(statement).__name__.lower()}`", statement.span)

    # ---- decisions -------------------------------------------------------------------------------

    def _keep(self, select: r.Derived, chain: Chain, keep: r.Keep) -> None:
        wanted: dict[str, p.Operation] = {}
        fits: dict[str, str] = {}
        exprs = [self._row_expression(select, chain, keep, q.expr, wanted, fits, "`keep`") for q in keep.rules]
        rules = [rule(found, expr, self.at(found.span)) for found, expr in zip(keep.rules, exprs, strict=True)]
        read = {name for expr in exprs for name in columns_of(expr)}
        if any(not read.isdisjoint(columns_of(unjudged.expr)) for unjudged in chain.unjudged):
            self._judge_scores(select, chain)
        self._annotate(select.name, chain, keep, [((name,), made) for name, made in wanted.items()])
        rows = self._rows(select.name, chain, keep)
        reads = {name: chain.columns[name] for q in rules for name in columns_of(q.expr) if name in chain.columns}
        chain.digest = p.digest(
            "keep", chain.digest, [p.identity(anonymous(expr, fits)) for expr in exprs], sorted(reads.items())
        )
        node = p.Keep(
            name=self._name(f"{select.name}.keep"), of=select.name, digest=chain.digest, rows=rows,
            rules=tuple(rules), **self._place(keep),
        )  # fmt: skip
        chain.rows = self._add(node).name

    def _dedup(self, select: r.Derived, chain: Chain, dedup: r.Dedup) -> None:
        if dedup.against is not None and not self._known(dedup.against):
            return
        made = self._operation(dedup.call)
        key, signature = dedup_key(made)
        if signature is not None:
            self._annotate(select.name, chain, dedup, [((key,), signature)])
            if key not in chain.signatures:
                chain.signatures.append(key)
        rows = self._rows(select.name, chain, dedup)
        parts = [made.identity(), chain.columns.get(key, key)]
        if made.args.get("by") is not None:
            parts.append(self._ranked(chain, dedup, str(made.args["by"])))
        against = None
        if dedup.against is not None:
            against, other = self._against(select, dedup, key, signature)
            parts.append(other)
            chain.reads += [against.part.rows, *([against.columns] if against.columns else [])]
        chain.digest = p.digest("dedup", chain.digest, *parts)
        node = p.Dedup(
            name=self._name(f"{select.name}.{made.operator}"), of=select.name, digest=chain.digest, rows=rows,
            texts=chain.texts.name, operation=made, key=key, rule=dedup.text, against=against,
            reads=tuple(dict.fromkeys(chain.reads)), **self._place(dedup),
        )  # fmt: skip
        chain.rows = self._add(node).name
        chain.reads.append(node.name)

    def _ranked(self, chain: Chain, dedup: r.Dedup, by: str) -> str:
        """What the column is that `keep = highest` looks at."""
        there = {*DOCUMENT_COLUMNS, *LINE_COLUMNS, *chain.columns}
        if chain.texts.made and dedup.call.operator.run and by not in there:
            self._no(f"`{by}`, a column of answers, in a `dedup` of their documents", dedup.call.args["by"].span)
        return chain.columns.get(by, by)

    def _against(
        self, select: r.Derived, dedup: r.Dedup, key: str, signature: p.Operation | None
    ) -> tuple[p.Against, str]:
        """The other relation's rows with their key, computed before where the same was."""
        other, part, digest = self._part(dedup.against)
        columns = None
        if signature is not None:
            side = Chain(other.texts, None, other.digest)
            found = p.digest("column", other.texts.digest, signature.identity())
            columns = self._annotated_before(other.texts.name, key, found)
            if columns is None:
                self._annotate(f"{select.name}.against", side, dedup, [((key,), signature)])
                columns = side.rows
            digest = p.digest("keyed", digest, found)
        return p.Against(part=part, texts=other.texts.name, columns=columns), digest

    def _annotated_before(self, texts: str, name: str, digest: str) -> str | None:
        for node in self.nodes:
            if isinstance(node, p.Annotate) and node.texts == texts:
                for column in node.columns:
                    if column.outputs == (name,) and column.digest == digest:
                        return node.name
        return None

    def _edit(self, select: r.Derived, chain: Chain, clean: r.Clean) -> None:
        made = self._operation(clean.call)
        rows = self._rows(select.name, chain, clean)
        text_digest = p.digest("edit", chain.texts.digest, made.identity())
        node = p.Edit(
            name=self._name(f"{select.name}.text"), of=select.name, digest=text_digest, texts=chain.texts.name,
            rows=rows, operation=made, **self._place(clean),
        )  # fmt: skip
        self.nodes.append(node)
        chain.texts = Texts(node.name, text_digest)
        chain.digest = p.digest("edited", chain.digest, text_digest)
        chain.rows = node.name
        chain.reads.append(node.name)

    def _sample(self, select: r.Derived, chain: Chain, sample: r.Sample) -> None:
        by, each = sample.settings["by"], sample.settings.get("each")
        if by.value != "documents":
            self._no(f"a sample by {by.value}", by.span)
        if each is not None:
            self._no("a sample for each value of a column", each.span)
        more = {"by": by.value if by.value != "documents" else None, "each": each.name if each is not None else None}
        rows = self._rows(select.name, chain, sample)
        share = float(sample.amount.value) if sample.amount.unit == "share" else None
        count = int(sample.amount.value) if share is None else None
        seed = int(sample.settings["seed"].value)
        chain.digest = p.digest("sample", chain.digest, share, count, seed, *said(more))
        node = p.Sample(
            name=self._name(f"{select.name}.sample"), of=select.name, digest=chain.digest, rows=rows,
            share=share, count=count, seed=seed, rule=" ".join(self.text(sample.span).split()),
            reads=tuple(dict.fromkeys(chain.reads)), **more, **self._place(sample),
        )  # fmt: skip
        chain.rows = self._add(node).name
        chain.reads.append(node.name)

    # ---- scores and tiers ------------------------------------------------------------------------

    def _scores(self, select: r.Derived, chain: Chain, scores: list[r.Score]) -> None:
        """Classifiers that stand together are asked together."""
        columns = []
        for score in scores:
            made = self._operation(score.expr)
            # One that reads a vector is told by what makes the vector, too.
            vector = made.args.get("input")
            found = p.digest("scorer", made.identity(), *([self.scorers[chain.columns[vector]]] if vector else []))
            columns.append(p.ScoreColumn(name=score.name, operation=made, digest=found, at=self.at(score.span)))
            chain.columns[score.name] = p.digest("score", chain.texts.digest, found)
            self.scorers[chain.columns[score.name]] = found
            chain.scores.append(score.name)
        if any(score.operation.args.get("input") in chain.columns for score in columns):
            self._judge_scores(select, chain)
        rows = self._rows(select.name, chain, scores[0])
        # A text without a score falls out, so a score is a decision too.
        chain.digest = p.digest("scores", chain.digest, sorted((c.name, c.digest) for c in columns))
        node = p.Score(
            name=self._name(f"{select.name}.scores"), of=select.name, digest=chain.digest, rows=rows,
            texts=chain.texts.name, columns=tuple(columns), reads=tuple(dict.fromkeys(chain.reads)),
            **self._place(scores[0]),
        )  # fmt: skip
        chain.rows = self._add(node).name
        chain.reads.append(node.name)
        chain.unjudged += [_scored(column) for column in columns]

    def _judge_scores(self, select: r.Derived, chain: Chain) -> None:
        """A text that a model gave no number falls out: here, before the first that reads the score or looks at the
        rows as a whole. A `keep` between that does not read it so decides first, and what it drops need no score."""
        if not chain.unjudged:
            return
        first = chain.unjudged[0]
        node = p.Scored(
            name=self._name(f"{select.name}.scored"), of=select.name, digest=chain.digest, rows=chain.rows,
            rules=tuple(chain.unjudged), at=first.at, text=", ".join(one.text for one in chain.unjudged),
        )  # fmt: skip
        chain.rows = self._add(node).name
        chain.unjudged = []

    def _computed(self, select: r.Derived, chain: Chain, score: r.Score) -> None:
        """A score computed from columns: percentile parts, the largest of several, arithmetic."""
        fits: dict[str, str] = {}
        expr = self._row_expression(select, chain, score, score.expr, None, fits, "a score")
        reads = {name: chain.columns.get(name, name) for name in columns_of(expr)}
        chain.columns[score.name] = p.digest("derived", p.identity(anonymous(expr, fits)), sorted(reads.items()))
        if score.name not in chain.scores:
            chain.scores.append(score.name)
        rows = self._rows(select.name, chain, score)
        node = p.Derived(
            name=self._name(f"{select.name}.{score.name}"), of=select.name, digest=chain.columns[score.name],
            rows=rows, column=score.name, expr=expr, **self._place(score),
        )  # fmt: skip
        chain.rows = self._add(node).name

    def _tier(self, select: r.Derived, chain: Chain, tier: r.Tier) -> None:
        cuts = []
        for row in tier.rows:
            if row.bound is not None and not isinstance(row.bound, r.Lit):
                raise Unsupported("a computed bound of a tier", row.span)
            cuts.append(p.TierCut(name=row.name, op=row.op, bound=None if row.bound is None else row.bound.value))
        rows = self._rows(select.name, chain, tier)
        chain.columns["tier"] = p.digest(
            "tier", chain.columns.get(tier.by.name, tier.by.name), [c.model_dump() for c in cuts]
        )
        node = p.Tier(
            name=self._name(f"{select.name}.tier"), of=select.name, digest=chain.columns["tier"], rows=rows,
            by=tier.by.name, cuts=tuple(cuts), **self._place(tier),
        )  # fmt: skip
        chain.rows = self._add(node).name


def _scored(column: p.ScoreColumn) -> p.Rule:
    there = p.Known(value=p.Col(name=column.name))
    return p.Rule(
        text=f"score {column.name}", expr=there, value=p.Col(name=column.name), threshold="a number", at=column.at
    )  # fmt: skip


def _is_model(statement: r.Statement) -> bool:
    """A score by an operator that looks at the text, not at columns."""
    if not isinstance(statement, r.Score) or not isinstance(statement.expr, r.OpCall):
        return False
    operator = statement.expr.operator
    return operator.kind == "score" and "text" in operator.reads and operator.name not in ("bucket", "max", "mean")


def _grouped(statements: tuple[r.Statement, ...]) -> list[list[r.Statement]]:
    """Statements in order, classifiers that follow each other and read no other's score as one group."""
    groups: list[list[r.Statement]] = []
    for statement in statements:
        if groups and _is_model(statement) and _is_model(groups[-1][0]) and not _reads(statement, groups[-1]):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def _reads(score: r.Score, others: list[r.Score]) -> bool:
    given = {one.name for one in score.expr.args.values() if isinstance(one, r.Col)}
    return any(other.name in given for other in others)


def dedup_key(made: p.Operation) -> tuple[str, p.Operation | None]:
    """The column a dedup compares, and the signature that computes it (None: every row has it)."""
    if made.operator == "exact":
        of = made.args["of"]
        if of == "normalised_text":
            return "normalised_hash", implied("signature", "normalised_hash", {})
        return {"text": "text_hash", "url": "url_id"}[of], None
    if made.operator != "minhash":
        return str(made.args.get("vector", "text")), None
    args = {name: made.args[name] for name in ("shingle", "bands", "rows", "seed")}
    name = f"minhash_{p.digest('argument', list(args.values()))[:6]}"
    return name, implied("signature", "minhash_bands", args)
