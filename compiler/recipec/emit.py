"""Emission: a plan to the text of a PySpark script that a person can follow from page to table.

One statement a node, under the recipe's own names, with its place beside it. Everything of the recipe that
is no name is a literal; decisions are Spark column expressions.
"""

from __future__ import annotations

from recipec import plan as p
from recipec.layout import Call, Code, Method, comment, identifier, text_literal, wrapped

HEAD = """\
{title}
import recipe_runtime as rt

rt.exit_codes()

from pyspark.sql import functions as F  # noqa: E402
"""


def emit(plan: p.Plan) -> str:
    """The script. The same plan gives the same bytes."""
    return _Script(plan).text()


class _Script:
    def __init__(self, plan: p.Plan):
        self.plan = plan
        self.taken = {"F", "rt", "job", "RECIPE"}
        self.lines: list[str] = []
        self.frames: dict[str, str] = {}  # node → variable of the DataFrame of its rows
        self.handles: dict[str, str] = {}  # node → variable of its relation
        self.variables: dict[str, str] = {}  # select → variable of its rows

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
        for node in self.plan.nodes:
            self.lines.append("")
            self._comment(f"{node.at}  {node.text}")
            getattr(self, f"_{node.kind}")(node)
        self.lines.append("")
        self.lines.append("job.end()")
        return "\n".join(self.lines) + "\n"

    # ---- small things ----------------------------------------------------------------------------

    def _assign(self, name: str, value: object) -> None:
        self.lines.append(f"{name} = " + wrapped(value, 0, len(name) + 3))

    def _comment(self, text: str) -> None:
        self.lines.append(comment(text))

    def _variable(self, wanted: str) -> str:
        name = identifier(wanted.replace(".", "_"), self.taken)
        self.taken.add(name)
        return name

    def _recipe(self) -> None:
        self._comment("What this was compiled from; kept in the lake, so that every row can be explained by it.")
        self.lines.append("RECIPE = {")
        for path, text in self.plan.files.items():
            self.lines.append(f"    {text_literal(path)}: (")
            self.lines.extend(f"        {text_literal(line)}" for line in text.splitlines(keepends=True) or [""])
            self.lines.append("    ),")
        self.lines.append("}")
        self.lines.append("")

    def _op(self, operation: p.Operation) -> Call:
        args = {name: _value(value) for name, value in operation.args.items()}
        return Call("rt.op", [f"{operation.operator}@{operation.version}"], args)

    def _reads(self, names: tuple[str, ...]) -> list[Code]:
        return [Code(self.handles[name]) for name in names]

    def _identity(self, node: p.AnyNode) -> dict[str, object]:
        return {"digest": node.digest, "at": node.at}

    # ---- one method a node -----------------------------------------------------------------------

    def _source(self, node: p.Source) -> None:
        columns = {name: self._source_column(value) for name, value in node.columns}
        name = self._variable(node.name)
        self.handles[node.name] = name
        self._assign(
            name,
            Call("job.source", [node.of, self._op(node.reader)], {"columns": columns, **self._identity(node)}),
        )

    def _source_column(self, value: p.Operation | p.FieldValue | p.LiteralValue) -> Call:
        if isinstance(value, p.Operation):
            return self._op(value)
        if isinstance(value, p.FieldValue):
            return Call("rt.field", [value.name])
        return Call("rt.literal", [list(value.value) if isinstance(value.value, tuple) else value.value])

    def _select_variable(self, node: p.AnyNode) -> str:
        if node.of not in self.variables:
            self.variables[node.of] = self._variable(node.of)
        return self.variables[node.of]

    def _annotate(self, node: p.Annotate) -> None:
        handle = self._variable(node.name)
        self.handles[node.name] = handle
        columns = {c.outputs if len(c.outputs) > 1 else c.outputs[0]: self._op(c.operation) for c in node.columns}
        args = [node.of, Code(self.handles[node.texts])]
        self._assign(handle, Call("job.annotate", args, {"columns": columns, **self._identity(node)}))
        rows = self._select_variable(node)
        self.frames[node.name] = rows
        if node.rows is None:
            self._assign(rows, Code(f"{handle}.frame"))
            return
        names = [name for c in node.columns for name in c.outputs]
        before = Method(Code(self.frames[node.rows]), "drop", names)
        added = Method(Code(f"{handle}.frame"), "select", ["doc_id", *names])
        # left: a row that fell out because an edit left no text of it has no such columns, and stays a row.
        self._assign(rows, Method(before, "join", [added, "doc_id", "left"]))

    def _begin(self, node: p.Begin) -> None:
        rows = self._select_variable(node)
        self.frames[node.name] = rows
        self._assign(rows, Call("rt.undecided", [Code(f"{self.handles[node.texts]}.frame")]))

    def _edit(self, node: p.Edit) -> None:
        handle = self._variable(node.name)
        self.handles[node.name] = handle
        args = [node.of, Code(self.handles[node.texts]), self._op(node.operation)]
        self._assign(handle, Call("job.edit", args, self._identity(node)))
        rows = self._select_variable(node)
        texts = Call("rt.edited", [Code(f"{handle}.frame")])
        self._assign(rows, Method(Code(self.frames[node.rows]), "join", [texts, ["file_id", "record"], "left"]))
        self._assign(rows, Call("rt.after_edit", [Code(rows)], {"rule": node.text, "at": node.at}))
        self.frames[node.name] = rows

    def _keep(self, node: p.Keep) -> None:
        rows = self.frames[node.rows]
        self.frames[node.name] = rows
        rules = [self._rule(rule) for rule in node.rules]
        self._assign(rows, Method(Code(rows), "withColumn", ["rejected", Call("rt.first_failure", rules)]))

    def _rule(self, rule: p.Rule) -> Call:
        if rule.value is not None:
            value = column(rule.value)
        else:
            from recipec.lower_values import columns_of

            value = Call("F.to_json", [Call("F.struct", columns_of(rule.expr))])
        kwargs = {"value": value, "threshold": rule.threshold, "at": rule.at}
        return Call("rt.rule", [rule.text, column(rule.expr)], kwargs)

    def _dedup(self, node: p.Dedup) -> None:
        rows = self.frames[node.rows]
        handle = self._variable(node.name)
        self.handles[node.name] = handle
        kwargs = {
            "key": node.key,
            "texts": Code(self.handles[node.texts]),
            "reads": self._reads(node.reads),
            **self._identity(node),
        }
        self._assign(handle, Call("job.duplicates", [node.of, Code(rows), self._op(node.operation)], kwargs))
        self._assign(rows, Method(Code(rows), "join", [Code(f"{handle}.frame"), "doc_id", "left"]))
        verify = node.operation.args.get("verify")
        limit = "equal" if node.operation.operator == "exact" else "a band in common"
        limit = f"< {verify}" if verify is not None else limit
        kwargs = {"rule": node.rule, "threshold": limit, "at": node.at}
        self._assign(rows, Call("rt.drop_duplicates", [Code(rows)], kwargs))
        self.frames[node.name] = rows

    def _select(self, node: p.Select) -> None:
        rows = self.frames[node.rows]
        decided = Method(Code(rows), "drop", list(node.drop)) if node.drop else Code(rows)
        handle = self._variable(f"{node.of}_kept")
        self.handles[node.name] = handle
        kwargs = {"reads": self._reads(node.reads), **self._identity(node)}
        self._assign(handle, Call("job.select", [node.of, decided], kwargs))
        self._assign(rows, Code(f"{handle}.frame"))
        self.frames[node.name] = rows

    def _write(self, node: p.Write) -> None:
        rows = self._variable(f"{node.of}_rows")
        handle = self.handles[node.relation]
        texts = Code(f"{self.handles[node.texts]}.texts")
        self._assign(rows, Method(Code(self.frames[node.relation]), "join", [texts, "doc_id"]))
        shape = {"step": Code(f"{handle}.step")}
        if node.scores:
            shape["scores"] = list(node.scores)
        if node.columns:
            shape["columns"] = list(node.columns)
        self._assign(rows, Call("rt.document", [Code(rows)], shape))
        kwargs: dict[str, object] = {
            "sink": self._op(node.sink),
            "reads": [Code(handle)],
            "partition": list(node.partition),
        }
        if node.expects:
            kwargs["expect"] = [Call(f"rt.{e.operator}", list(e.columns), {"at": e.at}) for e in node.expects]
        if node.evolve:
            kwargs["schema"] = "evolve"
        self.lines.append(wrapped(Call("job.write", [node.of, Code(rows)], {**kwargs, **self._identity(node)})))


