"""Transforms and generates up to the calls: endpoints, prompts, and what is to be asked."""

from __future__ import annotations

from typing import Any

from recipec import plan as p
from recipec import resolved as r
from recipec import schemas
from recipec.lower_values import Unsupported
from recipec.lowering.base import Chain
from recipec.lowering.expressions import said
from recipec.lowering.selects import Selects
from recipec.record import replace
from recipec.settings import ENDPOINT

IN_KEY = ("model", "revision", "deployment")
"""Settings of an endpoint that say which answers it gives: part of a call's key."""
IN_STEP = (*IN_KEY, "tokenizer", "terms")
AS_UNSAID = {"api": "chat", "structured_output": "none"}
"""What an endpoint's setting says that is left out of the plan: it is what happens without it."""
NOT_SENT = ("segment", "rejoin", "samples", "max_prompt", "timeout")
"""Settings of `ask` that are not parameters of a request."""
PIECE = ("text", "segment")
"""What the piece sent is called: it is the prompt's own `text`."""
SENT = (
    "max_tokens", "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "stop", "seed",
    "logprobs",
)  # fmt: skip


class Asks(Selects):
    """The part of the lowering that knows what is asked, of whom."""

    def _endpoint(self, name: str) -> p.Endpoint:
        for node in self.nodes:
            if isinstance(node, p.Endpoint) and node.of == name:
                return node
        item = self.recipe.endpoints[name]
        made = {key: self._endpoint_setting(key, given) for key, given in item.settings.items()}
        settings = {key: value for key, value in made.items() if AS_UNSAID.get(key) != value}
        identity = {k: _plain(settings.get(k)) for k in IN_STEP}
        node = p.Endpoint(
            name=self._name(name), of=name, settings=settings,
            digest=p.digest("endpoint", identity, *said({"api": settings.get("api")})), **self._place(item),
        )  # fmt: skip
        return self._add(node)

    def _endpoint_setting(self, key: str, given: r.Expr) -> p.EndpointSetting:
        if isinstance(given, r.Sequence):
            return tuple(self._endpoint_setting(key, one) for one in given.items)
        if isinstance(given, r.EnvRef):
            return p.EnvValue(name=given.variable, default=given.default)
        if isinstance(given, r.ItemRef) and given.kind == "tokenizer":
            return self._tokenizer(given.name)
        if not isinstance(given, r.Lit):
            raise Unsupported(f"this value of `{key}`", given.span)
        if ENDPOINT[key].type == "money":
            return float(given.value)
        return False if key == "coordinator" else given.value

    # ---- the units -------------------------------------------------------------------------------

    def _units(self, item: r.Derived, ask: r.Ask, source: Chain, part: p.Part, digest: str) -> p.Units:
        endpoint = self._endpoint(ask.endpoint)
        tokenizer = endpoint.settings.get("tokenizer")
        if not isinstance(tokenizer, p.FileValue):
            self._no(f"endpoint `{ask.endpoint}` without a tokenizer", ask.span)
            tokenizer = None
        segment = ask.settings.get("segment")
        pieces = self._operation(segment) if segment is not None else None
        request = {name: self._sent(ask.settings[name]) for name in SENT if name in ask.settings}
        if request.get("logprobs") is False:
            del request["logprobs"]  # as where nothing is said: one class of calls, not two
        for name, given in ask.settings.items():
            if name not in NOT_SENT and name not in SENT:
                self._no(f"`{name}` in an `ask`", given.span)
                request[name] = self._sent(given)
        samples = int(ask.settings["samples"].value) if "samples" in ask.settings else 1
        max_prompt = ask.settings["max_prompt"].value if "max_prompt" in ask.settings else None
        bounds = {"max_prompt": max_prompt, "context": endpoint.settings.get("context")}
        prompts = tuple(self._prompt(call) for call in ask.prompts)
        found = p.digest(
            "units", digest, endpoint.digest, [q.identity() for q in prompts],
            pieces.identity() if pieces else None, p.identity(tokenizer), samples, p.identity(request),
            *said(bounds),
        )  # fmt: skip
        node = p.Units(
            name=self._name(f"{item.name}.units"), of=item.name, digest=found, part=part, texts=source.texts.name,
            endpoint=endpoint.name, prompts=prompts, segment=pieces, tokenizer=tokenizer, samples=samples,
            request=request, max_prompt=max_prompt, reads=tuple(source.reads), **self._place(ask),
        )  # fmt: skip
        return self._add(node)

    def _prompt(self, call: r.PromptCall, judge: bool = False) -> p.PromptUse:
        """A prompt as it is asked; `judge`: by a judge, whose prompts may read any column and want any reply."""
        prompt = self.recipe.prompts[call.prompt]
        if prompt.reply.kind == "trajectory":
            self._no("a prompt whose reply is trajectory", call.span)
        variables: dict[str, str] = {}
        columns: dict[str, p.Expr] = {}
        for name, given in call.args.items():
            if name == "text" and isinstance(given, r.Col) and given.relation is None and given.name in PIECE:
                continue
            if isinstance(given, r.Lit) and not isinstance(given.value, tuple):
                variables[name] = _text(given.value)
                continue
            if not judge:
                self._no(f"`{name}` of a prompt that differs by row", given.span)
            columns[name] = self._quietly(self._expr, given)
        template = {"system": _parts(prompt.system) if prompt.system else None, "user": _parts(prompt.user)}
        clean = tuple(self._operation(one) for one in prompt.cleans)
        return p.PromptUse(
            name=call.prompt, template=template, variables=variables, columns=columns, clean=clean,
            reply=self._reply(prompt.reply),
            at=self.at(prompt.span),
        )  # fmt: skip

    def _reply(self, reply: r.Reply) -> tuple[p.Scalar, ...]:
        """The form of an answer and what it is of: the ends of a range, the choices, a pattern, a schema's text."""
        match reply.kind, reply.args:
            case "text", _:
                return ()
            case "number", (r.Interval() as ends,):
                return ("number", ends.low.value, ends.high.value)
            case "json", args:
                file = schemas.file_of(reply)
                text = schemas.read(self.find(file.value)[0]) if file is not None else args[0].value if args else None
                return ("json", schemas.ANY if text is None else schemas.plain(text))
            case kind, args:
                return (kind, *(one.value for one in args))

    def _sent(self, given: r.Expr) -> p.Value:
        """A setting of `ask` as it is sent."""
        if isinstance(given, r.OpCall):
            return p.CallValue(operation=self._operation(given))
        if not isinstance(given, r.Lit):
            raise Unsupported("a computed setting of `ask`", given.span)
        value = given.value
        if isinstance(value, float) and value.is_integer():
            return int(value)  # 1.0 and 1 are one parameter, so answers are kept in one class
        return tuple(value) if isinstance(value, tuple) else value

    # ---- the rows that are asked about -----------------------------------------------------------

    def _asked(
        self, item: r.Derived, source: Chain, part: p.Part, digest: str, before: list[r.Keep]
    ) -> tuple[Chain, p.Part, str]:
        """The rows that a `keep` before `ask` leaves: a select between the two. `source.x` is their own column."""
        if not before:
            return source, part, digest
        rows = replace(item, name=f"{item.name}.asked", kind="select")
        chain = source.copy()
        if part.tiers:
            chain.digest = digest
            chain.rows = chain.began = self._of_tiers(rows, part, digest)
        self.of_parent = True
        for keep in before:
            self._no("`keep` before `ask`", keep.span)
            self._guard(self._statement, rows, chain, [keep])
        self.of_parent = False
        self._decided(rows, chain)
        chain = self.ends[rows.name]
        return chain, p.Part(rows=chain.rows), chain.digest


def _parts(template: r.Template) -> list[str | dict[str, str]]:
    return [part if isinstance(part, str) else {"var": part.name} for part in template.parts]


def _text(given: Any) -> str:
    """A value as a prompt shows it."""
    return str(given).lower() if isinstance(given, bool) else str(given)


def _plain(given: object) -> object:
    if isinstance(given, p.FileValue):
        return given.sha256
    return given.model_dump() if isinstance(given, p.EnvValue) else given
