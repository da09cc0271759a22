"""How a script names what is asked: `rt.endpoint(…)`, `rt.prompt(…)` with `rt.var(…)`, `rt.scorer(…)`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime.digest import digest
from recipe_runtime.errors import StepError
from recipe_runtime.ops import Env, File, Op

BUILTIN = "builtin"
"""As a URL: the extractive rewriter of this package, started on loopback for the run."""

IN_FLIGHT = 64
TIMEOUT = 600.0
PATIENCE = 1800.0


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint, or several addresses of one. Those from `model` to `terms` are part of a call's
    key or of what its rows carry; the others say how it is reached and what it may cost, and change no answer.

    Prices are in $ per million tokens, `gpu_hour_price` in $ for each hour of a GPU that makes
    `tokens_per_gpu_second`. `max_calls`, `max_tokens` and `max_cost` ($) limit one run. Times are in seconds.
    """

    name: str
    url: str | Env | tuple[str | Env, ...]
    model: str
    revision: str | None = None
    deployment: str | None = None
    api: str = "chat"  # or completions
    terms: str | None = None
    tokenizer: File | None = None
    context: int | None = None  # tokens of a prompt and its answer together
    structured_output: str = "none"  # what the server understands: none, json_schema or vllm
    served_as: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()  # of the addresses; none are equal ones
    key: Env | None = None
    timeout: float = TIMEOUT
    patience: float = PATIENCE
    in_flight: int = IN_FLIGHT
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    input_price: float | None = None
    output_price: float | None = None
    tokens_per_gpu_second: float | None = None
    gpu_hour_price: float | None = None
    coordinator: bool = True  # False: each task keeps to its share of the limits by itself
    at: str = ""


def endpoint(name: str, /, **settings: Any) -> Endpoint:
    """An endpoint of the recipe. A setting that the call engine does not know is refused, not ignored."""
    known = set(Endpoint.__dataclass_fields__)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise StepError(
            f"{settings.get('at', '')}: endpoint {name}: {', '.join(unknown)} cannot be kept to",
            remedy="leave it out, or limit the server itself",
        )
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    return Endpoint(name, **given)


@dataclass(frozen=True)
class Var:
    """A variable of a prompt or of a derived text."""

    name: str


def var(name: str) -> Var:
    """A variable's place in a text."""
    return Var(name)


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is asked: texts in parts, values for its variables but `text`, and how its answer is taken
    apart."""

    name: str
    user: Sequence[str | Var]
    system: Sequence[str | Var] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    clean: Sequence[Op] = ()
    reply: Sequence[Any] | None = None
    """The form of the answer, as `recipe_udfs.replies` has it; None is text."""
    at: str = ""

    def template(self, api: str = "chat") -> dict[str, Any]:
        """The texts as `recipe_udfs.prompts.render` takes them."""
        texts: dict[str, Any] = {"system": plain_parts(self.system), "user": plain_parts(self.user)}
        return texts if api == "chat" else {**texts, "api": api}


def prompt(name: str, **texts: Any) -> Prompt:
    """A prompt of the recipe or of a library. Raises StepError for a form of reply that nothing can have."""
    made = Prompt(name, **texts)
    if made.reply is not None:
        from recipe_udfs.replies import ReplyError, check_form

        try:
            check_form(made.reply)
        except ReplyError as error:
            raise StepError(f"{made.at}: prompt {name}: {error}", remedy="correct the prompt's `reply`") from error
    return made


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def plain_parts(parts: Sequence[str | Var] | None) -> list[Any] | None:
    """Parts with variables as {"var": name}, texts that stand together as one."""
    if parts is None:
        return None
    made: list[Any] = []
    for part in parts:
        if isinstance(part, Var):
            made.append({"var": part.name})
        elif made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


@dataclass(frozen=True)
class Scorer:
    """A classifier with its digest: model, text preparation and operator version. The versions of the libraries
    it runs on are added where scores are kept."""

    op: Op
    digest: str


def scorer(op: Op, *, digest: str) -> Scorer:
    """A classifier of the recipe."""
    return Scorer(op, digest)


def call_class(where: Endpoint, prompt_: Prompt, request: Mapping[str, Any]) -> str:
    """What answers are stored together by: the same model asked the same prompt with the same parameters for the
    same form of reply."""
    template = prompt_.template(where.api)
    asked = [where.model, where.revision, where.deployment, template, dict(prompt_.variables), dict(request)]
    if prompt_.reply is not None:
        asked.append(list(prompt_.reply))
    return digest("call_class", asked)


def parameters(
    request: Mapping[str, Any], reply: Sequence[Any] | None, sample: int, round_: int, samples: int
) -> dict[str, Any]:
    """The parameters of one call, as its key has them. Each sample and round has a seed of its own, seed + sample +
    samples × round: a server that honours seeds would otherwise give the same answer again. `reply` is there where
    the answer is not text; how a server is told of it is the endpoint's affair and in no key."""
    made = dict(request)
    if made.get("seed") is not None:
        made["seed"] = made["seed"] + sample + samples * round_
    if reply is not None:
        made["reply"] = list(reply)
    return made
