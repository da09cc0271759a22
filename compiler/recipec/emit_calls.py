"""The second half of a script: model calls, mixes and what is written; and what all statements share."""

from __future__ import annotations

import json

from recipec import plan as p
from recipec.emit_columns import column, value
from recipec.layout import Call, Code, Method, comment, identifier, wrapped


class Calls:
    """Nodes after the selects. `handles`: node → variable of its relation; `frames`: node → variable of the
    DataFrame of its rows."""

    def __init__(self, plan: p.Plan):
        self.plan = plan
        self.taken = {"F", "rt", "job", "RECIPE", "answers"}  # the last one is what the functions are given
        self.lines: list[str] = []
        self.frames: dict[str, str] = {}
        self.handles: dict[str, str] = {}
        self.variables: dict[str, str] = {}  # relation → variable of its rows

    # ---- small things ----------------------------------------------------------------------------

    def _assign(self, name: str, made: object) -> None:
        self.lines.append(f"{name} = " + wrapped(made, 0, len(name) + 3))

    def _comment(self, text: str) -> None:
        self.lines.append(comment(text))

    def _variable(self, wanted: str) -> str:
        name = identifier(wanted.replace(".", "_"), self.taken)
        self.taken.add(name)
        return name

    def _handle(self, node: p.AnyNode, wanted: str) -> str:
        self.handles[node.name] = self._variable(wanted)
        return self.handles[node.name]

    def _rows(self, node: p.AnyNode) -> str:
        """The variable of the rows of the node's relation, which the node's statement sets."""
        if node.of not in self.variables:
            self.variables[node.of] = self._variable(node.of)
        self.frames[node.name] = self.variables[node.of]
        return self.variables[node.of]

    def _part(self, part: p.Part) -> object:
        """A DataFrame of a relation's rows, or of some tiers'."""
        rows = Code(self.frames[part.rows])
        if not part.tiers:
            return rows
        tiers = Method(Call("F.col", ["tier"]), "isin", list(part.tiers))
        return Method(rows, "where", [tiers])

    def _op(self, operation: p.Operation) -> Call:
        args = {name: value(given) for name, given in operation.args.items()}
        return Call("rt.op", [f"{operation.operator}@{operation.version}"], args)

    def _reads(self, names: tuple[str, ...]) -> list[Code]:
        return [Code(self.handles[name]) for name in names]

    def _identity(self, node: p.AnyNode) -> dict[str, object]:
        return {"digest": node.digest, "at": node.at}

    # ---- model calls -----------------------------------------------------------------------------

    def _endpoint(self, node: p.Endpoint) -> None:
        handle = self._handle(node, node.of)
        settings = {
            name: [value(one) for one in given] if isinstance(given, tuple) else value(given)
            for name, given in node.settings.items()
        }
        self._assign(handle, Call("rt.endpoint", [node.of], {**settings, "at": node.at}))

    def _units(self, node: p.Units) -> None:
        handle = self._handle(node, node.name)
        kwargs: dict[str, object] = {
            "texts": Code(self.handles[node.texts]),
            "endpoint": Code(self.handles[node.endpoint]),
            "prompts": [self._prompt(prompt) for prompt in node.prompts],
        }
        if node.segment is not None:
            kwargs["segment"] = self._op(node.segment)
        kwargs |= {
            "tokenizer": value(node.tokenizer),
            "samples": node.samples,
            "request": {name: value(given) for name, given in node.request.items()},
        }
        if node.max_prompt is not None:
            kwargs["max_prompt"] = node.max_prompt
        kwargs |= {
            "reads": self._reads(node.reads),
            **self._identity(node),
        }
        self._assign(handle, Call("job.units", [node.of, self._part(node.part)], kwargs))

    def _prompt(self, prompt: p.PromptUse) -> Call:
        texts = {name: _parts(parts) for name, parts in prompt.template.items() if parts is not None}
        kwargs: dict[str, object] = dict(texts)
        if prompt.variables:
            kwargs["variables"] = dict(prompt.variables)
        if prompt.reply:
            kwargs["reply"] = _reply(prompt.reply)
        if prompt.clean:
            kwargs["clean"] = [self._op(one) for one in prompt.clean]
        return Call("rt.prompt", [prompt.name], {**kwargs, "at": prompt.at})

    def _ask(self, node: p.Ask) -> None:
        kwargs: dict[str, object] = {}
        if node.scores:
            kwargs["scores"] = {one.name: self._op(one.operation) for one in node.scores}
        if node.rules:
            judged = Call("rt.keep", [Code("answers"), *(self._rule(rule) for rule in node.rules)])
            kwargs["verify"] = self._function(f"{node.of}_verify", judged)
        if any(_admits_cut(rule.expr) for rule in node.rules):
            kwargs["admits_cut"] = True
        if node.best is not None:
            best = node.best
            given = {"by": best.by, "descending": best.descending, "rule": best.rule, "at": best.at}
            kept = Call("rt.keep_best", [Code("answers"), best.n], given)
            kwargs["best"] = self._function(f"{node.of}_best", kept)
        kwargs |= {"retry": node.retry, "on_fail": node.on_fail}
        said = {"tolerate": node.tolerate, "timeout": node.timeout}
        kwargs |= {name: given for name, given in said.items() if given is not None}
        kwargs |= self._identity(node)
        handle = self._handle(node, node.name)
        self._assign(handle, Call("job.ask", [node.of, Code(self.handles[node.units])], kwargs))

    def _function(self, wanted: str, body: object) -> Code:
        """A function over the answers, because every round of a retry is judged by it."""
        name = self._variable(wanted)
        self.lines += [f"def {name}(answers):", "    return " + wrapped(body, 4, 11), "", ""]
        return Code(name)

    def _derive(self, node: p.Derive) -> None:
        handle = self._handle(node, f"{node.of}_made")
        kwargs: dict[str, object] = {"kind": node.how}
        if node.rejoin is not None:
            kwargs["rejoin"] = node.rejoin
        if node.template is not None:
            kwargs["text"] = _parts(node.template)
        if node.scores:
            kwargs["scores"] = list(node.scores)
        kwargs |= self._identity(node)
        self._assign(handle, Call("job.derive", [node.of, Code(self.handles[node.ask])], kwargs))

    # ---- mixes and outputs -----------------------------------------------------------------------

    def _mix(self, node: p.Mix) -> None:
        handle = self._handle(node, f"{node.of}_draw")
        kwargs: dict[str, object] = {"takes": [self._take(take) for take in node.takes]}
        if node.size is not None:
            kwargs |= {"size": node.size, "at_most": node.at_most}
        kwargs["unit"] = node.unit
        if node.caps:
            kwargs["caps"] = [self._cap(cap) for cap in node.caps]
        kwargs["on_shortage"] = list(node.on_shortage)
        if node.tolerance is not None:
            kwargs["tolerance"] = node.tolerance
        kwargs |= {"seed": node.seed, "reads": self._reads(node.reads), **self._identity(node)}
        self._assign(handle, Call("job.mix", [node.of], kwargs))

    def _take(self, take: p.Take) -> Call:
        given = {name: getattr(take, name) for name in ("weight", "rate", "amount", "epochs")}
        kwargs = {name: found for name, found in given.items() if found is not None}
        return Call("rt.take", [take.text, self._part(take.part)], {**kwargs, "at": take.at})

    def _cap(self, cap: p.Cap) -> Call:
        where = {"where": column(cap.where, self.handles)} if cap.where is not None else {}
        return Call("rt.cap", [cap.subject, cap.bound], {**where, "text": cap.text, "at": cap.at})

    def _write(self, node: p.Write) -> None:
        rows = self._variable(f"{node.of}_rows")
        if len(node.documents) == 1 and node.draw is None:
            self._assign_documents(rows, node.documents[0])
        else:
            self._united(rows, node)
        relations = [self.handles[one.part.rows] for one in node.documents]
        reads = [Code(name) for name in ([self.handles[node.draw]] if node.draw else []) + relations]
        kwargs: dict[str, object] = {
            "sink": self._op(node.sink),
            "reads": reads,
            "partition": list(node.partition),
        }
        if node.expects:
            kwargs["expect"] = [Call(f"rt.{e.operator}", list(e.columns), {"at": e.at}) for e in node.expects]
        if node.evolve:
            kwargs["schema"] = "evolve"
        self.lines.append(wrapped(Call("job.write", [node.of, Code(rows)], {**kwargs, **self._identity(node)})))

    def _united(self, rows: str, node: p.Write) -> None:
        """The documents of all ingredients, then those that were drawn, as often as they were."""
        names = []
        relations = {made.name: made.of for made in self.plan.nodes}
        for one in node.documents:
            names.append(self._variable(f"{relations[one.part.rows]}_documents"))
            self._assign_documents(names[-1], one)
        self._assign(rows, Code(names[0]))
        for name in names[1:]:
            self._assign(rows, Method(Code(rows), "unionByName", [Code(name)], {"allowMissingColumns": True}))
        drawn = Method(Code(f"{self.handles[node.draw]}.frame"), "select", ["doc_id", "epoch"])
        self._assign(rows, Method(Method(Code(rows), "drop", ["epoch"]), "join", [drawn, "doc_id"]))
        self._assign(rows, Call("rt.in_order", [Code(rows)]))

    def _assign_documents(self, name: str, one: p.Documents) -> None:
        part = self._part(one.part)
        handle, texts = self.handles[one.part.rows], self.handles[one.texts]
        if one.made:
            ids = Method(part, "select", ["doc_id"])
            joined = Method(Code(f"{texts}.frame"), "join", [ids, "doc_id", "left_semi"])
            self._assign(name, joined)
            self._assign(name, Call("rt.derived", [Code(name)], {"step": Code(f"{handle}.step")}))
            return
        shape: dict[str, object] = {"step": Code(f"{handle}.step")}
        if one.scores:
            shape["scores"] = list(one.scores)
        if one.columns:
            shape["columns"] = list(one.columns)
        self._assign(name, Call("rt.with_texts", [part, Code(texts)]))
        self._assign(name, Call("rt.document", [Code(name)], shape))


def _admits_cut(expr: p.Expr) -> bool:
    """Does the recipe itself admit an answer that was cut: `finish in [stop, length]`?"""
    match expr:
        case p.InList(value=p.Col(name="finish"), items=items):
            return "length" in items
        case p.Compare(op="==", left=p.Col(name="finish"), right=p.Lit(value="length")):
            return True
        case p.Junction(operands=operands):
            return any(map(_admits_cut, operands))
    return False


def _reply(reply: tuple[p.Scalar, ...]) -> list[object]:
    """The form of an answer and what it is of; a schema as what its JSON says."""
    kind, *of = reply
    return [kind, *(map(json.loads, of) if kind == "json" else of)]


def _parts(parts: object) -> list[object]:
    """A text in parts, a line each; a variable is rt.var(name)."""
    made: list[object] = []
    for part in parts:
        if isinstance(part, str):
            made += part.splitlines(keepends=True)
        else:
            made.append(Call("rt.var", [part["var"]]))
    return made
