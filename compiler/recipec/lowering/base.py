"""What every part of the lowering shares: the chain of a relation's rows, names, places, annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import FileFinder, Unsupported, pinned
from recipec.operators import installed

DOCUMENT_COLUMNS = frozenset(
    [
        "doc_id", "epoch", "text", "source", "url", "domain", "license", "fetched_at", "lang", "tier", "origin",
        "root_ids", "parent_ids", "step", "generations", "tokens", "generated_tokens", "copied_tokens", "scores",
        "meta",
    ]
)  # fmt: skip
LINE_COLUMNS = frozenset(("id", "text_hash", "bytes", "url_id", "origin_id"))


@dataclass
class Texts:
    """A relation of documents that annotations are computed over; `made` ones come from a derive."""

    name: str
    digest: str
    made: bool = False


@dataclass
class Chain:
    """The rows of a relation while its statements are lowered, and afterwards."""

    texts: Texts
    rows: str | None
    digest: str
    columns: dict[str, str] = field(default_factory=dict)  # computed column → digest of what computes it
    signatures: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    scores: list[str] = field(default_factory=list)
    unjudged: list[p.Rule] = field(default_factory=list)  # of scores: there must be one, before anything reads it
    own: list[str] = field(default_factory=list)  # the recipe's own columns
    began: str | None = None  # the node of the tiers it began with
    figures: dict[str, str] = field(default_factory=dict)  # measure → its node
    pairs: dict[str, p.NodeValue] = field(default_factory=dict)  # relation paired with → the node

    def copy(self) -> Chain:
        """The same rows, to go on with."""
        return replace(
            self,
            columns=dict(self.columns) if self.rows is not None else {},
            signatures=[],
            reads=list(self.reads),
            scores=list(self.scores),
            unjudged=[],
            own=list(self.own),
            began=None,
            figures={},
            pairs=dict(self.pairs),
        )


class Base:
    """Lowers one recipe; `unsupported` collects what cannot run yet, each once at its place, while its node is made
    all the same: a plan shows what a script cannot do."""

    def __init__(
        self,
        recipe: r.Resolved,
        at: Callable[[object], str],
        text: Callable[[object], str],
        find: FileFinder,
        compiler: str,
    ):
        self.recipe, self.at, self.text, self.find, self.compiler = recipe, at, text, find, compiler
        self.nodes: list[p.AnyNode] = []
        self.unsupported: list[Unsupported] = []
        self.noted: set[tuple[str, object]] = set()
        self.ends: dict[str, Chain] = {}
        self.names: dict[str, int] = {}
        self.drawn: dict[str, p.Mix] = {}

    def _no(self, what: str, span: object, remedy: str = "") -> None:
        if (what, span) not in self.noted:
            self.noted.add((what, span))
            self.unsupported.append(Unsupported(what, span, remedy))

    def _guard(self, lower: Callable[..., None], *given: object) -> None:
        try:
            lower(*given)
        except Unsupported as reason:
            self._no(reason.what, reason.span, reason.remedy)

    def _name(self, wanted: str) -> str:
        """Unique among the nodes: `clean.columns`, `clean.columns_2`."""
        self.names[wanted] = self.names.get(wanted, 0) + 1
        return wanted if self.names[wanted] == 1 else f"{wanted}_{self.names[wanted]}"

    def _place(self, item: object) -> dict[str, str]:
        return {"at": self.at(item.span), "text": self.text(item.span)}

    def _add(self, node: p.AnyNode) -> p.AnyNode:
        self.nodes.append(node)
        return node

    # ---- relations -------------------------------------------------------------------------------

    def _part(self, ref: r.RelationRef, sources: bool = False) -> tuple[Chain, p.Part, str]:
        """A relation or some of its tiers: its chain, its rows, and what it is in a digest. `sources`: one may
        stand here as it is."""
        chain = self.ends[ref.name]
        if chain.rows is None or ref.name in self.recipe.sources:
            if not sources:
                remedy = f"name a select here: `select everything from {ref.name} {{}}`"
                self._no("a source here, without a select between", ref.span, remedy)
            self._rows(ref.name, chain, ref)
        part = p.Part(rows=chain.rows, tiers=ref.tiers)
        return chain, part, part_digest(chain.digest, part)

    def _known(self, ref: r.RelationRef) -> bool:
        """Whether what it names could be lowered; one reason is enough where it could not."""
        return ref.name in self.ends

    # ---- columns of texts ------------------------------------------------------------------------

    def _annotate(
        self, of: str, chain: Chain, statement: object, columns: list[tuple[tuple[str, ...], p.Operation]]
    ) -> None:
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
            name=self._name(f"{of}.columns"), of=of, texts=chain.texts.name, rows=chain.rows,
            columns=tuple(made), digest=annotate_digest(chain.texts.digest, made), **self._place(statement),
        )  # fmt: skip
        self.nodes.append(node)
        chain.rows = node.name
        chain.reads.append(node.name)

    def _rows(self, of: str, chain: Chain, statement: object) -> str:
        """The name of the chain's rows, begun here where nothing was computed."""
        if chain.rows is None:
            node = p.Begin(
                name=self._name(f"{of}.rows"), of=of, texts=chain.texts.name,
                digest=chain.digest, **self._place(statement),
            )  # fmt: skip
            self.nodes.append(node)
            chain.rows = node.name
        return chain.rows

    def _relation_value(self, ref: r.RelationRef) -> p.NodeValue:
        """A relation as a value: a set of benchmarks, a table of scores."""
        chain = self.ends[ref.name]
        if ref.tiers:
            _, part, found = self._part(ref)
            return p.NodeValue(name=part.rows, digest=found)
        return p.NodeValue(name=chain.rows or chain.texts.name, digest=chain.digest)

    def _tokenizer(self, name: str) -> p.FileValue:
        """The file of a tokenizer of the recipe."""
        call = self.recipe.tokenizers[name].call
        if call.operator.name != "hf":
            raise Unsupported(f"tokenizer `{call.operator.name}`", call.span)
        return pinned(call.args["file"].value, self.find)

    def _tokens(self, of: str, chain: Chain) -> None:
        """Where the recipe names one tokenizer, every row has its tokens counted."""
        (tokenizer,) = self.recipe.tokenizers.values()
        counted = implied("statistic", "tokens", {"tokenizer": self._tokenizer(tokenizer.name)})
        self._annotate(of, chain, tokenizer, [(("tokens",), counted)])


def implied(kind: str, name: str, args: dict[str, p.Value]) -> p.Operation:
    """An operator of ours that no word of the recipe names, in the version that is installed."""
    return p.Operation(operator=name, version=installed().operators[kind, name].version, args=args)


def annotate_digest(texts: str, columns: list[p.AnnotateColumn] | tuple[p.AnnotateColumn, ...]) -> str:
    """What an annotate node computes: the same whatever the order of its columns."""
    return p.digest("annotate", texts, sorted([list(c.outputs), c.digest] for c in columns))


def part_digest(relation: str, part: p.Part) -> str:
    """What a part of a relation is: the relation itself where no tiers are named."""
    return p.digest("part", relation, sorted(part.tiers)) if part.tiers else relation
