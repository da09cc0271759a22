"""What nothing refers to, and a recipe that writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived
from recipec.diagnostics import Diagnostic
from recipec.fixes import without_line


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in () if resolved.incomplete else resolved.unused:
        if one.kind == "tokenizer" and _counts(resolved):
            continue
        fixes = ()
        help_ = "remove it"
        if one.kind == "use":
            help_ = "remove the line"
            fixes = without_line(resolved.files[one.span.file], one.span, "remove the line")
        elif one.kind in ("select", "transform", "generate", "mix", "merge"):
            help_ = f"write it: `write {one.name} to delta(…)`, or remove it"
        yield Diagnostic("W0502", f"{one.kind} `{one.name}` is not used", one.span, help=help_, fixes=fixes)
    if resolved.name and not resolved.writes and not resolved.incomplete:
        name = next(iter(resolved.files))
        yield Diagnostic(
            "E0462",
            "the recipe writes nothing",
            Span(name, 0, min(1, len(resolved.files[name]))),
            help="add `write relation to delta(lake)`",
        )


def _counts(resolved: r.Resolved) -> bool:
    """Does a tokenizer have an effect though nothing names it? The only one counts `tokens` of every row selected."""
    return len(resolved.tokenizers) == 1 and any(one.kind == "select" for one in derived(resolved))
