"""Lowering: a resolved recipe to a plan. What has no runtime yet becomes a diagnostic that names it (E0900).

A statement that needs computed columns gets an annotate node before it; `passes` put those together. A
decision's digest names the columns it reads by what computes them, so that it does not change when they move.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import (
    FileFinder,
    Unsupported,
    column_name,
    columns_of,
    expression,
    operation,
    pinned,
    rule,
)

NOT_IN_DIGEST = ("path", "on_schema_change", "namespace")
"""Of a source's arguments: where it is read and how strictly it is compared do not change its rows. The
namespace does, and enters by itself, since it is the source's name where none is given."""

DOCUMENT_COLUMNS = frozenset(
    [
        "doc_id",
        "epoch",
        "text",
        "source",
        "url",
        "domain",
        "license",
        "fetched_at",
        "lang",
        "tier",
        "origin",
        "root_ids",
        "parent_ids",
        "step",
        "generations",
        "tokens",
        "generated_tokens",
        "copied_tokens",
        "scores",
        "meta",
    ]
)
LINE_COLUMNS = frozenset(("id", "text_hash", "bytes", "url_id", "origin_id"))


@dataclass
class _Texts:
    """A relation of documents that annotations are computed over."""

    name: str
    digest: str


@dataclass
class _Chain:
    """The rows of a select while its statements are lowered."""

    texts: _Texts
    rows: str | None
    digest: str
    columns: dict[str, str] = field(default_factory=dict)  # computed column → digest of what computes it
    signatures: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    scores: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)  # the recipe's own columns


