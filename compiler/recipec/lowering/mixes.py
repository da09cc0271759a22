"""Mixes: ingredients, caps, phases, and what is to be drawn."""

from __future__ import annotations

from recipec import plan as p
from recipec import resolved as r
from recipec.lower_values import Unsupported
from recipec.lowering.answers import Answers
from recipec.lowering.base import part_digest
from recipec.lowering.expressions import said


class Mixes(Answers):
    """The part of the lowering that knows mixes."""

    def _mix(self, mix: r.Mix) -> None:
        if not all(self._there(ref) for ref in ingredients(mix)):
            for statement in mix.statements:  # what of the takes itself cannot run is said too
                if isinstance(statement, r.Take):
                    self._take(statement, p.Part(rows=""))
            return
        reads: list[str] = []
        takes, digests = self._takes(mix.statements, reads)
        caps = tuple(self._cap(one) for one in mix.statements if isinstance(one, r.Cap))
        size, at_most, unit = self._size(mix.size)
        self._amounts(mix.statements, unit)
        shortage = _shortage(mix.statements) or ("error",)
        tolerance, seed = mix.settings.get("tolerance"), mix.settings.get("seed")
        if seed is None and mix.name not in self._taken():
            raise Unsupported("a mix without a seed", mix.span)
        tokenizer = self._measured_by(mix)
        phases, phase_digests = [], []
        for statement in mix.statements:
            if isinstance(statement, r.Phase):
                self._no("`phase`", statement.span)
                phase, found = self._phase(statement, reads)
                phases.append(phase)
                phase_digests.append(found)
        excludes, excluded = [], []
        for statement in mix.statements:
            if isinstance(statement, r.Exclude):
                self._no("`exclude`", statement.span)
                part, found = self._ingredient(statement.relation, reads)
                excludes.append(part)
                excluded.append(found)
        found = p.digest(
            "mix", digests, _caps_said(caps), size, at_most, unit, shortage, tolerance.value if tolerance else None,
            seed.value if seed else None,
            *said({"phases": phase_digests, "excludes": sorted(excluded), "tokenizer": tokenizer}),
        )  # fmt: skip
        node = p.Mix(
            name=self._name(mix.name), of=mix.name, digest=found, takes=takes, caps=caps, size=size,
            at_most=at_most, unit=unit, on_shortage=shortage, tolerance=tolerance.value if tolerance else None,
            seed=int(seed.value) if seed else None, reads=tuple(dict.fromkeys(reads)), phases=tuple(phases),
            excludes=tuple(excludes), tokenizer=tokenizer, **self._place(mix),
        )  # fmt: skip
        self._add(node)
        self.drawn[mix.name] = node

    def _there(self, ref: r.RelationRef) -> bool:
        return self._known(ref) or ref.name in self.drawn

    def _taken(self) -> set[str]:
        """The mixes that others take: blends, which draw nothing themselves."""
        return {ref.name for mix in self.recipe.mixes.values() for ref in ingredients(mix)} & set(self.recipe.mixes)

    # ---- ingredients -----------------------------------------------------------------------------

    def _takes(
        self, statements: tuple[r.MixStatement, ...], reads: list[str]
    ) -> tuple[tuple[p.Take, ...], list[object]]:
        """The ingredients, and what they are in a digest."""
        takes, digests = [], []
        for statement in statements:
            if isinstance(statement, r.Take):
                part, found = self._ingredient(statement.relation, reads)
                take = self._take(statement, part)
                takes.append(take)
                splits = [[list(one.by), one.how, one.table.digest] for one in take.splits]
                more = said({"most": take.most, "least": take.least, "splits": splits})
                digests.append([found, take.weight, take.rate, take.amount, take.epochs, *more])
        return tuple(takes), digests

    def _ingredient(self, ref: r.RelationRef, reads: list[str]) -> tuple[p.Part, str]:
        if ref.name in self.drawn:
            self._no("a mix in a mix", ref.span)
            blend = self.drawn[ref.name]
            reads += blend.reads
            part = p.Part(rows=blend.name, tiers=ref.tiers)
            return part, part_digest(blend.digest, part)
        chain, part, found = self._part(ref)
        reads += chain.reads
        return part, found

    def _take(self, take: r.Take, part: p.Part) -> p.Take:
        bounds: dict[str, float] = {}
        for bound in take.bounds:
            name = {("epochs", "<="): "epochs", ("share", "<="): "most", ("share", ">="): "least"}.get(
                (bound.subject, bound.op)
            )
            if name != "epochs":
                self._no(f"`{bound.subject} {bound.op} …` of an ingredient", bound.span)
            if name is not None:
                bounds[name] = float(_number(bound.value))
        splits = []
        for split in take.splits:
            self._no("`split by`", split.span)
            splits.append(p.Split(by=split.by, how=split.kind, table=self._item(split.table), at=self.at(split.span)))
        given = {take.quantity: float(_number(take.value))} if take.quantity else {}
        return p.Take(
            text=_shown(take.relation), part=part, weight=given.get("weight"), rate=given.get("rate"),
            amount=given.get("amount"), epochs=bounds.get("epochs"), most=bounds.get("most"),
            least=bounds.get("least"), splits=tuple(splits), at=self.at(take.span),
        )  # fmt: skip

    def _amounts(self, statements: tuple[r.MixStatement, ...], unit: str) -> None:
        for one in statements:
            if isinstance(one, r.Take) and one.quantity == "amount" and one.value.unit != unit:
                self._no(f"an amount of {one.value.unit} in a mix of {unit}", one.value.span)

    def _cap(self, cap: r.Cap) -> p.Cap:
        if cap.subject == "epochs" or cap.op != "<=":
            self._no(f"`cap {cap.subject} {cap.op} …`", cap.span)

        def call(found: r.OpCall) -> p.Expr:
            return self._unready(found, "a cap")

        where = self._expr(cap.where, call) if cap.where is not None else None
        return p.Cap(
            subject=cap.subject, bound=float(_number(cap.bound)), where=where, text=f"cap {cap.text}",
            at=self.at(cap.span),
        )  # fmt: skip

    # ---- phases and sizes ------------------------------------------------------------------------

    def _phase(self, phase: r.Phase, reads: list[str]) -> tuple[p.Phase, list[object]]:
        takes, digests = self._takes(phase.statements, reads)
        caps = tuple(self._cap(one) for one in phase.statements if isinstance(one, r.Cap))
        size, at_most, unit = self._size(phase.size)
        self._amounts(phase.statements, unit)
        shortage = _shortage(phase.statements)
        tolerance = phase.settings.get("tolerance")
        for one in phase.statements:
            if isinstance(one, r.Exclude):
                raise Unsupported("`exclude` in a phase", one.span)
        found = [
            phase.name, digests, _caps_said(caps), size, at_most, unit, shortage,
            tolerance.value if tolerance else None,
        ]  # fmt: skip
        node = p.Phase(
            name=phase.name, takes=takes, caps=caps, size=size, at_most=at_most, unit=unit, on_shortage=shortage,
            tolerance=tolerance.value if tolerance else None, at=self.at(phase.span),
        )  # fmt: skip
        return node, found

    def _size(self, size: r.Size | None) -> tuple[int | None, bool, str]:
        if size is None:
            return None, False, "tokens"
        unit = size.value.unit
        if unit not in ("tokens", "documents", "bytes"):
            raise Unsupported("a mix measured like this", size.span)
        return int(_number(size.value)), size.at_most, unit

    def _measured_by(self, mix: r.Mix) -> p.FileValue | None:
        """Tokens of rows are those of the recipe's one tokenizer; whose, where there are several."""
        given = mix.settings.get("tokenizer")
        if len(self.recipe.tokenizers) > 1:
            self._no("a mix where the recipe has several tokenizers", mix.span if given is None else given.span)
        if given is None or len(self.recipe.tokenizers) == 1:
            return None
        return self._tokenizer(given.name)


def ingredients(mix: r.Mix) -> list[r.RelationRef]:
    """What a mix takes or leaves out, its phases' too, as it stands."""
    found: list[r.RelationRef] = []
    for statement in mix.statements:
        inner = statement.statements if isinstance(statement, r.Phase) else (statement,)
        found += [one.relation for one in inner if isinstance(one, r.Take | r.Exclude)]
    return found


def _shortage(statements: tuple[r.MixStatement, ...]) -> tuple[str, ...]:
    for statement in statements:
        if isinstance(statement, r.On):
            return tuple(action.value for action in statement.actions)
    return ()


def _caps_said(caps: tuple[p.Cap, ...]) -> list[object]:
    return [[one.subject, one.bound, p.identity(one.where)] for one in caps]


def _number(expr: object) -> float | int:
    if not isinstance(expr, r.Lit):
        raise Unsupported("a computed amount", expr.span)
    return expr.value


def _shown(ref: r.RelationRef) -> str:
    return f"{ref.name}[{', '.join(ref.tiers)}]" if ref.tiers else ref.name
