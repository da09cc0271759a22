"""Transforms and generates after the calls: how answers are judged, and the documents made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported, columns_of, rule
from recipec.lowering.asks import Asks
from recipec.lowering.base import Chain, Texts
from recipec.lowering.expressions import BY_TEXT, said

ENDS = ("discard", "quarantine", "keep_source")
"""What can become of an answer that failed."""
OF_ANSWER = frozenset(("answer", "segment"))
JUDGED = frozenset(("finish", "answer", "tokens", "copied_tokens", "segment_tokens", "sample", "logprob"))
"""What an answer has when its rules are asked, beside its scores."""


@dataclass
class Parts:
    """The statements of a transform or generate by what they are about: the rows `before` they are asked about,
    the answers, or the documents made of them (`after`)."""

    ask: r.Ask | None = None
    before: list[r.Keep] = field(default_factory=list)
    clean: list[r.Clean] = field(default_factory=list)
    scores: list[r.Score] = field(default_factory=list)
    verify: list[r.Verify] = field(default_factory=list)
    keeps: list[r.Keep] = field(default_factory=list)
    best: r.Keep | None = None
    fail: r.On | None = None
    waiting: r.On | None = None
    sets: dict[str, r.Set] = field(default_factory=dict)
    after: list[r.Statement] = field(default_factory=list)


class Answers(Asks):
    """The part of the lowering that knows transforms and generates whole."""

    def _made(self, item: r.Derived) -> None:
        """A transform or generate."""
        if not self._known(item.from_):
            return
        parts = self._parted(item)
        source, part, digest = self._part(item.from_)
        self.pairs = source.pairs
        source, part, digest = self._asked(item, source, part, digest, parts.before)
        units = self._units(item, parts.ask, source, part, digest)
        answers = self._answers(item, units, parts)
        made = self._documents(item, parts, answers, source)
        chain = Chain(
            Texts(made.name, made.digest, made=True), None, made.digest, reads=[made.name],
            scores=list(made.scores), pairs=source.pairs,
        )  # fmt: skip
        for statement in parts.after:
            if not isinstance(statement, r.Dedup | r.Measure | r.Expect):
                self._no(f"`{type(statement).__name__.lower()}` here in a {item.kind}", statement.span)
            self._guard(self._statement, item, chain, [statement])
        self._decided(item, chain)
        self.pairs = {}

    def _parted(self, item: r.Derived) -> Parts:
        """The statements, in the one order that can run. A `keep` or `score` is about documents once a statement
        before it is; a `keep` before `keep best(… over = samples)` is about answers, as that is."""
        parts = Parts()
        last_best = max((i for i, one in enumerate(item.statements) if _is_best(one)), default=-1)
        for i, statement in enumerate(item.statements):
            match statement:
                case r.Ask():
                    parts.ask = statement
                case r.Keep() if parts.ask is None:
                    parts.before.append(statement)
                case r.Clean() if not parts.after:
                    self._no("`clean` of an answer outside its prompt", statement.span)
                    parts.clean.append(statement)
                case r.Score() if not parts.after:
                    parts.scores.append(statement)
                case r.Verify():
                    if parts.after:
                        self._no(f"`verify` here in a {item.kind}", statement.span)
                    parts.verify.append(statement)
                case r.On():
                    setattr(parts, statement.event, statement)
                case r.Keep() if _is_best(statement) and parts.best is None and not parts.after:
                    parts.best = statement
                case r.Keep() if i < last_best and not parts.after:
                    self._no("`keep` of answers after `verify`", statement.span)
                    parts.keeps.append(statement)
                case r.Set():
                    parts.sets[statement.column] = statement
                case _:
                    parts.after.append(statement)
        if parts.ask is None:
            raise Unsupported(f"a {item.kind} that asks nothing", item.span)
        return parts

    # ---- the answers -----------------------------------------------------------------------------

    def _answers(self, item: r.Derived, units: p.Units, parts: Parts) -> p.Ask:
        clean = tuple(self._operation(one.call) for one in parts.clean)
        columns = tuple(self._answer_score(score) for score in parts.scores)
        names = {one.name for one in columns}
        rules = self._answer_rules((found for one in parts.verify for found in one.rules), names)
        keeps = self._answer_rules((found for one in parts.keeps for found in one.rules), names)
        best = _best(parts.best, self.at(parts.best.span)) if parts.best is not None else None
        retry, on_fail = self._actions(parts.fail)
        tolerate = self._tolerated(parts.waiting) if parts.waiting is not None else None
        timeout = parts.ask.settings["timeout"].value if "timeout" in parts.ask.settings else None
        found = p.digest(
            "ask", units.digest, [[o.identity() for o in q.clean] for q in units.prompts],
            [[c.name, p.identity(c.operation if isinstance(c, p.AnswerScore) else c.expr)] for c in columns],
            [p.identity(q.expr) for q in rules],
            best.model_dump(exclude={"at", "rule"}) if best else None, retry, on_fail, tolerate,
            *said({"clean": clean, "keeps": tuple(q.expr for q in keeps)}),
        )  # fmt: skip
        place = self._place(parts.verify[0]) if parts.verify else {"at": units.at, "text": units.text}
        node = p.Ask(
            name=self._name(f"{item.name}.answers"), of=item.name, digest=found, units=units.name, clean=clean,
            scores=columns, rules=rules, keeps=keeps, best=best, retry=retry, on_fail=on_fail, tolerate=tolerate,
            timeout=timeout, **place,
        )  # fmt: skip
        return self._add(node)

    def _answer_score(self, score: r.Score) -> p.AnswerScore | p.AnswerFigure:
        call = score.expr
        if isinstance(call, r.OpCall) and call.operator.kind in BY_TEXT and call.operator.run:
            of_both = all(one.relation is None and one.name in OF_ANSWER for one in _columns(call))
            if of_both and set(call.operator.reads) <= OF_ANSWER and call.operator.reads:
                return p.AnswerScore(name=score.name, operation=self._operation(call))
            self._no("a score of anything but the answer and its segment", score.span)
        elif not isinstance(call, r.OpCall):
            self._no("this score of an answer", score.span)
        return p.AnswerFigure(name=score.name, expr=self._quietly(self._expr, call))

    def _answer_rules(self, rules: Iterable[r.Rule], scores: set[str]) -> tuple[p.Rule, ...]:
        def call(found: r.OpCall) -> p.Expr:
            return self._unready(found, "`verify` without a `score`")

        made = []
        for one in rules:
            expr = self._expr(one.expr, call)
            for name in columns_of(expr):
                if name not in JUDGED and name not in scores:
                    self._no(f"`{name}` of an answer in a rule", one.span)
            made.append(rule(one, expr, self.at(one.span)))
        return tuple(made)

    def _actions(self, fail: r.On | None) -> tuple[int, str]:
        """(rounds more, what becomes of what still fails) of `on fail …`; answers that fail are discarded unless
        the recipe says otherwise."""
        retry, last = 0, "discard"
        for action in fail.actions if fail else ():
            if action.operator.name == "retry":
                retry = int(action.args["n"].value)
            elif action.operator.name in ENDS:
                last = action.operator.name
            else:
                self._no(f"action `{action.operator.name}` after `on fail`", action.span)
        return retry, last

    @staticmethod
    def _tolerated(waiting: r.On) -> float:
        """The share of units that may go on waiting; a check has seen that nothing else is said of them."""
        (action,) = waiting.actions
        return float(action.args["share"].value)

    # ---- the documents ---------------------------------------------------------------------------

    def _documents(self, item: r.Derived, parts: Parts, answers: p.Ask, source: Chain) -> p.Derive:
        given = parts.ask.settings.get("rejoin")
        rejoin = given.value if given is not None else None
        text = parts.sets.get("text")
        template = self._text_parts(text.expr) if text is not None else None
        columns: dict[str, p.Expr] = {}
        for name, one in parts.sets.items():
            if name != "text" or template is None:
                self._no(f"`{name} = …` of a derived document", one.span)
                columns[name] = self._expr(one.expr)
        if rejoin is not None and text is not None:
            self._no("`rejoin` together with `text = …`", text.span)
        scores = tuple(one.name for one in answers.scores)
        found = p.digest(
            "derive", answers.digest, item.kind, rejoin, template, sorted(scores), sorted(source.scores),
            *said({"columns": columns}),
        )  # fmt: skip
        node = p.Derive(
            name=self._name(f"{item.name}.documents"), of=item.name, digest=found, how=item.kind, ask=answers.name,
            rejoin=rejoin, template=template, scores=scores, columns=columns, **self._place(item),
        )  # fmt: skip
        return self._add(node)

    def _text_parts(self, text: r.Expr) -> tuple[str | dict[str, str], ...] | None:
        """A text of pieces; None where it is more than columns beside one another."""
        if not isinstance(text, r.Template) or not all(isinstance(one, str | r.Col) for one in text.parts):
            return None
        parts: list[str | dict[str, str]] = []
        for one in text.parts:
            if isinstance(one, str):
                parts.append(one)
                continue
            if one.relation is not None or one.name not in OF_ANSWER:
                self._no("anything but `${segment}` and `${answer}` in this text", text.span)
            parts.append({"var": f"{one.relation}.{one.name}" if one.relation else one.name})
        return tuple(parts)


def _columns(call: r.OpCall) -> list[r.Col]:
    return [one for one in call.args.values() if isinstance(one, r.Col)]


def _is_best(keep: r.Statement) -> bool:
    """`keep best(…, over = samples)` alone."""
    if not isinstance(keep, r.Keep) or len(keep.rules) != 1:
        return False
    call = keep.rules[0].expr
    if not isinstance(call, r.OpCall) or call.operator.name != "best":
        return False
    over = call.args["over"]
    word = over.value if isinstance(over, r.Lit) else getattr(over, "name", None)
    return word == "samples"


def _best(keep: r.Keep, at: str) -> p.Best:
    """`keep best(n, by, over = samples)`."""
    (found,) = keep.rules
    call = found.expr
    by = call.args["by"]
    if not isinstance(by, r.Col):
        raise Unsupported("the best by anything but a column", keep.span)
    return p.Best(
        n=int(call.args["n"].value), by=by.name, descending=call.args["order"].value == "descending",
        rule=found.text, at=at,
    )  # fmt: skip
