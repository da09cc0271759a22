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
    """An OpenAI-compatible endpoint. The first six are part of a call's key or of what its rows carry; the others
    say how it is reached, and change no answer."""

    name: str
    url: str | Env
    model: str
    revision: str | None = None
    deployment: str | None = None
    terms: str | None = None
    served_as: tuple[str, ...] = ()
    key: Env | None = None
    tokenizer: File | None = None
    in_flight: int = IN_FLIGHT
    timeout: float = TIMEOUT
    patience: float = PATIENCE
    tokens_per_gpu_second: float | None = None
    at: str = ""


def endpoint(name: str, /, **settings: Any) -> Endpoint:
    """An endpoint of the recipe. A setting that the call engine does not honour yet is refused, not ignored."""
    known = set(Endpoint.__dataclass_fields__)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise StepError(
            f"{settings.get('at', '')}: endpoint {name}: {', '.join(unknown)} cannot be kept to yet",
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
    at: str = ""

    def template(self) -> dict[str, Any]:
        """The texts as `recipe_udfs.prompts.render` takes them."""
        return {"system": plain_parts(self.system), "user": plain_parts(self.user)}

    def template_json(self) -> str:
        """The template's canonical JSON, kept as a blob."""
        return canonical(self.template())


def prompt(name: str, **texts: Any) -> Prompt:
    """A prompt of the recipe or of a library."""
    return Prompt(name, **texts)


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
    """What answers are stored together by: the same model asked the same prompt with the same parameters."""
    return digest(
        "call_class",
        [where.model, where.revision, where.deployment, prompt_.template(), dict(prompt_.variables), dict(request)],
    )


def sent(request: Mapping[str, Any], sample: int, round_: int, samples: int) -> dict[str, Any]:
    """The parameters of one call. Each sample and round has a seed of its own, seed + sample + samples × round:
    a server that honours seeds would otherwise give the same answer again."""
    made = dict(request)
    if made.get("seed") is not None:
        made["seed"] = made["seed"] + sample + samples * round_
    return made
