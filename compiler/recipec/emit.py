"""Emission: a plan to the text of a PySpark script that a person can follow from page to table.

One statement a node, under the recipe's own names, with its place beside it. Everything of the recipe that
is no name is a literal; decisions are Spark column expressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from recipec import plan as p
from recipec.emit_calls import Calls
from recipec.emit_columns import column, lookup, tested, value
from recipec.layout import Call, Code, Method, text_literal
from recipec.lower_values import columns_of

HEAD = """\
{title}
import recipe_runtime as rt

rt.exit_codes()

from pyspark.sql import functions as F  # noqa: E402
"""


def emit(plan: p.Plan) -> str:
    """The script. The same plan gives the same bytes."""
    return _Script(plan).text()


_ROW_LOCAL = ("annotate", "edit")


def _row_local(plan: p.Plan) -> dict[str, list[p.Annotate | p.Edit]]:
    """By relation its annotations and edits of texts that come from a source's files."""
    files = {node.name for node in plan.nodes if node.kind == "source"}
    found: dict[str, list[p.Annotate | p.Edit]] = {}
    for node in plan.nodes:
        if node.kind in _ROW_LOCAL and node.texts in files:
            found.setdefault(node.of.partition(".")[0], []).append(node)
            if node.kind == "edit":
                files.add(node.name)
    return found