class Lowering:
    """Lowers one recipe; `unsupported` collects what cannot run yet, so that all of it is said at once."""

    def __init__(self, recipe: r.Resolved, at, text, find: FileFinder, compiler: str):
        self.recipe, self.at, self.text, self.find, self.compiler = recipe, at, text, find, compiler
        self.nodes: list[p.AnyNode] = []
        self.unsupported: list[Unsupported] = []
        self.ends: dict[str, _Chain] = {}
        self.names: dict[str, int] = {}

    def plan(self) -> p.Plan:
        """The unoptimised plan. Meaningless where `unsupported` is not empty."""
        self._refuse_items()
        for source in self.recipe.sources.values():
            self._guard(self._source, source)
        for relation in self.recipe.relations.values():
            if isinstance(relation, r.Derived) and relation.kind == "select":
                self._guard(self._select, relation)
            else:
                kind = relation.kind if isinstance(relation, r.Derived) else "merge"
                self._no(f"`{kind}`", relation.span)
        for write in self.recipe.writes:
            self._guard(self._write, write)
        lakes = {self._lake(w): w for w in self.recipe.writes}
        return p.Plan(
            recipe=self.recipe.name,
            compiler=self.compiler,
            files=dict(self.recipe.files),
            params={name: _shown(param) for name, param in self.recipe.params.items()},
            lake=next(iter(lakes), ""),
            nodes=tuple(self.nodes),
        )

    # ---- helpers ---------------------------------------------------------------------------------

    def _no(self, what: str, span: object) -> None:
        self.unsupported.append(Unsupported(what, span))

    def _guard(self, lower, item) -> None:
        try:
            lower(item)
        except Unsupported as reason:
            self.unsupported.append(reason)

    def _name(self, wanted: str) -> str:
        """Unique among the nodes: `clean.columns`, `clean.columns_2`."""
        self.names[wanted] = self.names.get(wanted, 0) + 1
        return wanted if self.names[wanted] == 1 else f"{wanted}_{self.names[wanted]}"

    def _place(self, item) -> dict[str, str]:
        return {"at": self.at(item.span), "text": self.text(item.span)}

    def _lake(self, write: r.Write) -> str:
        return str(operation(write.sink, self.find).args["lake"])

    def _refuse_items(self) -> None:
        for mapping, word in (
            (self.recipe.mixes, "mix"),
            (self.recipe.models, "train"),
        ):
            for item in mapping.values():
                self._no(f"`{word}`", item.span)
        for item in (self.recipe.rounds, self.recipe.compute):
            if item is not None:
                self._no("`rounds`" if item is self.recipe.rounds else "`compute`", item.span)
        writes = self.recipe.writes
        for write in writes[1:]:
            if self._lake(write) != self._lake(writes[0]):
                self._no("writing to more than one lake in one recipe", write.span)

    # ---- source ----------------------------------------------------------------------------------

    def _source(self, source: r.Source) -> None:
        reader = operation(source.call, self.find)
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
        texts = _Texts(name, found)
        self.ends[source.name] = _Chain(texts, None, found, reads=[name], own=own)

    def _source_column(self, given) -> p.Operation | p.FieldValue | p.LiteralValue:
        if isinstance(given, r.Field):
            return p.FieldValue(name=given.name)
        if isinstance(given, r.Lit):
            return p.LiteralValue(value=given.value)
        return operation(given, self.find)

    # ---- select ----------------------------------------------------------------------------------

    def _select(self, select: r.Derived) -> None:
        before = self.ends.get(select.from_.name)
        if before is None:
            return  # what it reads was refused; one reason is enough
        if select.from_.tiers:
            raise Unsupported("a tier of a relation", select.from_.span)
        chain = _Chain(
            before.texts,
            before.rows,
            before.digest,
            reads=list(before.reads),
            scores=list(before.scores),
            own=list(before.own),
        )
        if before.rows is not None:
            chain.columns = dict(before.columns)
        if len(self.recipe.tokenizers) == 1:
            self._tokens(select, chain)
        for statement in select.statements:
            try:
                self._statement(select, chain, statement)
            except Unsupported as reason:
                self.unsupported.append(reason)
        rows = self._rows(select, chain, select)
        found = p.digest("select", chain.digest, sorted(chain.columns.items()))
        node = p.Select(
            name=self._name(select.name), of=select.name, digest=found, rows=rows,
            reads=tuple(dict.fromkeys(chain.reads)), drop=tuple(chain.signatures), **self._place(select),
        )  # fmt: skip
        self.nodes.append(node)
        columns = {k: v for k, v in chain.columns.items() if k not in chain.signatures}
        self.ends[select.name] = _Chain(
            chain.texts, node.name, found, columns, reads=[node.name], scores=chain.scores, own=chain.own
        )

    def _statement(self, select: r.Derived, chain: _Chain, statement: r.Statement) -> None:
        match statement:
            case r.Lang():
                operation_ = operation(statement.call, self.find)
                self._annotate(select, chain, statement, [(("lang", "lang_score"), operation_)])
                if "lang_score" not in chain.scores:
                    chain.scores.append("lang_score")
            case r.Keep():
                self._keep(select, chain, statement)
            case r.Dedup():
                self._dedup(select, chain, statement)
            case r.Clean():
                self._edit(select, chain, statement)
            case _:
                self._no(f"`{type(statement).__name__.lower()}`", statement.span)

    def _tokens(self, select: r.Derived, chain: _Chain) -> None:
        """Where the recipe names one tokenizer, every row has its tokens counted."""
        (tokenizer,) = self.recipe.tokenizers.values()
        file = tokenizer.call.args["file"]
        counted = p.Operation(operator="tokens", version=1, args={"tokenizer": pinned(file.value, self.find)})
        self._annotate(select, chain, tokenizer, [(("tokens",), counted)])

    def _annotate(self, select, chain: _Chain, statement, columns: list[tuple[tuple[str, ...], p.Operation]]) -> None:
        """A node for the columns that the rows do not have yet."""
        made = []
        for outputs, wanted in columns:
            found = p.digest("column", chain.texts.digest, wanted.identity())
            if all(chain.columns.get(name) == found for name in outputs):
                continue
            made.append(p.AnnotateColumn(outputs=outputs, operation=wanted, digest=found))
            for name in outputs:
                chain.columns[name] = found
        if not made:
            return
        node = p.Annotate(
            name=self._name(f"{select.name}.columns"), of=select.name, texts=chain.texts.name, rows=chain.rows,
            columns=tuple(made), digest=annotate_digest(chain.texts.digest, made), **self._place(statement),
        )  # fmt: skip
        self.nodes.append(node)
        chain.rows = node.name
        chain.reads.append(node.name)

    def _rows(self, select, chain: _Chain, statement) -> str:
        """The name of the chain's rows, begun here where nothing was computed."""
        if chain.rows is None:
            node = p.Begin(
                name=self._name(f"{select.name}.rows"), of=select.name, texts=chain.texts.name,
                digest=chain.digest, **self._place(statement),
            )  # fmt: skip
            self.nodes.append(node)
            chain.rows = node.name
        return chain.rows

    def _keep(self, select, chain: _Chain, keep: r.Keep) -> None:
        wanted: dict[str, p.Operation] = {}

        def column(call: r.OpCall) -> str:
            if call.operator.kind != "statistic":
                raise Unsupported(f"operator `{call.operator.name}` in `keep`", call.span)
            made = operation(call, self.find)
            name = column_name(call, made)
            wanted[name] = made
            return name

        rules = [rule(found, expression(found.expr, column), self.at(found.span)) for found in keep.rules]
        self._annotate(select, chain, keep, [((name,), made) for name, made in wanted.items()])
        rows = self._rows(select, chain, keep)
        reads = {name: chain.columns[name] for q in rules for name in columns_of(q.expr) if name in chain.columns}
        chain.digest = p.digest(
            "keep", chain.digest, [q.expr.model_dump(mode="json") for q in rules], sorted(reads.items())
        )
        node = p.Keep(
            name=self._name(f"{select.name}.keep"), of=select.name, digest=chain.digest, rows=rows,
            rules=tuple(rules), **self._place(keep),
        )  # fmt: skip
        self.nodes.append(node)
        chain.rows = node.name

    def _dedup(self, select, chain: _Chain, dedup: r.Dedup) -> None:
        if dedup.against is not None:
            raise Unsupported("`dedup … against`", dedup.span)
        made = operation(dedup.call, self.find)
        key, signature = dedup_key(made)
        if signature is not None:
            self._annotate(select, chain, dedup, [((key,), signature)])
            if key not in chain.signatures:
                chain.signatures.append(key)
        rows = self._rows(select, chain, dedup)
        chain.digest = p.digest("dedup", chain.digest, made.identity(), chain.columns.get(key, key))
        node = p.Dedup(
            name=self._name(f"{select.name}.{made.operator}"), of=select.name, digest=chain.digest, rows=rows,
            texts=chain.texts.name, operation=made, key=key, rule=dedup.text,
            reads=tuple(dict.fromkeys(chain.reads)), **self._place(dedup),
        )  # fmt: skip
        self.nodes.append(node)
        chain.rows = node.name
        chain.reads.append(node.name)

    def _edit(self, select, chain: _Chain, clean: r.Clean) -> None:
        made = operation(clean.call, self.find)
        rows = self._rows(select, chain, clean)
        text_digest = p.digest("edit", chain.texts.digest, made.identity())
        node = p.Edit(
            name=self._name(f"{select.name}.text"), of=select.name, digest=text_digest, texts=chain.texts.name,
            rows=rows, operation=made, **self._place(clean),
        )  # fmt: skip
        self.nodes.append(node)
        chain.texts = _Texts(node.name, text_digest)
        chain.digest = p.digest("edited", chain.digest, text_digest)
        chain.rows = node.name
        chain.reads.append(node.name)

    # ---- write -----------------------------------------------------------------------------------

    def _write(self, write: r.Write) -> None:
        end = self.ends.get(write.relation.name)
        if end is None:
            return
        if write.relation.tiers:
            raise Unsupported("a tier of a relation", write.relation.span)
        if end.rows is None:
            raise Unsupported("writing a source without a select", write.relation.span)
        expects = tuple(self._expectation(e) for e in write.expects)
        schema = write.settings.get("schema")
        evolve = isinstance(schema, r.Lit) and schema.value == "evolve"
        found = p.digest(
            "write", end.digest, list(write.partition), [[e.operator, list(e.columns)] for e in expects],
            sorted(end.scores), sorted(end.own),
        )  # fmt: skip
        self.nodes.append(
            p.Write(
                name=self._name(f"{write.relation.name}.output"),
                of=write.relation.name,
                digest=found,
                relation=end.rows,
                texts=end.texts.name,
                sink=operation(write.sink, self.find),
                partition=write.partition,
                expects=expects,
                evolve=evolve,
                scores=tuple(end.scores),
                columns=tuple(end.own),
                **self._place(write),
            )  # fmt: skip
        )

    def _expectation(self, expect: r.Expect) -> p.Expectation:
        call = expect.rule.expr
        if not isinstance(call, r.OpCall) or call.operator.kind != "expect":
            raise Unsupported("this `expect`", expect.span)
        given = [*call.args.values(), *call.rest]
        names: list[str] = []
        for expr in given:
            names.extend(expr.value if isinstance(expr, r.Lit) else [expr.name])
        return p.Expectation(operator=call.operator.name, columns=tuple(names), at=self.at(expect.span))


def annotate_digest(texts: str, columns: list[p.AnnotateColumn] | tuple[p.AnnotateColumn, ...]) -> str:
    """What an annotate node computes: the same whatever the order of its columns."""
    return p.digest("annotate", texts, sorted([list(c.outputs), c.digest] for c in columns))


def dedup_key(made: p.Operation) -> tuple[str, p.Operation | None]:
    """The column a dedup compares, and the signature that computes it (None: every row has it)."""
    if made.operator == "exact":
        of = made.args["of"]
        if of == "normalised_text":
            return "normalised_hash", p.Operation(operator="normalised_hash", version=1, args={})
        return {"text": "text_hash", "url": "url_id"}[of], None
    args = {name: made.args[name] for name in ("shingle", "bands", "rows", "seed")}
    return f"minhash_{p.digest('argument', list(args.values()))[:6]}", p.Operation(
        operator="minhash_bands", version=1, args=args
    )


def _shown(param: r.Param) -> str:
    value = param.value
    if isinstance(value, r.EnvRef):
        return f"env({value.variable})"
    return str(value.value) if isinstance(value, r.Lit) else ""