def _value(value: p.Value) -> object:
    return Call("rt.file", [value.path], {"sha256": value.sha256}) if isinstance(value, p.FileValue) else value


def column(expr: p.Expr) -> Code:
    """A Spark Column expression; every constant is an `F.lit`."""
    text = _column(expr)
    return Code(text[1:-1] if isinstance(expr, p.Compare | p.Not | p.Junction | p.Arith) else text)


def _column(expr: p.Expr) -> str:
    match expr:
        case p.Col(name=name):
            return f"F.col({text_literal(name)})"
        case p.Lit(value=value):
            return f"F.lit({_scalar(value)})"
        case p.Compare(op=op, left=left, right=right):
            return f"({_column(left)} {op} {_column(right)})"
        case p.InRange(value=value, low=low, high=high):
            return f"{_column(value)}.between({_column(low)}, {_column(high)})"
        case p.InList(value=value, items=items):
            return f"{_column(value)}.isin({', '.join(_scalar(i) for i in items)})"
        case p.Not(operand=operand):
            return f"(~{_column(operand)})"
        case p.Junction(op=op, operands=operands):
            sign = " & " if op == "and" else " | "
            return f"({sign.join(_column(o) for o in operands)})"
        case p.Arith(op=op, left=left, right=right):
            return f"({_column(left)} {op} {_column(right)})"
    raise TypeError(f"no column for {expr!r}")


def _scalar(value: p.Scalar) -> str:
    return text_literal(value) if isinstance(value, str) else repr(value)