class _Script(Calls):
    def text(self) -> str:
        recipe = self.plan.recipe
        title = text_literal(
            f"Compiled from the recipe {recipe} by recipec {self.plan.compiler}: edit the recipe, not this."
        )
        self.lines.append(HEAD.format(title=f'"""{title[1:-1]}"""'))
        self._recipe()
        kwargs = {
            "lake": self.plan.lake,
            "files": Code("RECIPE"),
            "params": dict(self.plan.params),
            "compiler": self.plan.compiler,
        }
        self._assign("job", Call("rt.start", [recipe], kwargs))
        early = _row_local(self.plan)
        for node in self.plan.nodes:
            declared = early.pop(node.of.partition(".")[0], []) if node.kind in _ROW_LOCAL else []
            for local in declared:
                self._place(local)
                self._declare(local)
            if node.name in self.handles and node.of.partition(".")[2]:
                continue  # columns of rows that are compared with: there is nothing to say but that they are made
            if declared != [node]:
                self._place(node)
            getattr(self, f"_{node.kind}")(node)
        self.lines.append("")
        self.lines.append("job.end()")
        return "\n".join(self.lines) + "\n"

    def _place(self, node: p.AnyNode) -> None:
        self.lines.append("")
        self._comment(f"{node.at}  {node.text}")

    def _declare(self, node: p.Annotate | p.Edit) -> None:
        """The statement of row-local work: what is computed from each text alone. It is said before a select's first
        decision, so that the job can do all of it in one pass over the files."""
        handle = self._handle(node, node.name)
        args: list[object] = [node.of.partition(".")[0], Code(self.handles[node.texts])]
        if node.kind == "edit":
            self._assign(handle, Call("job.edit", [*args, self._op(node.operation)], self._identity(node)))
            return
        columns = {c.outputs if len(c.outputs) > 1 else c.outputs[0]: self._op(c.operation) for c in node.columns}
        self._assign(handle, Call("job.annotate", args, {"columns": columns, **self._identity(node)}))

    def _recipe(self) -> None:
        self._comment("What this was compiled from; kept in the lake, so that every row can be explained by it.")
        self.lines.append("RECIPE = {")
        for path, text in self.plan.files.items():
            self.lines.append(f"    {text_literal(path)}: (")
            self.lines.extend(f"        {text_literal(line)}" for line in text.splitlines(keepends=True) or [""])
            self.lines.append("    ),")
        self.lines.append("}")
        self.lines.append("")

    def _table(self, node: p.Table) -> None:
        self._assign(self._handle(node, node.of.rpartition(".")[2]), lookup(node))

    # ---- texts and their columns -----------------------------------------------------------------

    def _source(self, node: p.Source) -> None:
        columns = {name: self._source_column(value) for name, value in node.columns}
        name = self._handle(node, node.name)
        self._assign(
            name,
            Call("job.source", [node.of, self._op(node.reader)], {"columns": columns, **self._identity(node)}),
        )

    def _source_column(self, given: p.Operation | p.FieldValue | p.LiteralValue) -> Call:
        if isinstance(given, p.Operation):
            return self._op(given)
        if isinstance(given, p.FieldValue):
            return Call("rt.field", [given.name])
        return Call("rt.literal", [list(given.value) if isinstance(given.value, tuple) else given.value])

    def _annotate(self, node: p.Annotate) -> None:
        if node.name not in self.handles:
            self._declare(node)
        handle = self.handles[node.name]
        if "." in node.of:  # columns of the rows another relation is compared with; see _dedup
            return
        if node.rows is None:
            self._assign(self._rows(node), Code(f"{handle}.frame"))
            return
        names = [name for c in node.columns for name in c.outputs]
        self._with_columns(node, handle, names)

    def _with_columns(self, node: p.Annotate | p.Shared, handle: str, names: Sequence[str]) -> None:
        before = Code(self.frames[node.rows])
        self._assign(self._rows(node), Call("rt.with_columns", [before, Code(handle), *names]))

    def _shared(self, node: p.Shared) -> None:
        handle = self._handle(node, node.name)
        self._assign(handle, Method(Code(self.handles[node.columns]), "only", list(node.outputs)))
        if "." in node.of:
            return
        if node.rows is None:
            self._assign(self._rows(node), Code(f"{handle}.frame"))
            return
        self._with_columns(node, handle, node.outputs)

    def _begin(self, node: p.Begin) -> None:
        self._assign(self._rows(node), Call("rt.undecided", [Code(self.handles[node.texts])]))

    def _tiers(self, node: p.Tiers) -> None:
        part = self._part(node.part)
        began = self._handle(node, f"{node.of}_tiers")
        self._assign(began, part)
        self._assign(self._rows(node), Code(began))

    def _edit(self, node: p.Edit) -> None:
        if node.name not in self.handles:
            self._declare(node)
        handle = self.handles[node.name]
        before = Code(self.frames[node.rows])
        kwargs = {"rule": node.text, "at": node.at}
        self._assign(self._rows(node), Call("rt.after_edit", [before, Code(handle)], kwargs))

    # ---- decisions -------------------------------------------------------------------------------

    def _keep(self, node: p.Keep) -> None:
        self._decide(node, Code(self.frames[node.rows]))

    def _decide(self, node: p.Keep | p.Scored, before: object) -> None:
        self._assign(self._rows(node), Call("rt.keep", [before, *(self._rule(rule) for rule in node.rules)]))

    def _rule(self, rule: p.Rule) -> Call:
        simple = tested(rule.expr)
        if simple is not None:
            return Call("rt.rule", [rule.text, simple], {"at": rule.at})
        if rule.value is not None:
            found = column(rule.value, self.handles)
        else:
            found = Call("rt.figures", columns_of(rule.expr))
        kwargs = {"value": found, "threshold": self._threshold(rule), "at": rule.at}
        return Call("rt.rule", [rule.text, column(rule.expr, self.handles)], kwargs)

    def _threshold(self, rule: p.Rule) -> object:
        """The limit as it is said of a row: one from a table is that of the row."""
        match rule.expr:
            case p.Compare(op=op, right=p.Entry(table=table)):
                limit = Method(Code(self.handles[table.name]), "cast", ["string"])
            case p.InEntry(table=table):
                op, name = "in", self.handles[table.name]
                low, high = (Method(Code(f'{name}["{end}"]'), "cast", ["string"]) for end in ("low", "high"))
                limit = Call("F.concat", [low, Call("F.lit", [" .. "]), high])
            case _:
                return rule.threshold
        if all(entry.keys for entry in self.plan.node(table.name).entries):
            limit = Call("F.coalesce", [limit, Call("F.lit", [f"an entry of {table.name}"])])
        return Call("F.concat_ws", [" ", Call("F.lit", [op]), limit])

    def _dedup(self, node: p.Dedup) -> None:
        before = self.frames[node.rows]
        handle = self._handle(node, node.name)
        kwargs: dict[str, object] = {"key": node.key, "texts": Code(self.handles[node.texts])}
        if node.against is not None:
            rows = self._part(node.against.part)
            if node.against.columns is not None:
                columns = Code(f"{self.handles[node.against.columns]}.frame")
                rows = Method(rows, "join", [Method(columns, "select", ["doc_id", node.key]), "doc_id"])
            kwargs |= {"against": rows, "against_texts": Code(self.handles[node.against.texts])}
        kwargs |= {"reads": self._reads(node.reads), **self._identity(node)}
        self._assign(handle, Call("job.duplicates", [node.of, Code(before), self._op(node.operation)], kwargs))
        rows = self._rows(node)
        verify = node.operation.args.get("verify")
        limit = "equal" if node.operation.operator == "exact" else "a band in common"
        limit = f"< {verify}" if verify is not None else limit
        kwargs = {"rule": node.rule, "threshold": limit, "at": node.at}
        self._assign(rows, Call("rt.drop_duplicates", [Code(before), Code(handle)], kwargs))

    def _sample(self, node: p.Sample) -> None:
        before = self.frames[node.rows]
        handle = self._handle(node, node.name)
        size = {"share": node.share} if node.share is not None else {"count": node.count}
        kwargs = {**size, "seed": node.seed, "reads": self._reads(node.reads), **self._identity(node)}
        self._assign(handle, Call("job.sample", [node.of, Code(before)], kwargs))
        kwargs = {"rule": node.rule, "at": node.at}
        self._assign(self._rows(node), Call("rt.sampled", [Code(before), Code(handle)], kwargs))

    def _select(self, node: p.Select) -> None:
        before = self.frames[node.rows]
        decided = Call("rt.without", [Code(before), *node.drop]) if node.drop else Code(before)
        handle = self._handle(node, f"{node.of}_kept")
        kwargs: dict[str, object] = {"of": Code(self.handles[node.began])} if node.began else {}
        kwargs |= {"reads": self._reads(node.reads), **self._identity(node)}
        self._assign(handle, Call("job.select", [node.of, decided], kwargs))
        self._assign(self._rows(node), Code(f"{handle}.frame"))

    # ---- scores and tiers ------------------------------------------------------------------------

    def _score(self, node: p.Score) -> None:
        before = self.frames[node.rows]
        handle = self._handle(node, node.name)
        scores = {c.name: Call("rt.scorer", [self._op(c.operation)], {"digest": c.digest}) for c in node.columns}
        kwargs = {
            "texts": Code(self.handles[node.texts]), "scores": scores, "reads": self._reads(node.reads),
            **self._identity(node),
        }  # fmt: skip
        self._assign(handle, Call("job.score", [node.of, Code(before)], kwargs))
        rows = self._rows(node)
        self._assign(rows, Method(Code(before), "join", [Code(f"{handle}.frame"), "text_hash", "left"]))

    def _scored(self, node: p.Scored) -> None:
        columns = [name for rule in node.rules for name in columns_of(rule.expr)]
        self._decide(node, Call("rt.scored", [Code(self.frames[node.rows]), *columns]))

    def _fit(self, node: p.Fit) -> None:
        handle = self._handle(node, node.name)
        kwargs = {
            "column": node.column, "parts": node.parts, "weight": node.weight, "reads": self._reads(node.reads),
            **self._identity(node),
        }  # fmt: skip
        self._assign(handle, Call("job.fit", [node.of, self._part(node.over)], kwargs))

    def _derived(self, node: p.Derived) -> None:
        before = self.frames[node.rows]
        made = column(node.expr, self.handles)
        self._assign(self._rows(node), Method(Code(before), "withColumn", [node.column, made]))

    def _tier(self, node: p.Tier) -> None:
        before = self.frames[node.rows]
        parts = []
        for cut in node.cuts:
            name = f"F.lit({text_literal(cut.name)})"
            if cut.op is None:
                parts.append(f".otherwise({name})")
            else:
                parts.append(f".when(F.col({text_literal(node.by)}) {cut.op} F.lit({value(cut.bound)}), {name})")
        made = Code("F" + "".join(parts))
        self._assign(self._rows(node), Method(Code(before), "withColumn", ["tier", made]))
